"""
Listening sockets: bound here, or handed over by a parent process, and accepted from by any number of processes.

All workers share one socket that their parent has bound. With SO_REUSEPORT each would have a queue of its own, and the
connections in the queue of a worker that ends would be reset; in a shared queue they wait for the next worker.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket as native_socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from gevent import socket
from gevent.server import StreamServer

from esl_huntgroup.errors import SettingsError
from esl_huntgroup.esl.log_throttle import LogThrottle
from esl_huntgroup.esl.stream import prepare
from esl_huntgroup.model.text import counted

log = logging.getLogger(__name__)

BACKLOG: Final = 1024
"""Connections the kernel keeps for us while we are busy; a burst of 500 callers fits twice."""
ACCEPT_AT_ONCE: Final = 4
"""Connections that one process takes before it does anything else: the rest of a burst is for the other processes."""
REST_S: Final = 0.2
OUT_OF_DESCRIPTORS: Final = (errno.EMFILE, errno.ENFILE)


def bind(host: str, port: int, beside: Sequence[native_socket.socket] = ()) -> native_socket.socket:
    """
    Return a listening socket, IPv4 or IPv6 as the host says; port 0 is any free one.

    ``beside`` are listening sockets of our own that may have the same port: 0.0.0.0 can be bound while 127.0.0.1 still
    has its callers, and the other way round. Raises SettingsError, naming the address, if it cannot be bound.
    """
    try:
        with sharing_the_port(beside):
            return _bound(host, port, shares=bool(beside))
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or "this is not the name of a host"
        raise SettingsError(
            f"cannot listen on {host} port {port}: {why}; an address of this machine and a free port are needed"
        ) from None


@contextlib.contextmanager
def sharing_the_port(sockets: Sequence[native_socket.socket]) -> Iterator[None]:
    """
    Let sockets of the same user, which ask for it too, listen on the port of these, meanwhile.

    SO_REUSEPORT is looked at when a socket is bound and when it begins to listen, so nobody else can use the moment
    after. Workers may have these sockets as well, so closing them here would not free the port.
    """
    for sock in sockets:
        sock.setsockopt(native_socket.SOL_SOCKET, native_socket.SO_REUSEPORT, 1)
    try:
        yield
    finally:
        for sock in sockets:
            sock.setsockopt(native_socket.SOL_SOCKET, native_socket.SO_REUSEPORT, 0)


def _bound(host: str, port: int, *, shares: bool) -> native_socket.socket:
    found = native_socket.getaddrinfo(host, port, type=native_socket.SOCK_STREAM, flags=native_socket.AI_PASSIVE)
    family, _, _, _, address = found[0]
    sock = native_socket.socket(family, native_socket.SOCK_STREAM)
    try:
        sock.setsockopt(native_socket.SOL_SOCKET, native_socket.SO_REUSEADDR, 1)
        if family == native_socket.AF_INET6:
            sock.setsockopt(native_socket.IPPROTO_IPV6, native_socket.IPV6_V6ONLY, 1)
        prepare(sock)
        with sharing_the_port([sock] if shares else []):
            sock.bind(address)
            sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def inherited(descriptor: int) -> Any:
    """Return the listening socket with this number, which the parent process has opened, for use with gevent."""
    sock = socket.socket(fileno=descriptor)
    prepare(sock)
    return sock


class Listener(StreamServer):  # type: ignore[misc]  # gevent has no types
    """
    Accepts connections in the background, and survives it when there is no file descriptor left for one.

    A descriptor is kept in reserve. When it is the last one, ``handle`` is told that the process is ``exhausted`` and
    should get rid of the connection; ``restore`` has to be called after that. Without a reserve nothing is accepted for
    REST_S; the connections wait in the queue of the kernel, or are taken by another process.
    """

    max_accept = ACCEPT_AT_ONCE

    def __init__(self, sock: Any, handle: Callable[[Any, Any], None]) -> None:
        """Take over a listening socket; ``start`` begins to accept."""
        super().__init__(sock, handle)
        sock.setblocking(False)  # other processes accept, too: what was announced may be gone
        self._complaint = LogThrottle()
        self._reserve = _open_reserve()
        self.is_exhausted = self._reserve is None
        """Whether the reserve is in use: the connection that was accepted last has no business to stay."""

    def restore(self) -> None:
        """Take a descriptor into reserve again, if there is one."""
        if self.is_exhausted and not self.closed:
            self._reserve = _open_reserve()
            self.is_exhausted = self._reserve is None

    def do_read(self) -> Any:
        """Accept one connection; return its socket and address, None if there is none or nothing to accept it with."""
        try:
            return super().do_read()
        except OSError as error:
            if error.errno not in OUT_OF_DESCRIPTORS:
                raise
        if times := self._complaint.is_due():
            log.error(
                "no file descriptor is left for a call, which is refused (%s since this was said)",
                counted(times, "time"),
            )
        if self._reserve is None:
            return self._rest()
        os.close(self._reserve)
        self._reserve, self.is_exhausted = None, True
        try:
            return super().do_read()
        except OSError:  # somebody else was quicker
            return self._rest()

    def _rest(self) -> None:
        """Accept nothing for a while: the connection that could not be accepted would be announced again and again."""
        self.stop_accepting()
        self._wake_up = self.loop.timer(REST_S)
        self._wake_up.start(self._go_on)

    def _go_on(self) -> None:
        self.restore()
        if self.started:
            self.start_accepting()

    def take_all(self) -> None:
        """Accept whoever waits in the queue: closing it would reset their connections, and leave callers parked."""
        for _ in range(0 if self.closed else BACKLOG):
            if not (client := self.do_read()):
                return
            self.do_handle(*client)

    def close(self) -> None:
        """Stop accepting. The queue lives on as long as another process has the socket."""
        super().close()
        if self._reserve is not None:
            os.close(self._reserve)
            self._reserve = None


def _open_reserve() -> int | None:
    try:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
