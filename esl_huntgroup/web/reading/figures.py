"""PURE: the figures of a group in a period."""

from __future__ import annotations

from dataclasses import dataclass

from esl_huntgroup.model.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Count:
    """Calls, and how many of them were answered and missed; the rest are not over."""

    calls: int = 0
    answered: int = 0
    missed: int = 0

    def __add__(self, other: Count) -> Count:
        """Return both together."""
        return Count(self.calls + other.calls, self.answered + other.answered, self.missed + other.missed)


@dataclass(frozen=True, slots=True)
class Waited:
    """How many callers waited from ``from_s`` to ``until_s`` seconds (None: without an end), and what came of it."""

    from_s: int
    until_s: int | None
    count: Count


@dataclass(frozen=True, slots=True)
class OfMember:
    """One member in a period: ``calls`` with an entry, and what these were. ``user_id`` None: the user is gone."""

    user_id: int | None
    user_name: str
    calls: int
    answered: int
    answered_elsewhere: int
    missed: int
    not_signalled: int
    wait_ms: int
    talk_ms: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """
    A group in a period. ``by_hour`` has 24 counts, ``by_weekday`` seven from Monday on, in the zone of the reader.

    ``wait_ms`` is the time that the callers waited who were answered, together; ``talk_ms`` that of all conversations.
    """

    from_ms: int
    until_ms: int
    total: Count
    wait_ms: int
    talk_ms: int
    waits: tuple[Waited, ...]
    by_hour: tuple[Count, ...]
    by_weekday: tuple[Count, ...]
    by_outcome: tuple[tuple[Outcome, int], ...]
    members: tuple[OfMember, ...]
