"""A copy of a SQLite database while calls go on. For servers their own tools are the right ones (``db/scripts``)."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import peewee

from esl_huntgroup.db.engine import describe, dialect
from esl_huntgroup.errors import DatabaseError, InputError

_BESIDE = ("-journal", "-wal", "-shm")
"""What SQLite may have beside a file."""


def back_up(db: peewee.Database, target: Path) -> None:
    """
    Copy the database into a new file, as it is at one moment.

    The file is there whole or not at all. Raises InputError for a server or a file that exists, and DatabaseError.
    """
    if dialect(db) != "sqlite":
        raise InputError(f"{describe(db)} is a server: pg_dump or mariadb-dump is its backup; see db/scripts/backup")
    if target.exists():
        raise InputError(f"{target} exists: the name of a new file is accepted")
    partial = target.with_name(f"{target.name}.partial")
    try:
        source_uri = f"{Path(db.database).resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(source_uri, uri=True)) as source, closing(sqlite3.connect(partial)) as copy:
            source.backup(copy)  # one read transaction: with write-ahead logging it keeps nobody from writing
        os.replace(partial, target)
    except (OSError, sqlite3.Error) as error:
        for rest in (partial, *(partial.with_name(partial.name + end) for end in _BESIDE)):
            with contextlib.suppress(OSError):
                rest.unlink(missing_ok=True)
        raise DatabaseError(f"{describe(db)} cannot be copied to {target}: {error}") from error
