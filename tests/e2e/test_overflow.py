"""Where a caller goes whom nobody answered: as the group says, else as the dialplan's fallback says."""

from __future__ import annotations

import pytest

from esl_huntgroup.calls.hunt import VISITS_MAX

from . import sipp
from .lab import WITNESS_WITHIN_S, Lab


def test_no_answer_transfers_to_the_target(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.rings())
    caller = lab.call(to="701", talk_ms=500)

    assert caller.final_status() == 200
    assert anna.wait_received("CANCEL")
    call = lab.journal(caller)
    assert call.outcome == "no_answer"
    assert call.overflow == "transfer 500 XML lab"


@pytest.mark.parametrize(("status", "headers"), [("487 Request Terminated", ""), ("480 No", "Reason: Q.850;cause=805")])
def test_a_phone_that_says_it_was_cancelled_does_not_take_the_overflow_away(
    lab: Lab, status: str, headers: str
) -> None:
    lab.phone("1001", sipp.refuses(status, headers=headers))
    lab.phone("1002", sipp.rings())
    caller = lab.call(to="701", talk_ms=300)

    assert caller.final_status() == 200
    call = lab.journal(caller)
    assert (call.outcome, call.overflow) == ("no_answer", "transfer 500 XML lab")


def test_who_was_taken_away_from_one_group_reaches_the_overflow_of_the_next(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.rings())
    caller = lab.call(to="700", talk_ms=300)
    anna.wait_invited()
    lab.switch.api(f"uuid_transfer {lab.switch.caller_uuid(caller.number)} 701 XML lab")

    assert caller.final_status() == 200
    first, second = lab.journals(caller, within_s=WITNESS_WITHIN_S)
    assert (first.outcome, first.answered_by, first.overflow) == ("picked_up", "701", "")
    assert (second.outcome, second.overflow) == ("no_answer", "transfer 500 XML lab")


def test_a_phone_that_refuses_with_a_cause_of_success_has_not_answered(lab: Lab) -> None:
    lab.phone("1001", sipp.refuses("486 Busy Here", headers="Reason: Q.850;cause=142"))
    lab.phone("1002", sipp.answers(after_ms=600))
    caller = lab.call(to="701", talk_ms=300)

    assert caller.final_status() == 200
    call = lab.journal(caller)
    assert (call.answered_by, call.kinds["Anna Berg"]) == ("Ben Wolf", "answered_elsewhere")


def test_the_overflow_can_be_another_group(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.answers(after_ms=500))
    caller = lab.call(to="705", talk_ms=300)

    assert caller.final_status() == 200
    assert anna.wait_invited().header("Diversion").startswith('"Vertrieb" <sip:700@lab.local>')
    first, second = lab.journals(caller, until=lambda call: call.answered_by)
    assert (first.outcome, first.overflow) == ("nobody_registered", "transfer 700 XML lab")
    assert (second.outcome, second.answered_by) == ("answered", "Anna Berg")


def test_the_winner_sends_the_caller_on_into_a_group_that_has_its_own_overflow(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.answers(after_ms=300))
    caller = lab.call(to="700", talk_ms=20_000)
    lab.journal(caller, until=lambda call: call.answered_by)
    lab.switch.api(f"uuid_transfer {lab.switch.caller_uuid(caller.number)} 709 XML lab")

    assert anna.wait_received("BYE")
    assert caller.endpoint.wait_received("BYE")
    first, second = lab.journals(caller, until=lambda call: call.overflow)
    assert (first.outcome, first.answered_by) == ("answered", "Anna Berg")
    assert (second.outcome, second.overflow) == ("nobody_registered", "transfer 501 XML lab")


def test_two_groups_that_overflow_to_each_other_do_not_loop(lab: Lab) -> None:
    caller = lab.call(to="706")

    assert caller.final_status(within_s=3) == 480
    calls = lab.journals(caller, until=lambda call: call.overflow == "dialplan")
    assert {call.outcome for call in calls} == {"nobody_registered"}
    assert len(calls) <= 2 * VISITS_MAX + 1


def test_all_busy_is_answered_with_the_groups_status(lab: Lab) -> None:
    lab.phone("1001", sipp.refuses("486 Busy Here"))
    caller = lab.call(to="701")

    assert caller.final_status() == 600
    assert lab.journal(caller).overflow == "respond 600"


def test_nobody_registered_is_answered_with_the_groups_status(lab: Lab) -> None:
    caller = lab.call(to="701")

    assert caller.final_status(within_s=3) == 410
    assert lab.journal(caller).outcome == "nobody_registered"


def test_a_disabled_group_rings_nobody(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.rings())
    caller = lab.call(to="702")

    assert caller.final_status(within_s=3) == 480
    assert not anna.received("INVITE")
    assert lab.journal(caller).outcome == "group_disabled"


def test_an_unknown_number_is_not_found(lab: Lab) -> None:
    caller = lab.call(to="799")

    assert caller.final_status(within_s=3) == 404
    assert not lab.service.calls_of(caller.number)


def test_the_groups_own_ringback_is_heard(lab: Lab) -> None:
    lab.phone("1001", sipp.answers(after_ms=1000))
    caller = lab.call(to="703", talk_ms=300)

    assert caller.final_status() == 200
    assert caller.endpoint.statuses == [180, 183, 200]
    progress = next(message for message in caller.endpoint.messages if message.status == 183)
    assert "m=audio" in progress.body


def test_the_fallback_cannot_be_dialled(lab: Lab) -> None:
    assert lab.call(to="huntgroup-fallback").final_status(within_s=3) == 404
