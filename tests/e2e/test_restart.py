"""
The service is killed, or ends with calls left, at each moment of a call: no caller notices, and the journal is whole.

``kill -9`` of a worker leaves a service whose second witness completes the call; of all processes, the next start does.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest

from . import sipp
from .lab import WITNESS_WITHIN_S, Caller, Lab
from .sipp import Endpoint

Moment = Callable[[Lab, Endpoint, Caller], object]

ANSWERS_AFTER_MS = 1500
QUEUED_S = 0.3
"""After this time a call to a frozen service waits in the queue of its socket."""


@pytest.fixture(autouse=True)
def service_runs_afterwards(lab: Lab) -> Iterator[None]:
    """Leave a running service to the next test."""
    yield
    lab.service.thaw()
    if not lab.service.is_running:
        lab.service.start()


def ringing(_lab: Lab, phone: Endpoint, _caller: Caller) -> object:
    """Wait until the phone rings."""
    return phone.wait_invited()


def answering(_lab: Lab, phone: Endpoint, _caller: Caller) -> None:
    """Wait until the phone has just said that it answers."""
    phone.wait_for(lambda it: any(message.sent and message.status == 200 for message in it.messages))


def talking(lab: Lab, _phone: Endpoint, caller: Caller) -> object:
    """Wait until the journal knows of the answer."""
    return lab.journal(caller, until=lambda call: call.answered_by)


MOMENTS = pytest.mark.parametrize("moment", [ringing, answering, talking])


def kill_worker(lab: Lab) -> None:
    """End the only worker as a crash does."""
    (worker,) = lab.service.workers()
    os.kill(worker, signal.SIGKILL)


@MOMENTS
def test_a_killed_worker_is_replaced_and_its_call_is_told_whole(lab: Lab, moment: Moment) -> None:
    anna = lab.phone("1001", sipp.answers(after_ms=ANSWERS_AFTER_MS))
    caller = lab.call(talk_ms=3000)
    moment(lab, anna, caller)
    kill_worker(lab)
    next_caller = lab.call(talk_ms=300)

    assert (caller.final_status(), next_caller.final_status()) == (200, 200)
    assert not caller.endpoint.received("BYE")
    for served in (caller, next_caller):
        call = lab.whole(served)
        assert (call.outcome, call.answered_by, call.cause) == ("answered", "Anna Berg", "NORMAL_CLEARING")


def test_a_worker_that_dies_before_it_takes_a_call_leaves_the_caller_to_its_successor(lab: Lab) -> None:
    lab.service.stop()  # one whose workers have died before waits longer and longer until it replaces the next
    lab.service.start()
    lab.phone("1001", sipp.answers(after_ms=300))
    (worker,) = lab.service.workers()
    os.kill(worker, signal.SIGSTOP)
    caller = lab.call(talk_ms=300)
    time.sleep(QUEUED_S)
    os.kill(worker, signal.SIGKILL)

    assert caller.final_status() == 200
    assert lab.whole(caller).outcome == "answered"


@MOMENTS
def test_after_kill_and_restart_a_call_that_goes_on_is_told_whole(lab: Lab, moment: Moment) -> None:
    anna = lab.phone("1001", sipp.answers(after_ms=ANSWERS_AFTER_MS))
    caller = lab.call(talk_ms=8000)
    moment(lab, anna, caller)
    lab.service.kill()
    meanwhile = lab.call()
    assert meanwhile.final_status() == 503
    lab.service.start()
    afterwards = lab.call(talk_ms=300)

    assert (caller.final_status(), afterwards.final_status()) == (200, 200)
    assert not caller.endpoint.received("BYE")
    for served in (caller, afterwards):
        call = lab.whole(served)
        assert (call.outcome, call.answered_by, call.cause) == ("answered", "Anna Berg", "NORMAL_CLEARING")
    assert lab.whole(caller).talk_s > 5
    assert lab.service.calls_of(meanwhile.number) == []


def test_after_kill_and_restart_the_journal_learns_of_an_answer_while_they_still_talk(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.answers(after_ms=ANSWERS_AFTER_MS))
    ben = lab.phone("1002", sipp.rings())
    caller = lab.call(talk_ms=60_000)
    anna.wait_invited()
    lab.service.kill()
    lab.service.start()

    call = lab.journal(caller, until=lambda call: call.answered_by, within_s=WITNESS_WITHIN_S)
    assert (call.outcome, call.answered_by, call.ended_at_ms) == ("", "Anna Berg", None)
    assert (call.kinds["Ben Wolf"], call.causes["Ben Wolf"]) == ("answered_elsewhere", "LOSE_RACE")
    assert call.causes["Carla Diaz"] == "NOT_REGISTERED"
    assert ben.wait_received("CANCEL")
    lab.switch.api("hupall NORMAL_CLEARING")
    assert lab.whole(caller).outcome == "answered"


def test_after_kill_and_restart_a_hunt_without_an_answer_is_told_whole(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.rings())
    caller = lab.call()
    anna.wait_invited()
    lab.service.kill()
    lab.service.start()

    assert caller.final_status() == 503
    call = lab.whole(caller)
    assert (call.outcome, call.overflow, call.kinds["Anna Berg"]) == ("no_answer", "dialplan", "missed")
    assert call.kinds["Ben Wolf"] == "not_signalled"


def test_after_kill_and_restart_a_caller_who_gives_up_is_told(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.rings())
    caller = lab.call(gives_up_after_ms=4500)
    anna.wait_invited()
    lab.service.kill()
    lab.service.start()

    assert caller.final_status() == 487
    assert lab.whole(caller).outcome == "caller_gone"


@MOMENTS
def test_what_the_switch_has_forgotten_at_the_restart_is_interrupted(lab: Lab, moment: Moment) -> None:
    anna = lab.phone("1001", sipp.answers(after_ms=ANSWERS_AFTER_MS))
    caller = lab.call(talk_ms=800)
    moment(lab, anna, caller)
    lab.service.kill()
    assert caller.final_status() == 200
    lab.switch.wait_without_channels()
    lab.service.start()

    call = lab.whole(caller)
    assert call.cause == "INTERRUPTED"
    # What happened at the instant of the answer, the journal may know or not; it never contradicts itself.
    expected = {ringing: {"interrupted"}, talking: {"answered"}}.get(moment, {"answered", "interrupted"})
    assert call.outcome in expected


def test_all_killed_before_the_service_takes_a_call_and_the_dialplan_serves_the_caller(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.rings())
    lab.service.freeze()
    caller = lab.call()
    time.sleep(QUEUED_S)
    lab.service.kill()

    assert caller.final_status() == 503
    assert not anna.received("INVITE")
    lab.service.start()
    assert lab.service.calls_of(caller.number) == []


@pytest.mark.parametrize("moment", [ringing, talking])
def test_a_service_that_ends_before_its_calls_do_tells_them_whole_after_the_restart(lab: Lab, moment: Moment) -> None:
    lab.service.stop()
    lab.service.start({"ESL_HUNTGROUP_DRAIN_TIMEOUT_S": "0.5"})
    anna = lab.phone("1001", sipp.answers(after_ms=3000))
    caller = lab.call(talk_ms=8000)
    moment(lab, anna, caller)

    assert lab.service.stop() == 0
    assert "on without the service" in lab.service_log()
    lab.service.start()
    assert caller.final_status() == 200
    assert not caller.endpoint.received("BYE")
    call = lab.whole(caller)
    assert (call.outcome, call.answered_by, call.cause) == ("answered", "Anna Berg", "NORMAL_CLEARING")
