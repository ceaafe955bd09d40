"""
A missed call is handled when somebody has dealt with it: said so by hand, called back, or taken the caller's next call.

In a group that shares its missed calls (``missed_shared``) one does so for all; elsewhere each for himself. A call
whose group is gone is shared. What happens by itself is in ``follow_up``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import peewee

from esl_huntgroup.db.engine import execute, quoted
from esl_huntgroup.journal import changes
from esl_huntgroup.journal.conditions import OF_MISSED, UNHANDLED
from esl_huntgroup.model.outcome import How

__all__ = ["UNHANDLED", "How", "handle", "shares_missed", "unhandle"]

NAME_MAX_CHARS: Final = 128


def handle(db: peewee.Database, call_id: str, user_id: int, user_name: str, at_ms: int) -> bool:
    """
    Note that a user has dealt with a missed call; return whether that changed anything.

    ``user_name`` is what the others read. Who may do so for whom is not asked here: where the missed calls of the group
    are not shared it reaches the user's own entry alone. One transaction; raises peewee's exceptions.
    """
    sql = (
        "UPDATE journal_entries SET handled_at_ms = {0}, handled_by_name = {0}, handled_how = {0},"
        f" reopened_at_ms = NULL WHERE call_id = {{0}} AND {UNHANDLED}"
    )
    return _change(
        db, sql, (at_ms, user_name[:NAME_MAX_CHARS], How.BY_HAND.value), call_id=call_id, user_id=user_id, at_ms=at_ms
    )


def unhandle(db: peewee.Database, call_id: str, user_id: int, user_name: str, at_ms: int) -> bool:  # noqa: ARG001
    """
    Take back that a missed call was handled, however it was; return whether that changed anything.

    What happened before ``at_ms`` will not handle it again. It reaches the same entries as ``handle``. One transaction;
    raises peewee's exceptions.
    """
    sql = (
        "UPDATE journal_entries SET handled_at_ms = NULL, handled_by_name = NULL, handled_how = NULL,"
        f" reopened_at_ms = {{0}} WHERE call_id = {{0}} AND handled_at_ms IS NOT NULL AND {OF_MISSED}"
    )
    return _change(db, sql, (at_ms,), call_id=call_id, user_id=user_id, at_ms=at_ms)


def shares_missed(db: peewee.Database, group_id: int | None) -> bool:
    """Return whether in this group one handles missed calls for all; a group that is gone does. One statement."""
    sql = f"SELECT missed_shared FROM {quoted(db, 'groups')} WHERE id = {db.param}"
    row = execute(db, sql, (group_id,)).fetchone()
    return row is None or bool(row[0])


def _is_shared(db: peewee.Database, call_id: str) -> bool:
    """Return whether one handles this missed call for all. One query; raises peewee's exceptions."""
    sql = (
        f"SELECT g.missed_shared FROM calls c JOIN {quoted(db, 'groups')} g ON g.id = c.group_id"
        f" WHERE c.call_id = {db.param}"
    )
    row = execute(db, sql, (call_id,)).fetchone()
    return row is None or bool(row[0])


def _change(db: peewee.Database, sql: str, values: Sequence[object], *, call_id: str, user_id: int, at_ms: int) -> bool:
    with db.atomic():
        own = () if _is_shared(db, call_id) else (user_id,)
        only = " AND user_id = {0}" if own else ""
        cursor = execute(db, (sql + only).format(db.param), (*values, call_id, *own))
        changed = int(cursor.rowcount) > 0
        if changed:
            changes.note(db, [call_id], at_ms)
    return changed
