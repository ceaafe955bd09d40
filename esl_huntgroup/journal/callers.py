"""
Who has called, each number and name once, with the text that a search compares.

A journal of a million calls has some ten thousand callers: a search looks through these, and finds the calls by their
number.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Final

import peewee

from esl_huntgroup.db.engine import execute, insert_rows, marks
from esl_huntgroup.model.phone_numbers import e164, is_withheld, variants
from esl_huntgroup.model.text import folded

Caller = tuple[str, str]
"""A number and a name, as a call has them."""

NUMBERS_AT_ONCE: Final = 500
_COLUMNS: Final = ("number", "name", "e164", "folded")


def row(caller: Caller, country: str) -> tuple[str, str, str, str]:
    """Return the row of a caller: the number in every way in which somebody may write it, and the name."""
    number, name = caller
    ways = variants(number, country) or (number,)
    return number, name, e164(number, country), folded(" ".join((name, *ways)))


def is_kept(caller: Caller) -> bool:
    """Return whether there is anything by which this caller can be found."""
    number, name = caller
    return bool(name.strip()) or not is_withheld(number)


def add(db: peewee.Database, found: Iterable[Caller], country: str) -> None:
    """Add those that are not there. Raises peewee's exceptions."""
    rows = [row(caller, country) for caller in sorted(set(found)) if is_kept(caller)]
    insert_rows(db, "callers", _COLUMNS, rows, once=True)


def all_of_journal(db: peewee.Database) -> Iterator[list[Caller]]:
    """Yield the callers of all calls, some at a time; each portion is two queries. Raises peewee's exceptions."""
    after = None
    while True:
        behind = "" if after is None else f" WHERE caller_number > {db.param}"
        sql = f"SELECT DISTINCT caller_number FROM calls{behind} ORDER BY caller_number LIMIT {NUMBERS_AT_ONCE}"
        numbers = [str(found[0]) for found in execute(db, sql, () if after is None else (after,)).fetchall()]
        if not numbers:
            return
        sql = f"SELECT DISTINCT caller_number, caller_name FROM calls WHERE caller_number IN ({marks(db, numbers)})"
        yield [(str(number), str(name)) for number, name in execute(db, sql, numbers).fetchall()]
        after = numbers[-1]


def make(db: peewee.Database, country: str) -> bool:
    """
    See that all callers of the journal are there as this country writes them; return whether anything was to be done.

    Who was killed meanwhile begins again. Raises peewee's exceptions.
    """
    name = f"callers/{country}"
    if execute(db, f"SELECT 1 FROM followers WHERE name = {db.param}", (name,)).fetchone():
        return False
    for portion in all_of_journal(db):
        numbers = sorted({number for number, _ in portion})
        with db.atomic():
            execute(db, f"DELETE FROM callers WHERE number IN ({marks(db, numbers)})", numbers)
            add(db, portion, country)
    with db.atomic():
        execute(db, "DELETE FROM followers WHERE name >= 'callers/' AND name < 'callers0'")
        insert_rows(db, "followers", ("name", "position", "at_ms"), [(name, 0, time.time_ns() // 1_000_000)], once=True)
    return True


def forget(db: peewee.Database) -> None:
    """Delete the callers of whom the journal has no call any more. Raises peewee's exceptions."""
    execute(db, "DELETE FROM callers WHERE NOT EXISTS (SELECT 1 FROM calls WHERE caller_number = callers.number)")
