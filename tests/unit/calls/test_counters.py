"""What workers count, and how it adds up."""

from __future__ import annotations

import pytest

from esl_huntgroup.calls.counters import LOOKS_MAX, Counters, Histogram, Lag, Snapshot, total
from esl_huntgroup.calls.hunt import Hunt, State
from esl_huntgroup.model.outcome import Outcome
from tests.unit.examples import CALL_ID, inbound


def test_a_duration_falls_into_the_first_bucket_that_is_long_enough() -> None:
    histogram = Histogram((1.0, 2.0))
    for seconds in (0.5, 1.0, 1.5, 2.0, 2.1):
        histogram.observe(seconds)
    assert histogram.counts == [2, 2, 1]
    assert histogram.sum_s == pytest.approx(7.1)


def test_what_rings_and_talks_is_seen_by_looking() -> None:
    meter = Counters()
    hunts = [Hunt(CALL_ID, inbound()) for _ in range(3)]
    hunts[0].state, hunts[1].state, hunts[2].state = State.ALERTING, State.TALKING, State.TALKING
    with meter.call(hunts[0]), meter.call(hunts[1]), meter.call(hunts[2]):
        gauges = meter.reading({}, {"open": 3.0}).gauges
        assert gauges == {"ringing": 1.0, "talking": 2.0, "open": 3.0}
    assert meter.reading({}, {}).gauges == {"ringing": 0.0, "talking": 0.0}


def test_a_call_that_is_over_is_counted_by_its_outcome_even_after_a_fault() -> None:
    meter = Counters()
    hunt = Hunt(CALL_ID, inbound())
    hunt.outcome = Outcome.ALL_BUSY
    with meter.call(hunt):
        pass
    with pytest.raises(RuntimeError), meter.call(Hunt(CALL_ID, inbound())):
        raise RuntimeError
    assert meter.outcomes == {"all_busy": 1, "unknown": 1}


def test_readings_add_up_and_the_worst_lag_counts() -> None:
    one, two = Snapshot(), Snapshot()
    one.counters["database_errors"], two.counters["database_errors"] = 1, 2
    one.gauges |= {"open": 3.0}
    two.gauges |= {"open": 4.0}
    one.to_answer.observe(3.0)
    two.to_answer.observe(100.0)
    whole = total([one, two, two.without_gauges()])
    assert whole.counters["database_errors"] == 5
    assert whole.gauges == {"open": 7.0}
    assert sum(whole.to_answer.counts) == 3
    assert sum(one.to_answer.counts) == 1


def test_the_lag_is_the_age_of_the_oldest_record_that_is_not_stored() -> None:
    lag = Lag()
    looks = [(0, 0, 0), (1, 10, 0), (2, 20, 5), (3, 30, 15), (4, 30, 15), (5, 30, 5), (6, 30, 0), (7, 31, 1)]
    assert [lag.look(float(now), recorded, backlog) for now, recorded, backlog in looks] == [0, 0, 1, 2, 3, 3, 0, 1]


def test_what_an_earlier_run_has_left_ages_from_the_start() -> None:
    lag = Lag()
    assert [lag.look(now, 7, 7) for now in (0.0, 1.0, 2.0)] == [0, 1, 2]


def test_a_long_outage_takes_no_memory_without_end() -> None:
    lag = Lag()
    for second in range(5 * LOOKS_MAX):
        assert lag.look(float(second), 100 + second, 50 + second) == second
    assert len(lag._seen) <= LOOKS_MAX + 2
