"""What anybody may do to the web process who reaches its port: bounded, and the page goes on."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flask
import gevent
import pytest
from gevent.threadpool import ThreadPool

from esl_huntgroup.web import connections, threads
from esl_huntgroup.web.connections import Server
from esl_huntgroup.web.headers import OUTSIDE
from esl_huntgroup.web.threads import LIVE, InThreads

WAITING_MAX = 50
CONNECTIONS_MAX = 120


class Endless:
    """A stream that says something each 10 ms."""

    def __init__(self) -> None:
        self.is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        while not self.is_closed:
            gevent.sleep(0.01)
            yield b"x"

    def close(self) -> None:
        self.is_closed = True


class Silent(Endless):
    """A stream that says nothing."""

    def __iter__(self) -> Iterator[bytes]:
        yield b"begin"
        while not self.is_closed:
            gevent.sleep(0.01)


class Page:
    """An application behind a server, in a thread of its own with its own hub."""

    def __init__(self) -> None:
        self.streams: list[Endless] = []
        self.port = 0
        self._ready = threading.Event()
        self._until = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(10)

    def stop(self) -> None:
        self._until.set()
        self._thread.join(10)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        app = flask.Flask("test")
        app.add_url_rule("/", "start", lambda: "here\n")
        app.add_url_rule("/echo", "echo", _echo, methods=["POST"])
        app.add_url_rule("/live/<kind>", "live", self._live)
        app.wsgi_app = _failing(app.wsgi_app)  # type: ignore[method-assign]
        application = InThreads(app, ThreadPool(2))
        server = Server(("127.0.0.1", 0), application, connections_max=CONNECTIONS_MAX, waiting_max=WAITING_MAX)
        server.start()
        self.server, self.port = server, server.server_port
        self._ready.set()
        while not self._until.is_set():
            gevent.sleep(0.02)
        server.stop(0.2)
        gevent.get_hub().destroy(destroy_loop=True)

    def _live(self, kind: str) -> flask.Response:
        stream = Silent() if kind == "silent" else Endless()
        self.streams.append(stream)
        flask.request.environ[LIVE] = stream
        return flask.Response(content_type="text/plain")


def _failing(application: Any) -> Any:
    """Return an application that fails at one address, in a way that no framework catches."""

    def fail(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/fail":
            raise RuntimeError("a fault")
        return application(environ, start_response)

    return fail


def _echo() -> bytes:
    return flask.request.get_data()


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    monkeypatch.setattr(connections, "HEADERS_S", 0.5)
    monkeypatch.setattr(connections, "IDLE_S", 1.0)
    monkeypatch.setattr(connections, "SEND_S", 1.0)
    monkeypatch.setattr(threads, "BODY_S", 0.5)
    running = Page()
    running.start()
    yield running
    running.stop()


@contextlib.contextmanager
def connected(page: Page, says: bytes = b"") -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", page.port), timeout=5) as sock:
        sock.sendall(says)
        yield sock


def rest(sock: socket.socket) -> bytes:
    """Return all that comes until the other side ends."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while more := sock.recv(65536):
            data += more
    return data


def answer(page: Page, says: bytes) -> bytes:
    with connected(page, says) as sock:
        return rest(sock)


GET = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def is_there(page: Page) -> bool:
    return answer(page, GET).endswith(b"here\n")


def test_half_open_connections_do_not_stop_the_page(page: Page, capfd: pytest.CaptureFixture[str]) -> None:
    with contextlib.ExitStack() as stack:
        for number in range(400):
            stack.enter_context(connected(page, b"GET / HTTP/1.1\r\nHost: x\r\nX-A: " if number % 2 else b""))
            if number % 50 == 0:
                assert is_there(page)
        began = time.monotonic()
        assert is_there(page)
        assert time.monotonic() - began < 1
        assert page.server.connections <= CONNECTIONS_MAX + WAITING_MAX
    time.sleep(0.1)
    assert capfd.readouterr().err == "", "nothing that anybody could fill a disk with"


def test_a_request_is_not_ended_for_those_that_wait(page: Page) -> None:
    with connected(page, b"GET /live/endless HTTP/1.1\r\nHost: x\r\n\r\n") as live, contextlib.ExitStack() as stack:
        live.recv(1000)
        for _ in range(3 * WAITING_MAX):
            stack.enter_context(connected(page, b"GET"))
        time.sleep(0.2)
        live.settimeout(0.01)
        with contextlib.suppress(TimeoutError):
            while live.recv(65536):
                pass
        live.settimeout(2)
        assert live.recv(10)


@pytest.mark.parametrize(
    ("says", "status", "sentence"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 40_000 + b"\r\n\r\n", b"431", b"at most 100 headers"),
        (b"GET / HTTP/1.1\r\n" + b"X-A: aaaaaaaaaaaa\r\n" * 3000 + b"\r\n", b"431", b"at most 100 headers"),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"414", b"an address of at most 8 kB"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400", b"a request of HTTP/1.1"),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n", b"413", b"at most 64 kB"),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\n\r\n" + b"a" * 200_000, b"413", b"64 kB"),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1_0\r\n\r\n", b"413", b"at most 64 kB"),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"400", b"a request of HTTP/1.1"),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", b"400", b"HTTP/1.1"),
        (
            b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"8000\r\n%b\r\n" % (b"a" * 32768) * 3,
            b"413",
            b"at most 64 kB",
        ),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", b"408", b"headers within"),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc", b"408", b"within"),
        (b"GET / HTTP/3.0\r\nHost: x\r\n\r\n", b"400", b"a request of HTTP/1.1"),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", b"400", b"64 kB"),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", b"400", b"a request of HTTP/1.1"),
        (b"GET /fail HTTP/1.1\r\nHost: x\r\n\r\n", b"500", b"something went wrong"),
        (b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nHost: x\r\n\r\n", b"400", b"not understand"),
    ],
)
def test_bad_requests_get_one_sentence(page: Page, says: bytes, status: bytes, sentence: bytes) -> None:
    data = answer(page, says)
    assert data.split()[1] == status, data[:300]
    assert sentence in data
    assert is_there(page)
    if sentence != b"not understand":  # what the application says, its own module adds these to
        told = dict(line.split(": ", 1) for line in data.decode().partition("\r\n\r\n")[0].split("\r\n")[1:])
        assert {name: told.get(name) for name, _ in OUTSIDE} == dict(OUTSIDE)
        assert (told["Content-Type"], told["Connection"]) == ("text/plain; charset=utf-8", "close")


def test_body_arrives_whole(page: Page) -> None:
    head = b"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    assert answer(page, head + b"Content-Length: 65536\r\n\r\n" + b"a" * 65536).endswith(b"a" * 65536)
    assert answer(page, head + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n").endswith(b"abc")


def test_idle_connection_is_closed(page: Page) -> None:
    with connected(page, GET.replace(b"Connection: close\r\n", b"")) as sock:
        began = time.monotonic()
        rest(sock)
        assert 0.5 < time.monotonic() - began < 3


def test_end_of_a_reader_ends_the_stream_at_once(page: Page) -> None:
    with connected(page, b"GET /live/silent HTTP/1.1\r\nHost: x\r\n\r\n") as sock:
        data = b""
        while b"begin" not in data:
            data += sock.recv(1000)
        assert not page.streams[0].is_closed
    deadline = time.monotonic() + 2
    while not page.streams[0].is_closed and time.monotonic() < deadline:
        time.sleep(0.02)
    assert page.streams[0].is_closed


def test_reader_who_takes_nothing_is_gone(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Endless, "__iter__", _much)
    with connected(page, b"GET /live/endless HTTP/1.1\r\nHost: x\r\n\r\n"):
        deadline = time.monotonic() + 6
        while not (page.streams and page.streams[0].is_closed) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert page.streams[0].is_closed


def _much(stream: Endless) -> Iterator[bytes]:
    while not stream.is_closed:
        yield b"x" * 65536


def test_memory_is_bounded(page: Page) -> None:
    """Of bodies that never arrive as a whole, too: each is 64 kB at most, and there are so many at most."""
    before = _rss_kb()
    with contextlib.ExitStack() as stack:
        for _ in range(300):
            sock = stack.enter_context(connected(page))
            with contextlib.suppress(OSError):
                sock.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 65536\r\n\r\n" + b"a" * 60_000)
        assert is_there(page)
        assert _rss_kb() - before < 40_000


def _rss_kb() -> int:
    status = Path(f"/proc/{os.getpid()}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
