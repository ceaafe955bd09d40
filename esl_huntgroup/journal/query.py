"""
Journal entries, read for people: who called a group, and what each member has seen of it.

A page is read in one query: the newest calls that are wanted, found by an index, and what belongs to them. Where both
the call and the entry are asked about, one query before it finds out which of the two are few. The next page begins at
the cursor of the last.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import peewee

from esl_huntgroup.db import lookup
from esl_huntgroup.db.engine import database_errors, execute, marks, quoted
from esl_huntgroup.db.statements import rows
from esl_huntgroup.errors import InputError
from esl_huntgroup.journal import conditions
from esl_huntgroup.journal.call_view import Phone
from esl_huntgroup.journal.conditions import Condition, Cursor, Wanted
from esl_huntgroup.journal.view import JournalLine
from esl_huntgroup.model.call_ids import bounds, is_call_id, is_short
from esl_huntgroup.model.call_state import call_state
from esl_huntgroup.model.outcome import EntryKind, How, Outcome


@dataclass(frozen=True, slots=True)
class Page:
    """Lines of the journal, and where the next page begins; ``after`` is None with the last one."""

    lines: list[JournalLine]
    after: Cursor | None


def entries(
    db: peewee.Database,
    *,
    user: str | None = None,
    group: str | None = None,
    limit: int = 50,
    now_ms: int | None = None,
) -> list[JournalLine]:
    """
    Return what members have seen of group calls, newest call first, and in a call by position.

    A call that no member has an entry of is one line, without a user and a kind: one that rings now, say, or of whose
    end nobody has told. Not where it is asked for the entries of a user.

    ``user`` is a user's name, ``group`` a group's name or number, ``now_ms`` the time by which it is told whether an
    open call can still go on (None: the machine's). Takes one query, and one more for each of these two
    that is given. Raises InputError for a user or group that does not exist, and DatabaseError.
    """
    return page(db, wanted(db, user=user, group=group), limit, now_ms=now_ms).lines


def wanted(db: peewee.Database, *, user: str | None = None, group: str | None = None) -> Wanted:
    """
    Return what is wanted of a user and a group, as people name them; one query for each that is given.

    Raises InputError for one that does not exist, and DatabaseError.
    """
    with database_errors(db):
        return Wanted(
            user_id=None if user is None else _user_id(db, user),
            group_ids=None if group is None else _group_ids(db, group),
        )


def page(db: peewee.Database, wanted: Wanted, limit: int, *, now_ms: int | None = None) -> Page:
    """Return at most ``limit`` lines, newest call first, and in a call by position. One query; raises DatabaseError."""
    rest = [*conditions.of_entries(wanted), *conditions.of_rest(wanted)]
    (chosen, ids), (shown, values) = _calls(db, wanted, limit), conditions.where(rest)
    sql = f"{_entries(db)} JOIN ({chosen}) page ON page.call_id = c.call_id{shown} ORDER BY c.call_id DESC, e.position"
    with database_errors(db):
        found = rows(db, f"{sql} LIMIT ?", [*ids, *values, limit + 1])
    lines = [_line(row[1:], _now(now_ms)) for row in found[:limit]]
    is_last = len(found) <= limit
    position: Any = found[limit - 1][0] if lines and not is_last else None
    return Page(lines, None if is_last or not lines else Cursor(lines[-1].call_id, position))


def calls(db: peewee.Database, wanted: Wanted, limit: int) -> Page:
    """
    Return whole calls, at most ``limit`` of them, with all lines of each; newest first. One query.

    With a user or a kind, those calls of which there is such an entry. Raises DatabaseError.
    """
    chosen, ids = _calls(db, wanted, limit)
    sql = f"{_entries(db)} JOIN ({chosen}) page ON page.call_id = c.call_id ORDER BY c.call_id DESC, e.position"
    with database_errors(db):
        lines = [_line(row[1:], _now(None)) for row in rows(db, sql, ids)]
    order = list(dict.fromkeys(line.call_id for line in lines))
    if len(order) <= limit:
        return Page(lines, None)
    kept = set(order[:limit])
    return Page([line for line in lines if line.call_id in kept], Cursor(order[limit - 1]))


def phones(db: peewee.Database, call_ids: Sequence[str]) -> dict[str, list[Phone]]:
    """Return the phones of these calls, in the order in which they were to ring. One query; raises DatabaseError."""
    if not call_ids:
        return {}
    sql = f"""SELECT l.call_id, COALESCE(e.user_name, ''), l.line, l.rang, l.cause FROM legs l
        LEFT JOIN journal_entries e ON e.call_id = l.call_id AND e.user_id = l.user_id
        WHERE l.call_id IN ({marks(db, call_ids)}) ORDER BY l.call_id, l.{db.quote[0]}number{db.quote[1]}"""
    found: dict[str, list[Phone]] = {}
    with database_errors(db):
        for call_id, user_name, line, rang, cause in execute(db, sql, tuple(call_ids)).fetchall():
            found.setdefault(call_id, []).append(Phone(user_name, line, bool(rang), cause))
    return found


def all_pages(db: peewee.Database, wanted: Wanted, limit: int, *, by_call: bool) -> Iterator[Page]:
    """Yield one page after the other to the end; each is a query of its own, so nobody is kept from writing."""
    read = calls if by_call else page
    while True:
        found = read(db, wanted, limit)
        yield found
        if found.after is None:
            return
        wanted = replace(wanted, after=found.after)


def full_id(db: peewee.Database, call: str) -> str:
    """
    Return the id of the call of the journal that is meant by an id or its short form. At most one query.

    Raises InputError where there is none, or more than one, and DatabaseError.
    """
    text = call.lower()
    if is_call_id(text):
        return text
    found = short_ids(db, text) if is_short(text) else []
    if len(found) > 1:
        raise InputError(f"{call!r} is the short id of more than one call: one of {', '.join(found)} is accepted")
    if not found:
        raise InputError(f"there is no call {call!r}: an id that the journal shows is accepted")
    return found[0]


def short_ids(db: peewee.Database, short: str) -> list[str]:
    """Return the calls of the journal with this short id. One query; raises DatabaseError."""
    with database_errors(db):
        sql = f"SELECT call_id FROM calls WHERE call_id >= {db.param} AND call_id <= {db.param} ORDER BY call_id"
        return [str(row[0]) for row in execute(db, sql, bounds(short)).fetchall()]


_ENTRIES = """
SELECT e.position, c.call_id, c.arrived_at_ms, c.group_name, c.group_number, c.group_domain, c.caller_name,
       c.caller_number, e.user_name, e.kind, e.rang, e.cause, c.answered_by_name, c.wait_ms, c.talk_ms, c.outcome,
       c.answered_at_ms, g.ring_timeout_s, e.handled_at_ms, e.handled_by_name, e.handled_how
FROM calls c LEFT JOIN journal_entries e ON e.call_id = c.call_id LEFT JOIN {groups} g ON g.id = c.group_id"""
"""Call ids begin with the time, so their order is that of the calls."""
_MORE = 2
"""Calls beyond the page: one that may have been seen to its end, and one that says that there is more."""
_FEW = 1000


def _entries(db: peewee.Database) -> str:
    return _ENTRIES.format(groups=quoted(db, "groups"))


def _now(now_ms: int | None) -> int:
    return int(time.time() * 1000) if now_ms is None else now_ms


def _calls(db: peewee.Database, wanted: Wanted, limit: int) -> Condition:
    """Return the query of the newest calls that are wanted, so written that it reads little."""
    of_calls, of_entries = conditions.of_calls(wanted), conditions.of_entries(wanted)
    if not wanted.is_by_entry:
        where, values = conditions.where([*of_calls, *conditions.of_ids(wanted, "c.call_id")])
        return f"SELECT c.call_id FROM calls c{where} ORDER BY c.call_id DESC LIMIT ?", [*values, limit + _MORE]
    if wanted.is_by_call and _are_few(db, of_calls):
        sql, values = conditions.where(of_entries)
        exists = (f"EXISTS (SELECT 1 FROM journal_entries e{sql} AND e.call_id = c.call_id)", values)
        where, values = conditions.where([*of_calls, *conditions.of_ids(wanted, "c.call_id"), exists])
        return f"SELECT c.call_id FROM calls c{where} ORDER BY c.call_id DESC LIMIT ?", [*values, limit + _MORE]
    where, values = conditions.where([*of_entries, *of_calls, *conditions.of_ids(wanted, "e.call_id")])
    calls = " JOIN calls c ON c.call_id = e.call_id" if of_calls else ""
    sql = f"SELECT DISTINCT e.call_id FROM journal_entries e{calls}{where} ORDER BY e.call_id DESC LIMIT ?"
    return sql, [*values, limit + _MORE]


def _are_few(db: peewee.Database, of_calls: Sequence[Condition]) -> bool:
    """Return whether so few calls are of this kind that it is better to look at each than at the entries."""
    where, values = conditions.where(of_calls)
    with database_errors(db):
        return len(rows(db, f"SELECT 1 FROM calls c{where} LIMIT ?", [*values, _FEW])) < _FEW


def _line(row: Sequence[Any], now_ms: int) -> JournalLine:
    *stored, answered_at_ms, ring_timeout_s, handled_at_ms, handled_by_name, handled_how = row
    fields: dict[str, Any] = dict(zip(JournalLine.__slots__[: len(stored)], stored, strict=True))
    kind, outcome = fields["kind"], fields["outcome"]
    fields |= {
        "user_name": fields["user_name"] or "",
        "cause": fields["cause"] or "",
        "kind": None if kind is None else EntryKind(str(kind)),
        "rang": bool(fields["rang"]),
        "outcome": None if outcome is None else Outcome(str(outcome)),
        "state": call_state(
            is_over=outcome is not None,
            is_answered=answered_at_ms is not None,
            age_ms=now_ms - fields["arrived_at_ms"],
            ring_timeout_s=ring_timeout_s,
        ),
        "handled_at_ms": handled_at_ms,
        "handled_by_name": handled_by_name or "",
        "handled_how": None if handled_how is None else How(str(handled_how)),
    }
    return JournalLine(**fields)  # one value for each field, in the order of _ENTRIES


def _user_id(db: peewee.Database, name: str) -> int:
    found = lookup.user_id(db, name)
    if found is None:
        raise InputError(f"there is no user {name!r}: the name that the user was loaded with is accepted")
    return found


def _group_ids(db: peewee.Database, name: str) -> tuple[int, ...]:
    ids = tuple(group.id for group in lookup.groups(db, name))
    if not ids:
        raise InputError(f"there is no group {name!r}: the name or the number of a group is accepted")
    return ids
