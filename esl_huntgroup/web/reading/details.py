"""One call, with every member and every phone, as far as one reader may see them. Raises peewee's exceptions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import peewee

from esl_huntgroup.db.engine import quoted
from esl_huntgroup.db.statements import rows
from esl_huntgroup.model.call_state import CallState
from esl_huntgroup.web import clock
from esl_huntgroup.web.access import Access, Colleagues
from esl_huntgroup.web.reading import columns
from esl_huntgroup.web.reading.journal import entries_of, names_of
from esl_huntgroup.web.reading.rights import colleagues
from esl_huntgroup.web.reading.rows import Details, Entry, Leg, Member, Row


def call_details(db: peewee.Database, access: Access, call_id: str, now_ms: int | None = None) -> Details | None:
    """
    Return a call as somebody with this access sees it; None: there is none, or not for him.

    Everybody who sees a call sees which members it was for, and who took it. What became of the phone of a colleague
    (whether it was registered, busy, rang) is presence, and its number is a number: both are told as
    ``model.permissions`` says. At most eight statements.
    """
    sql = f"""SELECT {columns.CALL} FROM calls c LEFT JOIN {quoted(db, "groups")} g ON g.id = c.group_id
        WHERE c.call_id = ?"""
    found = rows(db, sql, (call_id,))
    if not found:
        return None
    entries = entries_of(db, [call_id])[call_id]
    call = columns.call(found[0], names_of(db, found))
    now = clock.now_ms() if now_ms is None else now_ms
    rings = not entries and call.state(now) is CallState.RINGING and call.group_id in access.member_groups
    if not (rings or access.sees_call(call.group_id, [entry.user_id for entry in entries])):
        return None
    is_whole = access.sees_journal(call.group_id)
    own = next((entry for entry in entries if entry.user_id == access.user_id), None)
    stored = [_Leg(*row) for row in rows(db, _legs(db), (call_id,))]
    ids = {user_id for user_id in (*_ids(entries), *_ids(stored)) if user_id is not None}
    seen = colleagues(db, access.user_id, ids - {access.user_id}) if ids else Colleagues(access.user_id)
    members = tuple(_members(entries, stored, seen, own if not is_whole else None, is_whole=is_whole))
    return Details(Row(call, own, tuple(entries) if is_whole else None), members, is_whole)


@dataclass(frozen=True, slots=True)
class _Leg:
    user_id: int | None
    line: str
    rang: bool
    cause: str


def _legs(db: peewee.Database) -> str:
    return (
        f"SELECT l.user_id, l.line, l.rang, l.cause FROM legs l WHERE l.call_id = ? ORDER BY l.{quoted(db, 'number')}"
    )


def _ids(things: Sequence[Entry | _Leg]) -> Iterator[int | None]:
    return (thing.user_id for thing in things)


def _members(
    entries: Sequence[Entry], legs: Sequence[_Leg], seen: Colleagues, own: Entry | None, *, is_whole: bool
) -> Iterator[Member]:
    """Give the members in their order, and at the end the phones of those who have no entry, such as the caller's."""
    for entry in entries:
        is_told = is_whole or seen.sees_presence(entry.user_id)
        theirs = [leg for leg in legs if leg.user_id is not None and leg.user_id == entry.user_id]
        yield Member(
            entry.user_id,
            entry.user_name,
            entry if is_whole or entry is own else None,
            entry.rang and is_told,
            entry.cause if is_told else "",
            is_told,
            tuple(_leg(leg, entry.user_name, seen, is_told=is_told) for leg in theirs),
        )
    known = {entry.user_id for entry in entries if entry.user_id is not None}
    for leg in legs:
        if leg.user_id not in known:
            is_told = is_whole or seen.sees_presence(leg.user_id)
            shown = _leg(leg, "", seen, is_told=is_told)
            yield Member(leg.user_id, "", None, shown.rang, shown.cause, is_told, (shown,))


def _leg(leg: _Leg, name: str, seen: Colleagues, *, is_told: bool) -> Leg:
    line = leg.line if seen.sees_line(leg.user_id, leg.line) else ""
    return Leg(leg.user_id, name, line, bool(leg.rang) and is_told, leg.cause if is_told else "", is_told)
