"""Old calls go, in small transactions; and a backup is a new file or nothing."""

from __future__ import annotations

from pathlib import Path

import peewee
import pytest

from esl_huntgroup.db import backup
from esl_huntgroup.db.backup import back_up
from esl_huntgroup.db.engine import execute, open_database
from esl_huntgroup.errors import DatabaseError, InputError
from esl_huntgroup.journal.prune import CALLS_AT_ONCE, Pruned, age_days, before_ms, prunable, prune
from esl_huntgroup.journal.store import JournalStore
from esl_huntgroup.provisioning import audit
from tests.database.test_journal import opened, people


@pytest.mark.parametrize("text", ["", "365", "0d", "-1d", "1y", "36501d", "99999d", "1 d", "\u0661d"])
def test_what_is_no_age_is_refused(text: str) -> None:
    with pytest.raises(InputError) as refused:
        age_days(text)
    assert str(refused.value) == f"{text!r} is not an age: days such as '365d' are accepted, from 1d to 36500d"


def test_an_age_is_a_moment() -> None:
    assert before_ms(age_days("2d"), 200_000_000) == 200_000_000 - 172_800_000


def test_many_calls_go_in_small_transactions(database: peewee.Database, queries: list[str]) -> None:
    people(database)
    count = 2 * CALLS_AT_ONCE + 1
    JournalStore(database).write([opened(number, arrived_at_ms=number) for number in range(1, count + 2)])
    assert prunable(database, count + 1) == Pruned(count, 0, 0)
    queries.clear()
    steps: list[str] = []
    assert prune(database, count + 1, "eve", steps.append) == Pruned(count, 0, 0)
    assert len([sql for sql in queries if sql.startswith("DELETE")]) == 3
    assert steps[-1] == f"deleted {count} of {count} calls"
    assert [row[0] for row in execute(database, "SELECT arrived_at_ms FROM calls").fetchall()] == [count + 1]
    (entry,) = audit.entries(database)
    assert (entry.who, entry.change.action, entry.change.kind) == ("eve", "remove", "journal")


def test_where_nothing_is_old_nothing_is_written(sqlite: peewee.Database) -> None:
    assert prune(sqlite, 10**13, "eve") == Pruned(0, 0, 0)
    assert audit.entries(sqlite) == []


def test_a_copy_is_complete_while_another_connection_writes(sqlite: peewee.Database, tmp_path: Path) -> None:
    people(sqlite)
    sqlite.begin()
    execute(sqlite, "UPDATE users SET display_name = 'not yet'")
    back_up(open_database(f"sqlite:///{sqlite.database}"), tmp_path / "copy ?#.db")
    sqlite.rollback()
    copy = open_database(f"sqlite:///{tmp_path}/copy ?#.db".replace("?", "%3F").replace("#", "%23"))
    assert [row[0] for row in execute(copy, "SELECT display_name FROM users").fetchall()] == ["User 1", "User 2"]
    copy.close()


def test_a_backup_is_a_new_file_or_nothing(sqlite: peewee.Database, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="exists: the name of a new file is accepted"):
        back_up(sqlite, tmp_path / "huntgroup.db")
    with pytest.raises(DatabaseError, match=r"cannot be copied to .*unable to open database file"):
        back_up(sqlite, tmp_path / "nowhere" / "x.db")
    missing = open_database(f"sqlite:///{tmp_path}/missing.db")
    with pytest.raises(DatabaseError):
        back_up(missing, tmp_path / "x.db")
    assert sorted(path.name for path in tmp_path.iterdir() if "huntgroup" not in path.name) == []


@pytest.mark.parametrize(
    "url", ["postgresql://huntgroup@db.example.org/huntgroup", "mariadb://db.example.org/huntgroup"]
)
def test_a_server_has_its_own_tools(url: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a server: pg_dump or mariadb-dump is its backup; see db/scripts/backup"):
        back_up(open_database(url), tmp_path / "x.db")


def test_pruning_that_is_killed_has_told_the_audit_what_is_gone(database: peewee.Database) -> None:
    people(database)
    count = 2 * CALLS_AT_ONCE + 1
    JournalStore(database).write([opened(number, arrived_at_ms=number) for number in range(1, count + 1)])

    def killed(_step: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prune(database, count + 1, "eve", killed)
    (entry,) = audit.entries(database)
    assert entry.change.before == {"calls": CALLS_AT_ONCE, "legs": 0, "journal_entries": 0}
    prune(database, count + 1, "eve")
    newest, _ = audit.entries(database)
    assert newest.change.before == {"calls": CALLS_AT_ONCE + 1, "legs": 0, "journal_entries": 0}


def test_a_backup_that_fails_leaves_nothing_behind(sqlite: peewee.Database, tmp_path: Path) -> None:
    target = tmp_path / "folder" / "copy.db"
    target.parent.mkdir()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(backup.os, "replace", _fails)  # type: ignore[attr-defined]  # the module that it imports
        target.with_name("copy.db.partial-journal").write_bytes(b"left by SQLite")
        with pytest.raises(DatabaseError, match="cannot be copied"):
            back_up(sqlite, target)
    assert list(target.parent.iterdir()) == []


def _fails(*_: object) -> None:
    raise OSError(28, "No space left on device")
