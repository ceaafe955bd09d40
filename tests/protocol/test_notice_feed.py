"""The connection by which Kamailio tells of registrations: it comes back, and whatever it says is bounded."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import gevent
import pytest
from gevent.server import StreamServer

from esl_huntgroup.diagnostics.checks.notices import check_notices
from esl_huntgroup.esl import reconnect
from esl_huntgroup.registrars.notice_feed import PAUSE_S, RECEIVE_BYTES, NoticeFeed
from esl_huntgroup.registrars.notices import LineRegistered, Listening, Notice
from tests.unit.registrars.test_notices import netstring

LIMIT_S = 20.0
ANNA = LineRegistered("1001@pbx.example.org")


class Teller:
    """A Kamailio that tells: ``say`` reaches whoever is connected. ``puts_out`` ends each connection at once."""

    def __init__(self) -> None:
        self.puts_out = False
        self.connections: list[Any] = []
        self.port = 0
        self.start()

    def start(self) -> None:
        self._server = StreamServer(("127.0.0.1", self.port), self._serve)
        self._server.start()
        self.port = self._server.server_port

    def stop(self) -> None:
        self._server.stop(timeout=0)
        self.hang_up()

    def say(self, data: bytes) -> None:
        for connection in self.connections:
            connection.sendall(data)

    def hang_up(self) -> None:
        for connection in self.connections:
            connection.close()
        self.connections.clear()

    def _serve(self, connection: Any, _: Any) -> None:
        if not self.puts_out:
            self.connections.append(connection)
            connection.recv(1)
        connection.close()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a lost connection tried again soon, however often it was lost."""
    monkeypatch.setattr(reconnect, "FIRST_S", 0.05)
    monkeypatch.setattr(reconnect, "MAX_S", 0.2)


@pytest.fixture
def teller() -> Iterator[Teller]:
    it = Teller()
    yield it
    it.stop()


@pytest.fixture
def heard() -> list[Notice]:
    return []


@pytest.fixture
def feed(teller: Teller, heard: list[Notice]) -> Iterator[NoticeFeed]:
    it = NoticeFeed([("127.0.0.1", teller.port)], heard.append)
    it.start()
    yield it
    it.stop()


def until(is_so: Callable[[], object]) -> None:
    with gevent.Timeout(LIMIT_S, AssertionError("it never becomes so")):
        while not is_so():
            gevent.sleep(0.01)


def test_a_line_that_registers_is_told(teller: Teller, feed: NoticeFeed, heard: list[Notice]) -> None:
    until(lambda: heard == [Listening()])
    assert feed.lost == set()
    until(lambda: teller.connections)
    teller.say(netstring(b"registered 1001@pbx.example.org"))
    until(lambda: heard == [Listening(), ANNA])


def test_a_connection_that_is_lost_comes_back(teller: Teller, feed: NoticeFeed, heard: list[Notice]) -> None:
    until(lambda: teller.connections)
    teller.stop()
    until(lambda: feed.lost == {("127.0.0.1", teller.port)})
    teller.start()
    until(lambda: heard == [Listening()] * 2)
    until(lambda: teller.connections)
    teller.say(netstring(b"registered 1001@pbx.example.org"))
    until(lambda: heard[-1] == ANNA)


@pytest.mark.parametrize("garbage", [b"HTTP/1.1 200 OK\r\n\r\n", b"\x00" * 5000, b"5:abcdefgh,", b"99999:x"])
def test_garbage_ends_the_connection_and_the_next_one_is_heard(
    teller: Teller, feed: NoticeFeed, heard: list[Notice], garbage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    until(lambda: teller.connections)
    with caplog.at_level(logging.WARNING):
        teller.say(netstring(b"registered 1001@pbx.example.org") + garbage)
        until(lambda: heard == [Listening(), ANNA, Listening()])
    assert [record for record in caplog.records if "netstring" in record.getMessage()]


def test_one_who_may_not_listen_says_so(teller: Teller, feed: NoticeFeed, caplog: pytest.LogCaptureFixture) -> None:
    teller.puts_out = True
    with caplog.at_level(logging.WARNING):
        until(lambda: "HUNTGROUP_NOTICES_TO may not name this host" in caplog.text)
    finding = str(check_notices(("127.0.0.1", teller.port)))
    assert "HUNTGROUP_NOTICES_TO has to be the address of this host" in finding


def test_check_says_whether_registrations_are_told(teller: Teller) -> None:
    address = ("127.0.0.1", teller.port)
    assert "tells which phones have registered" in str(check_notices(address))
    teller.stop()
    assert "tells of no registration: Connection refused" in str(check_notices(address))


def test_a_fault_in_who_hears_makes_nobody_deaf(teller: Teller, caplog: pytest.LogCaptureFixture) -> None:
    told = []

    def hears(notice: Notice) -> None:
        told.append(notice)
        raise RuntimeError("a fault of this program")

    feed = NoticeFeed([("127.0.0.1", teller.port)], hears)
    feed.start()
    until(lambda: teller.connections)
    teller.say(netstring(b"registered 1001@pbx.example.org"))
    until(lambda: told == [Listening(), ANNA])
    feed.stop()


FLOOD = """
import socket
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
connection, _ = listener.accept()
data = b"31:registered 4711@pbx.example.org," * 10_000
try:
    while True:
        connection.sendall(data)
except OSError:
    pass
"""


class Flood:
    """A peer, in a process of its own, that talks without end to the first one who connects."""

    def __init__(self) -> None:
        self._process = subprocess.Popen([sys.executable, "-c", FLOOD], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        self.port = int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout
        self._process.stdout.close()


def test_of_a_flood_so_much_is_read_as_costs_hardly_anything() -> None:
    """It waits in the network: others of this process have their turn, however fast it comes."""
    with closing(Flood()) as flood:
        counted = [0]

        def hears(_: Notice) -> None:
            counted[0] += 1

        feed = NoticeFeed([("127.0.0.1", flood.port)], hears)
        feed.start()
        until(lambda: counted[0] > 1)
        began, before, cpu, turns = time.monotonic(), counted[0], time.process_time(), 0
        while time.monotonic() - began < 1:
            gevent.sleep(0.001)
            turns += 1
        took_s, cost_s = time.monotonic() - began, time.process_time() - cpu
        feed.stop()
    most = (took_s / PAUSE_S + 2) * RECEIVE_BYTES / len(netstring(b"registered 1001@pbx.example.org"))
    assert 0 < counted[0] - before <= most
    assert turns > 10
    assert cost_s < 0.5 * took_s
