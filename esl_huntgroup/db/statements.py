"""Statements for all databases: written with ``?`` for each value. Raises peewee's exceptions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import peewee

from esl_huntgroup.db.engine import dialect, execute


def rows(db: peewee.Database, sql: str, values: Sequence[object] = ()) -> Sequence[Sequence[Any]]:
    """Run one statement with a ``?`` for each value, and return its rows."""
    if db.param != "?":  # drivers that write %s take every other percent sign twice
        sql = sql.replace("%", "%%").replace("?", db.param)
    found: Sequence[Sequence[Any]] = execute(db, sql, tuple(values)).fetchall()
    return found


def holds(db: peewee.Database, column: str) -> str:
    """Return the condition that a column holds a text, with a ``?`` for that; no character means anything else."""
    return f"{'strpos' if dialect(db) == 'postgresql' else 'instr'}({column}, ?) > 0"
