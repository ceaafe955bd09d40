"""
PURE: figures added up, from what was counted just now and from days that were counted before.

A stored day knows its quarters of an hour in UTC: the clocks of every zone are whole quarters ahead of that, or behind,
so that a day serves readers in all of them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from operator import add
from typing import Any, Final

import msgspec

from esl_huntgroup.model.limits import DAY_MS
from esl_huntgroup.model.outcome import SPOKEN, EntryKind, Outcome
from esl_huntgroup.web.reading.figures import Count, OfMember, Statistics, Waited
from esl_huntgroup.web.reading.periods import HOUR_MS, QUARTER_MS, Offset, weekday_and_hour

WAITS_S: Final = (5, 10, 15, 20, 30, 60)
"""
Where the next class of waiting times begins; the last one has no end.

Stored days are counted by these, and by what ``SPOKEN`` says: a version that changes them empties ``group_figures``.
"""
QUARTERS: Final = DAY_MS // QUARTER_MS
WEEK_QUARTERS: Final = 7 * QUARTERS

CLASSES: Final = len(WAITS_S) + 1
_KINDS: Final = (EntryKind.ANSWERED, EntryKind.ANSWERED_ELSEWHERE, EntryKind.MISSED, EntryKind.NOT_SIGNALLED)
_PLACES: Final = {kind.value: place for place, kind in enumerate(_KINDS)}
_SPOKEN: Final = frozenset(outcome.value for outcome in SPOKEN)

Rows = Iterable[Sequence[Any]]
Member = tuple[int | None, str]
"""User and name: who is gone has the name alone."""


class Day(msgspec.Struct, frozen=True, array_like=True):
    """
    The figures of a group on one day of UTC, flat and short: a year of them is read at once.

    ``quarters``: quarter of an hour, calls, answered and missed, one behind the other. ``waits``: answered and missed
    of each class of waiting times. ``wait_ms`` and ``talk_ms`` are those of calls that were answered. ``members``:
    user, name, entries of each kind, and waiting and talking of those answered.
    """

    quarters: list[int]
    waits: list[int]
    outcomes: dict[str, int]
    wait_ms: int
    talk_ms: int
    members: list[tuple[int | None, str, int, int, int, int, int, int]]


class Sums:
    """
    Adds up calls, entries and stored days; ``offsets`` are those of the reader's zone in the period.

    The place of a call is the hour of the week it arrived in, in local time; 1970 began with the first. Of a day that
    is to be stored it is the quarter of an hour.
    """

    def __init__(self, offsets: Sequence[Offset] = ((0, 0),)) -> None:
        """Begin with nothing."""
        self._offsets = offsets
        self._since = [since_ms for since_ms, _ in offsets]
        self._places: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
        self._quarters = [[0, 0, 0] for _ in range(WEEK_QUARTERS)]
        self._waits = [0] * (2 * CLASSES)
        self._outcomes: dict[str, int] = defaultdict(int)
        self._wait_ms = self._talk_ms = 0
        self._members: dict[Member, list[int]] = defaultdict(lambda: [0] * (len(_KINDS) + 2))

    def add_calls(self, rows: Rows) -> None:
        """Add calls: place, outcome, class of waiting time, how many, and their milliseconds of waiting and talking."""
        for place, outcome, waited, calls, wait_ms, talk_ms in rows:
            number, is_answered = int(calls), outcome in _SPOKEN
            its = self._places[int(place)]
            its[0] += number
            if outcome is None:
                continue
            its[1 if is_answered else 2] += number
            self._waits[2 * int(waited) + (not is_answered)] += number
            self._outcomes[str(outcome)] += number
            if is_answered:
                self._wait_ms += int(wait_ms or 0)
                self._talk_ms += int(talk_ms or 0)

    def add_entries(self, rows: Rows) -> None:
        """Add entries: user, name, kind, how many, and their milliseconds of waiting and talking."""
        for user_id, name, kind, calls, wait_ms, talk_ms in rows:
            its = self._members[None if user_id is None else int(user_id), str(name)]
            its[_PLACES[str(kind)]] += int(calls)
            if kind == EntryKind.ANSWERED.value:
                its[-2] += int(wait_ms or 0)
                its[-1] += int(talk_ms or 0)

    def add_day(self, number: int, day: Day) -> None:
        """Add a stored day; ``number`` counts days of UTC since 1970."""
        begin_ms = number * DAY_MS
        first, last = self._offset_ms(begin_ms), self._offset_ms(begin_ms + DAY_MS - 1)
        shift, flat = (begin_ms + first) // QUARTER_MS, iter(day.quarters)
        for quarter, calls, answered, missed in zip(flat, flat, flat, flat, strict=True):
            if first != last:
                at_ms = begin_ms + quarter * QUARTER_MS
                shift = (at_ms + self._offset_ms(at_ms)) // QUARTER_MS - quarter
            its = self._quarters[(shift + quarter) % WEEK_QUARTERS]
            its[0] += calls
            its[1] += answered
            its[2] += missed
        self._waits = [*map(add, self._waits, day.waits)]
        for outcome, calls in day.outcomes.items():
            self._outcomes[outcome] += calls
        self._wait_ms += day.wait_ms
        self._talk_ms += day.talk_ms
        for user_id, name, *counts in day.members:
            self._members[user_id, name] = [*map(add, self._members[user_id, name], counts)]

    @property
    def user_ids(self) -> list[int]:
        """The members that have been added."""
        return sorted({user_id for user_id, _ in self._members if user_id is not None})

    def day(self) -> Day:
        """Return what has been added, as a day is stored."""
        return Day(
            [number for quarter, counts in sorted(self._places.items()) for number in (quarter, *counts)],
            self._waits,
            dict(self._outcomes),
            self._wait_ms,
            self._talk_ms,
            [(*who, *counts) for who, counts in self._members.items()],  # type: ignore[misc]
        )

    def statistics(self, from_ms: int, until_ms: int, known: Collection[int]) -> Statistics:
        """Return what has been added; of a member who is not ``known`` any more there is the name alone."""
        by_hour, by_weekday = [Count()] * 24, [Count()] * 7
        hours = [(place, counts) for place, counts in self._places.items()]
        hours += [(place * QUARTER_MS // HOUR_MS, counts) for place, counts in enumerate(self._quarters)]
        for week_hour, counts in hours:
            weekday, hour = weekday_and_hour(week_hour)
            by_hour[hour] += Count(*counts)
            by_weekday[weekday] += Count(*counts)
        pairs = zip(self._waits[::2], self._waits[1::2], strict=True)
        edges = (0, *WAITS_S, None)
        return Statistics(
            from_ms=from_ms,
            until_ms=until_ms,
            total=sum(by_weekday, Count()),
            wait_ms=self._wait_ms,
            talk_ms=self._talk_ms,
            waits=tuple(
                Waited(edges[n] or 0, edges[n + 1], Count(answered + missed, answered, missed))
                for n, (answered, missed) in enumerate(pairs)
            ),
            by_hour=tuple(by_hour),
            by_weekday=tuple(by_weekday),
            by_outcome=tuple((it, self._outcomes[it.value]) for it in Outcome if it.value in self._outcomes),
            members=self._of_members(known),
        )

    def _of_members(self, known: Collection[int]) -> tuple[OfMember, ...]:
        """Return the members by name; one who has been renamed is one, under the name of most calls."""
        names: dict[int | str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        found: dict[int | str, list[int]] = defaultdict(lambda: [0] * (len(_KINDS) + 2))
        for (user_id, name), counts in self._members.items():
            who = user_id if user_id is not None and user_id in known else name
            names[who][name] += sum(counts[: len(_KINDS)])
            found[who] = [*map(add, found[who], counts)]
        members = [
            OfMember(
                who if isinstance(who, int) else None,
                max(names[who], key=lambda name: (names[who][name], name)),
                sum(counts[: len(_KINDS)]),
                *counts,
            )
            for who, counts in found.items()
        ]
        return tuple(sorted(members, key=lambda member: (member.user_name.casefold(), member.user_id or 0)))

    def _offset_ms(self, at_ms: int) -> int:
        return self._offsets[max(bisect_right(self._since, at_ms) - 1, 0)][1]
