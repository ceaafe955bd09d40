"""What a person finds on a phone afterwards: the call log of a real Linphone says who missed a call."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from . import linphone, sipp
from .lab import Lab

pytestmark = pytest.mark.skipif(not linphone.LINPHONEC, reason=linphone.MISSING)


@pytest.fixture(autouse=True)
def service_runs_afterwards(lab: Lab) -> Iterator[None]:
    """Leave a running service to the next test."""
    yield
    if not lab.service.is_running:
        lab.service.start()


def test_a_call_that_a_colleague_answered_is_no_missed_call(lab: Lab) -> None:
    anna = lab.linphone("1001")
    lab.phone("1002", sipp.answers(after_ms=600))
    caller = lab.call(talk_ms=300)

    assert caller.final_status() == 200
    assert anna.wait_logged() == anna.shown_log() == ["answered elsewhere"]


def test_a_call_that_it_answered_itself_is_completed(lab: Lab) -> None:
    anna = lab.linphone("1001")
    ben = lab.linphone("1002")
    caller = lab.call(talk_ms=500)
    anna.wait_ringing()
    ben.wait_ringing()
    anna.answer()

    assert caller.final_status() == 200
    assert anna.wait_logged() == ["completed"]
    assert ben.wait_logged() == ["answered elsewhere"]
    assert lab.journal(caller).answered_by == "Anna Berg"


def test_a_group_that_rings_out_is_a_missed_call(lab: Lab) -> None:
    anna = lab.linphone("1001")
    caller = lab.call()

    assert caller.final_status() == 480
    assert anna.wait_logged() == anna.shown_log() == ["missed"]
    call = lab.journal(caller)
    assert (call.outcome, call.kinds["Anna Berg"]) == ("no_answer", "missed")


def test_a_group_that_rings_out_with_a_dead_service_is_a_missed_call(lab: Lab) -> None:
    anna = lab.linphone("1001")
    caller = lab.call()
    anna.wait_ringing()
    lab.service.kill()

    assert caller.final_status() == 503
    assert anna.wait_logged() == ["missed"]


def test_a_caller_who_gives_up_is_a_missed_call(lab: Lab) -> None:
    anna = lab.linphone("1001")
    caller = lab.call(gives_up_after_ms=1000)

    assert caller.final_status() == 487
    assert anna.wait_logged() == anna.shown_log() == ["missed"]


def test_overflow_leaves_a_missed_call_in_the_first_group_and_the_truth_in_the_second(lab: Lab) -> None:
    halle = lab.linphone("1100")
    anna = lab.linphone("1001")
    ben = lab.linphone("1002")
    caller = lab.call(to="705", talk_ms=300)
    ben.wait_ringing()
    ben.answer()

    assert caller.final_status() == 200
    assert ben.wait_logged() == ["completed"]
    assert anna.wait_logged() == ["answered elsewhere"]
    assert halle.wait_logged() == ["missed"]


def test_a_member_who_declines_has_declined_and_the_others_ring_on(lab: Lab) -> None:
    anna = lab.linphone("1001")
    ben = lab.linphone("1002")
    caller = lab.call(talk_ms=300)
    anna.wait_ringing()
    anna.terminate()
    assert anna.wait_logged() == ["declined"]
    ben.wait_ringing()
    ben.answer()

    assert caller.final_status() == 200
    assert ben.wait_logged() == ["completed"]
    assert anna.logged() == ["declined"]


def test_a_phone_for_one_call_that_is_busy_with_it_has_no_missed_call(lab: Lab) -> None:
    anna = lab.linphone("1001", max_calls=1)
    first = lab.call(talk_ms=2500)
    anna.wait_ringing()
    anna.answer()
    lab.journal(first, until=lambda call: call.answered_by)
    second = lab.call()

    assert second.final_status() == 486
    call = lab.journal(second)
    assert (call.outcome, call.kinds["Anna Berg"]) == ("all_busy", "missed")
    assert first.final_status() == 200
    assert anna.wait_logged(2) == ["early aborted", "completed"]
