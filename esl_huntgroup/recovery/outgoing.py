"""
Who reaches whom outside: a second connection of the witness, on which it hears of callers whose call is answered.

Of each answered call of a switch that is one event without variables, filtered there; what else is to be known is asked
five seconds later, and only where an account of ours may have called a number that is none of ours. What was learnt
goes through the spool into the database, like all that the journal keeps.
"""

from __future__ import annotations

import json
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NoReturn

import peewee

from esl_huntgroup.calls import callerid
from esl_huntgroup.db.engine import database_errors, drop_connection, execute, quoted
from esl_huntgroup.errors import DatabaseError
from esl_huntgroup.esl.dump import read_dump
from esl_huntgroup.esl.inbound import InboundSession
from esl_huntgroup.esl.reconnect import EventSubscription, keep_connected
from esl_huntgroup.journal.records import SpoolRecord
from esl_huntgroup.recovery import outgoing_call
from esl_huntgroup.recovery.outgoing_call import TALKS_MS, Begun

EVENT: Final = "CHANNEL_CALLSTATE"
FILTERS: Final = ("Channel-Call-State ACTIVE", "Call-Direction -outbound")
"""What is on the switch's side: no legs that it made itself, and nothing before the answer or behind the end."""
WATCHED_MAX: Final = 10_000
"""Calls that are watched at a time; the oldest gives way."""
FIRST_AGAIN_S: Final = 1.0
AGAIN_MAX_S: Final = 30.0
GIVE_UP_S: Final = 600.0
"""A caller who has been connected with nobody for so long (a conference, a voice box) is not asked about any more."""
MARGIN_S: Final = 0.1
LINES_MAX_AGE_S: Final = 10.0
LINES_RETRY_S: Final = 30.0

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Watched:
    """A call that may become a conversation with somebody outside. Times are ``clock`` seconds."""

    begun: Begun
    look_at: float
    give_up_at: float
    again_s: float = FIRST_AGAIN_S


class OurNumbers:
    """Which accounts and numbers are ours, as the database said not long ago."""

    def __init__(self, db: peewee.Database, clock: Callable[[], float]) -> None:
        """Take a database. Asks nothing."""
        self._db = db
        self._clock = clock
        self._read_again_at = 0.0
        self._accounts: frozenset[str] | None = None
        self._numbers: frozenset[str] = frozenset()

    def may_go_outside(self, begun: Begun) -> bool:
        """Return whether one of our accounts may have called a number outside; yes where nobody can say."""
        if self._clock() >= self._read_again_at:
            self._read()
        if self._accounts is None:
            return True
        return begun.account in self._accounts and begun.number not in self._numbers

    def _read(self) -> None:
        try:
            with database_errors(self._db):
                lines = execute(self._db, f"SELECT DISTINCT account FROM {quoted(self._db, 'lines')}").fetchall()
                numbers = execute(self._db, "SELECT DISTINCT number FROM numbers").fetchall()
        except DatabaseError:
            drop_connection(self._db)  # the witness has said so already
            self._read_again_at = self._clock() + LINES_RETRY_S
            return
        self._accounts = frozenset(str(row[0]) for row in lines)
        self._numbers = frozenset(str(row[0]) for row in numbers)
        self._read_again_at = self._clock() + LINES_MAX_AGE_S


class OutgoingCalls:
    """What one switch tells of the calls that its callers make. ``note`` takes what is to be kept."""

    def __init__(
        self,
        connect: Callable[[], InboundSession],
        db: peewee.Database,
        note: Callable[[SpoolRecord], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take what opens a session to the switch, and a database of its own; connects to neither."""
        self._connect = connect
        self._ours = OurNumbers(db, clock)
        self._note = note
        self._clock = clock
        self._node = ""
        self._watched: OrderedDict[str, _Watched] = OrderedDict()
        self._look_at = clock()
        """When the next of them is to be asked about; until then none is looked at, however much the switch tells."""

    def run(self) -> NoReturn:
        """Listen for ever; a switch that cannot be reached is tried again, less and less often. Returns never."""
        keep_connected(self._connect, self._listen, "witness of outgoing calls", clock=self._clock)

    def _listen(self, switch: InboundSession) -> NoReturn:
        """Listen until the connection breaks. Raises SwitchError."""
        subscription = EventSubscription(switch, EVENT, FILTERS, self._clock)
        self._node = callerid.number(switch.api("switchname"))
        self._watched.clear()
        for get in _channels(switch.api("show channels as json")):
            self._take(outgoing_call.begun(get), self._clock())
        while True:
            message = subscription.next_event(self._until_next_s())
            if message is not None and message.get("Event-Name") == EVENT:
                self._take(outgoing_call.begun(message.get), self._clock())
            if self._clock() >= self._look_at:
                self._look_at_due(switch)

    def _take(self, begun: Begun | None, now: float) -> None:
        if begun is None or begun.channel_uuid in self._watched or not self._ours.may_go_outside(begun):
            return
        look_at = now + TALKS_MS / 1000 + MARGIN_S
        self._watched[begun.channel_uuid] = _Watched(begun, look_at, now + GIVE_UP_S)
        self._look_at = min(self._look_at, look_at)
        while len(self._watched) > WATCHED_MAX:
            self._watched.popitem(last=False)

    def _until_next_s(self) -> float:
        """Return how long nothing is to be done; calls are asked about a little later rather than each by itself."""
        return min(max(self._look_at - self._clock(), MARGIN_S), 1.0)

    def _look_at_due(self, switch: InboundSession) -> None:
        """Ask about the calls whose time has come. Raises SwitchError."""
        now = self._clock()
        for watched in [watched for watched in self._watched.values() if watched.look_at <= now]:
            self._look(switch, watched)
        soonest = min((watched.look_at for watched in self._watched.values()), default=now + GIVE_UP_S)
        self._look_at = max(soonest, self._clock() + MARGIN_S)

    def _look(self, switch: InboundSession, watched: _Watched) -> None:
        """Ask what has become of a call, and keep it if they talk. Raises SwitchError."""
        uuid = watched.begun.channel_uuid
        wait_s = self._asked(switch, watched)
        if wait_s is None or self._clock() >= watched.give_up_at:
            self._watched.pop(uuid, None)
        else:
            watched.look_at = self._clock() + wait_s

    def _asked(self, switch: InboundSession, watched: _Watched) -> float | None:
        """Return in how many seconds to ask again, None where there is nothing more to ask."""
        begun = watched.begun
        caller = read_dump(switch.api(f"uuid_dump {begun.channel_uuid} json"))
        if not caller or outgoing_call.is_group_call(caller.get):
            return None
        partner_uuid = outgoing_call.partner_of(caller.get)
        partner = read_dump(switch.api(f"uuid_dump {partner_uuid} json")) if partner_uuid else {}
        since_ms = outgoing_call.talks_since_ms(caller.get, partner.get)
        if not since_ms:
            watched.again_s = min(watched.again_s * 2, AGAIN_MAX_S)
            return watched.again_s
        left_ms = since_ms + TALKS_MS - outgoing_call.now_ms(partner.get)
        if left_ms > 0:
            return left_ms / 1000 + MARGIN_S
        record = outgoing_call.record(caller.get, begun, self._node, since_ms)
        if record is not None:
            self._note(record)
        return None


def _channels(answer: str) -> Iterator[Callable[[str], str | None]]:
    """Yield what reads a value of each channel that the switch has; nothing for an answer that is no list of them."""
    try:
        rows = json.loads(answer, strict=False).get("rows", [])
    except (AttributeError, RecursionError, ValueError):
        return
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, Mapping):
            yield {str(name): str(value) for name, value in row.items()}.get
