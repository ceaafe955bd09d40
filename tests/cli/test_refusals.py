"""What a command refuses is one line that a person can read, and names what the person wrote."""

from __future__ import annotations

import subprocess
import sys

import pytest

from esl_huntgroup.cli.audit import KINDS
from esl_huntgroup.db.engine import execute, open_database
from tests.cli.shell import ROOT, Shell


def test_a_line_that_repeats_what_was_read_stays_short_and_keeps_its_point(shell: Shell) -> None:
    done = shell.run("user", "add", "x" * 100_000)
    (line,) = done.stderr.splitlines()
    assert len(line) <= 1_020
    assert line.startswith("esl-huntgroup: 'xxx")
    assert line.endswith("is accepted, at most 64 characters")


def test_a_kind_that_there_is_not_is_refused_by_the_audit(shell: Shell) -> None:
    done = shell.run("audit", "--kind", "bogus")
    assert done.returncode == 1
    assert done.stderr.startswith("esl-huntgroup: --kind 'bogus' is no kind of thing: user, line, group, ")


def test_the_audit_knows_every_kind_that_is_written(shell: Shell) -> None:
    assert shell.run("load", str(ROOT / "db" / "examples" / "small-firm.yaml")).returncode == 0
    db = open_database(shell.database)
    written = {kind for (kind,) in execute(db, "SELECT DISTINCT kind FROM audit").fetchall()}
    db.close()
    assert {"user", "line", "group"} <= written <= set(KINDS)


@pytest.mark.parametrize("folder", ["missing", "missing/deeper"])
def test_a_database_in_a_folder_that_is_not_there_is_told_so(shell: Shell, folder: str) -> None:
    database = f"sqlite:///{shell.folder}/{folder}/huntgroup.db"
    for command in (["journal"], ["db", "status"], ["db", "upgrade"]):
        done = shell.run("--database", database, *command)
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1] == (
            f"esl-huntgroup: the database {database} cannot be used: there is no folder {shell.folder}/{folder}: "
            "make it, or name a file in another one (setting database)"
        )


def test_a_demo_that_nobody_reads_to_its_end_ends_without_a_complaint(shell: Shell) -> None:
    command = [sys.executable, "-m", "esl_huntgroup", "demo"]
    with subprocess.Popen(
        command, env=shell.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stdout is not None
        assert demo.stderr is not None
        while "calls 700" not in demo.stdout.readline():
            pass
        demo.stdout.close()
        assert demo.stderr.read() == ""
        demo.wait()
