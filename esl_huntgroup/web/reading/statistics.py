"""The calls of a group in a period, counted. Raises peewee's exceptions."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import peewee

from esl_huntgroup.db.engine import dialect
from esl_huntgroup.db.statements import rows
from esl_huntgroup.errors import InputError
from esl_huntgroup.journal.conditions import CLOCK_MAX_MS
from esl_huntgroup.model.call_ids import first_at, last_at
from esl_huntgroup.model.limits import DAY_MS
from esl_huntgroup.model.outcome import SPOKEN, EntryKind, Outcome
from esl_huntgroup.web.reading.figures import Count, OfMember, Statistics, Waited
from esl_huntgroup.web.reading.periods import (
    HOUR_MS,
    PERIOD_MAX_DAYS,
    WEEK_HOURS,
    local_ms,
    offsets,
    weekday_and_hour,
)

WAITS_S: Final = (5, 10, 15, 20, 30, 60)
"""Where the next class of waiting times begins; the last one has no end."""


def statistics(
    db: peewee.Database, group_id: int, from_ms: int, until_ms: int, zone: datetime.tzinfo | None = None
) -> Statistics:
    """
    Return what there was in a period, ``until_ms`` excluded; hours and weekdays are those of ``zone``.

    Who may see it is not asked here. Two statements. Raises InputError for a period that is none, or too long.
    """
    if not 0 < until_ms - from_ms <= PERIOD_MAX_DAYS * DAY_MS:
        raise InputError(
            f"this is no period: a beginning before its end, and at most {PERIOD_MAX_DAYS} days, are accepted"
        )
    where, values = _where(group_id, from_ms, until_ms)
    found = [_Part.of(row) for row in rows(db, _parts(db, where, offsets(zone, from_ms, until_ms)), values)]
    members = rows(db, _members(where), (*values, *values[1:3]))
    return _put_together(from_ms, until_ms, found, members)


def _where(group_id: int, from_ms: int, until_ms: int) -> tuple[str, Sequence[object]]:
    sql = "c.group_id = ? AND c.call_id >= ? AND c.call_id <= ? AND c.arrived_at_ms >= ? AND c.arrived_at_ms < ?"
    ids = (first_at(from_ms - CLOCK_MAX_MS), last_at(until_ms + CLOCK_MAX_MS))
    return sql, (group_id, *ids, from_ms, until_ms)


def _parts(db: peewee.Database, where: str, known: list[tuple[int, int]]) -> str:
    """Return the statement that counts by hour of the week, outcome and class of waiting time."""
    divide = "DIV" if dialect(db) == "mariadb" else "/"
    classes = " ".join(f"WHEN c.wait_ms < {until * 1000} THEN {number}" for number, until in enumerate(WAITS_S))
    hour = f"(({local_ms('c.arrived_at_ms', known)} {divide} {HOUR_MS}) % {WEEK_HOURS})"
    return f"""SELECT {hour} AS week_hour, c.outcome, CASE {classes} ELSE {len(WAITS_S)} END AS waited,
        COUNT(*), SUM(c.wait_ms), SUM(c.talk_ms) FROM calls c WHERE {where} GROUP BY 1, 2, 3"""


def _members(where: str) -> str:
    return f"""SELECT e.user_id, e.user_name, e.kind, COUNT(*), SUM(c.wait_ms), SUM(c.talk_ms)
        FROM calls c JOIN journal_entries e ON e.call_id = c.call_id WHERE {where}
        AND e.call_id >= ? AND e.call_id <= ? GROUP BY 1, 2, 3"""


@dataclass(frozen=True, slots=True)
class _Part:
    """Calls of one hour of the week, one outcome and one class of waiting times."""

    weekday: int
    hour: int
    outcome: Outcome | None
    waited: int
    count: Count
    wait_ms: int
    talk_ms: int

    @classmethod
    def of(cls, row: Sequence[Any]) -> _Part:
        week_hour, text, waited, calls, wait_ms, talk_ms = row
        outcome = None if text is None else Outcome(str(text))
        is_answered, number = outcome in SPOKEN, int(calls)
        is_missed = outcome is not None and not is_answered
        weekday, hour = weekday_and_hour(int(week_hour))
        count = Count(number, number * is_answered, number * is_missed)
        return cls(weekday, hour, outcome, int(waited), count, int(wait_ms or 0), int(talk_ms or 0))


def _put_together(from_ms: int, until_ms: int, parts: Sequence[_Part], members: Sequence[Sequence[Any]]) -> Statistics:
    total, outcomes = Count(), dict[Outcome, int]()
    waits, hours, weekdays = [Count()] * (len(WAITS_S) + 1), [Count()] * 24, [Count()] * 7
    wait_ms = talk_ms = 0
    for part in parts:
        total += part.count
        hours[part.hour] += part.count
        weekdays[part.weekday] += part.count
        if part.outcome is not None:
            waits[part.waited] += part.count
            outcomes[part.outcome] = outcomes.get(part.outcome, 0) + part.count.calls
        if part.outcome in SPOKEN:
            wait_ms += part.wait_ms
            talk_ms += part.talk_ms
    edges: tuple[int | None, ...] = (0, *WAITS_S, None)
    return Statistics(
        from_ms=from_ms,
        until_ms=until_ms,
        total=total,
        wait_ms=wait_ms,
        talk_ms=talk_ms,
        waits=tuple(Waited(edges[n] or 0, edges[n + 1], count) for n, count in enumerate(waits)),
        by_hour=tuple(hours),
        by_weekday=tuple(weekdays),
        by_outcome=tuple((it, outcomes[it]) for it in Outcome if it in outcomes),
        members=_of_members(members),
    )


def _of_members(found: Sequence[Sequence[Any]]) -> tuple[OfMember, ...]:
    """Return the members by name; one who has been renamed is one, under the name of most calls."""
    names: dict[object, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    kinds: dict[object, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    times: dict[object, list[int]] = defaultdict(lambda: [0, 0])
    for user_id, name, kind, calls, wait_ms, talk_ms in found:
        who = name if user_id is None else user_id
        names[who][str(name)] += int(calls)
        kinds[who][str(kind)] += int(calls)
        if kind == EntryKind.ANSWERED.value:
            times[who][0] += int(wait_ms or 0)
            times[who][1] += int(talk_ms or 0)
    members = [
        OfMember(
            who if isinstance(who, int) else None,
            max(names[who], key=lambda name: (names[who][name], name)),
            sum(kinds[who].values()),
            *(kinds[who][kind.value] for kind in _KINDS),
            *times[who],
        )
        for who in kinds
    ]
    return tuple(sorted(members, key=lambda member: (member.user_name.casefold(), member.user_id or 0)))


_KINDS: Final = (EntryKind.ANSWERED, EntryKind.ANSWERED_ELSEWHERE, EntryKind.MISSED, EntryKind.NOT_SIGNALLED)
