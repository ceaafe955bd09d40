"""
Listens to each Kamailio that tells which lines have registered: a connection to each, made again whenever it breaks.

Nothing depends on it: a call asks who is registered, whether it was told or not. So whatever comes is bounded: what is
no notice ends the connection until the next try, and of a peer that talks without end only so much is read as costs
this process hardly anything; the rest waits in the network.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final, NoReturn, Self

import gevent
from gevent import socket

from esl_huntgroup.errors import SwitchGone, SwitchTimeout
from esl_huntgroup.esl.reconnect import keep_connected
from esl_huntgroup.esl.stream import prepare
from esl_huntgroup.registrars.notices import Listening, Notice, NoticeReader

log = logging.getLogger(__name__)

CONNECT_WITHIN_S: Final = 5.0
RECEIVE_BYTES: Final = 8192
PAUSE_S: Final = 0.05
"""Between two looks at a connection: some 4000 notices a second are read, and calls come first."""

Address = tuple[str, int]
Hears = Callable[[Notice], None]
"""Takes in a notice; it must not wait."""


class NoticeFeed:
    """The connections of one process. ``hears`` is told everything that comes, from ``start`` on."""

    def __init__(self, addresses: Sequence[Address], hears: Hears) -> None:
        """Take where each Kamailio tells. Connects to none."""
        self.lost: set[Address] = set(addresses)
        """Those that tell nothing now."""
        self._hears = hears
        self._listeners: list[gevent.Greenlet] = []

    def start(self) -> None:
        """Connect, and stay connected."""
        for address in sorted(self.lost):
            connect = functools.partial(_Connection, address)
            what = f"registrations at {address[0]} port {address[1]}"
            self._listeners.append(gevent.spawn(keep_connected, connect, self._listen, what))

    def stop(self) -> None:
        """Hear of nothing more; every connection is closed."""
        gevent.killall(self._listeners)

    def _listen(self, connection: _Connection) -> NoReturn:
        """Pass on notices until the connection breaks. Raises SwitchError."""
        reader = NoticeReader()
        self.lost.discard(connection.address)
        try:
            self._tell(Listening())
            while True:
                for notice in reader.receive(connection.receive()):
                    self._tell(notice)
                gevent.sleep(PAUSE_S)
        finally:
            self.lost.add(connection.address)

    def _tell(self, notice: Notice) -> None:
        """Pass a notice on; a fault of this program in whoever hears it makes nobody deaf."""
        try:
            self._hears(notice)
        except Exception:
            log.exception("a fault of this program in a notice of Kamailio")


class _Connection:
    """One TCP connection; a context manager that opens and closes it. Raises SwitchError."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._socket: Any = None

    def __enter__(self) -> Self:
        try:
            self._socket = socket.create_connection(self.address, timeout=CONNECT_WITHIN_S)
        except TimeoutError:
            raise SwitchTimeout("no answer") from None
        except OSError as error:
            raise SwitchGone(error.strerror or str(error)) from None
        self._socket.settimeout(None)  # it may be silent for days; keepalive notices a peer that is gone
        prepare(self._socket)
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def receive(self) -> bytes:
        """Return what has come, waiting for it."""
        try:
            data: bytes = self._socket.recv(RECEIVE_BYTES)
        except OSError as error:
            raise SwitchGone(error.strerror or str(error)) from None
        if not data:
            raise SwitchGone("Kamailio has closed the connection (HUNTGROUP_NOTICES_TO may not name this host)")
        return data
