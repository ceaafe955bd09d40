"""Where a call is of which the journal has no end."""

from __future__ import annotations

import pytest

from esl_huntgroup.model.call_state import CONVERSATION_MAX_MS, RING_GRACE_MS, CallState, call_state
from esl_huntgroup.model.limits import RING_TIMEOUT_MAX_S


@pytest.mark.parametrize(
    ("is_answered", "limit_ms", "before"),
    [(False, 20_000 + RING_GRACE_MS, CallState.RINGING), (True, CONVERSATION_MAX_MS, CallState.TALKING)],
)
def test_an_open_call_goes_on_until_it_cannot_any_more(is_answered: bool, limit_ms: int, before: CallState) -> None:
    def at(age_ms: int) -> CallState:
        return call_state(is_over=False, is_answered=is_answered, age_ms=age_ms, ring_timeout_s=20)

    assert [at(0), at(limit_ms), at(limit_ms + 1)] == [before, before, CallState.END_UNKNOWN]


def test_without_a_group_the_longest_ring_limit_counts() -> None:
    limit_ms = RING_TIMEOUT_MAX_S * 1000 + RING_GRACE_MS
    found = [call_state(is_over=False, is_answered=False, age_ms=age_ms) for age_ms in (limit_ms, limit_ms + 1)]
    assert found == [CallState.RINGING, CallState.END_UNKNOWN]


def test_a_clock_that_is_behind_that_of_the_switch_ends_nothing() -> None:
    assert call_state(is_over=False, is_answered=False, age_ms=-5000, ring_timeout_s=20) is CallState.RINGING


@pytest.mark.parametrize("is_answered", [False, True])
def test_a_call_that_is_over_is_so_at_any_age(is_answered: bool) -> None:
    for age_ms in (0, 10 * CONVERSATION_MAX_MS):
        assert call_state(is_over=True, is_answered=is_answered, age_ms=age_ms) is CallState.ENDED
