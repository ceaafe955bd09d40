"""The service is not there, freezes, dies or is full: no caller is ever parked, no conversation ends with it."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from esl_huntgroup.calls.hunt import GUARD_MARGIN_S

from . import sipp
from .lab import GAVE_UP, WITNESS_WITHIN_S, Lab

ASYNC = pytest.mark.parametrize("switch", ["async"], indirect=True)
"""The fast variant holds a caller until a frozen service is killed: see ``test_fast``."""
WATCHDOG_S = 8
RING_S = 5


@pytest.fixture(autouse=True)
def service_runs_afterwards(lab: Lab) -> Iterator[None]:
    """Leave a running service to the next test."""
    yield
    lab.service.thaw()
    if not lab.service.is_running:
        lab.service.start()


def test_service_not_running_sends_the_caller_to_the_fallback_at_once(lab: Lab) -> None:
    lab.service.stop()
    anna = lab.phone("1001", sipp.rings())
    began = time.monotonic()

    assert lab.call().final_status() == 503
    assert time.monotonic() - began < 2
    assert not anna.received("INVITE")


def test_watchdog_does_not_bark_at_the_emergency_routing(lab: Lab) -> None:
    lab.service.stop()
    caller = lab.call(caller="3901", talk_ms=(WATCHDOG_S + 1) * 1000)

    assert caller.final_status() == 200
    assert not caller.endpoint.received("BYE")


@ASYNC
def test_service_frozen_loses_its_callers_to_the_watchdog_and_leaves_them_alone_later(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.rings())
    lab.service.freeze()
    began = time.monotonic()
    emergency = lab.call(caller="3902", talk_ms=2500)
    caller = lab.call()

    assert caller.final_status() == 503
    assert WATCHDOG_S - 1.5 < time.monotonic() - began < WATCHDOG_S + 1.5
    lab.service.thaw()
    assert emergency.final_status() == 200
    assert not emergency.endpoint.received("BYE")
    assert not anna.received("INVITE")
    assert lab.call(gives_up_after_ms=500).final_status() == 487
    assert anna.wait_received("INVITE")


def test_service_killed_while_ringing_and_a_member_answers(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.answers(after_ms=2000))
    caller = lab.call(talk_ms=2000)
    anna.wait_invited()
    lab.service.kill()

    assert caller.final_status() == 200
    assert anna.wait_received("BYE")[0].at - anna.received("INVITE")[0].at > 3.5
    assert not caller.endpoint.received("BYE")


def test_service_killed_while_ringing_and_nobody_answers(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.rings())
    caller = lab.call()
    anna.wait_invited()
    lab.service.kill()

    assert caller.final_status(within_s=10) == 503
    assert anna.reasons("CANCEL") == [GAVE_UP]


def test_service_killed_while_ringing_leaves_nothing_behind_for_the_emergency_routing(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.rings())
    caller = lab.call(caller="3903", talk_ms=500)
    anna.wait_invited()
    lab.service.kill()

    assert caller.final_status() == 200


def test_service_killed_while_talking_and_the_conversation_lives(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.answers(after_ms=300))
    caller = lab.call(talk_ms=3000)
    lab.journal(caller, until=lambda call: call.answered_by)
    lab.service.kill()

    assert caller.final_status() == 200
    assert not caller.endpoint.received("BYE")
    assert anna.wait_received("BYE")[0].at - anna.received("INVITE")[0].at > 3
    lab.service.start()
    call = lab.journal(caller, until=lambda call: call.answered_by)
    assert call.answered_by == "Anna Berg"
    assert call.kinds["Ben Wolf"] == "answered_elsewhere"


def test_journal_of_a_call_that_outlived_the_service_is_completed_after_the_restart(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.answers(after_ms=300))
    caller = lab.call(talk_ms=1500)
    lab.journal(caller, until=lambda call: call.answered_by)
    lab.service.kill()
    assert anna.wait_received("BYE")
    lab.service.start()

    assert lab.journal(caller, within_s=WITNESS_WITHIN_S).outcome == "answered"


def test_service_frozen_while_ringing_still_writes_the_journal_when_it_goes_on(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.answers(after_ms=1200))
    caller = lab.call(talk_ms=500)
    anna.wait_invited()
    lab.service.freeze()

    assert caller.final_status() == 200
    assert anna.wait_received("BYE")
    lab.service.thaw()
    assert lab.journal(caller).answered_by == "Anna Berg"


@ASYNC
def test_service_frozen_while_ringing_and_nobody_answers(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.rings())
    caller = lab.call()
    anna.wait_invited()
    lab.service.freeze()

    assert caller.final_status(within_s=RING_S + GUARD_MARGIN_S + 5) == 503
    assert anna.reasons("CANCEL") == [GAVE_UP]
    lab.service.thaw()
    assert lab.journal(caller).outcome == "no_answer"


def test_service_frozen_while_ringing_and_a_colleague_picks_the_caller_up(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.rings())
    caller = lab.call(talk_ms=(RING_S + GUARD_MARGIN_S + 2) * 1000)
    anna.wait_invited()
    lab.service.freeze()
    ben = lab.unregistered_phone(sipp.answers(after_ms=100))
    caller_uuid = lab.switch.caller_uuid(caller.number)
    lab.switch.api(f"originate sofia/internal/sip:ben@127.0.0.1:{ben.port} &intercept({caller_uuid})")
    assert anna.wait_received("CANCEL")

    assert caller.final_status(within_s=RING_S + GUARD_MARGIN_S + 10) == 200
    assert not caller.endpoint.received("BYE")


def test_guard_of_a_call_is_gone_when_it_is_answered_or_over(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.answers(after_ms=500))
    caller = lab.call(talk_ms=700)
    anna.wait_invited()
    lab.wait_for_tasks("huntgroup-", 2)  # the end of the ringing, and the guard
    lab.journal(caller, until=lambda call: call.answered_by)
    lab.wait_for_tasks("huntgroup-", 0)
    assert caller.final_status() == 200


def test_watchdog_does_not_bark_at_a_conversation(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.answers(after_ms=300))
    caller = lab.call(talk_ms=(WATCHDOG_S + 2) * 1000)

    assert caller.final_status() == 200
    assert not caller.endpoint.received("BYE")
    assert len(anna.wait_received("BYE")) == 1


@pytest.mark.parametrize("rubbish", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"Content-Length: 1000000000\n\n", b""])
def test_strangers_on_the_port_do_not_touch_a_call(lab: Lab, rubbish: bytes) -> None:
    anna = lab.phone("1001", sipp.answers(after_ms=700))
    caller = lab.call(talk_ms=300)
    with socket.create_connection(("127.0.0.1", lab.service.port)) as stranger:
        stranger.sendall(rubbish)

        assert caller.final_status() == 200
    assert anna.wait_received("BYE")
    assert lab.journal(caller).outcome == "answered"


def test_service_stopping_lets_its_calls_finish(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.answers(after_ms=1200))
    caller = lab.call(talk_ms=1000)
    anna.wait_invited()

    assert lab.service.stop() == 0
    assert caller.final_status() == 200
    assert lab.journal(caller).outcome == "answered"


def test_a_call_over_the_limit_goes_to_the_fallback_and_harms_no_other(lab: Lab) -> None:
    lab.service.stop()
    lab.service.start({"ESL_HUNTGROUP_MAX_CALLS": "1"})
    anna = lab.phone("1001", sipp.rings())
    first = lab.call(gives_up_after_ms=3000)
    anna.wait_invited()
    began = time.monotonic()
    others = [lab.call() for _ in range(5)]

    assert [other.final_status() for other in others] == [503] * 5
    assert time.monotonic() - began < 3
    assert first.final_status() == 487
    assert anna.reasons("CANCEL") == [GAVE_UP]
    assert len(anna.received("INVITE")) == 1
    lab.service.stop()
