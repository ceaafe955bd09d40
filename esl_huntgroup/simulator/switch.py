"""
The simulated FreeSWITCH: callers come in, the dialplan hands them to the service, phones ring.

    switch = Switch(("127.0.0.1", 8084), phones, domain="lab.local")
    result = switch.call(Caller("1000"), "700", hangs_up_after_talk_s=1)
    assert result.spoken_with == "Anna" and result.status == 200

Everything runs in greenlets; nothing is monkey-patched. Simulated are the caller's events (PARK, EXECUTE,
EXECUTE_COMPLETE, BRIDGE, UNBRIDGE, HANGUP_COMPLETE), not those of the legs: the service does not ask for them.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import gevent
from gevent import socket

from esl_huntgroup.simulator import api, dialplan
from esl_huntgroup.simulator.applications import APPLICATIONS
from esl_huntgroup.simulator.channel import CallerChannel, Transfer
from esl_huntgroup.simulator.clock import TICK_S, Clock
from esl_huntgroup.simulator.command import Command
from esl_huntgroup.simulator.dialplan import FALLBACK, Extension
from esl_huntgroup.simulator.event import Header, Node, preamble
from esl_huntgroup.simulator.interference import NONE, Interference
from esl_huntgroup.simulator.leg import Leg
from esl_huntgroup.simulator.listener import Listener
from esl_huntgroup.simulator.phones import Heard, Phone, Registrar
from esl_huntgroup.simulator.scheduler import Scheduler
from esl_huntgroup.simulator.session import Session
from esl_huntgroup.simulator.sipvars import Caller

Address = tuple[str, int]
Observer = Callable[[Phone, Heard], None]


@dataclass(frozen=True, slots=True)
class CallResult:
    """
    What the caller experienced, and what the switch saw.

    ``status`` is the final SIP status (200: was answered); ``extensions`` the dialplan's stations, first the
    group's own; ``expanded`` the texts of the service in which the switch replaced ``${…}``.
    """

    uuid: str
    status: int
    cause: str
    rang: bool
    spoken_with: str
    talk_s: float
    duration_s: float
    extensions: tuple[str, ...]
    variables: Mapping[str, str]
    commands: tuple[Command, ...]
    expanded: tuple[str, ...]
    connected: bool
    bytes_sent: int

    @property
    def fallback(self) -> str | None:
        """The huntgroup_result with which the fallback extension was run: None if it was not, empty without one."""
        return self.variables.get("huntgroup_result", "") if FALLBACK in self.extensions else None

    @property
    def bridges(self) -> tuple[str, ...]:
        """The dial strings of the service, in order."""
        return tuple(command.argument for command in self.commands if command.application == "bridge")


class Switch:
    """
    One FreeSWITCH with its phones. Calls may run at the same time; they share the registrar and the uuids.

    ``watchdog_s`` None leaves the watchdog out of the dialplan; ``extension`` replaces the group extension altogether.
    ``observer`` is told whatever a phone does or is told, as it happens.
    """

    def __init__(
        self,
        service: Address,
        phones: tuple[Phone, ...] = (),
        *,
        domain: str = "lab.local",
        watchdog_s: int | None = 8,
        clock: Clock | None = None,
        observer: Observer | None = None,
        extension: Extension | None = None,
        is_fast: bool = False,
    ) -> None:
        """Do not connect to anything yet: each call does. ``is_fast`` is which variant of the dialplan there is."""
        self.clock = clock or Clock()
        self.registrar = Registrar(phones)
        self.scheduler = Scheduler(self.clock)
        self.legs: dict[str, Leg] = {}
        self.callers: dict[str, CallerChannel] = {}
        self.domain = domain
        self._service = service
        self._node = Node(str(uuid.uuid4()))
        self._sequence = itertools.count(1000)
        self._session_ids = itertools.count(1)
        self._listeners: dict[str, Listener] = {}
        self._interference: dict[str, Interference] = {}
        self._observer: Observer = observer or (lambda _phone, _heard: None)
        self._extension = extension or dialplan.huntgroup(
            f"{service[0]}:{service[1]}", domain, watchdog_s, is_fast=is_fast
        )

    # -- calling --------------------------------------------------------------------------------------------------

    def call(
        self,
        caller: Caller,
        number: str,
        *,
        gives_up_after_s: float | None = None,
        hangs_up_after_talk_s: float | None = None,
        variables: Mapping[str, str] | None = None,
        interference: Interference = NONE,
    ) -> CallResult:
        """
        Let somebody call, and return when the call is over and the connection to the service closed.

        A caller who neither gives up nor hangs up stays until the other side ends it. ``variables`` are set before the
        dialplan begins.
        """
        channel = CallerChannel(self.clock, caller, self.domain, number, next(self._session_ids))
        channel.variables.set_all(variables or {})
        self.callers[channel.uuid] = channel
        self._interference[channel.uuid] = interference
        patience = gevent.spawn(self._be_a_caller, channel, gives_up_after_s, hangs_up_after_talk_s)
        session = Session(self, channel, self._route, self._observer, APPLICATIONS)
        try:
            session.run(self._extension)
            listener = self._await_listener(channel)
        finally:
            patience.kill()
            self._forget(channel)
        return self._result(session, listener)

    def spawn(self, caller: Caller, number: str, **options: object) -> gevent.Greenlet:
        """Start a call; ``greenlet.get()`` returns its CallResult."""
        greenlet: gevent.Greenlet = gevent.spawn(self.call, caller, number, **options)
        return greenlet

    def _be_a_caller(self, channel: CallerChannel, gives_up_s: float | None, talks_s: float | None) -> None:
        began = self.clock.now()
        while channel.up:
            answered_s = channel.profile.times.answered / 1_000_000
            if channel.answered:
                done = talks_s is not None and self.clock.now() - answered_s >= talks_s
            else:
                done = gives_up_s is not None and self.clock.now() - began >= gives_up_s
            if done:
                channel.caller_hangs_up()
            self.clock.sleep(TICK_S)

    def _await_listener(self, channel: CallerChannel) -> Listener | None:
        listener = self._listeners.get(channel.uuid)
        while listener is not None and not listener.finished:
            self.clock.sleep(TICK_S)
        return listener

    def _forget(self, channel: CallerChannel) -> None:
        self.callers.pop(channel.uuid, None)
        self._listeners.pop(channel.uuid, None)
        self._interference.pop(channel.uuid, None)
        for leg in [leg for leg in self.legs.values() if not leg.up]:  # in place: other callers share the dict
            del self.legs[leg.uuid]

    def _result(self, session: Session, listener: Listener | None) -> CallResult:
        channel = session.channel
        times = channel.profile.times
        return CallResult(
            uuid=channel.uuid,
            status=channel.sip_status,
            cause=channel.hangup_cause,
            rang=bool(times.progress),
            spoken_with=session.spoken_with,
            talk_s=(times.hangup - times.bridged) / 1_000_000 if times.bridged else 0.0,
            duration_s=(times.hangup - times.created) / 1_000_000,
            extensions=tuple(session.visited),
            variables=dict(channel.variables.items()),
            commands=tuple(listener.commands) if listener else (),
            expanded=tuple(session.expanded),
            connected=listener is not None and listener.connected,
            bytes_sent=listener.bytes_sent if listener else 0,
        )

    # -- what a session asks for ------------------------------------------------------------------------------------

    def api(self, command: str, argument: str) -> str:
        """Execute an api command and return its output."""
        return api.execute(self, command, argument)

    def fire(self, session: Session, name: str, before: list[Header], after: list[Header]) -> None:
        """Send an event of a session's channel to its listener."""
        headers = [*self._preamble(name), *before, *session.channel.headers(), *after]
        listener = self._listeners.get(session.channel.uuid)
        if listener is not None:
            listener.offer(name, headers)

    def connect(self, session: Session, argument: str) -> bool:
        """
        Connect to a service and wait for its ``connect`` (socket_function).

        False when nobody listens. A service that takes the connection and closes it, or never says ``connect``, counts
        as one that has taken the call.
        """
        words = argument.split()
        channel = session.channel
        sock = self._open(channel, words[0] if words else "")
        if sock is None:
            return False
        interference = self._interference[channel.uuid]
        flags = frozenset(words[1:])
        listener = Listener(session, sock, flags, api=self.api, preamble=self._preamble, interference=interference)
        self._listeners[channel.uuid] = listener
        session.controlled = "async" not in flags
        session.moment = listener.reached
        gevent.spawn(listener.run)
        while channel.ready and not listener.finished and not listener.connected:
            self.clock.sleep(TICK_S / 20)
        return True

    def _open(self, channel: CallerChannel, hosts: str) -> socket.socket | None:
        port = 8084
        for host in hosts.split("|"):
            name, colon, port_text = host.rpartition(":")
            name, port = (name, int(port_text)) if colon else (host, port)
            channel.variables.set("socket_host", name)
            try:
                sock = socket.create_connection((name, port))
            except OSError:
                continue
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        return None

    def _preamble(self, name: str) -> list[Header]:
        return preamble(name, self._node, self.clock.now(), next(self._sequence))

    def _route(self, transfer: Transfer, channel: CallerChannel) -> Extension | None:
        """Find the extension for a transfer; the fallback is only for those who were at a group number."""
        if transfer.extension != FALLBACK:
            return dialplan.answering_machine(transfer.extension)
        if channel.variables.get("huntgroup_fallback") != FALLBACK:
            return None
        return dialplan.fallback(channel.variables.get("huntgroup_result") or "")
