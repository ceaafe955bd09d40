"""
The journal: written so that no record is lost and no call waits, and read for people.

A call hands its records to ``Journal.record`` and goes on. One native thread owns the database connection; it takes
everything that is waiting and stores it in one transaction. When the database is away, records go to the spool, in
order; when it is back, the spool goes first. Every record may be stored twice without harm (see ``journal_store``), so
whatever is in doubt is stored again.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import peewee

from esl_huntgroup.database import database_errors, dialect, drop_connection, execute, explain, open_database, quoted
from esl_huntgroup.errors import InputError
from esl_huntgroup.group import Outcome
from esl_huntgroup.journal_store import JournalStore, Refused
from esl_huntgroup.journal_view import JournalLine
from esl_huntgroup.outcome import EntryKind, JournalRecord
from esl_huntgroup.spool import Spool, from_line, to_line

__all__ = ["Journal", "JournalLine", "entries"]

BATCH_MAX = 500
"""Records in one transaction: enough to make its cost vanish, few enough to hold SQLite's lock for milliseconds."""
GATHER_S = 0.04
"""How long a record waits for company: less than half of the 100 ms in which an answer has to be on disk."""
BUSY_TIMEOUT_MS = 100
"""How long the thread waits for another writer of SQLite; after that, the spool is the safer place."""
RETRY_FIRST_S = 0.5
RETRY_MAX_S = 30.0

log = logging.getLogger(__name__)


class Journal:
    """The writer. Its public methods never touch the database; the connection belongs to its thread."""

    def __init__(
        self,
        open_db: Callable[[], peewee.Database] | str,
        spool_path: Path,
        *,
        retry_first_s: float = RETRY_FIRST_S,
        gather_s: float = GATHER_S,
    ) -> None:
        """Take the URL of the database, or what opens it. Connects to nothing."""
        self._db = open_database(open_db, busy_timeout_ms=BUSY_TIMEOUT_MS) if isinstance(open_db, str) else open_db()
        self._store = JournalStore(self._db)
        self._spool = Spool(spool_path)
        self._retry_first_s = retry_first_s
        self._gather_s = gather_s
        self._queue: queue.SimpleQueue[JournalRecord | None] = queue.SimpleQueue()
        self._in_hand: list[JournalRecord] = []
        self._received = 0
        self._settled = 0
        self._retry_s = retry_first_s
        self._retry_at = 0.0
        self._outage = False
        self._replayed = 0
        self._abandoned = False
        self._done = False
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)

    @property
    def backlog(self) -> int:
        """How many records are not in the database yet, in memory or in the spool."""
        return self._received - self._settled

    def start(self) -> None:
        """
        Open the spool, and start to write what an earlier run has left in it.

        Raises InputError when the spool cannot be used. The database need not be there.
        """
        self._spool.open()
        if self._spool.count:
            log.warning("journal: %d records of an earlier run are in %s", self._spool.count, self._spool.path)
        self._received = self._spool.count
        self._thread.start()

    def record(self, record: JournalRecord) -> None:
        """
        Take a record over, which from here on is the journal's to lose.

        Never waits and raises nothing. Belongs to one thread, that of the gevent hub.
        """
        self._received += 1
        self._queue.put(record)

    def stop(self, timeout_s: float) -> int:
        """
        Store what is waiting, and return how many records are in the spool instead of the database.

        Waits at most ``timeout_s``, and blocks the calling thread meanwhile. When the database has not taken the
        records by then, they go to the spool. Raises nothing.
        """
        self._queue.put(None)
        self._thread.join(timeout_s)
        if not self._done or self._in_hand:
            self._abandon()
        self._spool.close()
        return self._spool.count

    def _run(self) -> None:
        is_running = True
        while is_running:
            is_running = self._take()
            self._keep_in_hand()
            if self._abandoned:
                return
            if self._spool.count and (time.monotonic() >= self._retry_at or not is_running):
                self._replay()
        while self._spool.count and self._replay():
            pass
        drop_connection(self._db)
        self._done = True

    def _take(self) -> bool:
        """Take in hand what is waiting, or wait until there is something to do; return whether to go on."""
        taken = 0
        try:
            record = self._queue.get(timeout=self._patience_s())
            if record is not None:
                time.sleep(self._gather_s)
            while record is not None:
                self._in_hand.append(record)
                taken += 1
                if taken == BATCH_MAX:
                    return True
                record = self._queue.get_nowait()
        except queue.Empty:
            return True
        return False

    def _patience_s(self) -> float | None:
        if not self._spool.count and not self._in_hand:
            return None
        return max(self._retry_at - time.monotonic(), 0.0)

    def _keep_in_hand(self) -> None:
        """Put what is in hand into the database, or behind what is in the spool already."""
        records = self._in_hand
        if not records:
            return
        if not self._spool.count and self._stored(records):
            self._settled += len(records)
        elif self._abandoned or not self._spooled(records):
            return
        self._in_hand = []
        self._end_outage()

    def _spooled(self, records: Sequence[JournalRecord]) -> bool:
        """Put the records into the spool; return False when the disk does not take them."""
        try:
            self._spool.append(records)
        except OSError as error:
            log.error("journal: %d records stay in memory, the spool cannot be written: %s", len(records), error)
            return False
        return True

    def _replay(self) -> bool:
        """Store the oldest part of the spool; return whether the database took it."""
        lines = self._spool.read(BATCH_MAX)
        if not self._stored([record for line in lines if (record := self._read(line))]):
            return False
        self._spool.consume(lines)
        self._settled += len(lines)
        self._replayed += len(lines)
        self._end_outage()
        return True

    def _end_outage(self) -> None:
        """Say that nothing waits in the spool any more, if something did."""
        if not self._spool.count and (self._outage or self._replayed):
            log.warning("journal: the database takes records again, %d came from the spool", self._replayed)
            self._outage, self._replayed = False, 0

    def _read(self, line: bytes) -> JournalRecord | None:
        try:
            return from_line(line)
        except ValueError as error:
            self._set_aside(line, str(error), "?")
            return None

    def _stored(self, records: Sequence[JournalRecord]) -> bool:
        """Store the records, or set aside what the database refuses; return False when it is out of order."""
        try:
            self._write_on_live_connection(records)
        except peewee.PeeweeException as error:
            drop_connection(self._db)
            self._put_off(error)
            return False
        self._retry_s = self._retry_first_s
        return True

    def _write_on_live_connection(self, records: Sequence[JournalRecord]) -> None:
        """Write; on a server, that the connection died while it was idle shows only now: try once more."""
        try:
            self._write(records)
        except peewee.PeeweeException:
            if dialect(self._db) == "sqlite":
                raise
            drop_connection(self._db)
            self._write(records)

    def _write(self, records: Sequence[JournalRecord]) -> None:
        try:
            self._store.write(records)
        except Refused:
            for record in records:
                self._write_alone(record)

    def _write_alone(self, record: JournalRecord) -> None:
        """Write one record, without users and groups that are gone if need be; set it aside if it is refused still."""
        try:
            self._store.write([record])
        except Refused:
            try:
                self._store.write([record], self._store.gone(record))
            except Refused as why:
                self._set_aside(to_line(record), str(why), record.call_id)

    def _set_aside(self, line: bytes, why: str, call_id: str) -> None:
        """Keep a record that can never be stored where a person finds it."""
        try:
            self._spool.set_aside(line, why)
        except OSError as error:
            log.error("journal: %s cannot be written (%s); the record is: %r", self._spool.rejected_path, error, line)
        log.error("journal: a record of call %s is refused and now in %s: %s", call_id, self._spool.rejected_path, why)

    def _put_off(self, error: peewee.PeeweeException) -> None:
        self._retry_at = time.monotonic() + self._retry_s
        self._retry_s = min(self._retry_s * 2, RETRY_MAX_S)
        if not self._outage:
            log.warning("journal: records go to %s: %s", self._spool.path, explain(self._db, error))
        self._outage = True

    def _abandon(self) -> None:
        """Put into the spool what the thread, which hangs in the database, will not store in time."""
        self._abandoned = True
        waiting = [*self._in_hand]
        while not self._queue.empty():
            record = self._queue.get_nowait()
            if record is not None:
                waiting.append(record)
        try:
            self._spool.append(waiting)
        except OSError as error:
            log.error("journal: %d records are lost, the spool cannot be written: %s", len(waiting), error)


def entries(
    db: peewee.Database, *, user: str | None = None, group: str | None = None, limit: int = 50
) -> list[JournalLine]:
    """
    Return what members have seen of group calls, newest call first, and in a call by position.

    ``user`` is a user's name, ``group`` a group's name or number. Takes one query, and one more for each of these two
    that is given. Raises InputError for a user or group that does not exist, and DatabaseError.
    """
    with database_errors(db):
        conditions: list[str] = []
        parameters: list[object] = []
        if user is not None:
            conditions.append("e.user_id = {0}")
            parameters.append(_user_id(db, user))
        if group is not None:
            ids = _group_ids(db, group)
            conditions.append(f"c.group_id IN ({', '.join(['{0}'] * len(ids))})")
            parameters += ids
        newest = "e.call_id" if group is None or user is not None else "c.call_id"
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        sql = f"{_ENTRIES} {where} ORDER BY {newest} DESC, e.position LIMIT {{0}}".format(db.param)
        return [_line(row) for row in execute(db, sql, (*parameters, limit)).fetchall()]


_ENTRIES = """
SELECT e.call_id, c.arrived_at_ms, c.group_name, c.group_number, c.group_domain, c.caller_name, c.caller_number,
       e.user_name, e.kind, e.rang, e.cause, c.answered_by_name, c.wait_ms, c.talk_ms, c.outcome
FROM journal_entries e JOIN calls c ON c.call_id = e.call_id"""
"""Call ids begin with the time, so their order is that of the calls."""


def _line(row: Sequence[object]) -> JournalLine:
    fields = dict(zip(JournalLine.__slots__, row, strict=True))
    outcome = fields["outcome"]
    fields |= {
        "kind": EntryKind(str(fields["kind"])),
        "rang": bool(fields["rang"]),
        "outcome": None if outcome is None else Outcome(str(outcome)),
    }
    return JournalLine(**fields)  # type: ignore[arg-type]  # one value for each field, in the order of _ENTRIES


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
