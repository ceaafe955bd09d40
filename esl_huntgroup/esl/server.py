"""
Accepts the calls: greenswitch's outbound server, with its accept loop, its limit and its stop replaced.

One greenlet for each connection. A connection over the limit is not closed, which would park its caller for ever, but
given to ``refuse``, and only a few of those at a time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import gevent
from gevent.event import Event
from greenswitch.esl import OutboundESLServer

from esl_huntgroup.esl.listener import Listener, bind
from esl_huntgroup.esl.log_throttle import LogThrottle
from esl_huntgroup.esl.session import CallSession
from esl_huntgroup.model.text import counted

log = logging.getLogger(__name__)

REFUSALS_MAX: Final = 200
"""Connections being refused at one time. More are closed at once, and the dialplan's watchdog serves the caller."""

Serve = Callable[[CallSession], None]


class Usage(Protocol):
    """How many calls are going on."""

    own: int
    """Those of this process, which it writes here."""

    @property
    def total(self) -> int:
        """Return those of all processes that share the limit."""


class OwnUsage:
    """The usage of a process that shares its limit with nobody."""

    def __init__(self) -> None:
        """Begin without a call."""
        self.own = 0

    @property
    def total(self) -> int:
        """Return the number of calls."""
        return self.own


class Server(OutboundESLServer):  # type: ignore[misc]  # greenswitch has no types
    """
    A listener on each address, and the calls that came in by them.

    ``refused_calls`` counts those that were over the limit, ``refused_peers`` connections from where no switch is.
    """

    def __init__(
        self,
        addresses: Sequence[tuple[str, int]],
        serve: Serve,
        refuse: Serve,
        max_calls: int,
        *,
        sockets: Sequence[Any] = (),
        admits: Callable[[str], bool] = lambda _host: True,
        usage: Usage | None = None,
    ) -> None:
        """
        Prepare to listen on host and port pairs (port 0: any free one), and on sockets that listen already.

        ``admits`` says whether a peer with this address may be a switch. Does not bind yet.
        """
        # Cures "no IPv6, port 0, given socket; bind errors are swallowed": greenswitch's constructor takes one host.
        self._addresses = list(addresses)
        self._sockets = list(sockets)
        self._serve = serve
        self._refuse = refuse
        self._admits = admits
        self._usage = usage or OwnUsage()
        self.max_connections = max_calls
        self.refused_calls = 0
        self.refused_peers = 0
        self._refusals = 0
        self._complaints = {"peers": LogThrottle(), "calls": LogThrottle()}
        self._listeners: list[Listener] = []
        self._idle = Event()
        self._idle.set()

    @property
    def connection_count(self) -> int:
        """How many calls are going on in this process."""
        return self._usage.own

    @property
    def bound_addresses(self) -> list[tuple[str, int]]:
        """Host and port of each listener, with the real port where 0 was asked for."""
        return [tuple(listener.socket.getsockname()[:2]) for listener in self._listeners]

    def listen(self) -> None:
        """Bind every address and begin to accept. Raises SettingsError, naming the address, if one cannot be bound."""
        # Cures "accept loop polls every 100 ms", "any accept error but one ends the server", "sys.exit() with 0".
        sockets = list(self._sockets)
        try:
            sockets += [bind(host, port) for host, port in self._addresses]
        except BaseException:
            for sock in sockets:
                sock.close()
            raise
        for sock in sockets:
            self._listen(sock)

    def _listen(self, sock: Any) -> None:
        listener = Listener(sock, lambda client, address: self._accept(client, address, listener))
        listener.start()
        self._listeners.append(listener)

    def stop(self, drain_timeout_s: float = 0.0) -> int:
        """Stop accepting, wait for the calls at most so long, and return how many are still going on."""
        # Cures "drain has no deadline; calls still connecting are abandoned": they count from accept on.
        self._stop_listening()
        gevent.sleep(0)  # whoever was accepted last begins, and counts
        self._idle.wait(timeout=drain_timeout_s)
        return self.connection_count

    def stop_waiting(self) -> None:
        """Let a ``stop`` that waits for the calls return now."""
        self._idle.set()

    def _stop_listening(self) -> None:
        for listener in self._listeners:
            listener.take_all()
            listener.close()

    def _accept(self, sock: Any, address: Any, listener: Listener) -> None:
        """Serve one connection. Runs in a greenlet of its own; counts before it first waits."""
        # Cures "the connection limit is checked before connect and counted after".
        if not self._admits(_host(address)):
            self._send_off(sock, address)
        elif listener.is_exhausted or self._usage.total >= self.max_connections:
            self._turn_away(CallSession(address, sock))
        else:
            self._take(CallSession(address, sock))
        listener.restore()

    def _take(self, session: CallSession) -> None:
        self._usage.own += 1
        self._idle.clear()
        try:
            self._serve(session)
        finally:
            self._usage.own -= 1
            if not self._usage.own:
                self._idle.set()

    def _send_off(self, sock: Any, address: Any) -> None:
        """Close a connection from where no switch is, without a word."""
        self.refused_peers += 1
        sock.close()
        if not_told := self._complaints["peers"].is_due():
            log.warning(
                "%s refused, the last from %s: allowed_peers does not have it",
                counted(not_told, "connection is", "connections are"),
                _host(address),
            )

    def _turn_away(self, session: CallSession) -> None:
        self.refused_calls += 1
        if not_told := self._complaints["calls"].is_due():
            log.warning(
                "a call is refused: %d of %d are going on (%d refused since this was last said)",
                self._usage.total,
                self.max_connections,
                not_told,
            )
        if self._refusals >= REFUSALS_MAX:
            session.stop()
            return
        self._refusals += 1
        try:
            self._refuse(session)
        finally:
            self._refusals -= 1


def _host(address: Any) -> str:
    return str(address[0]) if isinstance(address, tuple) and address else ""
