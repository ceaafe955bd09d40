"""
What the database knows of one number: the calls that were missed, and who spoke with its owner afterwards.

Calls of the last 30 days count, at most the newest 500 of a number: a number that calls so often is one of a telephone
system.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import peewee

from esl_huntgroup.db.engine import execute, marks, quoted
from esl_huntgroup.journal.conditions import OF_MISSED
from esl_huntgroup.journal.follow_up import Contact, MissedCall, UnhandledEntry
from esl_huntgroup.model.call_ids import first_at
from esl_huntgroup.model.limits import DAY_MS
from esl_huntgroup.model.phone_numbers import e164, variants

DAYS_BACK_MS: Final = 30 * DAY_MS
CALLS_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A call that was answered outside, as it was told: ``line`` is the SIP account, ``number`` what was dialled."""

    channel_uuid: str
    line: str
    number: str
    answered_at_ms: int


@dataclass(frozen=True, slots=True)
class Resolved:
    """The same with what it means; ``contact`` is None where it was no member, or did not go outside."""

    channel_uuid: str
    e164: str
    contact: Contact | None


def outgoing(db: peewee.Database, limit: int) -> list[Outgoing]:
    """Return outgoing calls that nobody has followed yet. One query; raises peewee's exceptions."""
    sql = (
        "SELECT channel_uuid, line, number, answered_at_ms FROM outgoing_calls"
        f" WHERE followed_at_ms IS NULL ORDER BY channel_uuid LIMIT {db.param}"
    )
    return [Outgoing(*found) for found in execute(db, sql, (limit,)).fetchall()]


def resolve(db: peewee.Database, call: Outgoing, country: str, outside_prefix: str) -> Resolved:
    """
    Return whose call it was, and to which public number. Two queries; raises peewee's exceptions.

    A number that is a line or a group of the same domain is not outside, however it is written.
    """
    account, _, domain = call.line.rpartition("@")
    number = public(call.number, country, outside_prefix)
    ways = (call.number, *variants(number, country))
    owner = f"SELECT 1 FROM numbers WHERE domain = {db.param} AND number IN ({marks(db, ways)})"
    if not number or execute(db, owner, (domain, *ways)).fetchone():
        return Resolved(call.channel_uuid, number, None)
    lines = quoted(db, "lines")
    sql = (
        f"SELECT u.id, u.display_name FROM {lines} l JOIN users u ON u.id = l.user_id"
        f" WHERE l.domain = {db.param} AND l.account = {db.param} ORDER BY l.id LIMIT 1"
    )
    found = execute(db, sql, (domain, account)).fetchone()
    contact = Contact(int(found[0]), str(found[1]), call.answered_at_ms) if found else None
    return Resolved(call.channel_uuid, number, contact)


def public(dialled: str, country: str, outside_prefix: str) -> str:
    """Return the public number that was dialled, with or without the prefix of an outside line; empty for none."""
    if outside_prefix and dialled.startswith(outside_prefix):
        found = e164(dialled.removeprefix(outside_prefix), country)
        if found:
            return found
    return e164(dialled, country)


def of_number(
    db: peewee.Database, number: str, country: str, now_ms: int, more: Iterable[Contact] = ()
) -> tuple[list[MissedCall], list[Contact]]:
    """
    Return the missed calls of a number that are not handled, and who spoke with its owner; none without both.

    ``more`` are contacts that the database does not have yet. At most five queries; raises peewee's exceptions.
    """
    calls = _calls(db, variants(number, country), now_ms)
    contacts = [*more, *(_contact(call) for call in calls if call.answered_by is not None)]
    contacts += _outgoing_contacts(db, e164(number, country))
    missed = [call for call in calls if call.is_missed]
    if not contacts or not missed:
        return [], []
    return _missed(db, missed), contacts


@dataclass(frozen=True, slots=True)
class _Call:
    call_id: str
    group_id: int | None
    answered_at_ms: int | None
    ended_at_ms: int | None
    answered_by: int | None
    name: str

    @property
    def is_missed(self) -> bool:
        return self.ended_at_ms is not None and self.answered_at_ms is None


def _calls(db: peewee.Database, numbers: Sequence[str], now_ms: int) -> list[_Call]:
    if not numbers:
        return []
    sql = (
        "SELECT call_id, group_id, answered_at_ms, ended_at_ms, answered_by_user_id, answered_by_name FROM calls"
        f" WHERE caller_number IN ({marks(db, numbers)}) AND call_id >= {db.param}"
        f" ORDER BY call_id DESC LIMIT {CALLS_MAX}"
    )
    return [_Call(*found) for found in execute(db, sql, (*numbers, first_at(now_ms - DAYS_BACK_MS))).fetchall()]


def _contact(call: _Call) -> Contact:
    return Contact(call.answered_by or 0, call.name, call.answered_at_ms or 0, call.group_id or 0)


def _outgoing_contacts(db: peewee.Database, number: str) -> list[Contact]:
    if not number:
        return []
    sql = (
        "SELECT o.user_id, u.display_name, o.answered_at_ms FROM outgoing_calls o JOIN users u ON u.id = o.user_id"
        f" WHERE o.e164 = {db.param}"
    )
    return [Contact(*found) for found in execute(db, sql, (number,)).fetchall()]


def _missed(db: peewee.Database, calls: Sequence[_Call]) -> list[MissedCall]:
    ids = [call.call_id for call in calls]
    sql = (
        "SELECT call_id, position, user_id, handled_at_ms, reopened_at_ms FROM journal_entries"
        f" WHERE call_id IN ({marks(db, ids)}) AND {OF_MISSED} ORDER BY call_id, position"
    )
    entries: dict[str, list[UnhandledEntry]] = defaultdict(list)
    users: dict[str, set[int]] = defaultdict(set)
    for call_id, position, user_id, handled_at_ms, reopened_at_ms in execute(db, sql, ids).fetchall():
        users[call_id].add(user_id or 0)
        if handled_at_ms is None:
            entries[call_id].append(UnhandledEntry(position, user_id, reopened_at_ms or 0))
    left = [call for call in calls if call.call_id in entries]
    groups = {call.group_id for call in left if call.group_id is not None}
    own, superiors = _groups(db, groups)
    return [
        MissedCall(
            call.call_id,
            call.group_id,
            call.ended_at_ms or 0,
            call.group_id not in own,
            frozenset(users[call.call_id] | superiors[call.group_id or 0]),
            tuple(entries[call.call_id]),
        )
        for call in left
    ]


def _groups(db: peewee.Database, ids: Collection[int]) -> tuple[set[int], dict[int, set[int]]]:
    """Return which groups do not share their missed calls, and who leads or deputizes in each."""
    superiors: dict[int, set[int]] = defaultdict(set)
    if not ids:
        return set(), superiors
    values: tuple[Any, ...] = tuple(ids)
    sql = f"SELECT id, missed_shared FROM {quoted(db, 'groups')} WHERE id IN ({marks(db, values)})"
    own = {int(found[0]) for found in execute(db, sql, values).fetchall() if not found[1]}
    sql = f"SELECT group_id, user_id FROM superiors WHERE group_id IN ({marks(db, values)})"
    for group_id, user_id in execute(db, sql, values).fetchall():
        superiors[group_id].add(user_id)
    return own, superiors
