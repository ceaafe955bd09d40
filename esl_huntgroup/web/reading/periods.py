"""PURE: the hours of a week in a time zone, for statements that count by them."""

from __future__ import annotations

import datetime
from collections.abc import Collection
from typing import Final

from esl_huntgroup.model.limits import DAY_MS

HOUR_MS: Final = 3_600_000
QUARTER_MS: Final = HOUR_MS // 4
WEEK_HOURS: Final = 7 * 24
PERIOD_MAX_DAYS: Final = 3660
"""Ten years: so far, the changes of summer time are looked up day by day."""
_FIRST_WEEKDAY: Final = 3
"""1970 began on a Thursday; Monday is 0."""

SPANS_MAX: Final = 4
"""Parts of a period that one statement counts."""

Span = tuple[int, int]
"""From when until when: milliseconds since 1970, the end excluded."""
Offset = tuple[int, int]
"""Since when (milliseconds since 1970) the clocks of a zone are how many milliseconds ahead of UTC."""


def offsets(zone: datetime.tzinfo | None, from_ms: int, until_ms: int) -> list[Offset]:
    """Return how far a zone (None: the machine's) is ahead of UTC in a period, and each change of that."""
    found = [(from_ms, _offset_ms(zone, from_ms))]
    at_ms = from_ms
    while at_ms < until_ms:
        next_ms = min(at_ms + DAY_MS, until_ms)
        if _offset_ms(zone, next_ms) != found[-1][1]:
            change_ms = _change(zone, at_ms, next_ms)
            found.append((change_ms, _offset_ms(zone, change_ms)))
        at_ms = next_ms
    return found


def is_quarterly(known: list[Offset]) -> bool:
    """Return whether the clocks of a zone are whole quarters of an hour ahead, and change at such: all do today."""
    return not any(offset % QUARTER_MS for _, offset in known) and not any(at % QUARTER_MS for at, _ in known[1:])


def days_within(from_ms: int, until_ms: int) -> range:
    """Return the days of UTC, counted from 1970, that lie wholly in a period."""
    return range(-(-from_ms // DAY_MS), until_ms // DAY_MS)


def spans_beside(from_ms: int, until_ms: int, days: Collection[int]) -> list[Span]:
    """
    Return what there is of a period beside these days of it, oldest first.

    More than ``SPANS_MAX`` become one across the days between that are fewest; these days are in the spans then.
    """
    edges = [from_ms]
    for day in sorted(days):
        edges += [day * DAY_MS, (day + 1) * DAY_MS]
    edges.append(until_ms)
    spans = [(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if start < end]
    while len(spans) > SPANS_MAX:
        place = min(range(len(spans) - 1), key=lambda n: spans[n + 1][0] - spans[n][1])
        spans[place : place + 2] = [(spans[place][0], spans[place + 1][1])]
    return spans


def local_ms(column: str, known: list[Offset]) -> str:
    """Return the SQL for the local time of a column; all numbers in it are ours."""
    (_, offset), *more = known
    if not more:
        return f"({column} + {offset})"
    cases = " ".join(f"WHEN {column} < {until} THEN {its}" for (_, its), (until, _) in zip(known, more, strict=False))
    return f"({column} + CASE {cases} ELSE {known[-1][1]} END)"


def weekday_and_hour(week_hour: int) -> tuple[int, int]:
    """Return weekday (Monday is 0) and hour of an hour that is counted from the Thursday with which 1970 began."""
    days, hour = divmod(week_hour % WEEK_HOURS, 24)
    return (days + _FIRST_WEEKDAY) % 7, hour


def _offset_ms(zone: datetime.tzinfo | None, at_ms: int) -> int:
    local = datetime.datetime.fromtimestamp(at_ms / 1000, datetime.UTC).astimezone(zone)
    offset = local.utcoffset() or datetime.timedelta()
    return round(offset.total_seconds() * 1000)


def _change(zone: datetime.tzinfo | None, low_ms: int, high_ms: int) -> int:
    """Return the first millisecond, to the second, at which the offset is another one than at ``low_ms``."""
    before = _offset_ms(zone, low_ms)
    low, high = low_ms // 1000, -(-high_ms // 1000)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset_ms(zone, middle * 1000) == before:
            low = middle
        else:
            high = middle
    return high * 1000
