"""PURE: what is read of the journal, and in which form the page, the API and the event stream have it."""

from __future__ import annotations

from dataclasses import dataclass

from esl_huntgroup.model.call_state import CallState, call_state
from esl_huntgroup.model.outcome import CAN_BE_HANDLED, EntryKind, Outcome


@dataclass(frozen=True, slots=True)
class Handled:
    """When, by whom and how a missed call was dealt with; ``how`` is a word of ``journal.handled.How``."""

    at_ms: int
    by_name: str
    how: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One member's view of a call. ``user_id`` is None where the user is gone."""

    user_id: int | None
    user_name: str
    kind: EntryKind
    rang: bool
    cause: str
    handled: Handled | None = None

    @property
    def is_unhandled(self) -> bool:
        """Whether this is a missed call that nobody has dealt with."""
        return self.kind in CAN_BE_HANDLED and self.handled is None


@dataclass(frozen=True, slots=True)
class Call:
    """
    A group call. Times are milliseconds since 1970, UTC.

    ``wait_ms`` is None while it rings, ``talk_ms`` and ``outcome`` until it has ended. ``ringing`` are the names of
    those whose phones ring now.
    """

    call_id: str
    arrived_at_ms: int
    group_id: int | None
    group_name: str
    group_number: str
    group_domain: str
    caller_name: str
    caller_number: str
    answered_at_ms: int | None
    ended_at_ms: int | None
    wait_ms: int | None
    talk_ms: int | None
    answered_by_user_id: int | None
    answered_by_name: str
    outcome: Outcome | None
    cause: str
    overflow: str
    ring_timeout_s: int | None = None
    ringing: tuple[str, ...] = ()

    def state(self, now_ms: int) -> CallState:
        """Return where the call is now."""
        return call_state(
            is_over=self.outcome is not None,
            is_answered=self.answered_at_ms is not None,
            age_ms=now_ms - self.arrived_at_ms,
            ring_timeout_s=self.ring_timeout_s,
        )


@dataclass(frozen=True, slots=True)
class Row:
    """
    A call as one reader sees it: ``own`` is the reader's entry, ``entries`` those of all members.

    ``own`` is None for a call that rings and for a reader who is no member; ``entries`` is None where the reader does
    not see those of others.
    """

    call: Call
    own: Entry | None = None
    entries: tuple[Entry, ...] | None = None

    @property
    def is_unhandled(self) -> bool:
        """Whether this is a missed call of the reader's, or of anybody whose entries he reads, to be dealt with."""
        return any(entry.is_unhandled for entry in self._seen)

    @property
    def is_missed(self) -> bool:
        """Whether this is a missed call of the reader's, or of anybody whose entries he reads, dealt with or not."""
        return any(entry.kind in CAN_BE_HANDLED for entry in self._seen)

    def can_be_handled(self, *, is_shared: bool) -> bool:
        """Return whether the reader may say that it is dealt with: an own one, or one that is ``is_shared`` by all."""
        return self.is_missed and (is_shared or self.own is not None)

    @property
    def _seen(self) -> tuple[Entry, ...]:
        return (self.own,) if self.own is not None else self.entries or ()


@dataclass(frozen=True, slots=True)
class Page:
    """
    Rows of the journal, newest first.

    ``older`` is the call behind which the next page begins, ``newer`` the one before which the previous page ends;
    None: there is none. A page with few rows, or none, may have an ``older`` all the same: there was much to look
    through, and the next page looks further.
    """

    rows: tuple[Row, ...]
    older: str | None = None
    newer: str | None = None


@dataclass(frozen=True, slots=True)
class Leg:
    """
    One phone in a call. ``line`` is empty where the reader may not see this number.

    ``is_told`` is whether the reader may see what became of it; else ``rang`` and ``cause`` say nothing.
    """

    user_id: int | None
    user_name: str
    line: str
    rang: bool
    cause: str
    is_told: bool = True


@dataclass(frozen=True, slots=True)
class Member:
    """
    A member in a call, with the phones; ``entry`` is None where the reader does not see this member's.

    ``is_told`` is whether the reader may see what became of this member's phones; else ``rang`` and ``cause`` say
    nothing.
    """

    user_id: int | None
    user_name: str
    entry: Entry | None
    rang: bool
    cause: str
    is_told: bool
    legs: tuple[Leg, ...]


@dataclass(frozen=True, slots=True)
class Details:
    """A call with all its members and phones, as one reader sees them; ``is_whole`` is whether he sees all entries."""

    row: Row
    members: tuple[Member, ...]
    is_whole: bool
