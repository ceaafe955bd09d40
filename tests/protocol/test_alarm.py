"""One timer for all waits of a socket: it goes off for who waits too long, and for nobody else."""

from __future__ import annotations

import time
from collections.abc import Iterator

import gevent
import pytest
from gevent import socket
from gevent.event import Event

from esl_huntgroup.errors import SwitchGone
from esl_huntgroup.esl.deadline import Deadline
from esl_huntgroup.esl.session import CallSession

LONG_S = 30.0


@pytest.fixture
def alarm() -> Iterator[Deadline]:
    alarm = Deadline()
    with gevent.Timeout(LONG_S / 2, AssertionError("nobody was woken")):
        yield alarm
    alarm.close()


def wait(alarm: Deadline, within_s: float, event: Event | None = None) -> None:
    with alarm.until(time.monotonic() + within_s):
        (event or Event()).wait()


def comes_after(seconds: float) -> Event:
    event = Event()
    gevent.spawn_later(seconds, event.set)
    return event


@pytest.mark.parametrize("before", [(), (LONG_S,), (0.01, LONG_S)])
def test_who_waits_too_long_is_woken(alarm: Deadline, before: tuple[float, ...]) -> None:
    for within_s in before:
        wait(alarm, within_s, comes_after(0))
    with pytest.raises(TimeoutError):
        wait(alarm, 0.02)


def test_a_deadline_that_has_passed_wakes_at_once(alarm: Deadline) -> None:
    with pytest.raises(TimeoutError):
        wait(alarm, -1)


def test_a_later_deadline_counts_though_the_timer_goes_off_for_the_one_before(alarm: Deadline) -> None:
    wait(alarm, 0.02, comes_after(0))
    wait(alarm, LONG_S, comes_after(0.1))
    wait(alarm, 0.02, comes_after(0))
    with pytest.raises(TimeoutError):
        wait(alarm, 0.1)


def test_who_waits_for_something_else_is_left_alone(alarm: Deadline) -> None:
    wait(alarm, 0.02, comes_after(0))
    gevent.sleep(0.1)


def test_after_an_alarm_comes_the_next(alarm: Deadline) -> None:
    for _ in range(3):
        with pytest.raises(TimeoutError):
            wait(alarm, 0.01)


def test_a_closed_alarm_is_silent_until_somebody_waits_again(alarm: Deadline) -> None:
    wait(alarm, 0.02, comes_after(0))
    alarm.close()
    alarm.close()
    gevent.sleep(0.1)
    with pytest.raises(TimeoutError):
        wait(alarm, 0.01)


def test_reading_from_a_socket_that_is_closed_meanwhile_or_was_before_says_so() -> None:
    ours, theirs = socket.socketpair()
    session = CallSession(None, ours)
    gevent.spawn_later(0.01, session.stop)
    for _ in range(2):
        with pytest.raises(SwitchGone, match="the connection broke"):
            session.next_message(LONG_S)
    with pytest.raises(SwitchGone, match="the connection broke"):
        session.exchange([b"connect\n\n"], LONG_S)
    theirs.close()
