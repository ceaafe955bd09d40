"""Lamps at a SIP server: published when they change, renewed while they are lit, and again when the server is back."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import gevent
import pytest
from gevent.server import DatagramServer

from esl_huntgroup.lamps import publisher as module
from esl_huntgroup.lamps.lamp import IDLE, Lamp, LampState
from esl_huntgroup.lamps.process import _is_for
from esl_huntgroup.lamps.publisher import Publisher

A, B, ELSEWHERE = "700@a.example", "701@a.example", "700@b.example"
RINGS = Lamp(LampState.RINGING, "Anna", "3001")
TALKS = Lamp(LampState.TALKING, "Anna", "3001")
WITHIN_S = 20.0


def until(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < deadline
        gevent.sleep(0.01)


class Server:
    """A presence server: what it was told of each address, and the tag of it. A ``status`` is all that it says."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.states: dict[str, str] = {}
        self.tags: dict[str, str] = {}
        self.status = 0
        self.is_silent = False
        self._server = DatagramServer(("127.0.0.1", 0), self._take)
        self._server.start()
        self.address: tuple[str, int] = ("127.0.0.1", self._server.server_port)

    def restart(self) -> None:
        self.states.clear()
        self.tags.clear()

    def close(self) -> None:
        self._server.stop()

    def _take(self, data: bytes, sender: Any) -> None:
        text = data.decode()
        self.requests.append(text)
        if self.is_silent:
            return
        lines = dict(line.split(": ", 1) for line in text.partition("\r\n\r\n")[0].split("\r\n")[1:])
        address = text.split(" ")[1].removeprefix("sip:")
        known, status, etag = lines.get("SIP-If-Match", ""), self.status or 200, ""
        if known != self.tags.get(address, "") and known:
            status = 412
        if status == 200:
            etag = self.tags[address] = f"e{len(self.requests)}"
            self.states[address] = text.partition("<state>")[2].partition("<")[0]
        answer = f"SIP/2.0 {status} X\r\nCall-ID: {lines['Call-ID']}\r\nCSeq: {lines['CSeq']}\r\n"
        answer += f"SIP-ETag: {etag}\r\n" if etag else ""
        self._server.sendto(b"SIP/2.0 100 Trying\r\n\r\n", sender)
        self._server.sendto(f"{answer}Content-Length: 0\r\n\r\n".encode(), sender)


class Stage:
    """A server and a publisher of the domain a.example."""

    def __init__(self) -> None:
        self.server = Server()
        self.current: Mapping[str, Lamp] | None = {A: IDLE, B: IDLE, ELSEWHERE: RINGS}
        self.now_s = 0.0
        publisher = Publisher(self.server.address, _is_for("a.example", {"a.example"}), self, clock=lambda: self.now_s)
        self._running = gevent.spawn(publisher.run)

    def close(self) -> None:
        self._running.kill()
        self.server.close()


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(module, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(module, "PAUSE_S", 0.05)
    stage = Stage()
    yield stage
    stage.close()


def test_lamps_of_the_domain_are_published_as_they_change(stage: Stage) -> None:
    stage.current = {A: RINGS, B: IDLE, ELSEWHERE: RINGS}
    until(lambda: stage.server.states == {A: "early"})
    stage.current = {A: TALKS, B: RINGS, ELSEWHERE: RINGS}
    until(lambda: stage.server.states == {A: "confirmed", B: "early"})
    stage.current = {B: IDLE}
    until(lambda: stage.server.states == {A: "terminated", B: "terminated"})
    count = len(stage.server.requests)
    gevent.sleep(0.2)
    assert len(stage.server.requests) == count


def test_what_is_lit_is_renewed_as_long_as_somebody_vouches_for_it(stage: Stage) -> None:
    stage.current = {A: RINGS}
    until(lambda: stage.server.states)
    stage.now_s += 30
    until(lambda: len(stage.server.requests) == 2)
    assert "SIP-If-Match: e1" in stage.server.requests[-1]
    stage.current = None
    stage.now_s += 30
    gevent.sleep(0.2)
    assert len(stage.server.requests) == 2


def test_a_server_that_was_started_anew_is_told_at_the_next_occasion(stage: Stage) -> None:
    stage.current = {A: RINGS}
    until(lambda: stage.server.states)
    stage.server.restart()
    stage.now_s += 30
    until(lambda: stage.server.states == {A: "early"})


@pytest.mark.parametrize(
    ("attribute", "value", "why"), [("is_silent", True, "no answer"), ("status", 403, "it answers 403")]
)
def test_a_server_that_takes_nothing_is_said_once_and_told_later(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    attribute: str, value: object, why: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(module, "REPEAT_S", (0.02, 0.02))
    before = getattr(stage.server, attribute)
    setattr(stage.server, attribute, value)
    stage.current = {A: RINGS}
    until(lambda: len(stage.server.requests) >= 5)
    setattr(stage.server, attribute, before)
    until(lambda: stage.server.states == {A: "early"})
    until(lambda: len(caplog.records) == 2)
    port = stage.server.address[1]
    assert [(it.levelno, it.getMessage()) for it in caplog.records] == [
        (logging.WARNING, f"lamps: 127.0.0.1 port {port} takes no PUBLISH: {why}"),
        (logging.WARNING, f"lamps: 127.0.0.1 port {port} takes PUBLISH again"),
    ]


def test_which_domains_a_server_has() -> None:
    named = {"a.example", "b.example"}
    assert [_is_for("a.example", named)(it) for it in ("a.example", "b.example", "c.example")] == [True, False, False]
    assert [_is_for("*", named)(it) for it in ("a.example", "b.example", "c.example")] == [False, False, True]
