"""The process itself: its address, its end, what it tells Prometheus, and readers that are slow."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import peewee
import pytest

from tests.web.firm import ANNA, LOGIN, Caller, set_up
from tests.web.streams import Reader, Web, running


@pytest.fixture
def caller(sqlite: peewee.Database) -> Caller:
    set_up(sqlite)
    return Caller(sqlite)


@pytest.fixture
def web(caller: Caller, sqlite_url: str, tmp_path: Path) -> Iterator[Web]:
    with running(sqlite_url, tmp_path) as running_web:
        yield running_web


def test_address_is_taken_over_from_the_process_of_before(web: Web, sqlite_url: str, tmp_path: Path) -> None:
    (tmp_path / "next").mkdir()
    after = Web(sqlite_url, tmp_path / "next", port=web.port)
    after.begin()
    time.sleep(1.5)
    web.stop()
    after.await_page()
    assert "cannot listen" not in after.log_text()
    assert after.stop() < 2


def test_address_that_is_not_to_be_had(web: Web, sqlite_url: str, tmp_path: Path) -> None:
    (tmp_path / "next").mkdir()
    other = Web(sqlite_url, tmp_path / "next", port=web.port)
    other.begin()
    assert other.process is not None
    assert other.process.wait(15) == 1
    assert f"web_listen: cannot listen on 127.0.0.1 port {web.port}: Address already in use" in other.log_text()


def test_ipv6(caller: Caller, sqlite_url: str, tmp_path: Path) -> None:
    with contextlib.closing(socket.socket(socket.AF_INET6)) as there:
        try:
            there.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no ::1")
    web = Web(sqlite_url, tmp_path, host="::1")
    try:
        web.start()
        assert web.get("/healthz") == "ok\n"
    finally:
        web.stop()
    assert caller.opens()


def test_prometheus_is_answered_on_this_machine_alone(web: Web, caller: Caller) -> None:
    with contextlib.closing(Reader(web.port, LOGIN[ANNA])) as anna:
        anna.settle()
        caller.opens()
        anna.next()
        assert (web.metric("streams"), web.metric("events_total"), web.metric("in_trouble")) == (1, 1, 0)
        assert 0 <= web.metric("lag_seconds") < 5
    with socket.create_connection(("127.0.0.1", web.port), timeout=5) as sock:
        sock.sendall(b"GET /metrics HTTP/1.0\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n")
        assert b" 404 " in sock.recv(4096)


def test_slow_reader_is_ended_and_catches_up(web: Web, caller: Caller) -> None:
    """Others go on meanwhile."""
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.connect(("127.0.0.1", web.port))
    slow.sendall(f"GET /events HTTP/1.0\r\nHost: x\r\nX-User: {LOGIN[ANNA]}\r\n\r\n".encode())
    with contextlib.closing(slow), contextlib.closing(Reader(web.port, LOGIN[ANNA])) as quick:
        quick.settle()
        seen: set[str] = set()
        deadline = time.monotonic() + 60
        while not web.metric("overruns_total"):
            assert time.monotonic() < deadline, "the slow reader is not ended"
            made = {caller.opens(name="x" * 100) for _ in range(50)}
            while not made <= seen:
                seen.add(quick.next("call", within_s=10).data.partition('"call_id": "')[2][:36])


def test_too_many_pages_of_one_person(web: Web) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            assert stack.enter_context(contextlib.closing(Reader(web.port, LOGIN[ANNA]))).status == 200
        refused = stack.enter_context(contextlib.closing(Reader(web.port, LOGIN[ANNA])))
        assert refused.status == 429
    deadline = time.monotonic() + 5
    while _status(web) != 200:
        assert time.monotonic() < deadline, "who closes a page may open another one"


def _status(web: Web) -> int:
    with contextlib.closing(Reader(web.port, LOGIN[ANNA])) as page:
        return page.status
