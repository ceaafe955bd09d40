"""``check`` tells the truth in one line each, whatever it meets."""

from __future__ import annotations

from esl_huntgroup.db.engine import execute, open_database
from tests.cli.shell import Shell


def test_a_database_that_fails_in_the_middle_of_a_check_is_a_finding(shell: Shell) -> None:
    db = open_database(shell.database)
    execute(db, "ALTER TABLE members RENAME COLUMN user_id TO person_id")
    db.close()
    done = shell.run("check")
    assert (done.returncode, done.stderr) == (1, "")
    (finding,) = (line for line in done.stdout.splitlines() if line.startswith("FIX database"))
    assert "cannot be used: no such column" in finding
    assert "switch: not asked" in done.stdout
