"""The check of the matrix finds each thing that could be wrong, and nothing where all is well."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.e2e.journal import Call, Entry, Leg
from tests.faults.truth import SERVED_WITHIN_S, Lived, problems
from tests.soak.processes import Holding, growth

MEMBERS = ("Anna", "Bernd")
CANCELLED = "ORIGINATOR_CANCEL"
TALKED = Lived(
    caller="030111",
    members=MEMBERS,
    status=200,
    plan="answered",
    spoken_with="Anna",
    rang=True,
    waited_s=1.0,
    talked_s=4.0,
    planned_talk_s=4.0,
    leg_causes=("NONE", "LOSE_RACE"),
)
ANSWERED = Call(
    call_id="c1",
    node="simulator",
    worker="host:worker-1:17",
    outcome="answered",
    answered_by="Anna",
    caller_number="030111",
    caller_name="Karl",
    cause="NORMAL_CLEARING",
    overflow="",
    wait_s=1.0,
    talk_s=4.0,
    arrived_at_ms=1000,
    ended_at_ms=6000,
    entries=(Entry("Anna", "answered", True, "NONE"), Entry("Bernd", "answered_elsewhere", True, "LOSE_RACE")),
    legs=(Leg("1", "a", "NONE", True), Leg("2", "b", "LOSE_RACE", True)),
)
RANG_OUT = replace(
    TALKED, plan="no_answer", status=480, spoken_with="", fallback="no_answer", talked_s=0.0, leg_causes=None
)
MISSED = replace(
    ANSWERED,
    outcome="no_answer",
    answered_by="",
    talk_s=0.0,
    entries=(Entry("Anna", "missed", True, CANCELLED), Entry("Bernd", "missed", True, CANCELLED)),
    legs=(Leg("1", "a", CANCELLED, True), Leg("2", "b", CANCELLED, True)),
)
INTERRUPTED = replace(MISSED, outcome="interrupted", cause="INTERRUPTED")
TAKEN_BACK = replace(RANG_OUT, plan="answered", rang=False, fallback="", status=503)
UNKNOWN = replace(TAKEN_BACK, plan="", fallback="unknown_number", status=404)


@pytest.mark.parametrize(
    ("lived", "rows"),
    [
        (TALKED, [ANSWERED]),
        (RANG_OUT, [MISSED]),
        (TAKEN_BACK, []),
        (TAKEN_BACK, [replace(MISSED, outcome="service_fault")]),
        (replace(TALKED, is_heard=False), [INTERRUPTED]),
        (replace(TALKED, is_heard=False), [replace(ANSWERED, cause="INTERRUPTED", talk_s=0.0)]),
        (replace(RANG_OUT, rang=False, was_cut=True), [replace(MISSED, outcome="switch_gone")]),
        (replace(TAKEN_BACK, fallback="service_fault", was_without_database=True), []),
        (UNKNOWN, []),
        (replace(RANG_OUT, fallback=None, has_overflow=True), [MISSED]),
        (replace(RANG_OUT, plan="caller_gone", gave_up=True, fallback=None), [replace(MISSED, outcome="caller_gone")]),
    ],
)
def test_where_all_is_well_nothing_is_found(lived: Lived, rows: list[Call]) -> None:
    assert problems(lived, rows) == []


@pytest.mark.parametrize(
    ("lived", "rows", "found"),
    [
        (replace(TALKED, status=0), [ANSWERED], "is still waiting"),
        (replace(TALKED, waited_s=SERVED_WITHIN_S + 1), [ANSWERED], "waited 31.0 s"),
        (replace(TALKED, talked_s=2.0), [replace(ANSWERED, talk_s=2.0)], "somebody else ended it"),
        (replace(RANG_OUT, plan="answered"), [MISSED], "was sent on as no_answer, and it was answered"),
        (
            replace(RANG_OUT, plan="answered", fallback=None),
            [MISSED],
            "neither answered nor sent on, and ended with 480",
        ),
        (RANG_OUT, [replace(MISSED, legs=(Leg("1", "a", "NO_ANSWER", True),))], "no phone shows a missed call"),
        (replace(TAKEN_BACK, is_spared=True), [], "was left to the dialplan's fallback"),
        (replace(TAKEN_BACK, fallback="service_fault"), [], "was sent on as service_fault, and it was answered"),
        (replace(TAKEN_BACK, fallback="service_fault"), [], "has no rows"),
        (TALKED, [], "has no rows"),
        (RANG_OUT, [], "has no rows"),
        (replace(TAKEN_BACK, rang=True), [], "has no rows"),
        (TALKED, [ANSWERED, ANSWERED], "has 2 sets of rows"),
        (UNKNOWN, [MISSED], "was no group call, and has rows"),
        (TALKED, [replace(ANSWERED, outcome="")], "rows are not whole"),
        (TALKED, [replace(ANSWERED, ended_at_ms=None)], "rows are not whole"),
        (TALKED, [replace(ANSWERED, entries=ANSWERED.entries[:1])], "rows are not whole"),
        (TALKED, [replace(ANSWERED, entries=ANSWERED.entries * 2)], "rows are not whole"),
        (TALKED, [MISSED], "is written as no_answer, was answered"),
        (TALKED, [INTERRUPTED], "is written as interrupted, was answered"),
        (RANG_OUT, [INTERRUPTED], "is written as interrupted, was no_answer"),
        (RANG_OUT, [ANSWERED], "is written as answered, was no_answer"),
        (replace(TALKED, spoken_with="Bernd"), [ANSWERED], "answered by 'Anna', was by 'Bernd'"),
        (TALKED, [replace(ANSWERED, talk_s=7.0)], "with 7.00 s of talking, was 4.00 s"),
        (TALKED, [replace(ANSWERED, legs=ANSWERED.legs[:1])], "with the legs ('NONE',)"),
        (TALKED, [replace(ANSWERED, cause="INTERRUPTED")], "although its end was heard"),
    ],
)
def test_what_is_wrong_is_found(lived: Lived, rows: list[Call], found: str) -> None:
    assert any(found in sentence for sentence in problems(lived, rows)), problems(lived, rows)


WORKER = Holding("worker 1", 50_000, 12)


@pytest.mark.parametrize(
    ("after", "found"),
    [
        ({1: replace(WORKER, rss_kb=54_000, descriptors=13)}, []),
        ({1: replace(WORKER, rss_kb=60_000)}, ["worker 1 has grown from 50000 to 60000 kB"]),
        ({1: replace(WORKER, descriptors=20)}, ["worker 1 had 12 files open, and has 20"]),
        ({2: WORKER}, ["worker 1 (process 1) did not live to the end"]),
    ],
)
def test_a_process_that_grows_is_found(after: dict[int, Holding], found: list[str]) -> None:
    assert growth({1: WORKER}, after, calls=1000) == found


def test_the_witness_may_remember_what_it_has_heard_but_no_more() -> None:
    witness = replace(WORKER, name="witness")
    assert growth({1: witness}, {1: replace(witness, rss_kb=70_000)}, calls=10_000) == []
    assert growth({1: witness}, {1: replace(witness, rss_kb=90_000)}, calls=100_000_000) != []
