"""Journal entries, read for people: who called a group, and what each member has seen of it."""

from __future__ import annotations

from collections.abc import Sequence

import peewee

from esl_huntgroup.db import lookup
from esl_huntgroup.db.engine import database_errors, execute
from esl_huntgroup.errors import InputError
from esl_huntgroup.journal.view import JournalLine
from esl_huntgroup.model.outcome import EntryKind, Outcome


def entries(
    db: peewee.Database, *, user: str | None = None, group: str | None = None, limit: int = 50
) -> list[JournalLine]:
    """
    Return what members have seen of group calls, newest call first, and in a call by position.

    A call that has ended and that no member has an entry of is one line, without a user and a kind; unless it is asked
    for the entries of a user.

    ``user`` is a user's name, ``group`` a group's name or number. Takes one query, and one more for each of these two
    that is given. Raises InputError for a user or group that does not exist, and DatabaseError.
    """
    with database_errors(db):
        conditions = ["(e.call_id IS NOT NULL OR c.outcome IS NOT NULL)"]
        parameters: list[object] = []
        if user is not None:
            conditions.append("e.user_id = {0}")
            parameters.append(_user_id(db, user))
        if group is not None:
            ids = _group_ids(db, group)
            conditions.append(f"c.group_id IN ({', '.join(['{0}'] * len(ids))})")
            parameters += ids
        newest = "c.call_id" if user is None else "e.call_id"
        where = f"WHERE {' AND '.join(conditions)}"
        sql = f"{_ENTRIES} {where} ORDER BY {newest} DESC, e.position LIMIT {{0}}".format(db.param)
        return [_line(row) for row in execute(db, sql, (*parameters, limit)).fetchall()]


_ENTRIES = """
SELECT c.call_id, c.arrived_at_ms, c.group_name, c.group_number, c.group_domain, c.caller_name, c.caller_number,
       e.user_name, e.kind, e.rang, e.cause, c.answered_by_name, c.wait_ms, c.talk_ms, c.outcome
FROM calls c LEFT JOIN journal_entries e ON e.call_id = c.call_id"""
"""Call ids begin with the time, so their order is that of the calls."""


def _line(row: Sequence[object]) -> JournalLine:
    fields = dict(zip(JournalLine.__slots__, row, strict=True))
    kind, outcome = fields["kind"], fields["outcome"]
    fields |= {
        "user_name": fields["user_name"] or "",
        "cause": fields["cause"] or "",
        "kind": None if kind is None else EntryKind(str(kind)),
        "rang": bool(fields["rang"]),
        "outcome": None if outcome is None else Outcome(str(outcome)),
    }
    return JournalLine(**fields)  # type: ignore[arg-type]  # one value for each field, in the order of _ENTRIES


def _user_id(db: peewee.Database, name: str) -> int:
    found = lookup.user_id(db, name)
    if found is None:
        raise InputError(f"there is no user {name!r}: the name that the user was loaded with is accepted")
    return found


def _group_ids(db: peewee.Database, name: str) -> list[int]:
    ids = [group.id for group in lookup.groups(db, name)]
    if not ids:
        raise InputError(f"there is no group {name!r}: the name or the number of a group is accepted")
    return ids
