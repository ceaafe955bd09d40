"""A ringing call is joined by phones that register late: who rings, who is told what, and what the journal has."""

from __future__ import annotations

import os
import signal
import time

import pytest

from .agent import Agent, Dialog, Rings
from .lab import ELSEWHERE, GAVE_UP, WITNESS_WITHIN_S, Lab

ANSWERS = Rings(180, 200, 0.02, 0.3)
BUSY = Rings(0, 486, 0.02, 0.3)


def late(lab: Lab, account: str, rings: Rings | None = None) -> Agent:
    """Switch on a phone while the group rings."""
    return lab.agent(account, rings)


def anna_rings_and_carla_joins(lab: Lab) -> tuple[Agent, Dialog, Agent, Agent]:
    """Return who calls, that call, and the two phones that ring: Carla's has registered late."""
    anna = lab.agent("1001")
    caller = lab.stranger()
    dialog = caller.call("720").wait_status(180)
    anna.invited()
    carla = late(lab, "1003")
    carla.invited()
    return caller, dialog, anna, carla


def test_a_late_phone_rings_at_once_and_can_answer(lab: Lab) -> None:
    anna, ben = lab.agent("1001"), lab.agent("1002")
    caller = lab.stranger()
    dialog = caller.call("720").wait_status(180)
    anna.invited()
    ben.invited()
    carla = late(lab, "1003", ANSWERS)
    registered_at = time.monotonic()
    carla.invited()
    assert time.monotonic() - registered_at < 5
    dialog.wait_answered()
    assert [phone.invited().wait_over().reason for phone in (anna, ben)] == [ELSEWHERE] * 2
    call = lab.journal(caller, until=lambda call: call.answered_by)
    assert call.answered_by == "Carla Diaz"
    dialog.bye()
    call = lab.whole(caller)
    assert (call.outcome, call.rang) == ("answered", {"Anna Berg", "Ben Wolf", "Carla Diaz"})
    assert [leg.cause for leg in call.legs] == ["LOSE_RACE", "LOSE_RACE", "NONE"]


def test_a_member_who_answers_ends_the_late_phones(lab: Lab) -> None:
    anna = lab.agent("1001", Rings(180, 200, 0.02, 1.5))
    caller = lab.stranger()
    dialog = caller.call("720").wait_status(180)
    anna.invited()
    carla, dora = late(lab, "1003"), late(lab, "1004")
    carla.invited()
    dora.invited()
    dialog.wait_answered()
    assert [phone.invited().wait_over().reason for phone in (carla, dora)] == [ELSEWHERE] * 2
    dialog.bye()
    call = lab.whole(caller)
    assert (call.answered_by, call.rang) == ("Anna Berg", {"Anna Berg", "Carla Diaz", "Dora Lang"})
    assert [leg.cause for leg in call.legs] == ["NONE", "LOSE_RACE", "LOSE_RACE"]


def test_a_caller_who_gives_up_ends_the_late_phones_as_missed(lab: Lab) -> None:
    caller, dialog, anna, carla = anna_rings_and_carla_joins(lab)
    lab.sleep(0.3)
    dialog.cancel()
    assert [phone.invited().wait_over().reason for phone in (anna, carla)] == [GAVE_UP] * 2
    call = lab.whole(caller)
    assert (call.outcome, call.kinds["Carla Diaz"], call.kinds["Anna Berg"]) == ("caller_gone", "missed", "missed")


def test_the_ring_limit_ends_late_phones_as_missed(lab: Lab) -> None:
    caller, dialog, anna, carla = anna_rings_and_carla_joins(lab)
    dialog.wait_status(480)
    assert [phone.invited().wait_over().reason for phone in (anna, carla)] == [GAVE_UP] * 2
    call = lab.whole(caller)
    assert (call.outcome, call.kinds["Carla Diaz"], call.kinds["Anna Berg"]) == ("no_answer", "missed", "missed")


def test_a_call_waits_for_the_phones_of_a_group_that_wants_it(lab: Lab) -> None:
    caller = lab.stranger()
    dialog = caller.call("721").wait_status(180)
    lab.sleep(1.5)
    carla = late(lab, "1003", ANSWERS)
    carla.invited()
    dialog.wait_answered()
    dialog.bye()
    call = lab.whole(caller)
    assert (call.outcome, call.answered_by, call.rang) == ("answered", "Carla Diaz", {"Carla Diaz"})


def test_a_call_for_which_no_phone_comes_ends_at_the_ring_limit(lab: Lab) -> None:
    caller = lab.stranger()
    dialog = caller.call("721").wait_status(180)
    began = time.monotonic()
    dialog.wait_status(480)
    assert 4 < time.monotonic() - began < 20
    assert lab.whole(caller).outcome == "nobody_registered"


def test_all_busy_but_a_late_phone_rings_on(lab: Lab) -> None:
    lab.agent("1001", Rings(180, 486, 0.02, 1.5))
    caller = lab.stranger()
    dialog = caller.call("720").wait_status(180)
    carla = late(lab, "1003", Rings(180, 200, 0.02, 3.0))
    carla.invited()
    dialog.wait_answered()
    assert dialog.statuses.count(180) == 1
    dialog.bye()
    call = lab.whole(caller)
    assert (call.outcome, call.answered_by) == ("answered", "Carla Diaz")
    assert call.causes["Anna Berg"] == "USER_BUSY"


def test_the_call_ends_as_all_busy_when_the_late_phone_is_busy_as_well(lab: Lab) -> None:
    lab.agent("1001", Rings(180, 486, 0.02, 1.0))
    caller = lab.stranger()
    dialog = caller.call("720").wait_status(180)
    carla = late(lab, "1003", Rings(180, 486, 0.02, 2.0))
    carla.invited()
    dialog.wait_status(486, 5)
    assert lab.whole(caller).outcome == "all_busy"


@pytest.mark.parametrize("time_ms", [100, 250])
def test_an_answer_that_meets_a_switch_busy_with_the_first_ringing_is_not_lost(lab: Lab, time_ms: int) -> None:
    """With the pickup leg behind the others, FreeSWITCH takes that itself for the winner: 4 of 4."""
    lab.agent("1001", Rings(180, 0, 1.0))
    caller = lab.stranger()
    dialog = caller.call("720")
    uuid = lab.switch.caller_uuid(caller.number)
    # What the switch does when the first phone rings takes so long, and an answer comes meanwhile.
    lab.switch.api(f"uuid_setvar {uuid} api_on_ring msleep 400")
    carla = late(lab, "1003", Rings(0, 200, 0.0, lambda: max(rings_at[0] + time_ms / 1000 - time.monotonic(), 0)))
    rings_at = [time.monotonic() + 0.5]
    dialog.wait_answered()
    lab.sleep(1.0)
    assert not dialog.is_over
    assert not carla.invited().is_over
    dialog.bye()
    assert lab.whole(caller).answered_by == "Carla Diaz"


def test_a_contact_that_is_refreshed_rings_once(lab: Lab) -> None:
    caller, dialog, anna, carla = anna_rings_and_carla_joins(lab)
    for _ in range(3):
        lab.register("1001", anna.contact)
        lab.register("1003", carla.contact)
        lab.sleep(0.4)
    assert (len(anna.dialogs), len(carla.dialogs)) == (1, 1)
    dialog.cancel()
    assert lab.whole(caller).outcome == "caller_gone"


@pytest.mark.parametrize("ending", ["member", "late phone", "give up", "ring out"])
def test_the_switch_itself_ends_late_phones_of_a_worker_that_is_dead(lab: Lab, ending: str) -> None:
    anna = lab.agent("1001", Rings(180, 200, 0.02, 2.5) if ending == "member" else None)
    caller = lab.stranger()
    dialog = caller.call("720").wait_status(180)
    anna.invited()
    carla = late(lab, "1003", Rings(180, 200, 0.02, 2.0) if ending == "late phone" else None)
    dora = late(lab, "1004")
    carla.invited()
    dora.invited()
    lab.sleep(0.3)
    for worker in lab.service.workers():
        os.kill(worker, signal.SIGKILL)
    if ending == "give up":
        dialog.cancel()
    is_answered = ending in ("member", "late phone")
    assert dora.invited().wait_over(15).reason == (ELSEWHERE if is_answered else GAVE_UP)
    if is_answered:
        dialog.wait_answered().bye()
    loser = anna if ending == "late phone" else carla
    assert loser.invited().wait_over(15).reason == (ELSEWHERE if is_answered else GAVE_UP)
    call = lab.journal(caller, within_s=WITNESS_WITHIN_S)
    outcomes = {"give up": "caller_gone", "ring out": "no_answer"}
    assert call.outcome == outcomes.get(ending, "answered")
    assert call.answered_by == {"member": "Anna Berg", "late phone": "Carla Diaz"}.get(ending, "")
    assert set(call.kinds.values()) <= (
        {"answered", "answered_elsewhere"} if is_answered else {"missed", "not_signalled"}
    )
