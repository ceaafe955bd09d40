"""The journal as a test sees it: one call, what each member has of it, and its legs, read from the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import peewee

from esl_huntgroup.db.engine import execute, open_database

MEMBERS = ("Anna Berg", "Ben Wolf", "Carla Diaz", "Dora Lang", "Emil Frey")
"""Whoever has a softphone in the group 700, in order."""


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

    call_id: str
    node: str
    worker: str
    outcome: str
    answered_by: str
    caller_number: str
    caller_name: str
    cause: str
    overflow: str
    wait_s: float
    talk_s: float
    arrived_at_ms: int
    ended_at_ms: int | None
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


def assert_whole(call: Call, members: Sequence[str] = MEMBERS) -> None:
    """Assert that the rows of a call to the group 700 are complete, and say one thing only."""
    assert call.outcome, call
    assert call.ended_at_ms, call
    assert [entry.user for entry in call.entries] == list(members), call
    winners = [entry.user for entry in call.entries if entry.kind == "answered"]
    if call.outcome == "answered":
        assert winners == [call.answered_by], call
        assert [leg.cause for leg in call.legs].count("NONE") == 1, call
        assert set(call.kinds.values()) == {"answered", "answered_elsewhere"}, call
    elif call.outcome == "picked_up":
        assert winners == [call.answered_by] * (call.answered_by in members), call
        assert set(call.kinds.values()) <= {"answered", "answered_elsewhere"}, call
    else:
        assert (winners, call.answered_by) == ([], ""), call
        assert set(call.kinds.values()) <= {"missed", "not_signalled"}, call


_CALLS = """select call_id, node, worker, coalesce(outcome, ''), answered_by_name, caller_number, caller_name, cause,
    overflow, coalesce(wait_ms, 0) / 1000.0, coalesce(talk_ms, 0) / 1000.0, arrived_at_ms, ended_at_ms
    from calls where caller_number like {} order by caller_number, arrived_at_ms"""
_ENTRIES = "select user_name, kind, rang, cause from journal_entries where call_id = {} order by position"
_LEGS = "select line, contact, cause, rang from legs where call_id = {} order by number"


def calls_of(url: str, caller_number: str) -> list[Call]:
    """Return the calls of one caller, the oldest first; ``%`` stands for the rest of a number."""
    db = open_database(url)
    try:
        return [_read(db, row) for row in _rows(db, _CALLS, caller_number)]
    finally:
        db.close()


def _read(db: peewee.Database, row: tuple[Any, ...]) -> Call:
    entries = tuple(Entry(user, kind, bool(rang), cause) for user, kind, rang, cause in _rows(db, _ENTRIES, row[0]))
    legs = tuple(Leg(line, contact, cause, bool(rang)) for line, contact, cause, rang in _rows(db, _LEGS, row[0]))
    values: list[Any] = [float(value) if isinstance(value, Decimal) else value for value in (*row, entries, legs)]
    return Call(*values)


def _rows(db: peewee.Database, sql: str, key: str) -> list[tuple[Any, ...]]:
    return list(execute(db, sql.format(db.param), (key,)).fetchall())
