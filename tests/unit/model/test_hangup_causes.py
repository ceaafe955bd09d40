"""What became of the legs decides how the hunt ended."""

from __future__ import annotations

import pytest

from esl_huntgroup.model.hangup_causes import LegResult, call_outcome, leg_result
from esl_huntgroup.model.outcome import Outcome


@pytest.mark.parametrize(
    ("causes", "outcome"),
    [
        (["NO_ANSWER", "NO_ANSWER"], Outcome.NO_ANSWER),
        (["USER_BUSY", "NO_ANSWER"], Outcome.NO_ANSWER),
        (["ALLOTTED_TIMEOUT"], Outcome.NO_ANSWER),
        (["USER_BUSY", "USER_BUSY"], Outcome.ALL_BUSY),
        (["USER_BUSY", "CALL_REJECTED", "NO_USER_RESPONSE"], Outcome.ALL_BUSY),
        (["USER_BUSY", "NORMAL_TEMPORARY_FAILURE", "NEVER_CREATED"], Outcome.ALL_BUSY),
        (["REQUESTED_CHAN_UNAVAIL"], Outcome.ALL_BUSY),
        (["NORMAL_TEMPORARY_FAILURE", "RECOVERY_ON_TIMER_EXPIRE"], Outcome.NOBODY_REGISTERED),
        (["NEVER_CREATED"], Outcome.NOBODY_REGISTERED),
        ([], Outcome.NOBODY_REGISTERED),
    ],
)
def test_verdict(causes: list[str], outcome: Outcome) -> None:
    assert call_outcome(causes) is outcome


def test_a_cause_nobody_knows_is_a_phone_that_could_not_be_reached() -> None:
    assert leg_result("SOMETHING_NEW") is LegResult.UNREACHABLE
