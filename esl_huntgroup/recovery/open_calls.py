"""The calls of the journal that have no end yet, and the rows that the second witness adds to them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import peewee

from esl_huntgroup.calls.directory import find_group
from esl_huntgroup.db.engine import database_errors, dialect, execute, marks
from esl_huntgroup.errors import RowRefused
from esl_huntgroup.journal.records import JournalRecord
from esl_huntgroup.journal.store import JournalStore, Refused
from esl_huntgroup.model.call_state import CONVERSATION_MAX_MS
from esl_huntgroup.model.group import HuntGroup, HuntMode
from esl_huntgroup.recovery.channel_state import OpenCall

RECENT_MS = 7 * 24 * 3600 * 1000
"""Calls older than this are looked for less often. Ids begin with the time, so that their order is that of arrival."""
ORPHANED_MS = CONVERSATION_MAX_MS
"""After this time a call of a switch that nobody here watches counts as over."""

_COLUMNS = """call_id, channel_uuid, arrived_at_ms, answered_at_ms, group_id, group_name, group_domain, group_number,
EXISTS (SELECT 1 FROM legs WHERE legs.call_id = calls.call_id AND legs.cause = 'NONE') FROM calls"""
_OPEN = f"SELECT {_COLUMNS} WHERE call_id >= {{0}} AND ended_at_ms IS NULL AND node = {{0}} ORDER BY call_id"
_ORPHANS = f"SELECT {_COLUMNS} WHERE arrived_at_ms < {{0}} AND ended_at_ms IS NULL AND node NOT IN ({{1}})"
"""Not by ``call_id``, which says the same: for its sake SQLite would read the whole journal by the primary key."""
_STILL_OPEN = "SELECT answered_at_ms FROM calls WHERE call_id = {0} AND ended_at_ms IS NULL"


def open_calls(db: peewee.Database, node: str, since_ms: int) -> list[OpenCall]:
    """
    Return the calls of one switch since then that have no end, oldest first, with their groups as they are now.

    One query, and two more for each group that such a call is of. Raises DatabaseError.
    """
    return _found(db, _OPEN.format(db.param), (_first_id(since_ms), node))


def orphans(db: peewee.Database, watched: Collection[str], now_ms: int) -> list[OpenCall]:
    """
    Return the calls without an end whose switch is none of the ``watched``, and that are older than a day, in no order.

    Raises DatabaseError.
    """
    return _found(db, _ORPHANS.format(db.param, marks(db, watched)), (now_ms - ORPHANED_MS, *watched))


def _found(db: peewee.Database, sql: str, parameters: Sequence[object]) -> list[OpenCall]:
    with database_errors(db):
        rows = execute(db, sql, parameters).fetchall()
    groups: dict[tuple[str, str], HuntGroup | None] = {}
    found = []
    for call_id, channel_uuid, arrived_at_ms, answered_at_ms, group_id, name, domain, number, has_winner in rows:
        key = (domain, number)
        if key not in groups:
            groups[key] = find_group(db, domain, number)
        gone = HuntGroup(group_id or 0, name, domain, number, HuntMode.DISABLED, 0)
        group = groups[key] or gone
        was_picked_up = answered_at_ms is not None and not has_winner
        found.append(OpenCall(call_id, channel_uuid, arrived_at_ms, answered_at_ms, group, was_picked_up))
    return found


def complete(db: peewee.Database, call: OpenCall, records: Sequence[JournalRecord]) -> bool:
    """
    Store what the journal lacks of a call; return False when somebody else was faster, and nothing was stored.

    One transaction, in which the row of the call is locked: whoever else tells of this call does so before or after.
    Raises DatabaseError, and of that RowRefused when only this call cannot be stored.
    """
    store = JournalStore(db)
    try:
        with database_errors(db), db.atomic():
            rows = execute(db, _STILL_OPEN.format(db.param) + _lock(db), (call.call_id,)).fetchall()
            if not rows or (rows[0][0] is None) != (call.answered_at_ms is None):
                return False
            store.write(records)
    except Refused as why:
        raise RowRefused(f"the database refuses the end of call {call.call_id}: {why}") from why
    return True


def _lock(db: peewee.Database) -> str:
    """Return what locks the row that is read; SQLite locks the whole database when the transaction begins."""
    return "" if dialect(db) == "sqlite" else " FOR UPDATE"


def _first_id(at_ms: int) -> str:
    """Return what sorts before every call id of this moment and later."""
    time = f"{max(at_ms, 0):012x}"
    return f"{time[:8]}-{time[8:]}"
