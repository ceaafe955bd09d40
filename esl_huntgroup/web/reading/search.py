"""
The callers that somebody looks for: by name, or by number in whatever writing.

A search goes two ways. Where few calls come from the callers who match, those calls are looked up by an index. Where
there are many, the reader's journal itself is looked through from the newest on: soon there is a page of matches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import peewee

from esl_huntgroup.db.statements import holds, rows
from esl_huntgroup.journal.conditions import Condition, where
from esl_huntgroup.model import phone_numbers
from esl_huntgroup.model.call_ids import is_call_id
from esl_huntgroup.model.text import folded
from esl_huntgroup.web.reading.filters import Filters

CALLERS_MAX: Final = 200
"""With more callers who match, their calls are not counted any more: they are many."""
FEW: Final = 1000
"""So many calls are looked at one by one."""


@dataclass(frozen=True, slots=True)
class Callers:
    """
    Whom somebody looks for: a condition on the call ``c``, and, where these are few, the only calls that can meet it.

    ``call_ids`` None: there are many.
    """

    condition: Condition
    call_ids: tuple[str, ...] | None = None


def callers(
    db: peewee.Database, wanted: Filters, country: str, ids: Sequence[Condition], within: Condition
) -> Callers | None:
    """
    Return whom a search looks for; None: there is none. At most two statements.

    ``ids`` are conditions on ``c.call_id`` that hold anyway. ``within`` is what is looked through: a table ``w`` and
    the condition on it, of which an index knows, and the ``call_id``.
    """
    if wanted.number:
        ways = phone_numbers.variants(wanted.number, country)
        marks = ", ".join("?" * len(ways)) or "NULL"
        return Callers((f"c.caller_number IN ({marks})", ways), _few(db, ways, ids, within))
    if not wanted.search:
        return None
    if is_call_id(wanted.search.lower()):
        call_id = wanted.search.lower()
        return Callers(("c.call_id = ?", (call_id,)), (call_id,))
    match, values = _match(db, wanted.search, country)
    found = rows(db, f"SELECT k.number FROM callers k WHERE {match} LIMIT {CALLERS_MAX + 1}", values)
    # A value for each call, and no join: a planner cannot know how many callers hold a text.
    condition = (
        f"1 = (SELECT CASE WHEN {match} THEN 1 ELSE 0 END FROM callers k"
        " WHERE k.number = c.caller_number AND k.name = c.caller_name)",
        values,
    )
    if len(found) > CALLERS_MAX:
        return Callers(condition)
    return Callers(condition, _few(db, sorted({str(row[0]) for row in found}), ids, within))


def needles(text: str, country: str) -> tuple[str, ...]:
    """Return the texts of which one stands in what is kept of a caller who is looked for. Raises nothing."""
    number = phone_numbers.digits(text)
    if not number:
        return (" ".join(folded(text).split()),)
    # Somebody who types knows the beginning of a number, and few of these are numbers already.
    full = phone_numbers.e164(number, country).removeprefix("+")
    bare = number.lstrip("+").lstrip("0") or number.lstrip("+")
    return (bare,) if bare in full else tuple(filter(None, (full, bare)))


def _match(db: peewee.Database, text: str, country: str) -> Condition:
    wanted = needles(text, country)
    parts = [holds(db, "k.folded") for _ in wanted]
    return f"({' OR '.join(parts)})", wanted


def _few(
    db: peewee.Database, numbers: Sequence[str], ids: Sequence[Condition], within: Condition
) -> tuple[str, ...] | None:
    """
    Return which calls of what is looked through are of these numbers, if they have few in all. One statement.

    It asks indexes alone: of calls of others nothing is read.
    """
    if not numbers:
        return ()
    conditions = [(f"c.caller_number IN ({', '.join('?' * len(numbers))})", numbers), *ids]
    chosen, values = where(conditions)
    its, its_values = within
    # A value for each call, and no join, which a planner might make by reading all of what is looked through.
    sql = f"""SELECT (SELECT w.call_id FROM {its} AND w.call_id = f.call_id LIMIT 1)
        FROM (SELECT c.call_id FROM calls c{chosen} LIMIT {FEW}) f"""
    found = rows(db, sql, [*its_values, *values])
    return tuple(str(row[0]) for row in found if row[0] is not None) if len(found) < FEW else None
