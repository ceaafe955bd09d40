"""
Accepts the calls: greenswitch's outbound server, with its accept loop, its limit and its stop replaced.

One greenlet for each connection. A connection over the limit is not closed, which would park its caller for ever, but
given to ``refuse``, and only a few of those at a time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

from gevent import socket
from gevent.event import Event
from gevent.server import StreamServer
from greenswitch.esl import OutboundESLServer

from esl_huntgroup.errors import SettingsError
from esl_huntgroup.esl.session import CallSession
from esl_huntgroup.esl.stream import prepare

log = logging.getLogger(__name__)

BACKLOG: Final = 1024
"""Connections the kernel keeps for us while we are busy; a burst of 500 callers fits twice."""
REFUSALS_MAX: Final = 200
"""Connections being refused at one time. More are closed at once, and the dialplan's watchdog serves the caller."""

Serve = Callable[[CallSession], None]


class Server(OutboundESLServer):  # type: ignore[misc]  # greenswitch has no types
    """A listener on each address, and the calls that came in by them."""

    def __init__(self, addresses: Sequence[tuple[str, int]], serve: Serve, refuse: Serve, max_calls: int) -> None:
        """Prepare to listen on host and port pairs (port 0: any free one). Does not bind yet."""
        # Cures "no IPv6, port 0, given socket; bind errors are swallowed": greenswitch's constructor takes one host.
        self._addresses = list(addresses)
        self._serve = serve
        self._refuse = refuse
        self.max_connections = max_calls
        self.connection_count = 0
        self._refusals = 0
        self._listeners: list[StreamServer] = []
        self._idle = Event()
        self._idle.set()

    @property
    def bound_addresses(self) -> list[tuple[str, int]]:
        """Host and port of each listener, with the real port where 0 was asked for."""
        return [tuple(listener.socket.getsockname()[:2]) for listener in self._listeners]

    def listen(self) -> None:
        """Bind every address and begin to accept. Raises SettingsError, naming the address, if one cannot be bound."""
        # Cures "accept loop polls every 100 ms", "any accept error but one ends the server", "sys.exit() with 0".
        for host, port in self._addresses:
            try:
                sock = _bound(host, port)
            except OSError as error:
                self._stop_listening()
                raise SettingsError(
                    f"cannot listen on {host} port {port}: {error.strerror}; "
                    "an address of this machine and a free port are needed"
                ) from None
            listener = StreamServer(sock, self._accept)
            listener.start()
            self._listeners.append(listener)

    def stop(self, drain_timeout_s: float = 0.0) -> int:
        """Stop accepting, wait for the calls at most so long, and return how many are still going on."""
        # Cures "drain has no deadline; calls still connecting are abandoned": they count from accept on.
        self._stop_listening()
        self._idle.wait(timeout=drain_timeout_s)
        return self.connection_count

    def _stop_listening(self) -> None:
        for listener in self._listeners:
            listener.close()

    def _accept(self, sock: Any, address: Any) -> None:
        """Serve one connection. Runs in a greenlet of its own; counts before it first waits."""
        # Cures "the connection limit is checked before connect and counted after".
        session = CallSession(address, sock)
        if self.connection_count >= self.max_connections:
            self._turn_away(session)
            return
        self.connection_count += 1
        self._idle.clear()
        try:
            self._serve(session)
        finally:
            self.connection_count -= 1
            if not self.connection_count:
                self._idle.set()

    def _turn_away(self, session: CallSession) -> None:
        log.warning("a call is refused: %d of %d are going on", self.connection_count, self.max_connections)
        if self._refusals >= REFUSALS_MAX:
            session.stop()
            return
        self._refusals += 1
        try:
            self._refuse(session)
        finally:
            self._refusals -= 1


def _bound(host: str, port: int) -> Any:
    """Return a listening socket, IPv4 or IPv6 as the host says. Raises OSError."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        prepare(sock)
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock
