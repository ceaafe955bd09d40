"""
What a switch tells of phones that register while groups ring, and how those are rung and ended.

By one connection of each worker to each switch, made when the first call wants it. The switch is asked for the
registrations of those lines alone for which a call rings now, by a filter for each account, so that a flood of
REGISTERs of others never leaves the switch; and each line's contacts are asked for twice a second at most, so that a
flood of its own costs little. A call that cannot have it (no ``esl_address``, no connection) rings as if nobody ever
came late.
"""

from __future__ import annotations

import functools
import logging
import os
import re
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, NoReturn

import gevent
from gevent.event import Event as Signal

from esl_huntgroup.calls import callerid
from esl_huntgroup.calls.leg_report import UNNAMED
from esl_huntgroup.errors import SwitchError, SwitchGone
from esl_huntgroup.esl.inbound import InboundSession
from esl_huntgroup.esl.log_throttle import LogThrottle
from esl_huntgroup.esl.reconnect import HEARTBEAT, keep_connected
from esl_huntgroup.esl.shared import SharedConnection
from esl_huntgroup.esl.wire import Message, api, command
from esl_huntgroup.model import hangup_causes
from esl_huntgroup.model.group import Line
from esl_huntgroup.registrars.contacts import Contacts
from esl_huntgroup.registrars.freeswitch import FREESWITCH
from esl_huntgroup.registrars.registrar import Registrar

log = logging.getLogger(__name__)

EVENTS: Final = command("event plain HEARTBEAT BACKGROUND_JOB CUSTOM sofia::register")
ANSWER_WITHIN_S: Final = 5.0
AGAIN_S: Final = 0.5
"""How soon a line is asked for again, as after each registration: the switch may tell of one before it knows it."""
LINES_AT_ONCE: Final = 64
PAUSE_S: Final = 0.01
"""Between two questions for up to LINES_AT_ONCE lines."""
_STRANGE = re.compile(r"[^A-Za-z0-9_.-]")


class Hears(NamedTuple):
    """What a call is told: all contacts of some lines; the uuid of a leg and its cause, empty if it was answered."""

    on_contacts: Callable[[Mapping[Line, Contacts]], None]
    on_end: Callable[[str, str], None]


class Watch:
    """One call that wants to hear of late phones, until it is stopped."""

    def __init__(
        self,
        feed: LatePhones,
        node: str,
        call_id: str,
        *,
        lines: Iterable[Line],
        hears: Hears,
    ) -> None:
        """Note who wants to hear of what: ``LatePhones.watch`` makes it."""
        self.node, self.call_id, self.lines, self.hears = node, call_id, frozenset(lines), hears
        self._feed = feed

    def exchange(self, commands: Sequence[bytes]) -> list[Message]:
        """Send commands to the switch of the call by the common connection. Raises SwitchError."""
        return self._feed.exchange(self.node, commands)

    def ring(self, legs: Iterable[tuple[str, str]], joins: str, before: Sequence[bytes]) -> None:
        """Ring each ``(uuid, dial string)``, after these commands, all in one write. Raises SwitchError."""
        orders = [
            command(f"bgapi originate {dialled} {joins} inline", {"Job-UUID": self._feed.job(uuid)})
            for uuid, dialled in legs
        ]
        self.exchange([*before, *orders])

    def stop(self) -> None:
        """Hear of no more registrations. May be called twice."""
        self._feed.unwatch(self)


class _AtSwitch:
    """The connection to one switch, and the questions that are to be asked there."""

    def __init__(self) -> None:
        self.connection: SharedConnection | None = None
        self.accounts: Counter[str] = Counter()
        self.pending: OrderedDict[Line, int] = OrderedDict()
        """Lines to be asked for, and how often."""
        self.asked_at: dict[Line, float] = {}
        self.is_wanted = Signal()


class LatePhones:
    """
    The connections of one worker to all switches, and the calls that use them.

    ``registrar`` is that of calls; lines that are registered elsewhere than at the switch are not watched.
    """

    def __init__(
        self,
        addresses: Sequence[tuple[str, int]] = (),
        password: str = "",
        registrar: Registrar = FREESWITCH,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take where the switches listen. Connects to none."""
        self._mark = os.urandom(8).hex()
        self._marker = f"[h={os.urandom(6).hex()}]"
        self._connects = [functools.partial(InboundSession, host, port, password) for host, port in addresses]
        self._registrar = registrar
        self._clock = clock
        self._watches: dict[str, Watch] = {}
        """By the begin of the uuids of a call's legs."""
        self._switches: dict[str, _AtSwitch] = {}
        self._greenlets: list[gevent.Greenlet] | None = None
        self._missing = LogThrottle()

    # -- what a call does ---------------------------------------------------------------------------------------------

    def watch(
        self,
        node: str,
        call_id: str,
        lines: Iterable[Line],
        hears: Hears,
    ) -> Watch:
        """
        Tell a call at the switch ``node`` of the contacts of its lines, from now on, and of the ends of its late legs.

        Returns at once. The contacts are told more often than there is news.
        """
        is_first = self._greenlets is None
        self._start()
        here = [line for line in lines if not self._registrar.name(line)]
        watch = Watch(self, node, call_id, lines=here, hears=hears)
        self._watches[call_id[:-4]] = watch
        switch = self._switches.get(node)
        if switch is None or switch.connection is None:
            if not is_first and (calls := self._missing.is_due()):
                log.warning("%d calls ring without late phones: no event socket of %s is connected", calls, node)
        else:
            self._add(switch, watch)
        return watch

    def unwatch(self, watch: Watch) -> None:
        """Forget a call. May be called twice."""
        if self._watches.pop(watch.call_id[:-4], None) is None:
            return
        switch = self._switches.get(watch.node)
        if switch is None or switch.connection is None:
            return
        gone = _taken(switch.accounts, {line.account for line in watch.lines})
        for line in watch.lines:
            if not self._watchers(watch.node, line):
                switch.pending.pop(line, None)
                switch.asked_at.pop(line, None)
        _tell(switch.connection, [command(f"filter delete from-user {_filter(account)}") for account in gone])

    def exchange(self, node: str, commands: Sequence[bytes]) -> list[Message]:
        """Send commands to a switch. Raises SwitchError."""
        switch = self._switches.get(node)
        if switch is None or switch.connection is None:
            raise SwitchGone(f"no event socket of {node} is connected")
        return switch.connection.exchange(commands, ANSWER_WITHIN_S)

    def job(self, leg_uuid: str) -> str:
        """Return the id of the job that rings this leg: the switch tells this worker of its own jobs alone."""
        return f"{self._mark}-{leg_uuid}"

    def stop(self) -> None:
        """Hear of nothing more; every connection is closed."""
        gevent.killall(self._greenlets or [])

    # -- the connections ----------------------------------------------------------------------------------------------

    def _start(self) -> None:
        if self._greenlets is None:
            self._greenlets = [gevent.spawn(keep_connected, connect, self._use, "late") for connect in self._connects]

    def _use(self, session: InboundSession) -> NoReturn:
        """Hear of one switch until the connection breaks. Raises SwitchError."""
        jobs = command(f"filter Job-UUID /^{self._mark}-/")
        replies = session.exchange([EVENTS, HEARTBEAT, jobs, api("switchname")], session.timeout_s)
        node = callerid.number(replies[-1].text())
        switch = self._switches.setdefault(node, _AtSwitch())
        switch.connection = SharedConnection(session, functools.partial(self._on_event, switch))
        asks = gevent.spawn(self._ask, switch, node)
        log.info("late: hears of phones that register at %s", node)
        try:
            switch.accounts.clear()
            for watch in [watch for watch in self._watches.values() if watch.node == node]:
                self._add(switch, watch)
            switch.connection.run()
        finally:
            switch.connection = None
            asks.kill()

    def _add(self, switch: _AtSwitch, watch: Watch) -> None:
        """Ask a switch for what one more call wants to hear of, and for what it may have missed by now."""
        new = {line.account for line in watch.lines} - switch.accounts.keys()
        switch.accounts.update({line.account for line in watch.lines})
        if switch.connection is not None:
            _tell(switch.connection, [command(f"filter from-user {_filter(account)}") for account in sorted(new)])
        self._want(switch, watch.lines, 1)

    def _want(self, switch: _AtSwitch, lines: Iterable[Line], times: int) -> None:
        for line in lines:
            switch.pending[line] = max(times, switch.pending.get(line, 0))
        switch.is_wanted.set()

    def _watchers(self, node: str, line: Line) -> list[Watch]:
        return [watch for watch in self._watches.values() if watch.node == node and line in watch.lines]

    # -- what the switch says -----------------------------------------------------------------------------------------

    def _on_event(self, switch: _AtSwitch, event: Message) -> None:
        match event.get("Event-Name"):
            case "BACKGROUND_JOB":
                self._on_job(event)
            case "CUSTOM" if event.get("Event-Subclass") == "sofia::register":
                address = f"{event.get('from-user')}@{event.get('from-host')}".lower()
                lines = {line for watch in self._watches.values() for line in watch.lines}
                self._want(switch, [line for line in lines if line.address.lower() == address], 2)

    def _on_job(self, event: Message) -> None:
        leg_uuid = (event.get("Job-UUID") or "").removeprefix(f"{self._mark}-")
        watch = self._watches.get(leg_uuid[:-4])
        if watch:
            gevent.spawn(_call, watch.hears.on_end, leg_uuid, _cause(event.enclosed.strip()))

    def _ask(self, switch: _AtSwitch, node: str) -> None:
        """Ask for the contacts of the lines that are wanted, a bounded number at a time."""
        while True:
            switch.is_wanted.wait()
            now = self._clock()
            due = [line for line in switch.pending if now - switch.asked_at.get(line, -AGAIN_S) >= AGAIN_S]
            lines = tuple(due[:LINES_AT_ONCE])
            if not lines:
                switch.is_wanted.clear() if not switch.pending else gevent.sleep(AGAIN_S / 10)
                continue
            for line in lines:
                switch.asked_at[line] = now
                times = switch.pending.pop(line)
                if times > 1:
                    switch.pending[line] = times - 1
            try:
                self._ask_for(node, lines)
            except SwitchError as error:
                log.warning("late: who is registered cannot be asked: %s", error)
            gevent.sleep(PAUSE_S)

    def _ask_for(self, node: str, lines: tuple[Line, ...]) -> None:
        questions = self._registrar.questions(lines, self._marker)
        answers = self.exchange(node, [api(question) for question in questions])
        contacts = self._registrar.contacts(lines, [answer.body for answer in answers], self._marker)
        for watch in [watch for watch in self._watches.values() if watch.node == node]:
            its = {line: found for line, found in contacts.items() if line in watch.lines}
            if its:
                _call(watch.hears.on_contacts, its)


def _cause(said: str) -> str:
    """Return the hangup cause that ``originate`` has printed, empty for one that was answered."""
    if said.startswith("+OK"):
        return ""
    cause = said.removeprefix("-ERR").strip()
    is_one = cause.replace("_", "").isalnum() and cause.isascii() and len(cause) <= hangup_causes.CAUSE_MAX_CHARS
    return cause if is_one else UNNAMED


def _call(hears: Callable[..., None], *what: object) -> None:
    """Let one call hear; a fault of this program in it makes no other call deaf."""
    try:
        hears(*what)
    except Exception:
        log.exception("a fault of this program in a call with late phones")


def _taken(counter: Counter[str], accounts: Iterable[str]) -> list[str]:
    """Count these once less; return those that nobody wants any more."""
    gone = []
    for account in accounts:
        counter[account] -= 1
        if counter[account] <= 0:
            del counter[account]
            gone.append(account)
    return sorted(gone)


def _tell(connection: SharedConnection, commands: Sequence[bytes]) -> None:
    """Tell the switch; a connection that is broken is made again, and told everything then."""
    try:
        if commands:
            connection.tell(commands)
    except SwitchError as error:
        log.warning("late: %s", error)


def _filter(account: str) -> str:
    """Return the value of a filter: plain, or a pattern where a sign would mean something to the switch."""
    return f"/^{re.escape(account)}$/" if _STRANGE.search(account) or account.startswith("-") else account
