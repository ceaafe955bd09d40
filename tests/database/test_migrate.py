"""The schema: made by migrations, the same as the models say, and never at a version nobody knows."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import peewee
import pytest

from esl_huntgroup.db import migrate
from esl_huntgroup.db.engine import dialect, execute, open_database, quoted
from esl_huntgroup.db.tables import TABLES
from esl_huntgroup.errors import DatabaseError
from esl_huntgroup.model.outcome import Outcome
from tests.database.rows import group, insert, line, user

NAMES = [
    *("0001 initial", "0002 journal_follow_up", "0003 web", "0004 group_figures", "0005 stored_figures"),
    "0006 group_lamp",
    "0007 group_joining",
]
APPLIED = [
    "applied 0001 initial: users, lines, groups, rights, lists, the journal, the audit, and the number guarantee",
    "applied 0002 journal_follow_up: who rings, what has been handled, and what has changed in the journal",
    "applied 0003 web: who signs in to the members' page: passwords, invitations, sessions, tokens, sign-ins under way",
    "applied 0004 group_figures: the figures of a group are counted in an index",
    "applied 0005 stored_figures: the figures of days that are over are stored, and a call writes less into indexes",
    "applied 0006 group_lamp: a group may have a lamp",
    "applied 0007 group_joining: a ringing call can be joined, in groups that want it",
]
NEWEST = len(APPLIED)
NOTHING_TO_DO = [f"nothing to do: the schema is at version {NEWEST}, the newest"]


def later_statements(dialect: str) -> list[str]:
    """Return what a later version might do: a column more of a table that triggers watch, and a table."""
    new = "IF NOT EXISTS " if dialect == "mariadb" else ""
    lines = "`lines`" if dialect == "mariadb" else '"lines"'
    return [
        f"ALTER TABLE {lines} ADD COLUMN {new}remark VARCHAR(64) NOT NULL DEFAULT 'none'",
        f"CREATE TABLE {new}later (id INTEGER NOT NULL PRIMARY KEY)",
    ]


LATER = migrate.Migration(NEWEST + 1, "later", "what comes later", later_statements)
LATER_NAME = f"{NEWEST + 1:04d} later"
APPLIED_LATER = [f"applied {LATER_NAME}: what comes later"]


@pytest.fixture
def later_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the program bring one more version along."""
    known = migrate.known()
    monkeypatch.setattr(migrate, "known", lambda: (*known, LATER))


def primary_key(db: Any, table: str) -> list[str]:
    names: list[str] = db.get_primary_keys(table)
    return names


def test_upgrade_says_what_it_did_and_the_second_time_that_there_is_nothing_to_do(url: str) -> None:
    db = open_database(url)
    assert [str(migration) for migration in migrate.pending(db)] == NAMES
    assert migrate.upgrade(db) == APPLIED
    assert migrate.upgrade(db) == NOTHING_TO_DO
    assert migrate.pending(db) == ()
    migrate.require_current(db)
    db.close()


@pytest.mark.usefixtures("later_version")
def test_a_new_database_gets_all_versions_in_their_order(url: str) -> None:
    db = open_database(url)
    assert [str(migration) for migration in migrate.pending(db)] == [*NAMES, LATER_NAME]
    assert migrate.upgrade(db) == APPLIED + APPLIED_LATER
    assert migrate.upgrade(db) == [f"nothing to do: the schema is at version {NEWEST + 1}, the newest"]
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
    assert sorted(said) == [APPLIED] + [NOTHING_TO_DO] * 3


def test_a_failing_migration_leaves_nothing_behind_where_the_database_can(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = migrate.known()
    broken = migrate.Migration(NEWEST + 1, "broken", "breaks", lambda _: ["CREATE TABLE half (id INTEGER)", "NOT SQL"])
    monkeypatch.setattr(migrate, "known", lambda: (*known, broken))
    db = open_database(url)
    with pytest.raises(DatabaseError):
        migrate.upgrade(db)
    undone = dialect(db) != "mariadb"
    assert ("half" not in db.get_tables()) == undone
    assert migrate.version(db) == (0 if undone else NEWEST)
    monkeypatch.undo()
    migrate.upgrade(db)
    migrate.require_current(db)
    db.close()


@pytest.mark.usefixtures("later_version")
@pytest.mark.parametrize("url", ["mariadb"], indirect=True)
def test_mariadb_completes_an_upgrade_that_was_interrupted(url: str) -> None:
    db = open_database(url)
    initial, second, *_ = migrate.known()
    for snapshot in (*initial.statements("mariadb"), *second.statements("mariadb")[:-3]):
        execute(db, snapshot)
    assert migrate.upgrade(db) == APPLIED + APPLIED_LATER
    db.close()


@pytest.mark.usefixtures("later_version")
@pytest.mark.parametrize("url", ["mariadb"], indirect=True)
def test_mariadb_can_repeat_each_version_after_its_last_statement(url: str) -> None:
    db = open_database(url)
    for migration in migrate.known():
        for snapshot in migration.statements("mariadb"):
            execute(db, snapshot)
    assert migrate.upgrade(db) == APPLIED + APPLIED_LATER
    db.close()


@pytest.fixture
def firm(database: peewee.Database) -> peewee.Database:
    """Give a database with a firm, a call and its journal in it."""
    return _with_firm(database)


@pytest.fixture
def firm_of_version_1(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[peewee.Database]:
    """Give the same in a database of the first version."""
    db = open_database(url)
    initial, *_ = migrate.known()
    with monkeypatch.context() as first, contextlib.closing(db):
        first.setattr(migrate, "known", lambda: (initial,))
        migrate.upgrade(db)
        _with_firm(db)
        first.undo()
        yield db


def _with_firm(database: peewee.Database) -> peewee.Database:
    user(database, 1, "anna")
    user(database, 2, "bernd")
    line(database, 1, "101")
    group(database, "700", id=7, name="Vertrieb")
    insert(database, "members", group_id=7, position=1, user_id=1)
    opened = dict.fromkeys(("node", "channel_uuid", "group_number", "group_domain", "caller_number"), "x")
    for call_id, outcome in (("a", "service_fault"), ("b", None)):
        names = {"group_name": "Vertrieb", "caller_name": "Zoë"}
        insert(database, "calls", call_id=call_id, group_id=7, arrived_at_ms=1, outcome=outcome, **opened, **names)
        insert(database, "legs", call_id=call_id, number=1, user_id=2, line="l", contact="c", cause="NONE", rang=True)
        entry = {"position": 1, "user_id": 2, "user_name": "Bernd", "kind": "missed", "rang": True, "cause": "NONE"}
        insert(database, "journal_entries", call_id=call_id, **entry)
    return database


ALL_TABLES = ("users", "groups", "numbers", "members", "overflows", "calls", "legs", "journal_entries")


def rows(db: peewee.Database, table: str) -> list[tuple[object, ...]]:
    return sorted((tuple(row) for row in execute(db, f"SELECT * FROM {quoted(db, table)}").fetchall()), key=repr)


def test_an_upgrade_from_version_1_loses_nothing_and_adds_what_is_new(firm_of_version_1: peewee.Database) -> None:
    db = firm_of_version_1
    before = {table: rows(db, table) for table in (*ALL_TABLES, "lines")}
    assert migrate.upgrade(db) == APPLIED[1:]
    nothing: tuple[object, ...] = (None,)
    new = {"groups": (True, False, False, False), "calls": nothing, "journal_entries": nothing * 4}
    assert {table: rows(db, table) for table in before} == {
        table: [row + new.get(table, ()) for row in there] for table, there in before.items()
    }


def test_a_later_upgrade_loses_nothing(firm: peewee.Database, request: pytest.FixtureRequest) -> None:
    before = {table: rows(firm, table) for table in ALL_TABLES}
    lines = [(*row, "none") for row in rows(firm, "lines")]
    request.getfixturevalue("later_version")
    assert migrate.upgrade(firm) == APPLIED_LATER
    assert {table: rows(firm, table) for table in ALL_TABLES} == before
    assert rows(firm, "lines") == lines


def test_a_connection_that_was_open_before_the_upgrade_sees_it(
    url: str, firm: peewee.Database, request: pytest.FixtureRequest
) -> None:
    another = open_database(url)
    assert rows(another, "lines")
    request.getfixturevalue("later_version")
    migrate.upgrade(firm)
    execute(another, f"UPDATE {quoted(another, 'lines')} SET remark = 'seen'")
    another.close()


def test_a_call_may_have_every_outcome_and_no_other(firm: peewee.Database) -> None:
    for outcome in Outcome:
        execute(firm, f"UPDATE calls SET outcome = '{outcome.value}' WHERE call_id = 'b'")
    with pytest.raises(peewee.DatabaseError):
        execute(firm, "UPDATE calls SET outcome = 'lost' WHERE call_id = 'b'")


def test_the_journal_survives_its_users_and_calls_take_theirs_along(firm: peewee.Database) -> None:
    execute(firm, "DELETE FROM users WHERE id = 2")
    for table in ("legs", "journal_entries"):
        assert [tuple(row) for row in execute(firm, f"SELECT DISTINCT user_id FROM {table}")] == [(None,)]
    execute(firm, "DELETE FROM calls WHERE call_id = 'b'")
    for table in ("legs", "journal_entries"):
        left = execute(firm, f"SELECT call_id FROM {table}").fetchall()
        assert [call_id.strip() for (call_id,) in left] == ["a"]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_sqlite_is_whole_after_the_upgrade(firm: peewee.Database, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("later_version")
    migrate.upgrade(firm)
    assert execute(firm, "PRAGMA integrity_check").fetchall() == [("ok",)]
    assert execute(firm, "PRAGMA foreign_key_check").fetchall() == []
    assert execute(firm, "PRAGMA writable_schema").fetchone() == (0,)


def test_no_index_is_written_for_every_leg_that_no_query_reads(database: peewee.Database) -> None:
    there = {index.name for index in database.get_indexes("legs")}
    assert ("legs_by_user" in there) == (dialect(database) == "mariadb")


LEVEL = "INSERT INTO user_levels (owner_user_id, other_user_id, level) VALUES"
CONTENT = "INSERT INTO prepared_contents (group_id, list, position, user_id, name, number) VALUES"


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE groups SET member_level = 'all'",
        "UPDATE journal_entries SET handled_how = 'otherwise'",
        "INSERT INTO superiors (group_id, role, user_id, level) VALUES (7, 'boss', 1, 'team')",
        "INSERT INTO superiors (group_id, role, user_id, level) VALUES (7, 'leader', 1, 'all')",
        "INSERT INTO superiors (group_id, role, user_id, level) VALUES (7, 'leader', 9, 'team')",
        f"{LEVEL} (1, 2, 'all')",
        f"{LEVEL} (1, 1, 'team')",
        f"{LEVEL} (1, 9, 'team')",
        "INSERT INTO group_services (group_id, service) VALUES (7, 'fax')",
        "INSERT INTO user_services (user_id, service) VALUES (1, 'fax')",
        f"{CONTENT} (7, 'shown', 1, 1, NULL, NULL)",
        f"{CONTENT} (7, 'monitor', 0, 1, NULL, NULL)",
        f"{CONTENT} (7, 'monitor', 1, NULL, NULL, NULL)",
        f"{CONTENT} (7, 'monitor', 1, 1, 'x', '1')",
        f"{CONTENT} (7, 'monitor', 1, NULL, 'x', NULL)",
        f"{CONTENT} (7, 'monitor', 1, NULL, 'x', '1a')",
    ],
)
def test_what_has_no_meaning_is_refused_by_the_database(firm: peewee.Database, sql: str) -> None:
    with pytest.raises(peewee.DatabaseError):
        execute(firm, sql.replace(" groups", f" {quoted(firm, 'groups')}"))


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
    monkeypatch.setattr(migrate, "newest_version", lambda: NEWEST + 1)
    refusal = f"is at version {NEWEST}, this program needs version {NEWEST + 1}: run: esl-huntgroup db up"
    with pytest.raises(DatabaseError, match=refusal):
        migrate.require_current(database)


def test_a_newer_database_is_refused_and_not_touched(database: peewee.Database) -> None:
    execute(database, f"INSERT INTO schema_version (version, name, applied_at_ms) VALUES ({NEWEST + 1}, 'later', 0)")
    for refuse in (migrate.require_current, migrate.upgrade):
        with pytest.raises(
            DatabaseError, match=rf"is at version {NEWEST + 1}, newer than this program, .*: install a newer"
        ):
            refuse(database)


def test_an_unreachable_database_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match=r"cannot be used: there is no folder \S+/missing: make it, or "):
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


def test_asking_a_database_that_is_missing_does_not_create_it(tmp_path: Path) -> None:
    db = open_database(f"sqlite:///{tmp_path}/missing.db")
    with pytest.raises(DatabaseError, match="has not been set up: run: esl-huntgroup db upgrade"):
        migrate.require_current(db)
    assert migrate.version(db) == 0
    assert list(tmp_path.iterdir()) == []
