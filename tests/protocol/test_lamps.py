"""The lamps of groups at a switch: each phone sees the truth, and a service that is gone leaves no lamp burning."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping

import gevent
import peewee
import pytest

from esl_huntgroup.esl.inbound import InboundSession
from esl_huntgroup.lamps.lamp import IDLE, Lamp, LampState
from esl_huntgroup.lamps.process import VOUCHED_S, Watcher
from esl_huntgroup.lamps.switch import LampsOfSwitch
from esl_huntgroup.simulator.clock import Clock
from tests.protocol.presence_switch import Key, PresenceSwitch

A, B = "700@lab.local", "701@lab.local"
RINGS = Lamp(LampState.RINGING, "Anna & Berg", "3001")
TALKS = Lamp(LampState.TALKING, "Anna & Berg", "3001")
IS_RINGING, IS_TALKING = "early Anna &amp; Berg", "confirmed Anna &amp; Berg"
WITHIN_S = 20.0
SPEED = 100.0
"""A lease of a minute is over in 0.6 s."""


def until(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < deadline
        gevent.sleep(0.01)


class Stage:
    """One switch; ``current`` is what the lamps show, ``service`` tells the switch of it."""

    def __init__(self) -> None:
        self.clock = Clock(SPEED)
        self.switch = PresenceSwitch(self.clock)
        self._lamps: Mapping[str, Lamp] | None = {A: IDLE, B: IDLE}
        self._services: list[gevent.Greenlet] = []

    @property
    def current(self) -> Mapping[str, Lamp] | None:
        return self._lamps and dict(self._lamps)

    def show(self, **lamps: Lamp) -> None:
        self._lamps = {A: lamps.get("a", IDLE), B: lamps.get("b", IDLE)}

    def forget(self) -> None:
        self._lamps = None

    def start(self) -> gevent.Greenlet:
        before = self.heard("sendevent PRESENCE_IN")
        lamps = LampsOfSwitch(
            lambda: InboundSession("127.0.0.1", self.switch.port, "x", timeout_s=10), self, clock=self.clock.now
        )
        self._services.append(gevent.spawn(lamps.run))
        if self._lamps:
            until(lambda: self.heard("sendevent PRESENCE_IN") >= before + 2)
        return self._services[-1]

    def heard(self, begin: str) -> int:
        return sum(command.line.startswith(begin) for command in self.switch.told)

    def close(self) -> None:
        gevent.killall(self._services)
        self.switch.close()


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.close()


def shows(key: Key, what: str) -> None:
    until(lambda: key.now == what)


def test_phones_see_what_changes(stage: Stage) -> None:
    key, other = stage.switch.watch(A), stage.switch.watch(B)
    stage.start()
    stage.show(a=RINGS)
    shows(key, IS_RINGING)
    stage.show(a=TALKS, b=RINGS)
    shows(key, IS_TALKING)
    shows(other, IS_RINGING)
    stage.show()
    shows(key, "terminated")
    shows(other, "terminated")


def test_what_does_not_change_is_told_once(stage: Stage) -> None:
    key = stage.switch.watch(A)
    stage.show(a=RINGS)
    stage.start()
    shows(key, IS_RINGING)
    until(lambda: stage.heard("api sched_api") >= 8)
    assert key.shown.count(IS_RINGING) == 1
    assert key.now == IS_RINGING


@pytest.mark.parametrize("is_dialog", [True, False])
def test_a_phone_that_begins_to_watch_or_goes_on_sees_the_truth(stage: Stage, is_dialog: bool) -> None:
    stage.show(a=TALKS)
    stage.start()
    key = stage.switch.watch(A, is_dialog=is_dialog)
    assert key.now != IS_TALKING
    shows(key, IS_TALKING)
    stage.switch.go_on(key)
    assert key.now != IS_TALKING
    shows(key, IS_TALKING)


def test_of_an_idle_group_only_who_watches_its_presence_is_told(stage: Stage) -> None:
    stage.start()
    note = stage.switch.watch(B, is_dialog=False)
    shows(note, "terminated")
    key = stage.switch.watch(A)
    stage.show(b=RINGS)
    shows(note, IS_RINGING)
    assert key.shown == [""]


def test_who_watches_the_presence_puts_out_nobodys_lamp(stage: Stage) -> None:
    stage.show(a=RINGS)
    stage.start()
    key = stage.switch.watch(A)
    shows(key, IS_RINGING)
    stage.switch.watch(A, is_dialog=False)
    assert key.now == ""
    shows(key, IS_RINGING)


def test_a_service_that_is_gone_leaves_no_lamp_burning(stage: Stage) -> None:
    key = stage.switch.watch(A)
    stage.show(a=RINGS)
    service = stage.start()
    shows(key, IS_RINGING)
    service.kill()
    shows(key, "")


def test_another_service_keeps_a_lamp_lit(stage: Stage) -> None:
    key = stage.switch.watch(A)
    stage.show(a=RINGS)
    service = stage.start()
    stage.start()
    service.kill()
    renewed = stage.heard("api sched_api")
    until(lambda: stage.heard("api sched_api") >= renewed + 8)
    assert key.now == IS_RINGING


def test_who_cannot_vouch_for_a_lamp_lets_it_go_out_and_lights_it_again_afterwards(stage: Stage) -> None:
    key = stage.switch.watch(A)
    stage.show(a=RINGS)
    stage.start()
    shows(key, IS_RINGING)
    stage.forget()
    shows(key, "")
    stage.show(a=RINGS)
    shows(key, IS_RINGING)


def test_after_a_break_everything_is_told_again(stage: Stage) -> None:
    key = stage.switch.watch(A)
    stage.show(a=RINGS)
    stage.start()
    shows(key, IS_RINGING)
    key.shown.clear()
    stage.switch.drop()
    until(lambda: IS_RINGING in key.shown)


def test_what_the_switch_refuses_is_said_once(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.switch.refuses = "sched_api"
    key = stage.switch.watch(A)
    stage.show(a=RINGS, b=RINGS)
    stage.start()
    shows(key, IS_RINGING)
    until(lambda: stage.heard("api sched_api") >= 6)
    said = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(said) == 1
    assert "refuses b'api sched_api" in said[0].getMessage()
    assert "-ERR sched_api not allowed" in said[0].getMessage()


class Database:
    """A board of which a test says what it finds."""

    def __init__(self) -> None:
        self.found: dict[str, Lamp] | peewee.PeeweeException = {A: RINGS}

    def look(self) -> dict[str, Lamp]:
        if isinstance(self.found, peewee.PeeweeException):
            raise self.found
        return self.found


def test_what_was_read_is_true_for_a_while_and_an_outage_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    now_s, board = [0.0], Database()
    watcher = Watcher(peewee.SqliteDatabase(":memory:"), board, lambda: now_s[0])
    assert watcher.current is None
    watcher.look()
    board.found = peewee.OperationalError("away")
    for now_s[0] in (VOUCHED_S / 2, VOUCHED_S):
        watcher.look()
        assert watcher.current == {A: RINGS}
    now_s[0] += 0.1
    assert watcher.current is None
    board.found = {A: TALKS}
    watcher.look()
    assert watcher.current == {A: TALKS}
    assert [record.getMessage() for record in caplog.records] == [
        "lamps: they show what was; then they go out: the database sqlite:///:memory: cannot be used: away",
        "lamps: the database can be used again",
    ]
