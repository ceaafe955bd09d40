"""The calls of the journal that have no end yet, and the rows that the second witness adds to them."""

from __future__ import annotations

from collections.abc import Sequence

import peewee

from esl_huntgroup.database import database_errors, execute
from esl_huntgroup.directory import find_group
from esl_huntgroup.errors import DatabaseError
from esl_huntgroup.group import HuntGroup, HuntMode
from esl_huntgroup.journal_store import JournalStore, Refused
from esl_huntgroup.outcome import JournalRecord
from esl_huntgroup.testimony import OpenCall

OLDEST_MS = 7 * 24 * 3600 * 1000
"""Calls older than this are not looked for: ids begin with the time, so the search touches the newest rows only."""

_OPEN = """
SELECT call_id, channel_uuid, arrived_at_ms, answered_at_ms, group_id, group_name, group_domain, group_number
FROM calls WHERE call_id >= {0} AND ended_at_ms IS NULL AND node = {0} ORDER BY call_id"""
_STILL_OPEN = "SELECT answered_at_ms FROM calls WHERE call_id = {0} AND ended_at_ms IS NULL"


def open_calls(db: peewee.Database, node: str, now_ms: int) -> list[OpenCall]:
    """
    Return the calls of one switch that have no end, oldest first, with their groups as they are now.

    One query, and two more for each group that such a call is of. Raises DatabaseError.
    """
    with database_errors(db):
        rows = execute(db, _OPEN.format(db.param), (_first_id(now_ms - OLDEST_MS), node)).fetchall()
    groups: dict[tuple[str, str], HuntGroup | None] = {}
    found = []
    for call_id, channel_uuid, arrived_at_ms, answered_at_ms, group_id, name, domain, number in rows:
        key = (domain, number)
        if key not in groups:
            groups[key] = find_group(db, domain, number)
        gone = HuntGroup(group_id or 0, name, domain, number, HuntMode.DISABLED, 0)
        found.append(OpenCall(call_id, channel_uuid, arrived_at_ms, answered_at_ms, groups[key] or gone))
    return found


def complete(db: peewee.Database, call: OpenCall, records: Sequence[JournalRecord]) -> bool:
    """
    Store what the journal lacks of a call; return False when its own service was faster, and nothing was stored.

    Raises DatabaseError.
    """
    store = JournalStore(db)
    try:
        with database_errors(db):
            rows = execute(db, _STILL_OPEN.format(db.param), (call.call_id,)).fetchall()
            if not rows or (rows[0][0] is None) != (call.answered_at_ms is None):
                return False
            store.write(records)
    except Refused as why:
        raise DatabaseError(f"the database refuses the end of call {call.call_id}: {why}") from why
    return True


def _first_id(at_ms: int) -> str:
    """Return what sorts before every call id of this moment and later."""
    time = f"{max(at_ms, 0):012x}"
    return f"{time[:8]}-{time[8:]}"
