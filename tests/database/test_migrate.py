"""The schema: made by migrations, the same as the models say, and never at a version nobody knows."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Any

import peewee
import pytest

from esl_huntgroup import migrate
from esl_huntgroup.database import dialect, execute, open_database
from esl_huntgroup.errors import DatabaseError
from esl_huntgroup.models import TABLES

APPLIED = [
    "applied 0001 initial: users, lines, groups, members, overflows, the journal, and the number guarantee",
]


def primary_key(db: Any, table: str) -> list[str]:
    names: list[str] = db.get_primary_keys(table)
    return names


def test_upgrade_says_what_it_did_and_the_second_time_that_there_is_nothing_to_do(url: str) -> None:
    db = open_database(url)
    assert [str(migration) for migration in migrate.pending(db)] == ["0001 initial"]
    assert migrate.upgrade(db) == APPLIED
    assert migrate.upgrade(db) == ["nothing to do: the schema is at version 1, the newest"]
    assert migrate.pending(db) == ()
    migrate.require_current(db)
    db.close()


def test_of_two_upgrades_at_the_same_time_one_does_the_work(url: str) -> None:
    said: list[list[str]] = []

    def run() -> None:
        db = open_database(url)
        said.append(migrate.upgrade(db))
        db.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(said) == [APPLIED] + [["nothing to do: the schema is at version 1, the newest"]] * 3


def test_a_failing_migration_leaves_nothing_behind_where_the_database_can(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (initial,) = migrate.known()
    broken = migrate.Migration(2, "broken", "breaks", lambda _: ["CREATE TABLE half (id INTEGER)", "NOT SQL"])
    monkeypatch.setattr(migrate, "known", lambda: (initial, broken))
    db = open_database(url)
    with pytest.raises(DatabaseError):
        migrate.upgrade(db)
    undone = dialect(db) != "mariadb"
    assert ("half" not in db.get_tables()) == undone
    assert migrate.version(db) == (0 if undone else 1)
    monkeypatch.undo()
    migrate.upgrade(db)
    migrate.require_current(db)
    db.close()


@pytest.mark.parametrize("url", ["mariadb"], indirect=True)
def test_mariadb_completes_an_upgrade_that_was_interrupted(url: str) -> None:
    db = open_database(url)
    (initial,) = migrate.known()
    for statement in initial.statements("mariadb")[:-3]:
        execute(db, statement)
    assert migrate.upgrade(db) == APPLIED
    db.close()


def test_a_database_that_was_never_set_up_is_refused_with_the_command_to_run(tmp_path: Path) -> None:
    db = open_database(f"sqlite:///{tmp_path}/new.db")
    with pytest.raises(DatabaseError) as refused:
        migrate.require_current(db)
    assert str(refused.value) == (
        f"the database sqlite:///{tmp_path}/new.db has not been set up: run: esl-huntgroup db upgrade"
    )


def test_an_older_database_is_refused_with_the_command_to_run(
    database: peewee.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "newest_version", lambda: 3)
    with pytest.raises(DatabaseError, match="is at version 1, this program needs version 3: run: esl-huntgroup db up"):
        migrate.require_current(database)


def test_a_newer_database_is_refused_and_not_touched(database: peewee.Database) -> None:
    execute(database, "INSERT INTO schema_version (version, name, applied_at_ms) VALUES (7, 'later', 0)")
    for refuse in (migrate.require_current, migrate.upgrade):
        with pytest.raises(DatabaseError, match=r"is at version 7, newer than this program, .*: install a newer"):
            refuse(database)


def test_an_unreachable_database_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match=r"cannot be used: unable to open database file$"):
        migrate.version(open_database(f"sqlite:///{tmp_path}/missing/huntgroup.db"))


def test_a_file_that_is_no_database_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("this is no database, but long enough to be read as one" * 20)
    with pytest.raises(DatabaseError, match="cannot be used: file is not a database"):
        migrate.upgrade(open_database(f"sqlite:///{tmp_path}/x.db"))


def test_the_migrated_tables_have_the_columns_of_the_models(database: peewee.Database) -> None:
    for table in TABLES:
        meta: Any = table._meta
        there = {column.name: column for column in database.get_columns(meta.table_name)}
        assert set(there) == set(meta.columns)
        key = set(primary_key(database, meta.table_name))
        for name, field in meta.columns.items():
            assert there[name].null == field.null, f"{meta.table_name}.{name}"
            assert (name in key) == (name in {f.column_name for f in meta.get_primary_keys()})


def test_the_migrated_tables_have_the_lengths_and_foreign_keys_of_the_models(database: peewee.Database) -> None:
    for table in TABLES:
        meta: Any = table._meta
        types = {column.name: str(column.full_type).lower() for column in database.get_columns(meta.table_name)}
        for name, field in meta.columns.items():
            if isinstance(field, peewee.CharField):
                assert f"({field.max_length})" in types[name], f"{meta.table_name}.{name}"
        there = {(key.column, key.dest_table) for key in database.get_foreign_keys(meta.table_name)}
        assert there == {(f.column_name, f.rel_model._meta.table_name) for f in meta.refs}


def test_sqlite_is_opened_for_many_readers_and_one_writer(sqlite: peewee.SqliteDatabase) -> None:
    assert sqlite.pragma("journal_mode") == "wal"
    assert sqlite.pragma("foreign_keys") == 1
    assert sqlite.pragma("busy_timeout") == 5000
    assert sqlite3.sqlite_version_info >= (3, 35)
