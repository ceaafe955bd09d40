"""What became of the legs decides how the hunt ended."""

from __future__ import annotations

import pytest

from esl_huntgroup.model.hangup_causes import LegEnd, LegResult, call_outcome, leg_result
from esl_huntgroup.model.outcome import Outcome

FINAL_ANSWERS = {
    # status: cause (sofia_glue.c), what it means after nothing, and after 180 or 183
    404: ("UNALLOCATED_NUMBER", LegResult.UNREACHABLE, LegResult.RANG),
    408: ("RECOVERY_ON_TIMER_EXPIRE", LegResult.UNREACHABLE, LegResult.RANG),
    410: ("NUMBER_CHANGED", LegResult.UNREACHABLE, LegResult.RANG),
    420: ("NORMAL_UNSPECIFIED", LegResult.UNREACHABLE, LegResult.RANG),
    480: ("NO_USER_RESPONSE", LegResult.REFUSED, LegResult.RANG),
    482: ("EXCHANGE_ROUTING_ERROR", LegResult.UNREACHABLE, LegResult.RANG),
    484: ("INVALID_NUMBER_FORMAT", LegResult.UNREACHABLE, LegResult.RANG),
    486: ("USER_BUSY", LegResult.REFUSED, LegResult.REFUSED),
    487: ("ORIGINATOR_CANCEL", LegResult.UNREACHABLE, LegResult.RANG),
    488: ("INCOMPATIBLE_DESTINATION", LegResult.UNREACHABLE, LegResult.RANG),
    502: ("NETWORK_OUT_OF_ORDER", LegResult.UNREACHABLE, LegResult.RANG),
    503: ("NORMAL_TEMPORARY_FAILURE", LegResult.UNREACHABLE, LegResult.RANG),
    600: ("USER_BUSY", LegResult.REFUSED, LegResult.REFUSED),
    603: ("CALL_REJECTED", LegResult.REFUSED, LegResult.REFUSED),
    607: ("UNWANTED", LegResult.REFUSED, LegResult.REFUSED),
}
ENDED_BY_THE_SWITCH = (
    "LOSE_RACE",
    "ORIGINATOR_CANCEL",
    "NO_ANSWER",
    "ALLOTTED_TIMEOUT",
    "PICKED_OFF",
    "MANAGER_REQUEST",
    "SYSTEM_SHUTDOWN",
    "NORMAL_CLEARING",
)
BUSY, RANG_OUT = LegEnd("USER_BUSY"), LegEnd("ORIGINATOR_CANCEL", rang=True)
NEVER_A_BYTE, NO_SUCH_PHONE = LegEnd("ORIGINATOR_CANCEL"), LegEnd("UNALLOCATED_NUMBER")
ALONE = {
    LegResult.UNREACHABLE: Outcome.NOBODY_REGISTERED,
    LegResult.REFUSED: Outcome.ALL_BUSY,
    LegResult.RANG: Outcome.NO_ANSWER,
}


@pytest.mark.parametrize("rang", [False, True], ids=["nothing", "180 or 183"])
@pytest.mark.parametrize(("cause", "at_once", "after_ringing"), FINAL_ANSWERS.values(), ids=map(str, FINAL_ANSWERS))
def test_every_final_answer_after_nothing_and_after_ringing(
    cause: str, at_once: LegResult, after_ringing: LegResult, rang: bool
) -> None:
    end, result = LegEnd(cause, rang), after_ringing if rang else at_once
    assert end.result is result
    assert call_outcome([end]) is ALONE[result]
    assert call_outcome([end, BUSY]) is (Outcome.NO_ANSWER if result is LegResult.RANG else Outcome.ALL_BUSY)
    assert call_outcome([end, RANG_OUT]) is Outcome.NO_ANSWER
    assert call_outcome([end, NEVER_A_BYTE]) is ALONE[result]
    assert call_outcome([end, NO_SUCH_PHONE]) is ALONE[result]


@pytest.mark.parametrize("cause", ENDED_BY_THE_SWITCH)
def test_a_leg_that_somebody_else_ended_rang_only_if_the_phone_said_so(cause: str) -> None:
    assert leg_result(cause, rang=True) is LegResult.RANG
    assert leg_result(cause, rang=False) is LegResult.UNREACHABLE


def test_all_are_busy_only_if_every_phone_that_was_reached_was() -> None:
    assert call_outcome([BUSY, LegEnd("CALL_REJECTED"), NEVER_A_BYTE]) is Outcome.ALL_BUSY
    assert call_outcome([BUSY, RANG_OUT]) is Outcome.NO_ANSWER
    assert call_outcome([]) is Outcome.NOBODY_REGISTERED


@pytest.mark.parametrize("rang", [False, True])
def test_a_leg_of_which_nothing_is_known_may_have_rung(rang: bool) -> None:
    assert leg_result("UNKNOWN", rang=rang) is LegResult.RANG
    assert leg_result("NONE", rang=rang) is LegResult.ANSWERED


def test_a_cause_nobody_knows_is_a_phone_that_could_not_be_reached() -> None:
    assert leg_result("SOMETHING_NEW", rang=False) is LegResult.UNREACHABLE
