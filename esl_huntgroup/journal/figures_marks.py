"""
Which of the stored figures of a group may be believed.

Whoever shows figures may store those of days that are over (``group_figures``), and has to throw a day away when one
of its calls changes. Two marks say how far that has been done:

- ``position``: a stored day holds everything that the changes up to this id say. What later changes touch is not
  believed. No such mark: nothing is.
- ``pruned``: no day that began before this moment (milliseconds since 1970) is believed.

Nothing is stored where no page is served; then the marks cost a statement an hour.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import peewee

from esl_huntgroup.db.engine import dialect, execute, insert_rows

Marks = Mapping[str, int]

POSITION: Final = "position"
PRUNED: Final = "pruned"


def read(db: peewee.Database) -> Marks:
    """Return the marks that there are. One query; raises peewee's exceptions."""
    found = execute(db, "SELECT name, value FROM figures_marks").fetchall()
    return {str(name): int(value) for name, value in found}


def held_position(db: peewee.Database) -> int | None:
    """Return the position, which nobody else moves until this transaction ends. Raises peewee's exceptions."""
    lock = "" if dialect(db) == "sqlite" else " FOR UPDATE"  # a transaction of SQLite is alone anyway
    sql = f"SELECT value FROM figures_marks WHERE name = {db.param}{lock}"
    row = execute(db, sql, (POSITION,)).fetchone()
    return None if row is None else int(row[0])


def move(db: peewee.Database, name: str, value: int) -> None:
    """Move a mark forwards, never back; make it where it is missing. Raises peewee's exceptions."""
    insert_rows(db, "figures_marks", ("name", "value"), [(name, value)], once=True)
    sql = "UPDATE figures_marks SET value = {0} WHERE name = {0} AND value < {0}"
    execute(db, sql.format(db.param), (value, name, value))


def give_up(db: peewee.Database, up_to: int, before_ms: int) -> None:
    """
    Believe no figures any more whose keeper has not come as far as the changes up to this id that are older.

    To be called in the transaction that deletes these changes. Raises peewee's exceptions.
    """
    sql = (
        "DELETE FROM figures_marks WHERE name = {0} AND value <"
        " (SELECT MAX(id) FROM journal_changes WHERE at_ms < {0} AND id <= {0})"
    )
    execute(db, sql.format(db.param), (POSITION, before_ms, up_to))
