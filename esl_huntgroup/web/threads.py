"""
Requests in native threads: what a request does may block, whatever else the process serves.

Drivers of databases and the hashing of passwords know nothing of gevent, and nothing here is monkey-patched. So the
greenlet of a connection reads the request, hands it to one of a few threads, and sends what that returns. A stream of
events is sent by the greenlet itself: a thousand open pages need a thousand greenlets, and no thread.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Protocol

from gevent.threadpool import ThreadPool

BODY_MAX_BYTES: Final = 64 * 1024
"""Nothing that a form or a program sends is longer."""
THREADS: Final = 8
"""Requests at one time, and connections to the database."""

StartResponse = Callable[..., Any]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


class LiveStream(Protocol):
    """A response that a greenlet sends: it waits for gevent, and never for a database."""

    is_live: bool

    def __iter__(self) -> Iterator[bytes]:
        """Give what is sent, piece by piece."""


class InThreads:
    """A WSGI application that runs another one in threads."""

    def __init__(self, application: Application, pool: ThreadPool) -> None:
        """Take the application and the threads."""
        self._application = application
        self._pool = pool

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request; ``start_response`` is called in this greenlet."""
        try:
            environ["wsgi.input"] = io.BytesIO(_body(environ))
        except ValueError:
            start_response("413 Content Too Large", [("Content-Type", "text/plain"), ("Connection", "close")])
            return [b"a request of at most 64 kB is accepted\n"]
        started: list[Any] = []

        def start(status: str, headers: list[tuple[str, str]], _exc_info: Any = None) -> None:
            started[:] = [status, headers]

        body = self._pool.apply(self._application, (environ, start))
        start_response(*started)
        # werkzeug wraps what it sends; what is live says so in the environment.
        live = environ.get("esl_huntgroup.live")
        if live is not None:
            return _closing(live, body)
        return self._in_thread(body)

    def _in_thread(self, body: Iterable[bytes]) -> Iterator[bytes]:
        """Give the pieces of a body, each made in a thread."""
        pieces = iter(body)
        end = object()
        try:
            while (piece := self._pool.apply(next, (pieces, end))) is not end:
                yield piece
        finally:
            if close := getattr(body, "close", None):
                self._pool.apply(close)


def _closing(live: Iterable[bytes], body: Iterable[bytes]) -> Iterator[bytes]:
    try:
        yield from live
    finally:
        for it in (live, body):
            if close := getattr(it, "close", None):
                close()


def _body(environ: dict[str, Any]) -> bytes:
    """Return the body of a request. Raises ValueError where it is too long."""
    length = environ.get("CONTENT_LENGTH") or ""
    if length and not (length.isdecimal() and int(length) <= BODY_MAX_BYTES):
        raise ValueError(length)
    source = environ["wsgi.input"]
    body: bytes = source.read(int(length)) if length else source.read(BODY_MAX_BYTES + 1)
    if len(body) > BODY_MAX_BYTES:
        raise ValueError(len(body))
    environ["CONTENT_LENGTH"] = str(len(body))
    return body
