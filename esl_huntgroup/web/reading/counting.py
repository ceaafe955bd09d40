"""The calls of a group in parts of a period, counted by the database. Raises peewee's exceptions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import peewee

from esl_huntgroup.db.engine import dialect
from esl_huntgroup.db.statements import rows
from esl_huntgroup.journal.conditions import CLOCK_MAX_MS
from esl_huntgroup.model.call_ids import first_at, last_at
from esl_huntgroup.model.limits import DAY_MS
from esl_huntgroup.web.reading.periods import HOUR_MS, QUARTER_MS, WEEK_HOURS, Offset, Span, local_ms
from esl_huntgroup.web.reading.sums import QUARTERS, WAITS_S

Rows = Sequence[Sequence[Any]]

_WHERE: Final = "c.group_id = ? AND c.call_id >= ? AND c.call_id <= ? AND c.arrived_at_ms >= ? AND c.arrived_at_ms < ?"
_CALLS: Final = f"SELECT c.arrived_at_ms, c.outcome, c.wait_ms, c.talk_ms FROM calls c WHERE {_WHERE}"
_ENTRIES: Final = f"""SELECT c.arrived_at_ms, e.user_id, e.user_name, e.kind, c.wait_ms, c.talk_ms
    FROM calls c JOIN journal_entries e ON e.call_id = c.call_id WHERE {_WHERE}
    AND e.call_id >= ? AND e.call_id <= ?"""
_CLASSES: Final = " ".join(f"WHEN f.wait_ms < {until_s * 1000} THEN {n}" for n, until_s in enumerate(WAITS_S))
_SUMS: Final = "COUNT(*), SUM(f.wait_ms), SUM(f.talk_ms)"
_WAITED: Final = f"CASE {_CLASSES} ELSE {len(WAITS_S)} END"


def calls(db: peewee.Database, group_id: int, spans: Sequence[Span], known: list[Offset]) -> Rows:
    """
    Return hour of the week (local), outcome, class of waiting time, calls, and their waiting and talking.

    One statement, none for no span.
    """
    hour = f"({_divided(db, local_ms('f.arrived_at_ms', known), HOUR_MS)} % {WEEK_HOURS})"
    return _counted(db, _CALLS, f"{hour}, f.outcome, {_WAITED}", [_values(group_id, it) for it in spans])


def entries(db: peewee.Database, group_id: int, spans: Sequence[Span]) -> Rows:
    """Return user, name, kind, calls, and their waiting and talking. One statement, none for no span."""
    return _counted(
        db, _ENTRIES, "f.user_id, f.user_name, f.kind", [_of_entries(_values(group_id, it)) for it in spans]
    )


def calls_by_day(db: peewee.Database, group_id: int, span: Span) -> Rows:
    """Return day and quarter of an hour (UTC), outcome, class of waiting time, and the rest. One statement."""
    day = _divided(db, "f.arrived_at_ms", DAY_MS)
    quarter = f"({_divided(db, 'f.arrived_at_ms', QUARTER_MS)} % {QUARTERS})"
    return _counted(db, _CALLS, f"{day}, {quarter}, f.outcome, {_WAITED}", [_values(group_id, span)])


def entries_by_day(db: peewee.Database, group_id: int, span: Span) -> Rows:
    """Return day (UTC), user, name, kind, calls, and their waiting and talking. One statement."""
    by = f"{_divided(db, 'f.arrived_at_ms', DAY_MS)}, f.user_id, f.user_name, f.kind"
    return _counted(db, _ENTRIES, by, [_of_entries(_values(group_id, span))])


def _counted(db: peewee.Database, source: str, by: str, values: Sequence[tuple[object, ...]]) -> Rows:
    if not values:
        return ()
    places = ", ".join(str(place) for place in range(1, _columns(by) + 1))
    found = " UNION ALL ".join([source] * len(values))
    sql = f"SELECT {by}, {_SUMS} FROM ({found}) f GROUP BY {places}"
    return rows(db, sql, [value for of_span in values for value in of_span])


def _columns(by: str) -> int:
    """Return how many columns these are: no comma stands within one."""
    return by.count(",") + 1


def _divided(db: peewee.Database, column: str, by: int) -> str:
    return f"({column} {'DIV' if dialect(db) == 'mariadb' else '/'} {by})"


def _values(group_id: int, span: Span) -> tuple[object, ...]:
    from_ms, until_ms = span
    return group_id, first_at(from_ms - CLOCK_MAX_MS), last_at(until_ms + CLOCK_MAX_MS), from_ms, until_ms


def _of_entries(values: tuple[object, ...]) -> tuple[object, ...]:
    return (*values, *values[1:3])
