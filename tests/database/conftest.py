"""
Every test that takes ``database`` runs on SQLite, PostgreSQL and MariaDB, each time on a new database.

HUNTGROUP_TEST_POSTGRESQL and HUNTGROUP_TEST_MARIADB may name an empty database on a running server instead of the
servers that are started here; its tables are dropped.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import peewee
import pytest

from esl_huntgroup.db import migrate
from esl_huntgroup.db.engine import execute, open_database
from tests.database import servers

NewDatabase = Callable[[], AbstractContextManager[str]]
CHILDREN_FIRST = [
    *("web_oidc_states", "api_tokens", "web_sessions", "web_invitations", "web_accounts"),
    *("audit", "prepared_contents", "user_services", "group_services", "services", "user_levels", "superiors"),
    *("group_figures", "figures_marks", "followers", "outgoing_calls", "callers", "journal_changes"),
    *("journal_entries", "legs", "calls", "overflows", "members"),
    *("numbers", "groups", "lines", "users", "schema_version"),
]
_counter = itertools.count(1)


@contextlib.contextmanager
def given(url: str) -> Iterator[str]:
    """Empty the database that the environment named."""
    db = open_database(url)
    quote = db.quote
    for table in CHILDREN_FIRST:
        cascade = " CASCADE" if url.startswith("postgres") else ""
        execute(db, f"DROP TABLE IF EXISTS {quote[0]}{table}{quote[1]}{cascade}")
    if url.startswith("postgres"):
        execute(db, "DROP FUNCTION IF EXISTS keep_number, guard_numbers CASCADE")
    db.close()
    yield url


@contextlib.contextmanager
def created(server: servers.Server) -> Iterator[str]:
    """Create one more database on the server."""
    name = f"huntgroup_{next(_counter)}"
    server.sql(f"CREATE DATABASE {name}")
    yield server.url(name)


def started(start: Callable[[], AbstractContextManager[servers.Server]], variable: str) -> Iterator[NewDatabase]:
    if url := os.environ.get(variable):
        yield lambda: given(url)
        return
    try:
        context = start()
        server = context.__enter__()
    except servers.NotInstalled as error:
        pytest.skip(f"{error}; or set {variable} to the URL of an empty database")
    try:
        yield lambda: created(server)
    finally:
        context.__exit__(None, None, None)


@pytest.fixture(scope="session")
def new_postgresql() -> Iterator[NewDatabase]:
    yield from started(servers.postgresql, "HUNTGROUP_TEST_POSTGRESQL")


@pytest.fixture(scope="session")
def new_mariadb() -> Iterator[NewDatabase]:
    yield from started(servers.mariadb, "HUNTGROUP_TEST_MARIADB")


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of a new, empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/huntgroup.db"
        return
    new: NewDatabase = request.getfixturevalue(f"new_{request.param}")
    with new() as fresh:
        yield fresh


@pytest.fixture
def database(url: str) -> Iterator[peewee.Database]:
    """Give a migrated database of each kind."""
    db = open_database(url)
    migrate.upgrade(db)
    yield db
    db.close()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Give the URL of a migrated SQLite database, for what does not differ between databases."""
    url = f"sqlite:///{tmp_path}/huntgroup.db"
    db = open_database(url)
    migrate.upgrade(db)
    db.close()
    return url


@pytest.fixture
def sqlite(sqlite_url: str) -> Iterator[peewee.Database]:
    """Give a migrated SQLite database."""
    db = open_database(sqlite_url)
    yield db
    db.close()


class NotingCursor:
    """A driver's cursor that notes every statement, BEGIN and COMMIT included."""

    def __init__(self, cursor: Any, seen: list[str]) -> None:
        self._cursor = cursor
        self._seen = seen

    def execute(self, sql: str, *params: object) -> object:
        self._seen.append(sql)
        return self._cursor.execute(sql, *params)

    def executemany(self, sql: str, rows: object) -> object:
        self._seen.append(sql)
        return self._cursor.executemany(sql, rows)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._cursor)


@pytest.fixture
def queries(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement that goes to a database, in order; clear it before what is to be counted."""
    seen: list[str] = []
    cursor: Any = peewee.Database.cursor
    monkeypatch.setattr(peewee.Database, "cursor", lambda self: NotingCursor(cursor(self), seen))
    return seen
