"""
PURE: what one worker counts, as plain numbers.

Counting costs a call a few additions. Whoever wants to know takes a ``Reading``; readings of several workers add up.
What can be seen by looking (how many calls ring now) is not counted but looked at, so it cannot drift.
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from esl_huntgroup.calls.hunt import Hunt, State
from esl_huntgroup.journal.records import CallAnswered, JournalRecord

TO_BRIDGE_S: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
TO_ANSWER_S: Final = (1.0, 2.0, 4.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 120.0)
LOOKS_MAX: Final = 1000
"""In an outage of many minutes the age of the oldest record need not be told to the second."""


@dataclass(slots=True)
class Histogram:
    """How many durations fell into each bucket: at most so many seconds, and one more bucket for all longer ones."""

    bounds_s: Sequence[float]
    counts: list[int] = field(default_factory=list)
    sum_s: float = 0.0

    def __post_init__(self) -> None:
        """Begin with empty buckets unless there are counts."""
        self.counts = self.counts or [0] * (len(self.bounds_s) + 1)

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect.bisect_left(self.bounds_s, seconds)] += 1
        self.sum_s += seconds

    def add(self, other: Histogram) -> None:
        """Count everything that another histogram with the same bounds has counted."""
        self.counts = [mine + its for mine, its in zip(self.counts, other.counts, strict=True)]
        self.sum_s += other.sum_s


@dataclass(slots=True)
class Snapshot:
    """
    What was counted up to one moment, and what was going on in it.

    ``counters`` only grow while a worker lives, and are kept when it is gone; ``gauges`` are of the moment.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    counters: Counter[str] = field(default_factory=Counter)
    gauges: dict[str, float] = field(default_factory=dict)
    to_bridge: Histogram = field(default_factory=lambda: Histogram(TO_BRIDGE_S))
    to_answer: Histogram = field(default_factory=lambda: Histogram(TO_ANSWER_S))

    def without_gauges(self) -> Snapshot:
        """Return what remains of a worker that is gone."""
        return Snapshot(self.outcomes, self.counters, {}, self.to_bridge, self.to_answer)


def total(readings: Iterable[Snapshot]) -> Snapshot:
    """Return the sum of readings."""
    whole = Snapshot()
    for reading in readings:
        whole.outcomes.update(reading.outcomes)
        whole.counters.update(reading.counters)
        whole.to_bridge.add(reading.to_bridge)
        whole.to_answer.add(reading.to_answer)
        for name, value in reading.gauges.items():
            whole.gauges[name] = whole.gauges.get(name, 0.0) + value
    return whole


class Counters:
    """What every call of one worker tells."""

    def __init__(self) -> None:
        """Begin with nothing counted."""
        self.outcomes: Counter[str] = Counter()
        self.counters: Counter[str] = Counter()
        self.to_bridge = Histogram(TO_BRIDGE_S)
        self.to_answer = Histogram(TO_ANSWER_S)
        self._hunts: set[Hunt] = set()

    @contextmanager
    def call(self, hunt: Hunt) -> Iterator[None]:
        """Look at a call as long as it goes on, and count how it ended."""
        self._hunts.add(hunt)
        try:
            yield
        finally:
            self._hunts.discard(hunt)
            self.outcomes[hunt.outcome.value if hunt.outcome else "unknown"] += 1

    def count(self, what: str, times: int = 1) -> None:
        """Count ``database_errors``, ``wrong_secrets``, ``registrar_lookups``, …``_unanswered``, …``_notices``."""
        self.counters[what] += times

    def wrote(self, entry: JournalRecord) -> None:
        """Take note of what the journal is told."""
        if isinstance(entry, CallAnswered):
            self.to_answer.observe(entry.wait_ms / 1000)

    def reading(self, counters: Mapping[str, int], gauges: Mapping[str, float]) -> Snapshot:
        """Return what has been counted, together with what others know."""
        states = Counter(hunt.state for hunt in self._hunts)
        looked = {"ringing": float(states[State.ALERTING]), "talking": float(states[State.TALKING])}
        return Snapshot(
            self.outcomes, self.counters + Counter(counters), {**looked, **gauges}, self.to_bridge, self.to_answer
        )


class Lag:
    """How old the oldest journal record is that is not in the database, told from counts alone."""

    def __init__(self) -> None:
        """Begin with nothing recorded."""
        self._seen: list[tuple[float, int]] = []

    def look(self, now_s: float, recorded: int, backlog: int) -> float:
        """
        Return the seconds that the oldest record has waited, exact to the interval between two looks.

        ``recorded`` is how much there has ever been, ``backlog`` how much of it is not stored.
        """
        stored = recorded - backlog
        if len(self._seen) > 1 and self._seen[-1][1] == recorded:
            del self._seen[-1]  # nothing new since: the later look says the same, and more
        elif len(self._seen) > LOOKS_MAX:
            del self._seen[1::2]
        self._seen.append((now_s, recorded))
        # What was recorded up to a look and is stored now says nothing any more; the last such look is where it begins.
        while len(self._seen) > 1 and self._seen[1][1] <= stored:
            del self._seen[0]
        return now_s - self._seen[0][0] if backlog > 0 else 0.0
