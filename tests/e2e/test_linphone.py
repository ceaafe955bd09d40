"""What a person finds on a phone afterwards: the call log of a real Linphone says who missed a call."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from . import linphone, sipp
from .lab import ELSEWHERE, ENDED_WITHIN_S, GAVE_UP, RANG_OUT, Lab

REASONS = [
    ("ORIGINATOR_CANCEL", GAVE_UP, "missed"),
    ("LOSE_RACE", ELSEWHERE, "answered elsewhere"),
    ("PICKED_OFF", ELSEWHERE, "answered elsewhere"),
    ("NO_ANSWER", RANG_OUT, "aborted"),
    ("USER_BUSY", 'Q.850;cause=17;text="USER_BUSY"', "aborted"),
    ("NORMAL_CLEARING", 'Q.850;cause=16;text="NORMAL_CLEARING"', "aborted"),
    ("", 'Q.850;cause=16;text="NORMAL_CLEARING"', "aborted"),
    ("SYSTEM_SHUTDOWN", 'SIP;cause=701;text="SYSTEM_SHUTDOWN"', "aborted"),
    ("MANAGER_REQUEST", 'SIP;cause=703;text="MANAGER_REQUEST"', "aborted"),
    ("BLIND_TRANSFER", 'SIP;cause=800;text="BLIND_TRANSFER"', "aborted"),
    ("ATTENDED_TRANSFER", 'SIP;cause=801;text="ATTENDED_TRANSFER"', "aborted"),
    ("ALLOTTED_TIMEOUT", 'SIP;cause=802;text="ALLOTTED_TIMEOUT"', "aborted"),
]
"""With which cause a ringing leg is killed, the Reason that the phones get, and what Linphone logs then."""

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


@pytest.mark.parametrize("switch", ["async"], indirect=True)
def test_only_an_originator_cancel_is_a_missed_call_and_only_a_lost_race_one_answered_elsewhere(lab: Lab) -> None:
    anna = lab.linphone("1001")
    ben = lab.phone("1002", sipp.rings())
    for number, (cause, _, _) in enumerate(REASONS, start=1):
        caller = lab.call()
        anna.wait_ringing(number)
        ben.wait_received("INVITE", number)
        for leg in _ringing_legs(lab, 2):
            lab.switch.api(f"uuid_kill {leg} {cause}")
        caller.final_status()
        anna.wait_logged(number)

    assert ben.reasons("CANCEL", len(REASONS)) == [reason for _, reason, _ in REASONS]
    assert anna.logged() == anna.shown_log() == [status for _, _, status in REASONS]


def test_legs_of_a_call_that_are_ended_together_as_the_caller_would_are_missed_calls(lab: Lab) -> None:
    anna = lab.linphone("1001")
    ben = lab.linphone("1002")
    caller = lab.call()
    anna.wait_ringing()
    ben.wait_ringing()
    call_id = lab.switch.api(f"uuid_getvar {_ringing_legs(lab, 2)[0]} huntgroup_call")
    lab.switch.api(f"hupall ORIGINATOR_CANCEL huntgroup_call {call_id}")

    caller.final_status()
    assert anna.wait_logged() == ben.wait_logged() == ["missed"]


def _ringing_legs(lab: Lab, count: int) -> list[str]:
    """Return the uuids of the legs, once the switch's own list has so many of them; it lags a little."""
    deadline = time.monotonic() + ENDED_WITHIN_S
    while True:
        rows = json.loads(lab.switch.api("show channels as json")).get("rows", [])
        legs = [row["uuid"] for row in rows if row["direction"] == "outbound"]
        if len(legs) == count:
            return legs
        assert time.monotonic() < deadline, f"{legs} ring, not {count}"
        time.sleep(0.02)
