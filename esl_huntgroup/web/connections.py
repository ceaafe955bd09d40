"""
The connections of the web process: how long each may take, how large a request may be, and who has to go.

A connection *waits* until it has sent a whole request: before its first one, inside of one, and between two. Whoever
holds thousands of those half open fills a book of bounded length, in which the one that waits longest gives way to the
next; a browser sends its request in the first milliseconds, and is not the one. A connection that has sent its request
is never ended for another one.
"""

from __future__ import annotations

import contextlib
import errno
import logging
from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPException
from socket import SHUT_RDWR
from typing import Any, Final

import gevent
from gevent.pool import Pool
from gevent.pywsgi import WSGIHandler, WSGIServer

from esl_huntgroup.web.headers import OUTSIDE, PLAIN

CONNECTIONS_MAX: Final = 4000
WAITING_MAX: Final = 1000
"""Connections without a whole request, each with at most the 64 kB of a body."""
HEADERS_MAX_BYTES: Final = 32 * 1024
HEADERS_S: Final = 10.0
"""From the end of a request's first line to the end of its headers."""
IDLE_S: Final = 60.0
"""How long a connection is kept on which nothing is asked."""
SEND_S: Final = 20.0
"""How long one piece of an answer may take to be sent; a reader who takes nothing for so long is gone."""
LINGER_S: Final = 1.0
LINGER_BYTES: Final = 1024 * 1024
"""What is still read of a request that is refused, so that the sentence arrives which says why."""
BACKLOG: Final = 1024
READ_AHEAD_BYTES: Final = 2048

log = logging.getLogger(__name__)


class HeadersTooLarge(ValueError):
    """The headers of a request are longer than anybody needs."""


class Connection(WSGIHandler):  # type: ignore[misc]
    """One connection: pywsgi's own handler, with limits."""

    server: Server
    ignored_socket_errors = (*WSGIHandler.ignored_socket_errors, errno.EBADF, errno.ENOTCONN, "timed out")

    def __init__(self, sock: Any, address: Any, server: Server) -> None:
        """Take a connection that was accepted."""
        sock.settimeout(SEND_S)
        super().__init__(sock, address, server, sock.makefile("rb", READ_AHEAD_BYTES))
        self._is_refused = False

    def handle(self) -> None:
        """Serve the connection to its end. That the other side goes is no fault, and nothing for the log."""
        with contextlib.suppress(OSError):
            super().handle()

    def read_requestline(self) -> str:
        """Return the first line of a request, empty where none comes."""
        self.server.waits(self)
        self.socket.settimeout(None)
        with gevent.Timeout(IDLE_S, TimeoutError("timed out")):
            line: str = super().read_requestline()
        self.socket.settimeout(SEND_S)
        return line

    def read_request(self, raw_requestline: str) -> bool:
        """Read the headers. Raises ValueError and TimeoutError."""
        with gevent.Timeout(HEADERS_S, TimeoutError("timed out")):
            is_read: bool = super().read_request(raw_requestline)
        if self.headers.get("transfer-encoding", "chunked").lower() != "chunked":
            raise ValueError("a transfer encoding that is not known here")
        return is_read

    def MessageClass(self, source: Any, *_: Any) -> Any:  # noqa: N802  # the name is pywsgi's
        """Parse headers from a file, of which no more than the limit is read."""
        return super().MessageClass(_Limited(source, HEADERS_MAX_BYTES))

    def get_environ(self) -> dict[str, Any]:
        """Return the environment of a request, which has this connection in it."""
        environ: dict[str, Any] = super().get_environ()
        environ["esl_huntgroup.connection"] = self
        return environ

    def arrived(self) -> None:
        """Note that the request is here as a whole: from now on, the connection gives way to nobody."""
        self.server.serves(self)

    def refused(self) -> None:
        """Note that the rest of the request is read by nobody."""
        self._is_refused = self.close_connection = True
        self.wsgi_input._chunked_input_error = True  # pywsgi's way to leave the rest of a body alone, however long

    def give_way(self) -> None:
        """End a connection that waits: its reader meets the end of the file."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(SHUT_RDWR)

    def watch(self, is_gone: Callable[[], None]) -> Callable[[], None]:
        """Call this once the other side closes or says anything more; return what ends the watch."""
        watcher = gevent.get_hub().loop.io(self.socket.fileno(), 1)

        def readable() -> None:
            watcher.stop()
            is_gone()

        def close() -> None:
            watcher.stop()
            watcher.close()

        watcher.start(readable)
        return close

    def handle_one_response(self) -> None:
        """Answer; of a request that was refused, no more is read than lets the answer arrive."""
        super().handle_one_response()
        if self._is_refused:
            self._linger()

    def _linger(self) -> None:
        left = LINGER_BYTES
        with contextlib.suppress(OSError), gevent.Timeout(LINGER_S, TimeoutError("timed out")):
            while left > 0 and (data := self.rfile.read1(16384)):
                left -= len(data)

    def _connection_upgrade_requested(self) -> bool:
        """Nothing is spoken here but HTTP: the body of every request has a limit."""
        return False

    def _handle_client_error(self, ex: BaseException) -> tuple[str, bytes]:
        """Answer what is no request with a sentence. It is not logged: anybody could fill a disk."""
        if isinstance(ex, (HeadersTooLarge, HTTPException)):
            accepted = f"at most 100 headers, of together {HEADERS_MAX_BYTES // 1024} kB,"
            return _refusal("431 Request Header Fields Too Large", f"{accepted} are accepted")
        if isinstance(ex, TimeoutError):
            return _refusal("408 Request Timeout", f"headers within {HEADERS_S:g} seconds are accepted")
        return _refusal("400 Bad Request", "a request of HTTP/1.1 is accepted")

    def _send_error_response_if_possible(self, error_code: int) -> None:
        """Answer for an application that has failed altogether, or a body in pieces that are none; and close."""
        self.close_connection = True
        if self.response_length:
            return
        body = _FAILED[error_code].encode("ascii")
        headers = [("Content-Type", PLAIN), ("Connection", "close"), ("Content-Length", str(len(body))), *OUTSIDE]
        with contextlib.suppress(OSError):
            self.start_response(f"{error_code} {HTTPStatus(error_code).phrase}", headers)
            self.write(body)

    def handle_one_request(self) -> Any:
        """Answer one request; say why one is refused that pywsgi would refuse without a word."""
        result = super().handle_one_request()
        if isinstance(result, tuple) and result[0] == "414":
            return _refusal("414 URI Too Long", "an address of at most 8 kB is accepted")
        return result


_FAILED: Final = {
    400: "a request of HTTP/1.1 is accepted\n",
    500: "something went wrong here; it has been noted\n",
}


def _refusal(status: str, sentence: str) -> tuple[str, bytes]:
    body = f"{sentence}\n"
    headers = {"Content-Type": PLAIN, "Connection": "close", "Content-Length": str(len(body)), **dict(OUTSIDE)}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers.items()), "", body]
    return status.partition(" ")[0], "\r\n".join(lines).encode("ascii")


class _Limited:
    """A file of which only so much can be read, in whole lines; its end before an empty line is an error."""

    def __init__(self, source: Any, limit: int) -> None:
        self._source = source
        self._left = limit

    def readline(self, limit: int) -> bytes:
        line: bytes = self._source.readline(min(limit, self._left + 1))
        self._left -= len(line)
        if self._left < 0:
            raise HeadersTooLarge
        if not line.endswith(b"\n"):
            raise ValueError("the request ends within its headers")
        return line


class Server(WSGIServer):  # type: ignore[misc]
    """pywsgi's server with connections that are limited, each and in number."""

    handler_class = Connection

    def __init__(
        self,
        address: tuple[str, int],
        application: Any,
        *,
        connections_max: int = CONNECTIONS_MAX,
        waiting_max: int = WAITING_MAX,
    ) -> None:
        """Take the address and the WSGI application. Listens to nothing yet."""
        super().__init__(address, application, backlog=BACKLOG, spawn=Pool(), log=None, error_log=log)
        self._connections_max = connections_max
        self._waiting_max = waiting_max
        self._waiting: dict[Connection, None] = {}
        self._is_ending = False

    @property
    def connections(self) -> int:
        """How many connections there are."""
        return len(self.pool)

    def handle(self, sock: Any, address: Any) -> None:
        """Serve a connection to its end."""
        if self.connections > self._connections_max and not self._end_oldest():
            sock.close()
            return
        connection = self.handler_class(sock, address, self)
        try:
            connection.handle()
        finally:
            self.serves(connection)

    def waits(self, connection: Connection) -> None:
        """Note that a connection has no whole request; with too many of those, the oldest is ended."""
        self._waiting[connection] = None
        if self._is_ending or len(self._waiting) > self._waiting_max:
            self._end_oldest()

    def serves(self, connection: Connection) -> None:
        """Note that a connection has sent its request, or has ended."""
        self._waiting.pop(connection, None)

    def end_waiting(self) -> None:
        """End all connections on which nothing has been asked, also those that come to that."""
        self._is_ending = True
        while self._end_oldest():
            pass

    def _end_oldest(self) -> bool:
        for connection in self._waiting:
            self.serves(connection)
            connection.give_way()
            return True
        return False
