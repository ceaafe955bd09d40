"""
Bringing a database to the version of the schema that this program needs.

The versions are the modules of ``esl_huntgroup.db.migrations`` (in the work tree: ``db/migrations``); which of them a
database has is written in its table ``schema_version``. SQLite and PostgreSQL apply them in one transaction, all or
none. MariaDB ends a transaction with every table it defines, so there each statement can be repeated.
"""

from __future__ import annotations

import contextlib
import pkgutil
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module

import peewee

from esl_huntgroup.db.engine import database_errors, describe, dialect, execute, has_file
from esl_huntgroup.errors import DatabaseError

LOCK_WAIT_S = 20
"""How long an upgrade waits for another one that is running (on MariaDB; elsewhere the transaction waits)."""
NEW_FILE_WAIT_S = 5.0
NEW_FILE_RETRY_S = 0.02

_PACKAGE = "esl_huntgroup.db.migrations"
_MODULE = re.compile(r"m(\d{4})_(\w+)")
_LOCK = "esl_huntgroup.db.migrate"
_LOCK_KEY = 0x65736C6867
"""``eslhg`` in ASCII: the advisory lock of PostgreSQL has a number for a name."""
_VERSION_TABLE = """
CREATE TABLE IF NOT EXISTS schema_version (
    version INTEGER NOT NULL PRIMARY KEY,
    name VARCHAR(64) NOT NULL,
    applied_at_ms BIGINT NOT NULL
)"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One version of the schema. ``summary`` says in words what it brings."""

    version: int
    name: str
    summary: str
    statements: Callable[[str], list[str]]

    def __str__(self) -> str:
        return f"{self.version:04d} {self.name}"


def known() -> tuple[Migration, ...]:
    """Return every migration that this program brings along, oldest first."""
    package = import_module(_PACKAGE)
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    return tuple(_read(name, match) for name in names if (match := _MODULE.fullmatch(name)))


def newest_version() -> int:
    """Return the version of the schema that this program works with."""
    return known()[-1].version


def version(db: peewee.Database) -> int:
    """
    Return the version of this database, 0 when it is not ours yet. A SQLite file that is missing is not created.

    Raises DatabaseError when it is out of reach.
    """
    if not has_file(db):
        return 0
    with database_errors(db):
        return _version(db)


def pending(db: peewee.Database) -> tuple[Migration, ...]:
    """Return the migrations this database lacks, oldest first. Raises DatabaseError when it cannot be reached."""
    current = version(db)
    return tuple(migration for migration in known() if migration.version > current)


def upgrade(db: peewee.Database) -> list[str]:
    """
    Bring the database to the newest version and return, in words, what was done.

    Doing it again does nothing and says so. Of two upgrades at the same time one waits for the other. Raises
    DatabaseError when the database cannot be reached, refuses, or is newer than the program.
    """
    with database_errors(db):
        _connect(db)
        with _alone(db):
            execute(db, _VERSION_TABLE)
            current = _version(db)
            _refuse_newer(db, current)
            done = [_apply(db, migration) for migration in known() if migration.version > current]
    return done or [f"nothing to do: the schema is at version {current}, the newest"]


def require_current(db: peewee.Database) -> None:
    """Raise DatabaseError unless the database is reachable and exactly at the version this program works with."""
    current = version(db)
    _refuse_newer(db, current)
    if current == 0:
        raise DatabaseError(f"the database {describe(db)} has not been set up: run: esl-huntgroup db upgrade")
    if current < newest_version():
        raise DatabaseError(
            f"the database {describe(db)} is at version {current}, this program needs version {newest_version()}: "
            "run: esl-huntgroup db upgrade"
        )


def _connect(db: peewee.Database) -> None:
    """
    Open the connection; with a new SQLite file, wait for whoever else is just opening it.

    Only one can turn a new file to WAL, and SQLite tells the others "locked" at once, whatever its busy timeout is.
    """
    deadline = time.monotonic() + NEW_FILE_WAIT_S
    while True:
        try:
            db.connect(reuse_if_open=True)
        except peewee.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(NEW_FILE_RETRY_S)
        else:
            return


def _read(name: str, match: re.Match[str]) -> Migration:
    module = import_module(f"{_PACKAGE}.{name}")
    summary = (module.__doc__ or "").strip().splitlines()[0].removesuffix(".")
    return Migration(int(match[1]), match[2], summary, module.statements)


def _version(db: peewee.Database) -> int:
    if "schema_version" not in db.get_tables():
        return 0
    return int(execute(db, "SELECT coalesce(max(version), 0) FROM schema_version").fetchone()[0])


def _refuse_newer(db: peewee.Database, current: int) -> None:
    if current > newest_version():
        raise DatabaseError(
            f"the database {describe(db)} is at version {current}, newer than this program, which works with "
            f"version {newest_version()}: install a newer esl-huntgroup"
        )


def _apply(db: peewee.Database, migration: Migration) -> str:
    for snapshot in migration.statements(dialect(db)):
        execute(db, snapshot)
    execute(
        db,
        f"INSERT INTO schema_version (version, name, applied_at_ms) VALUES ({db.param}, {db.param}, {db.param})",
        (migration.version, migration.name, time.time_ns() // 1_000_000),
    )
    return f"applied {migration}: {migration.summary}"


@contextlib.contextmanager
def _alone(db: peewee.Database) -> Iterator[None]:
    """Keep every other upgrade of this database out, with one transaction around ours where that is possible."""
    if dialect(db) == "mariadb":
        with _named_lock(db):
            yield
        return
    with db.atomic():
        if dialect(db) == "postgresql":
            execute(db, f"SELECT pg_advisory_xact_lock({_LOCK_KEY})")
        yield


@contextlib.contextmanager
def _named_lock(db: peewee.Database) -> Iterator[None]:
    """Hold MariaDB's lock of our name and this database's; the server releases it with the connection."""
    name = f"{_LOCK}.{db.database}"[:64]
    (held,) = execute(db, "SELECT GET_LOCK(%s, %s)", (name, LOCK_WAIT_S)).fetchone()
    if not held:
        raise DatabaseError(f"another upgrade of {describe(db)} has been running for {LOCK_WAIT_S} s: try again later")
    try:
        yield
    finally:
        execute(db, "SELECT RELEASE_LOCK(%s)", (name,))
