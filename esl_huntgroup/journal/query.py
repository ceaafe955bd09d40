"""Journal entries, read for people: who called a group, and what each member has seen of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import peewee

from esl_huntgroup.db.engine import database_errors, execute, quoted
from esl_huntgroup.errors import InputError
from esl_huntgroup.journal.view import JournalLine
from esl_huntgroup.model.call_state import call_state
from esl_huntgroup.model.outcome import EntryKind, Outcome


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
    with database_errors(db):
        conditions = []
        parameters: list[object] = []
        if user is not None:
            conditions.append("e.user_id = {0}")
            parameters.append(_user_id(db, user))
        if group is not None:
            ids = _group_ids(db, group)
            conditions.append(f"c.group_id IN ({', '.join(['{0}'] * len(ids))})")
            parameters += ids
        newest = "c.call_id" if user is None else "e.call_id"
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        template = f"{_ENTRIES} {where} ORDER BY {newest} DESC, e.position LIMIT {{0}}"
        sql = template.format(db.param, quoted(db, "groups"))
        now = int(time.time() * 1000) if now_ms is None else now_ms
        return [_line(row, now) for row in execute(db, sql, (*parameters, limit)).fetchall()]


_ENTRIES = """
SELECT c.call_id, c.arrived_at_ms, c.group_name, c.group_number, c.group_domain, c.caller_name, c.caller_number,
       e.user_name, e.kind, e.rang, e.cause, c.answered_by_name, c.wait_ms, c.talk_ms, c.outcome,
       c.answered_at_ms, g.ring_timeout_s
FROM calls c LEFT JOIN journal_entries e ON e.call_id = c.call_id LEFT JOIN {1} g ON g.id = c.group_id"""
"""Call ids begin with the time, so their order is that of the calls."""


def _line(row: Sequence[Any], now_ms: int) -> JournalLine:
    *stored, answered_at_ms, ring_timeout_s = row
    fields: dict[str, Any] = dict(zip(JournalLine.__slots__[:-1], stored, strict=True))
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
    }
    return JournalLine(**fields)  # one value for each field, in the order of _ENTRIES, and the state


def _user_id(db: peewee.Database, name: str) -> int:
    row = execute(db, f"SELECT id FROM users WHERE name = {db.param}", (name,)).fetchone()
    if row is None:
        raise InputError(f"there is no user {name!r}: the name that the user was loaded with is accepted")
    return int(row[0])


def _group_ids(db: peewee.Database, name: str) -> list[int]:
    sql = f"SELECT id FROM {quoted(db, 'groups')} WHERE name = {db.param} OR number = {db.param}"
    ids = [int(row[0]) for row in execute(db, sql, (name, name)).fetchall()]
    if not ids:
        raise InputError(f"there is no group {name!r}: the name or the number of a group is accepted")
    return ids
