"""
The figures of days that are over, as the keeper has stored them (``web.keeper``), and who of their members is gone.

A stored day is believed if nothing has changed on it since: what the journal says of changes is read with each
question, so that whoever asks never sees an old number, wherever the keeper is. Raises peewee's exceptions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

import msgspec
import peewee

from esl_huntgroup.db.engine import portions
from esl_huntgroup.db.statements import rows
from esl_huntgroup.journal import changes, figures_marks
from esl_huntgroup.journal.conditions import CLOCK_MAX_MS
from esl_huntgroup.model.call_ids import arrived_at_ms, first_at, is_call_id
from esl_huntgroup.model.limits import DAY_MS
from esl_huntgroup.web.reading.periods import days_within
from esl_huntgroup.web.reading.sums import Day

CHANGES_MAX: Final = 5000
"""Changes that are looked through; with more, everything is counted anew."""

encoded: Final = msgspec.json.Encoder().encode
_decoded: Final = msgspec.json.Decoder(Day).decode


def stored(db: peewee.Database, group_id: int, from_ms: int, until_ms: int) -> dict[int, Day]:
    """Return the days of a period that may be believed, by their number since 1970. Three statements at most."""
    within = days_within(from_ms, until_ms)
    if not within:
        return {}
    marks = figures_marks.read(db)  # first of all: what is stored from now on is not older
    position = marks.get(figures_marks.POSITION)
    if position is None:
        return {}
    later = changes.since(db, position, CHANGES_MAX)
    if len(later) == CHANGES_MAX:
        return {}
    old = before((call_id for change in later for call_id in change.call_ids), within.stop)
    if not all(map(is_call_id, old)):
        return {}
    first, touched = max(within.start, first_whole(marks)), {day for call_id in old for day in days_of(call_id)}
    sql = "SELECT day, figures FROM group_figures WHERE group_id = ? AND day >= ? AND day < ?"
    return {
        int(day): _decoded(text) for day, text in rows(db, sql, (group_id, first, within.stop)) if day not in touched
    }


def first_whole(marks: figures_marks.Marks) -> int:
    """Return the first day of which nothing can have been pruned."""
    return -(-marks.get(figures_marks.PRUNED, 0) // DAY_MS)


def before(call_ids: Iterable[str], day: int) -> list[str]:
    """Return which of these calls can have arrived before a day, by their ids: these are hardly ever of its eve."""
    bound = first_at(day * DAY_MS + CLOCK_MAX_MS)
    return [call_id for call_id in dict.fromkeys(call_ids) if call_id < bound]


def days_of(call_id: str) -> range:
    """Return on which days a call may have arrived: the time in its id and that of the arrival may be a day apart."""
    at_ms = arrived_at_ms(call_id)
    return range((at_ms - CLOCK_MAX_MS) // DAY_MS, (at_ms + CLOCK_MAX_MS) // DAY_MS + 1)


def known_users(db: peewee.Database, user_ids: Collection[int]) -> Collection[int]:
    """Return those of these users who have not been deleted. One statement for each 500, none for nobody."""
    found: set[int] = set()
    for some in portions(sorted(user_ids)):
        sql = f"SELECT id FROM users WHERE id IN ({', '.join('?' * len(some))})"
        found |= {int(row[0]) for row in rows(db, sql, some)}
    return found
