"""
Requests in native threads: what a request does may block, whatever else the process serves.

Drivers of databases and the hashing of passwords know nothing of gevent, and nothing here is monkey-patched. So the
greenlet of a connection reads the request, hands it to one of a few threads, and sends what that returns. A stream of
events is sent by the greenlet itself: a thousand open pages need a thousand greenlets, and no thread.

A view that answers with a stream puts it into its request's environment (``send_live``); status and headers are those
of the response that it returns, whose body is left out.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Protocol

import gevent
from gevent.threadpool import ThreadPool

from esl_huntgroup.web.headers import OUTSIDE, PLAIN

BODY_MAX_BYTES: Final = 64 * 1024
"""Nothing that a form or a program sends is longer."""
BODY_S: Final = 20.0
"""How long a body may take to arrive."""
THREADS: Final = 8
"""Requests at one time, and connections to the database."""
LIVE: Final = "esl_huntgroup.live"
CONNECTION: Final = "esl_huntgroup.connection"

StartResponse = Callable[..., Any]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


class LiveStream(Protocol):
    """A response that a greenlet sends: it waits for gevent, and never for a database."""

    def __iter__(self) -> Iterator[bytes]:
        """Give what is sent, piece by piece."""

    def close(self) -> None:
        """Let go of everything; the iteration ends soon, where it has not ended. Called in the hub's thread."""


class _Refused(Exception):
    """A request of which the body is not taken; the message is the status."""


class InThreads:
    """A WSGI application that runs another one in threads."""

    def __init__(self, application: Application, pool: ThreadPool) -> None:
        """Take the application and the threads."""
        self._application = application
        self._pool = pool

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request; ``start_response`` is called in this greenlet."""
        connection = environ.get(CONNECTION)
        try:
            environ["wsgi.input"] = io.BytesIO(_body(environ))
        except _Refused as refused:
            return _refuse(refused, connection, start_response)
        if connection is not None:
            connection.arrived()
        started: list[Any] = []

        def start(status: str, headers: list[tuple[str, str]], _exc_info: Any = None) -> None:
            started[:] = [status, headers]

        body = self._pool.apply(self._application, (environ, start))
        # werkzeug wraps what it sends; what is live says so in the environment.
        live = environ.get(LIVE)
        if live is None:
            start_response(*started)
            return self._in_thread(body)
        self._close(body)
        status, headers = started
        start_response(status, [it for it in headers if it[0].lower() != "content-length"])
        environ.clear()  # a thousand of them are ten megabytes, and nobody asks any more
        return _Live(live, connection)

    def _in_thread(self, body: Iterable[bytes]) -> Iterator[bytes]:
        """Give the pieces of a body, each made in a thread."""
        pieces = iter(body)
        end = object()
        try:
            while (piece := self._pool.apply(next, (pieces, end))) is not end:
                yield piece
        finally:
            self._close(body)

    def _close(self, body: Iterable[bytes]) -> None:
        """Let the application clean up, in a thread: it may have a connection to its database there."""
        if close := getattr(body, "close", None):
            self._pool.apply(close)


class _Live:
    """The body of a stream: it ends as soon as whoever reads it is gone."""

    def __init__(self, live: LiveStream, connection: Any) -> None:
        self._live = live
        self._end_watch = connection.watch(live.close) if connection is not None else lambda: None

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._live)

    def close(self) -> None:
        self._end_watch()
        self._live.close()


def _refuse(refused: _Refused, connection: Any, start_response: StartResponse) -> list[bytes]:
    if connection is not None:
        connection.refused()
    body = f"a request of at most {BODY_MAX_BYTES // 1024} kB, within {BODY_S:g} seconds, is accepted\n".encode()
    headers = [("Content-Type", PLAIN), ("Connection", "close"), ("Content-Length", str(len(body))), *OUTSIDE]
    start_response(str(refused), headers)
    return [body]


def _body(environ: dict[str, Any]) -> bytes:
    """Return the body of a request. Raises _Refused where it is too long, or takes too long."""
    length = environ.get("CONTENT_LENGTH") or ""
    if length and not (length.isdecimal() and int(length) <= BODY_MAX_BYTES):
        raise _Refused("413 Content Too Large")
    source = environ["wsgi.input"]
    try:
        with gevent.Timeout(BODY_S, TimeoutError("timed out")):
            body: bytes = source.read(int(length)) if length else source.read(BODY_MAX_BYTES + 1)
    except TimeoutError:
        raise _Refused("408 Request Timeout") from None
    except OSError:
        raise _Refused("400 Bad Request") from None
    if len(body) > BODY_MAX_BYTES:
        raise _Refused("413 Content Too Large")
    environ["CONTENT_LENGTH"] = str(len(body))
    return body
