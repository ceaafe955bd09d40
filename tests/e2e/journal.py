"""The journal as a test sees it: one call, what each member has of it, and its legs, read from the database."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Entry:
    """What one member has in the journal."""

    user: str
    kind: str
    rang: bool
    cause: str


@dataclass(frozen=True, slots=True)
class Leg:
    """One destination of the call."""

    line: str
    contact: str
    cause: str
    rang: bool


@dataclass(frozen=True, slots=True)
class Call:
    """One group call. ``outcome`` is empty until it is over."""

    outcome: str
    answered_by: str
    caller_name: str
    cause: str
    overflow: str
    wait_s: float
    talk_s: float
    entries: tuple[Entry, ...]
    legs: tuple[Leg, ...]

    @property
    def kinds(self) -> dict[str, str]:
        """Member → kind of the entry."""
        return {entry.user: entry.kind for entry in self.entries}

    @property
    def causes(self) -> dict[str, str]:
        """Member → hangup cause."""
        return {entry.user: entry.cause for entry in self.entries}

    @property
    def rang(self) -> set[str]:
        """The members whose phone rang."""
        return {entry.user for entry in self.entries if entry.rang}


_CALLS = """select call_id, coalesce(outcome, '') as outcome, answered_by_name as answered_by, caller_name, cause,
    overflow, coalesce(wait_ms, 0) / 1000.0 as wait_s, coalesce(talk_ms, 0) / 1000.0 as talk_s
    from calls where caller_number = ? order by arrived_at_ms"""
_ENTRIES = "select user_name as user, kind, rang, cause from journal_entries where call_id = ? order by position"
_LEGS = "select line, contact, cause, rang from legs where call_id = ? order by number"


def calls_of(database: Path, caller_number: str) -> list[Call]:
    """Return the calls of one caller, the oldest first."""
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        return [_read(connection, dict(row)) for row in connection.execute(_CALLS, (caller_number,))]


def _read(connection: sqlite3.Connection, row: dict[str, object]) -> Call:
    call_id = row.pop("call_id")
    entries = tuple(Entry(**dict(entry)) for entry in connection.execute(_ENTRIES, (call_id,)))
    legs = tuple(Leg(**dict(leg)) for leg in connection.execute(_LEGS, (call_id,)))
    return Call(**row, entries=entries, legs=legs)  # type: ignore[arg-type]
