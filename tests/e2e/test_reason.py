"""The Reason that a caller is told is the switch's own, or that of who spoke with them; never a failed phone's."""

from __future__ import annotations

import pytest

from . import sipp
from .lab import Lab

FOREIGN = 'Reason: X;text="anything"'
"""What a phone writes into its refusal; FreeSWITCH from 1.11.1 sets it on the caller's channel (``sip_reason``)."""
CLEARED = 'Q.850;cause=16;text="NORMAL_CLEARING"'
BUSY = 'Q.850;cause=17;text="USER_BUSY"'
UNAVAILABLE = 'Q.850;cause=41;text="NORMAL_TEMPORARY_FAILURE"'


def test_the_reason_of_a_phone_that_refused_is_not_in_the_callers_bye(lab: Lab) -> None:
    lab.phone("1001", sipp.answers(after_ms=800, hangs_up_after_ms=700))
    lab.phone("1002", sipp.refuses("486 Busy Here", headers=FOREIGN))
    caller = lab.call(talk_ms=10_000)

    assert caller.final_status() == 200
    assert caller.endpoint.reasons("BYE") == [CLEARED]
    assert lab.journal(caller).answered_by == "Anna Berg"


def test_the_reason_in_the_487_of_a_phone_that_lost_the_race_is_not_in_the_callers_bye(lab: Lab) -> None:
    lab.phone("1001", sipp.answers(after_ms=800, hangs_up_after_ms=1500))
    lab.phone("1002", sipp.rings(headers=FOREIGN))
    lab.phone("1003", sipp.rings(headers=FOREIGN, lets_go_after_ms=600))
    caller = lab.call(talk_ms=10_000)

    assert caller.final_status() == 200
    assert caller.endpoint.reasons("BYE") == [CLEARED]


def test_the_reason_of_a_phone_that_refused_is_not_in_the_final_answer(lab: Lab) -> None:
    lab.phone("1001", sipp.refuses("486 Busy Here", headers=FOREIGN))
    lab.phone("1002", sipp.refuses("486 Busy Here", headers=FOREIGN))
    caller = lab.call()

    assert caller.final_status() == 486
    assert caller.endpoint.final_reason == BUSY


def test_the_reason_of_a_phone_that_refused_does_not_go_on_with_the_overflow(lab: Lab) -> None:
    lab.phone("1001", sipp.refuses("486 Busy Here", headers=FOREIGN))
    lab.phone("1002", sipp.rings())
    caller = lab.call(to="701", talk_ms=10_000)
    lab.journal(caller)
    lab.wait_for_channels(1)
    lab.switch.api("hupall NORMAL_CLEARING")

    assert caller.final_status() == 200
    assert caller.endpoint.reasons("BYE") == [CLEARED]


@pytest.mark.parametrize("answers", [True, False], ids=["answered", "unanswered"])
def test_the_reason_of_a_phone_that_refused_does_not_reach_the_caller_of_a_dead_service(
    lab: Lab, *, answers: bool
) -> None:
    winner = sipp.answers(after_ms=1500, hangs_up_after_ms=700) if answers else sipp.rings()
    anna = lab.phone("1001", winner)
    lab.phone("1002", sipp.refuses("486 Busy Here", headers=FOREIGN))
    caller = lab.call(talk_ms=10_000)
    anna.wait_invited()
    lab.service.kill()

    assert caller.final_status() == (200 if answers else 503)
    told = caller.endpoint.reasons("BYE")[0] if answers else caller.endpoint.final_reason
    assert told == (CLEARED if answers else UNAVAILABLE)


def test_the_reason_of_a_phone_that_refused_does_not_reach_the_caller_of_a_frozen_service(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.rings())
    lab.phone("1002", sipp.refuses("486 Busy Here", headers=FOREIGN))
    caller = lab.call()
    anna.wait_invited()
    lab.service.freeze()
    # What the guard in the switch does, only earlier.
    lab.switch.api(f"uuid_transfer {lab.switch.caller_uuid(caller.number)} huntgroup-fallback XML lab")
    lab.service.kill()  # the fast variant waits for that

    assert caller.final_status() == 503
    assert caller.endpoint.final_reason == UNAVAILABLE


def test_the_reason_of_a_phone_that_refused_is_not_in_the_bye_of_a_caller_who_was_answered_before(lab: Lab) -> None:
    lab.phone("1001", sipp.answers(after_ms=1500, hangs_up_after_ms=700))
    lab.phone("1002", sipp.refuses("486 Busy Here", headers=FOREIGN))
    caller = lab.call(to="500", talk_ms=20_000)
    lab.wait_for_channels(1)
    lab.switch.api(f"uuid_transfer {lab.switch.caller_uuid(caller.number)} 700 XML lab")

    assert caller.final_status() == 200
    assert caller.endpoint.reasons("BYE") == [CLEARED]
