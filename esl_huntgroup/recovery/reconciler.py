"""
The second witness of every call: a process that listens to one switch and completes what a dead service left open.

The first witness is the service that carries a call. Should it die, freeze or lose its connection, the call goes on at
the switch, and the journal would never hear of its end. This process asks the switch every few seconds about the calls
that are open in the journal, and remembers the final events of group calls until they are known to be stored. It gives
the first witness time to write by itself; when both write, the rows are the same.

A switch that never comes back cannot be asked: its calls are closed when they are a day old, by the witness of any
other switch. Should such a call be going on all the same, its own service still tells of its true end, which counts.

It reads and writes the database itself, and waits for it: no call depends on this process.
"""

from __future__ import annotations

import functools
import logging
import random
import signal
import sys
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

import gevent
import gevent.os
import peewee

from esl_huntgroup import logs
from esl_huntgroup.calls import callerid
from esl_huntgroup.calls.leg_note import NOTE, call_id_of
from esl_huntgroup.calls.ring_plan import is_leg_of
from esl_huntgroup.db.engine import drop_connection, open_database
from esl_huntgroup.errors import DatabaseError, InputError, RowRefused
from esl_huntgroup.esl.dump import read_dump
from esl_huntgroup.esl.inbound import InboundSession
from esl_huntgroup.esl.reconnect import EventSubscription, keep_connected
from esl_huntgroup.esl.wire import Message, api
from esl_huntgroup.journal import spool
from esl_huntgroup.journal.recorder import Journal
from esl_huntgroup.journal.records import CallAnswered, CallEnded, JournalRecord, SpoolRecord
from esl_huntgroup.processes import child
from esl_huntgroup.recovery.channel_state import ChannelSnapshot, OpenCall, close, missing_records, read_snapshot
from esl_huntgroup.recovery.open_calls import RECENT_MS, complete, open_calls, orphans
from esl_huntgroup.recovery.outgoing import OutgoingCalls

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 3.0
PATIENCE_S: Final = 8.0
"""How long the first witness has to tell of what the switch has told us; its own last deadline is 3 s."""
HELD_MAX_S: Final = 600.0
"""How long a channel that has hung up is waited for; a service that hangs is replaced after seconds."""
STATEMENTS_MAX: Final = 20_000
"""Final events that are remembered: at 100 calls a second more than three minutes of them."""
STATEMENTS_MAX_S: Final = 900.0
"""And how long: an outage of the database keeps calls open for longer, which are closed with less detail then."""
QUESTIONS_MAX: Final = 500
BACKLOG_BYTES: Final = 1024 * 1024
"""What the journal writer stores in much less than PATIENCE_S."""
SEARCH_EVERY_S: Final = 3600.0
"""How often the whole journal is searched, for calls that are old and still open."""


class Reconciler:
    """
    The witness of one switch. ``clock`` counts seconds, ``chance`` returns a number from 0 to 1.

    ``watched`` has the names of the switches that somebody in this process is connected to; ``is_behind`` tells whether
    the first witness has said much that the database does not know yet.
    """

    def __init__(
        self,
        connect: Callable[[], InboundSession],
        db: peewee.Database,
        watched: set[str] | None = None,
        *,
        is_behind: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Take what opens a session to the switch, and a database of its own; connects to neither."""
        self._connect = connect
        self._db = db
        self._is_behind = is_behind
        self._clock = clock
        self._chance = chance
        self._watched = set() if watched is None else watched
        self._node = ""
        self._search_at = 0.0
        self._over: OrderedDict[str, tuple[float, ChannelSnapshot]] = OrderedDict()
        self._unclear_since: dict[str, float] = {}
        self._last_seen_ms: dict[str, int] = {}
        self._refused: set[str] = set()
        self._database_is_out = False

    def run(self) -> NoReturn:
        """Watch for ever; a switch that cannot be reached is tried again, less and less often. Returns never."""
        keep_connected(self._connect, self._watch, "witness", clock=self._clock, chance=self._chance)

    def _watch(self, switch: InboundSession) -> NoReturn:
        """Listen and look until the connection breaks. Raises SwitchError."""
        subscription = EventSubscription(switch, "CHANNEL_HANGUP_COMPLETE", [f"variable_{NOTE} /:/"], self._clock)
        self._node = callerid.number(switch.api("switchname"))  # as ``calls.inbound_call`` writes it into the journal
        self._watched.add(self._node)
        log.info("witness: watches the calls of %s", self._node)
        try:
            while True:
                self._listen(subscription, self._clock() + LOOK_EVERY_S)
                self._look(switch)
        finally:
            self._watched.discard(self._node)

    def _listen(self, subscription: EventSubscription, until: float) -> None:
        while (left_s := until - self._clock()) > 0:
            message = subscription.next_event(left_s)
            if message is None:
                return
            self._take(message)

    def _take(self, message: Message) -> None:
        """Remember the final event of a group call."""
        call_id = call_id_of(message.get)
        if message.get("Event-Name") != "CHANNEL_HANGUP_COMPLETE" or not call_id:
            return
        at_ms = int(message.get("Event-Date-Timestamp") or 0) // 1000
        self._over[call_id] = (self._clock(), read_snapshot(message.get, call_id, at_ms))
        while len(self._over) > STATEMENTS_MAX or self._is_old(next(iter(self._over.values()))[0]):
            self._over.popitem(last=False)

    def _is_old(self, since: float) -> bool:
        """Whether a final event is so old that its own service has written it long ago, or a look has taken it."""
        return self._clock() - since > STATEMENTS_MAX_S

    # -- what the journal lacks ----------------------------------------------------------------------------------------

    def _look(self, switch: InboundSession) -> None:
        """
        Compare the journal's open calls with the switch, and complete those that have waited long enough.

        What waits in the spool is more than the switch knows, so nothing is done until it has been stored.
        """
        now_ms = int(switch.api("strepoch")) * 1000
        if self._is_behind():
            self._unclear_since.clear()
            return
        is_search = self._clock() >= self._search_at
        try:
            calls = open_calls(self._db, self._node, 0 if is_search else now_ms - RECENT_MS)
            for start in range(0, len(calls), QUESTIONS_MAX):
                self._compare(switch, calls[start : start + QUESTIONS_MAX], now_ms)
            if is_search:
                self._close_orphans(now_ms)
        except DatabaseError as error:
            drop_connection(self._db)
            self._database_failed(error)
            return
        self._forget_all_but({call.call_id for call in calls})
        if self._database_is_out:
            log.warning("witness: the database can be used again")
        self._database_is_out = False

    def _compare(self, switch: InboundSession, calls: list[OpenCall], now_ms: int) -> None:
        exist = switch.exchange([api(f"uuid_exists {call.channel_uuid}") for call in calls], switch.timeout_s)
        for call, answer in zip(calls, exist, strict=True):
            if answer.reply == "true":
                self._last_seen_ms[call.call_id] = now_ms
                if call.answered_at_ms is None:
                    self._ask_who_answered(switch, call, now_ms)
            elif self._has_waited(call, now_ms) and not self._is_held(switch, call):
                self._finish(call)

    def _is_held(self, switch: InboundSession, call: OpenCall) -> bool:
        """
        Whether the channel has hung up, and the switch will tell of it only when the service closes its socket.

        Without ``async`` it waits for a service that is frozen, until that is killed. ``uuid_exists`` says no by then.
        """
        since = self._unclear_since.get(call.call_id, 0.0)
        if call.call_id in self._over or self._clock() - since > HELD_MAX_S:
            return False
        listed = read_dump(switch.api(f"show channels like {call.channel_uuid} as json"))
        return listed.get("row_count", "0") != "0"

    def _ask_who_answered(self, switch: InboundSession, call: OpenCall, now_ms: int) -> None:
        """Tell the journal of an answer that it does not know of, once it has been unclear for long enough."""
        answerer = switch.api(f"uuid_getvar {call.channel_uuid} bridge_uuid")
        if not is_leg_of(call.call_id, answerer) or not self._has_waited(call, now_ms):
            return
        said = read_snapshot(read_dump(switch.api(f"uuid_dump {call.channel_uuid} json")).get, call.call_id, now_ms)
        self._store(call, missing_records(call, said))

    def _close_orphans(self, now_ms: int) -> None:
        """Close the old calls of switches that nobody here is connected to."""
        for call in orphans(self._db, self._watched, now_ms):
            self._store(call, close(call, call.answered_at_ms or call.arrived_at_ms))
        self._search_at = self._clock() + SEARCH_EVERY_S

    def _has_waited(self, call: OpenCall, now_ms: int) -> bool:
        """Whether the first witness has had its time since something about this call was missing."""
        if now_ms - call.arrived_at_ms > RECENT_MS:
            return True
        now = self._clock()
        told = self._over.get(call.call_id)
        since = self._unclear_since.setdefault(call.call_id, told[0] if told else now)
        return now - since >= PATIENCE_S

    def _finish(self, call: OpenCall) -> None:
        told = self._over.get(call.call_id)
        if told:
            self._store(call, missing_records(call, told[1]))
        else:
            last_seen_ms = self._last_seen_ms.get(call.call_id, call.answered_at_ms or call.arrived_at_ms)
            self._store(call, close(call, last_seen_ms))

    def _store(self, call: OpenCall, records: tuple[JournalRecord, ...]) -> None:
        """Store what is missing of one call. A call that is refused holds up no other; it is tried at each look."""
        try:
            if not records or not complete(self._db, call, records):
                return
        except RowRefused as why:
            if call.call_id not in self._refused:
                log.error("witness: call=%s stays open: %s", call.call_id, why)
            self._refused.add(call.call_id)
            return
        self._unclear_since.pop(call.call_id, None)
        log.warning(
            "witness: call=%s was left open by its service; the journal now says: %s", call.call_id, _told(records)
        )

    def _forget_all_but(self, open_ids: set[str]) -> None:
        """Drop what is remembered of calls that the journal no longer lacks."""
        self._unclear_since = {key: since for key, since in self._unclear_since.items() if key in open_ids}
        self._last_seen_ms = {key: at_ms for key, at_ms in self._last_seen_ms.items() if key in open_ids}
        self._refused &= open_ids

    def _database_failed(self, error: DatabaseError) -> None:
        if not self._database_is_out:
            log.warning("witness: calls cannot be completed for now: %s", error)
        self._database_is_out = True


def _is_behind(directory: Path) -> bool:
    """Whether records wait in the spool for the database, or more of them than are stored in a moment."""
    try:
        return spool.outage(directory) is not None or spool.waiting_bytes(directory) > BACKLOG_BYTES
    except OSError:
        return False  # nobody can store what cannot be read


def _told(records: tuple[JournalRecord, ...]) -> str:
    by = [f"answered by {record.answered_by_name!r}" for record in records if isinstance(record, CallAnswered)]
    ends = [f"{record.outcome.value} {record.cause}" for record in records if isinstance(record, CallEnded)]
    return ", ".join(by + ends)


class LateJournal:
    """What the witness has of the journal: nothing in the spool until there is something to say."""

    def __init__(self, directory: Path) -> None:
        """Take the directory of the spool. Touches nothing."""
        self._journal = Journal(directory)

    def record(self, record: SpoolRecord) -> None:
        """Take a record over, which from here on outlives this process; without a spool the log has it."""
        try:
            if not self._journal.is_started:
                self._journal.start()
        except InputError as error:
            log.error("witness: lost, %s: %s", error, record)
            return
        self._journal.record(record)

    def stop(self) -> None:
        """Take no more records, and leave those there are to the writer. Raises nothing."""
        if self._journal.is_started:
            self._journal.stop()


@dataclass(frozen=True, slots=True)
class ReconcilerConfig:
    """What the service tells its witness: where the switches are, ``(host, port)`` each, the database and the spool."""

    database: str
    addresses: tuple[tuple[str, int], ...]
    password: str
    spool: str
    log_level: str = "info"
    log_format: str = "text"


def main() -> None:
    """
    Watch every switch, each in a greenlet and with a database of its own, until the service is gone.

    It is told what to do by standard input (see ``processes.child``), which ends when the service does.
    """
    child.ignore((signal.SIGTERM, signal.SIGINT))
    config = child.configuration(ReconcilerConfig)
    logs.set_up(config.log_level, config.log_format, "witness")
    service_is_gone = gevent.spawn(gevent.os.tp_read, sys.stdin.fileno(), 1)
    is_behind = functools.partial(_is_behind, Path(config.spool))
    watched: set[str] = set()
    journal = LateJournal(Path(config.spool))
    running = [service_is_gone]
    for host, port in config.addresses:
        connect = functools.partial(InboundSession, host, port, config.password)
        witness = Reconciler(connect, open_database(config.database), watched, is_behind=is_behind)
        calls = OutgoingCalls(connect, open_database(config.database), journal.record)
        running += [gevent.spawn(witness.run), gevent.spawn(calls.run)]
    gevent.joinall(running, count=1)
    journal.stop()
    if not service_is_gone.ready():
        sys.exit("a fault of this program; it is started again")  # the traceback is above


if __name__ == "__main__":
    main()
