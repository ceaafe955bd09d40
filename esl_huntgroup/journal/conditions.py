"""PURE: which part of the journal is asked for, and the SQL for it; the query itself is in ``query``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from esl_huntgroup.model.call_ids import first_at, last_at
from esl_huntgroup.model.outcome import CAN_BE_HANDLED, EntryKind, Outcome

CLOCK_MAX_MS: Final = 86_400_000
"""How far the time in an id and that of the arrival may be apart: after a clock was set back, ids go on from before."""

_KINDS: Final = " OR ".join(f"kind = '{kind.value}'" for kind in CAN_BE_HANDLED)
OF_MISSED: Final = f"({_KINDS})"
UNHANDLED: Final = f"handled_at_ms IS NULL AND {OF_MISSED}"
"""The words in which the partial index of SQLite and PostgreSQL says it; for others they do not use it."""

_EVERYWHERE: Final = (EntryKind.ANSWERED_ELSEWHERE, EntryKind.MISSED)
_SELDOM: Final = "".join(f" AND e.kind <> '{kind.value}'" for kind in _EVERYWHERE)
"""The words in which the index by kind of SQLite and PostgreSQL says that it has the other kinds alone."""

Condition = tuple[str, Sequence[object]]
"""SQL with a ``?`` for each value, and the values. ``c`` is the call, ``e`` the entry."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in the journal: behind this entry of this call; without a position, behind the whole call."""

    call_id: str
    position: int | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the journal is wanted; None is no condition. Times are milliseconds since 1970, ``until_ms`` excluded."""

    user_id: int | None = None
    group_ids: tuple[int, ...] | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    caller: str | None = None
    outcome: Outcome | None = None
    kind: EntryKind | None = None
    is_unhandled: bool = False
    after: Cursor | None = None

    @property
    def is_by_entry(self) -> bool:
        """Whether it is the entries that are chosen, and not whole calls."""
        return self.user_id is not None or self.kind is not None or self.is_unhandled

    @property
    def is_by_call(self) -> bool:
        """Whether it is asked for calls of which there may be few."""
        return self.caller is not None or self.outcome is not None


def of_calls(wanted: Wanted) -> list[Condition]:
    """Return the conditions on a call."""
    return [*_of_calls(wanted)]


def _of_calls(wanted: Wanted) -> Iterator[Condition]:
    if wanted.group_ids is not None:
        yield f"c.group_id IN ({', '.join('?' * len(wanted.group_ids))})", wanted.group_ids
    yield from arrived_between(wanted.since_ms, wanted.until_ms)
    if wanted.caller is not None:
        yield "c.caller_number = ?", [wanted.caller]
    if wanted.outcome is not None:
        yield "c.outcome = ?", [wanted.outcome.value]


def of_entries(wanted: Wanted) -> list[Condition]:
    """Return the conditions on an entry."""
    found: list[Condition] = []
    if wanted.user_id is not None:
        found.append(("e.user_id = ?", [wanted.user_id]))
    if wanted.kind is not None:
        found.append((f"e.kind = ?{'' if wanted.kind in _EVERYWHERE else _SELDOM}", [wanted.kind.value]))
    if wanted.is_unhandled:
        found.append((UNHANDLED, []))
    return found


def of_ids(wanted: Wanted, column: str) -> list[Condition]:
    """Return the conditions on the ids of the calls, which begin with the time: an index finds them."""
    found = [*ids_between(column, wanted.since_ms, wanted.until_ms)]
    if wanted.after is not None:
        sign = "<" if wanted.after.position is None else "<="
        found.append((f"{column} {sign} ?", [wanted.after.call_id]))
    return found


def arrived_between(since_ms: int | None, until_ms: int | None) -> Iterator[Condition]:
    """Give the conditions on the arrival of calls in a period; None: it has no such end."""
    if since_ms is not None:
        yield "c.arrived_at_ms >= ?", [since_ms]
    if until_ms is not None:
        yield "c.arrived_at_ms < ?", [until_ms]


def ids_between(column: str, since_ms: int | None, until_ms: int | None) -> Iterator[Condition]:
    """Give the conditions on a column with the ids of calls of a period, and of few others."""
    if since_ms is not None:
        yield f"{column} >= ?", [first_at(since_ms - CLOCK_MAX_MS)]
    if until_ms is not None:
        yield f"{column} <= ?", [last_at(until_ms + CLOCK_MAX_MS)]


def of_rest(wanted: Wanted) -> list[Condition]:
    """Return the condition that leaves out what of the call of the cursor has been seen."""
    if wanted.after is None or wanted.after.position is None:
        return []
    return [("(c.call_id < ? OR e.position > ?)", [wanted.after.call_id, wanted.after.position])]


def where(conditions: Sequence[Condition]) -> Condition:
    """Return ``WHERE`` with all of them, or nothing."""
    values = [value for _, its_values in conditions for value in its_values]
    return (f" WHERE {' AND '.join(sql for sql, _ in conditions)}" if conditions else ""), values
