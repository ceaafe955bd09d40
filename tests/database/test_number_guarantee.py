"""
A group number is no line and no other group's number: by the database, whatever the client does.

All statements here are plain SQL; nothing of the package's own checks takes part.
"""

from __future__ import annotations

import contextlib
import threading

import peewee
import pytest

from esl_huntgroup.db.engine import execute, open_database, quoted
from tests.database.rows import DOMAIN, group, insert, line, owners, user


@pytest.fixture
def taken(database: peewee.Database) -> peewee.Database:
    """Line 101 and group 700 exist."""
    user(database, 1)
    line(database, 1, "101")
    group(database, "700")
    return database


def refused(db: peewee.Database, sql: str) -> None:
    before = owners(db)
    with pytest.raises(peewee.IntegrityError):
        execute(db, plain(db, sql))
    assert owners(db) == before


def plain(db: peewee.Database, sql: str) -> str:
    """Put the names that are words of MariaDB's into quotes."""
    for name in ("lines", "groups"):
        sql = sql.replace(f" {name}", f" {quoted(db, name)}")
    return sql


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO groups (name, domain, number) VALUES ('x', 'example.org', '101')",
        "INSERT INTO groups (name, domain, number) VALUES ('x', 'example.org', '700')",
        "INSERT INTO lines (user_id, domain, number, account) VALUES (1, 'example.org', '700', 'a')",
        "INSERT INTO lines (user_id, domain, number, account) VALUES (1, 'example.org', '101', 'a')",
        "UPDATE groups SET number = '101'",
        "UPDATE lines SET number = '700'",
    ],
)
def test_a_number_has_one_owner_in_both_directions(taken: peewee.Database, sql: str) -> None:
    refused(taken, sql)


def test_a_number_is_taken_in_its_domain_only(taken: peewee.Database) -> None:
    group(taken, "101", domain="other.example")
    line(taken, 1, "700", domain="other.example")
    with pytest.raises(peewee.IntegrityError):
        execute(taken, plain(taken, "UPDATE groups SET domain = 'example.org' WHERE number = '101'"))
    with pytest.raises(peewee.IntegrityError):
        execute(taken, plain(taken, "UPDATE lines SET domain = 'example.org' WHERE number = '700'"))


def test_a_number_is_free_again_when_its_owner_leaves_it(taken: peewee.Database) -> None:
    execute(taken, plain(taken, "UPDATE groups SET number = '701'"))
    line(taken, 1, "700")
    execute(taken, plain(taken, "DELETE FROM lines WHERE number = '101'"))
    execute(taken, plain(taken, "UPDATE groups SET number = '101'"))
    execute(taken, plain(taken, "UPDATE groups SET hunt_mode = 'disabled', number = NULL"))
    assert owners(taken) == {(DOMAIN, "700", "line")}


def test_an_update_that_repeats_the_number_keeps_it(taken: peewee.Database) -> None:
    execute(taken, plain(taken, "UPDATE lines SET domain = domain, number = '101', kind = 'hardphone'"))
    execute(taken, plain(taken, "UPDATE groups SET number = '700', name = 'renamed'"))
    assert owners(taken) == {(DOMAIN, "101", "line"), (DOMAIN, "700", "group")}


def test_a_new_id_takes_the_number_along(taken: peewee.Database) -> None:
    execute(taken, plain(taken, "UPDATE groups SET id = 77"))
    refused(taken, "UPDATE lines SET number = '700'")
    execute(taken, plain(taken, "DELETE FROM groups"))
    assert owners(taken) == {(DOMAIN, "101", "line")}


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM numbers",
        "UPDATE numbers SET owner_id = 99",
        "INSERT INTO numbers (domain, number, owner_kind, owner_id) VALUES ('example.org', '900', 'line', 1)",
    ],
)
def test_the_registry_cannot_be_written_around(taken: peewee.Database, sql: str) -> None:
    refused(taken, sql)


def test_a_user_with_a_line_cannot_be_deleted(taken: peewee.Database) -> None:
    refused(taken, "DELETE FROM users")


@pytest.mark.parametrize(
    ("columns", "values"),
    [
        ("name, domain, number", "'x', 'Example.org', '702'"),
        ("name, domain, number", "'x', '', '702'"),
        ("name, domain, number", "'x', 'example.org', '7 02'"),
        ("name, domain, number", "'x', 'example.org', '702 '"),
        ("name, domain, number", "'x', 'example.org', '70a'"),
        ("name, domain, number", "'x', 'example.org', ''"),
        ("name, domain, hunt_mode", "'x', 'example.org', 'softphone'"),
        ("name, domain, hunt_mode", "'x', 'example.org', 'sequential'"),
        ("name, domain, ring_timeout_s", "'x', 'example.org', 4"),
        ("name, domain, ring_timeout_s", "'x', 'example.org', 301"),
    ],
)
def test_a_group_that_is_not_in_normal_form_is_refused(database: peewee.Database, columns: str, values: str) -> None:
    with pytest.raises(peewee.DatabaseError):
        execute(database, plain(database, f"INSERT INTO groups ({columns}) VALUES ({values})"))


@pytest.mark.parametrize(
    ("action", "target"),
    [("respond", "399"), ("respond", "700"), ("respond", "4a6"), ("transfer", ""), ("dialplan", "x"), ("sing", "x")],
)
def test_an_overflow_without_a_meaning_is_refused(taken: peewee.Database, action: str, target: str) -> None:
    (group_id,) = execute(taken, plain(taken, "SELECT id FROM groups")).fetchone()
    insert(taken, "overflows", group_id=group_id, outcome="no_answer", action="respond", target="486")
    with pytest.raises(peewee.DatabaseError):
        insert(taken, "overflows", group_id=group_id, outcome="all_busy", action=action, target=target)


@pytest.mark.parametrize("conflict", ["OR REPLACE", "OR IGNORE", "OR FAIL", "OR ROLLBACK"])
def test_sqlite_conflict_clauses_without_foreign_keys_change_nothing(sqlite: peewee.Database, conflict: str) -> None:
    user(sqlite, 1)
    line(sqlite, 1, "101")
    group(sqlite, "700")
    execute(sqlite, "PRAGMA foreign_keys = off")
    refused(sqlite, f"INSERT {conflict} INTO groups (name, domain, number) VALUES ('x', 'example.org', '101')")
    refused(sqlite, f"UPDATE {conflict} groups SET number = '101'")
    refused(sqlite, f"UPDATE {conflict} lines SET number = '700'")
    refused(sqlite, f"INSERT {conflict} INTO numbers VALUES ('example.org', '101', 'group', 1)")
    assert owners(sqlite) == {(DOMAIN, "101", "line"), (DOMAIN, "700", "group")}


@pytest.mark.parametrize("url", ["mariadb"], indirect=True)
def test_mariadb_ignore_and_replace_change_nothing(taken: peewee.Database) -> None:
    line_700 = "INTO lines (user_id, domain, number, account) VALUES (1, 'example.org', '700', 'a')"
    for verb in ("INSERT IGNORE", "REPLACE"):
        with contextlib.suppress(peewee.IntegrityError):
            execute(taken, plain(taken, f"{verb} {line_700}"))
    with contextlib.suppress(peewee.IntegrityError):
        execute(taken, plain(taken, "UPDATE IGNORE groups SET number = '101'"))
    assert owners(taken) == {(DOMAIN, "101", "line"), (DOMAIN, "700", "group")}
    assert execute(taken, plain(taken, "SELECT number FROM lines")).fetchall() == (("101",),)
    assert execute(taken, plain(taken, "SELECT number FROM groups")).fetchall() == (("700",),)


@pytest.mark.parametrize("url", ["postgresql", "mariadb"], indirect=True)
def test_of_two_transactions_at_the_same_time_one_gets_the_number(url: str, database: peewee.Database) -> None:
    user(database, 1)
    begun, failures = threading.Event(), []
    other = open_database(url)

    def second() -> None:
        try:
            with other.atomic():
                begun.set()
                line(other, 1, "700")
        except peewee.DatabaseError as error:
            failures.append(error)
        finally:
            other.close()

    thread = threading.Thread(target=second)
    with database.atomic():
        group(database, "700")
        thread.start()
        assert begun.wait(10)
    thread.join(20)
    assert len(failures) == 1
    assert owners(database) == {(DOMAIN, "700", "group")}


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_postgresql_truncate_cannot_empty_the_registry(taken: peewee.Database) -> None:
    refused(taken, "TRUNCATE numbers")
