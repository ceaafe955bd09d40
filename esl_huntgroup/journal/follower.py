"""
The follower of the journal: ``python -m esl_huntgroup.journal.follower``, a ``sidecar`` of the workers.

It reads what has changed in the journal, and what calls of members were answered outside; it keeps the callers for the
search, and marks missed calls as handled by what happened later (``follow_up`` decides). What it writes and how far it
has come is one transaction: it may be killed at any moment, and several on one database do no harm.

What it is to do it reads from its standard input (see ``processes.child``).
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import peewee

from esl_huntgroup import logs
from esl_huntgroup.db.engine import drop_connection, execute, explain, insert_rows, marks, open_database, portions
from esl_huntgroup.errors import HuntgroupError
from esl_huntgroup.journal import callers, changes, follow_up, reached
from esl_huntgroup.journal.callers import Caller
from esl_huntgroup.journal.changes import Change, ChangeReader
from esl_huntgroup.journal.follow_up import Contact, Mark
from esl_huntgroup.journal.followed import Followed
from esl_huntgroup.journal.reached import Resolved
from esl_huntgroup.journal.writer import patience
from esl_huntgroup.model.limits import DAY_MS
from esl_huntgroup.model.phone_numbers import e164, is_withheld
from esl_huntgroup.processes import child

NAME: Final = "follower"
"""The name of its position in the table ``followers``."""
LOOK_EVERY_S: Final = 0.25
TELL_EVERY_S: Final = 1.0
CHANGES_AT_ONCE: Final = 100
OUTGOING_AT_ONCE: Final = 100
CLEAN_UP_EVERY_S: Final = 3600.0
CHANGES_KEPT_MS: Final = DAY_MS
OUTGOING_KEPT_MS: Final = 7 * DAY_MS
CALLERS_KNOWN_MAX: Final = 10_000
PATIENCE_S: Final = 60.0
RETRY_FIRST_S: Final = 0.5
RETRY_MAX_S: Final = 30.0
NICE: Final = 5

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FollowerConfig:
    """What the service tells its follower: the database, and how members write numbers."""

    database: str
    country: str = "DE"
    outside_prefix: str = ""
    log_level: str = "info"
    log_format: str = "text"


@dataclass(frozen=True, slots=True)
class _Found:
    """What was read of one portion, and what is to be written."""

    changes: Sequence[Change]
    callers: set[Caller]
    outgoing: Sequence[Resolved]
    marks: Sequence[Mark]


class Follower:
    """Follows one database. Belongs to one thread."""

    def __init__(self, db: peewee.Database, config: FollowerConfig) -> None:
        """Take the database, which need not be there. Connects to nothing."""
        self._db = db
        self._config = config
        self._reader: ChangeReader | None = None
        self._known: set[Caller] = set()
        self._retry_s, self._retry_at = RETRY_FIRST_S, 0.0
        self._clean_up_at = 0.0
        self._is_out = False
        self._is_up_to_date_at = time.monotonic()
        self._failures = 0
        self._handled = Counter[str]()

    @property
    def followed(self) -> Followed:
        """How far it is, and what it has done."""
        return Followed(time.monotonic() - self._is_up_to_date_at, self._failures, self._handled)

    def round(self) -> bool:
        """Follow one portion; return whether more may wait. Raises nothing: a database that is away is tried again."""
        if time.monotonic() < self._retry_at:
            return False
        try:
            with patience(self._db, PATIENCE_S):
                is_more = self._follow()
        except peewee.PeeweeException as error:
            self._failed(error)
            return False
        if self._is_out:
            log.warning("follower: the database can be used again")
        self._is_out, self._retry_s = False, RETRY_FIRST_S
        if not is_more:
            self._is_up_to_date_at = time.monotonic()
        return is_more

    def close(self) -> None:
        """Let go of the database."""
        drop_connection(self._db)

    def _failed(self, error: peewee.PeeweeException) -> None:
        self._failures += 1
        drop_connection(self._db)
        self._reader = None  # what was read has not been written
        self._known.clear()
        self._retry_at = time.monotonic() + self._retry_s
        self._retry_s = min(self._retry_s * 2, RETRY_MAX_S)
        if not self._is_out:
            log.warning("follower: missed calls wait for what handles them: %s", explain(self._db, error))
        self._is_out = True

    def _follow(self) -> bool:
        reader = self._reader or self._begin()
        found = reader.read(self._db, CHANGES_AT_ONCE)
        told = reached.outgoing(self._db, OUTGOING_AT_ONCE)
        if found or told:
            self._write(self._look(found, told), reader.position)
        if time.monotonic() >= self._clean_up_at:
            self._clean_up(reader.position)
        self._reader = reader
        return len(found) == CHANGES_AT_ONCE or len(told) == OUTGOING_AT_ONCE

    def _begin(self) -> ChangeReader:
        """Return a reader that goes on where the last one has come to."""
        callers.make(self._db, self._config.country)
        sql = f"SELECT position FROM followers WHERE name = {self._db.param}"
        row = execute(self._db, sql, (NAME,)).fetchone()
        if row is None:
            insert_rows(self._db, "followers", ("name", "position", "at_ms"), [(NAME, 0, 0)], once=True)
        return ChangeReader(int(row[0]) if row else 0)

    # -- what is read --------------------------------------------------------------------------------------------------

    def _look(self, found: Sequence[Change], told: Sequence[reached.Outgoing]) -> _Found:
        """Read what these changes and calls mean."""
        config = self._config
        resolved = [reached.resolve(self._db, call, config.country, config.outside_prefix) for call in told]
        seen: set[Caller] = set()
        numbers: dict[str, str] = {}
        for number, name, is_decided in self._changed(found):
            seen.add((number, name))
            if is_decided and not is_withheld(number):
                numbers[e164(number, config.country) or number] = number
        contacts: dict[str, list[Contact]] = {}
        for call in resolved:
            if call.contact is not None:
                contacts.setdefault(call.e164, []).append(call.contact)
                numbers.setdefault(call.e164, call.e164)
        now_ms = time.time_ns() // 1_000_000
        decided: list[Mark] = []
        for key, number in numbers.items():
            missed = reached.of_number(self._db, number, config.country, now_ms, contacts.get(key, ()))
            decided += follow_up.marks(*missed)
        return _Found(found, seen - self._known, resolved, decided)

    def _changed(self, found: Sequence[Change]) -> Iterable[tuple[str, str, bool]]:
        """Yield number and name of each caller of these calls, and whether the call is answered or over."""
        ids = list(dict.fromkeys(call_id for change in found for call_id in change.call_ids))
        for some in portions(ids):
            sql = (
                "SELECT caller_number, caller_name, answered_at_ms, ended_at_ms FROM calls"
                f" WHERE call_id IN ({marks(self._db, some)})"
            )
            for number, name, answered_at_ms, ended_at_ms in execute(self._db, sql, some).fetchall():
                yield number, name, answered_at_ms is not None or ended_at_ms is not None

    # -- what is written -----------------------------------------------------------------------------------------------

    def _write(self, found: _Found, position: int) -> None:
        """Write all of it, and how far that is, in one transaction."""
        handled: dict[str, str] = {}
        with self._db.atomic():
            callers.add(self._db, found.callers, self._config.country)
            for call in found.outgoing:
                self._note_outgoing(call)
            for mark in sorted(found.marks, key=lambda mark: mark.call_id):
                if self._handle(mark):
                    handled[mark.call_id] = mark.contact.how.value
            self._advance(found.changes, position)
            changes.note(self._db, handled)
        self._handled.update(handled.values())
        if len(self._known) > CALLERS_KNOWN_MAX:
            self._known.clear()
        self._known |= found.callers
        if handled:
            log.info("follower: handled by what happened later: %s", " ".join(f"call={it}" for it in handled))

    def _note_outgoing(self, call: Resolved) -> None:
        if call.contact is None:
            execute(self._db, f"DELETE FROM outgoing_calls WHERE channel_uuid = {self._db.param}", (call.channel_uuid,))
            return
        sql = (
            "UPDATE outgoing_calls SET followed_at_ms = {0}, user_id = {0}, e164 = {0}"
            " WHERE channel_uuid = {0} AND followed_at_ms IS NULL"
        )
        values = (time.time_ns() // 1_000_000, call.contact.user_id, call.e164, call.channel_uuid)
        execute(self._db, sql.format(self._db.param), values)

    def _handle(self, mark: Mark) -> bool:
        contact = mark.contact
        sql = (
            "UPDATE journal_entries SET handled_at_ms = {0}, handled_by_name = {0}, handled_how = {0}"
            " WHERE call_id = {0} AND handled_at_ms IS NULL AND COALESCE(reopened_at_ms, 0) <= {0}"
            f" AND position IN ({marks(self._db, mark.positions)})"
        )
        values = (contact.at_ms, contact.user_name, contact.how.value, mark.call_id, contact.at_ms, *mark.positions)
        return int(execute(self._db, sql.format(self._db.param), values).rowcount) > 0

    def _advance(self, found: Sequence[Change], position: int) -> None:
        """Note how far it has come; of two followers the one that has come further counts."""
        sql = "UPDATE followers SET position = {0} WHERE name = {0} AND position < {0}"
        execute(self._db, sql.format(self._db.param), (position, NAME, position))
        at_ms = max((change.at_ms for change in found), default=0)
        sql = "UPDATE followers SET at_ms = {0} WHERE name = {0} AND at_ms < {0}"
        execute(self._db, sql.format(self._db.param), (at_ms, NAME, at_ms))

    def _clean_up(self, position: int) -> None:
        """Delete what nobody needs any more."""
        now_ms = time.time_ns() // 1_000_000
        changes.forget(self._db, position, now_ms - CHANGES_KEPT_MS)
        sql = f"DELETE FROM outgoing_calls WHERE answered_at_ms < {self._db.param} AND followed_at_ms IS NOT NULL"
        execute(self._db, sql, (now_ms - OUTGOING_KEPT_MS,))
        callers.forget(self._db)
        self._known.clear()
        self._clean_up_at = time.monotonic() + CLEAN_UP_EVERY_S


def behind_since_ms(db: peewee.Database) -> int | None:
    """Return since when something waits for the follower, None where nothing does. Raises peewee's exceptions."""
    sql = f"SELECT position, at_ms FROM followers WHERE name = {db.param}"
    position, at_ms = execute(db, sql, (NAME,)).fetchone() or (0, 0)
    sql = f"SELECT MIN(at_ms) FROM journal_changes WHERE id > {db.param} AND at_ms > {db.param}"
    (changed_ms,) = execute(db, sql, (position, at_ms)).fetchone()
    (told_ms,) = execute(db, "SELECT MIN(answered_at_ms) FROM outgoing_calls WHERE followed_at_ms IS NULL").fetchone()
    return min((int(it) for it in (changed_ms, told_ms) if it is not None), default=None)


def main() -> None:
    """Follow the journal until the service is gone."""
    child.ignore((signal.SIGTERM, signal.SIGINT))
    os.nice(NICE)
    config = child.configuration(FollowerConfig)
    logs.set_up(config.log_level, config.log_format, "follower")
    service = child.Service(sys.stdin.fileno())
    try:
        follower = Follower(open_database(config.database), config)
    except HuntgroupError as error:
        log.error("follower: it ends: %s", error)
        sys.exit(1)
    is_more, tell_at = False, 0.0
    while not service.is_gone(0 if is_more else LOOK_EVERY_S):
        is_more = follower.round()
        if time.monotonic() >= tell_at:
            service.tell(follower.followed)
            tell_at = time.monotonic() + TELL_EVERY_S
    follower.close()


if __name__ == "__main__":
    main()
