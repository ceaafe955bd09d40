"""A relay between the switch and the service: cuts connections, or lets them stand still."""

from __future__ import annotations

import contextlib
import struct
from typing import Any

import gevent
from gevent import socket
from gevent.event import Event
from gevent.server import StreamServer

Address = tuple[str, int]


class Relay:
    """Listens on a free port and passes everything on to ``target``, byte by byte and unchanged."""

    def __init__(self, target: Address) -> None:
        self._target = target
        self._pairs: set[tuple[Any, Any]] = set()
        self._flows = Event()
        self._flows.set()
        self._server = StreamServer(("127.0.0.1", 0), self._serve)
        self._server.start()
        self.address: Address = ("127.0.0.1", self._server.server_port)

    def cut(self) -> None:
        """Reset every connection on both sides."""
        for pair in list(self._pairs):
            for sock in pair:
                _reset(sock)

    def stall(self) -> None:
        """Pass nothing on, and accept nobody's bytes, until ``flow``."""
        self._flows.clear()

    def flow(self) -> None:
        """Pass on what has waited, and all that comes."""
        self._flows.set()

    def close(self) -> None:
        """End everything."""
        self._server.stop()
        self.flow()
        self.cut()

    def _serve(self, near: Any, _address: Any) -> None:
        try:
            far = socket.create_connection(self._target)
        except OSError:
            _reset(near)
            return
        pair = (near, far)
        self._pairs.add(pair)
        for sock in pair:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        gevent.joinall([gevent.spawn(self._pass, near, far), gevent.spawn(self._pass, far, near)])
        self._pairs.discard(pair)
        near.close()
        far.close()

    def _pass(self, source: Any, sink: Any) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flows.wait()
                sink.sendall(data)
        self._flows.wait()
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


def _reset(sock: Any) -> None:
    """Close so that the other side sees a reset (SO_LINGER with no time)."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.shutdown(socket.SHUT_RDWR)
        sock.close()
