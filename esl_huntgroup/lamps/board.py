"""
What goes on in the groups that have a lamp: the calls of the journal, followed by what has changed in it.

That is the stream of which the page lives, too. Every service writes into the one journal, so the board knows the calls
of all of them, at every switch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import peewee

from esl_huntgroup.db.engine import drop_connection, portions, quoted
from esl_huntgroup.db.statements import rows
from esl_huntgroup.journal.changes import ChangeReader, from_now_on
from esl_huntgroup.lamps.lamp import GroupCall, Lamp, LampGroup, lamps
from esl_huntgroup.model.call_ids import first_at
from esl_huntgroup.model.call_state import CONVERSATION_MAX_MS

CHANGES_AT_ONCE: Final = 500

_COLUMNS: Final = "call_id, group_id, caller_name, caller_number, arrived_at_ms, answered_at_ms, ringing"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class Board:
    """Follows one database. Belongs to one thread; ``now_ms`` is the clock of the calls."""

    def __init__(self, db: peewee.Database, now_ms: Callable[[], int] = _now_ms) -> None:
        """Take the database, which need not be there. Connects to nothing."""
        self._db = db
        self._now_ms = now_ms
        self._reader: ChangeReader | None = None
        self._calls: dict[str, GroupCall] = {}

    def look(self) -> dict[str, Lamp]:
        """
        Return what each lamp shows now, by its address.

        A fixed number of statements, two where nothing has changed, one where no group has a lamp. Raises peewee's
        exceptions; the next look begins anew then.
        """
        try:
            groups = self._groups()
            if groups:
                self._follow()
            else:
                self._reader = None
            return lamps(groups, self._calls.values(), self._now_ms())
        except peewee.PeeweeException:
            drop_connection(self._db)
            self._reader = None
            raise

    def _groups(self) -> list[LampGroup]:
        sql = f"""SELECT id, number, domain, ring_timeout_s FROM {quoted(self._db, "groups")}
            WHERE lamp AND number IS NOT NULL AND hunt_mode <> 'disabled' ORDER BY id"""
        found = rows(self._db, sql)
        return [LampGroup(int(id_), f"{number}@{domain}", int(limit_s)) for id_, number, domain, limit_s in found]

    def _follow(self) -> None:
        if self._reader is None:
            reader = from_now_on(self._db)
            since = first_at(max(self._now_ms() - CONVERSATION_MAX_MS, 0))
            self._calls = self._read("call_id >= ?", [since])
            self._reader = reader
            return
        changed: list[str] = []
        while found := self._reader.read(self._db, CHANGES_AT_ONCE):
            changed += [call_id for change in found for call_id in change.call_ids]
        for ids in portions(list(dict.fromkeys(changed))):
            going_on = self._read(f"call_id IN ({', '.join('?' * len(ids))})", ids)
            for call_id in ids:
                self._calls.pop(call_id, None)
            self._calls |= going_on

    def _read(self, which: str, values: Sequence[object]) -> dict[str, GroupCall]:
        """Return those of these calls that have a group and no end."""
        sql = f"SELECT {_COLUMNS} FROM calls WHERE ended_at_ms IS NULL AND group_id IS NOT NULL AND {which}"
        return {str(row[0]): _call(row) for row in rows(self._db, sql, values)}


def _call(row: Sequence[Any]) -> GroupCall:
    call_id, group_id, name, number, arrived_at_ms, answered_at_ms, ringing = row
    return GroupCall(call_id, group_id, name, number, arrived_at_ms, answered_at_ms is not None, bool(ringing))
