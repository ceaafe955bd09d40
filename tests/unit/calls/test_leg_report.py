"""What the switch has told of the legs: how each ended, and which phones rang."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esl_huntgroup.calls.leg_report import (
    NOTHING_TOLD,
    LegReport,
    read_leg_report,
    read_rang,
    read_transferred,
    ring_note,
)
from esl_huntgroup.model.hangup_causes import LegEnd
from tests.unit.examples import ANNA, BERND, CALL_ID, plan_for

BEGIN = CALL_ID[:-4]
FIRST, SECOND, FIRST_AGAIN, SECOND_AGAIN = (f"{BEGIN}{end}" for end in ("0001", "0002", "1001", "1002"))
OTHER_CALL = f"{BEGIN[:-1]}1"
CALLER = "28d93954-673b-42a5-88bd-6068fb9b5cb5"


def channel(*causes: str, rang: Mapping[str, str] | None = None) -> Callable[[str], str | None]:
    """Return the caller's channel; ``rang`` maps what stands behind ``huntgroup_rang_`` to its value."""
    told = f"ARRAY::{'|:'.join(causes)}" if len(causes) > 1 else "".join(causes)
    notes = {f"variable_huntgroup_rang_{suffix}": begin for suffix, begin in (rang or {}).items()}
    return {"variable_originate_causes": told, **notes}.get


def noted(command: str) -> dict[str, str]:
    """Return what a note does to the caller's channel, as the switch would."""
    name, uuid, pairs = command.split(" ")
    assert (name, uuid) == ("uuid_setvar_multi", CALLER)
    note, expansion = pairs.split(";")
    assert expansion == "app_disable_expand_variables="
    variable, value = note.split("=")
    return {f"variable_{variable}": value}


def test_each_leg_has_the_cause_that_the_switch_kept() -> None:
    report = read_leg_report(channel(f"{FIRST};NONE", f"{SECOND};LOSE_RACE"), CALL_ID)
    assert report == LegReport({FIRST: "NONE", SECOND: "LOSE_RACE"})


def test_a_call_with_one_leg_is_read_as_well() -> None:
    assert read_leg_report(channel(f"{FIRST};USER_BUSY"), CALL_ID).causes == {FIRST: "USER_BUSY"}


def test_of_a_leg_that_is_told_twice_the_last_word_counts() -> None:
    report = read_leg_report(channel(f"{FIRST};NONE", f"{FIRST};NORMAL_CLEARING"), CALL_ID)
    assert report.causes == {FIRST: "NORMAL_CLEARING"}


@pytest.mark.parametrize(
    "foreign", [f"{OTHER_CALL}0001;NONE", "28d93954-673b-42a5-88bd-6068fb9b5cb5;NONE", f"{FIRST};{'X' * 65}", "", ";"]
)
def test_what_is_no_leg_of_this_call_is_left_out(foreign: str) -> None:
    assert read_leg_report(channel(foreign, f"{SECOND};USER_BUSY"), CALL_ID).causes == {SECOND: "USER_BUSY"}


def test_a_cause_that_the_switch_has_no_name_for_is_not_a_leg_that_was_lost() -> None:
    assert read_leg_report(channel(f"{FIRST};UNKNOWN"), CALL_ID).causes == {FIRST: "NORMAL_UNSPECIFIED"}


def test_of_a_caller_who_was_replaced_the_causes_that_are_told_count() -> None:
    told = read_transferred(channel(f"{FIRST};USER_BUSY"), [FIRST, SECOND])
    assert told.causes == {FIRST: "USER_BUSY", SECOND: "ATTENDED_TRANSFER"}


def test_legs_of_an_earlier_attempt_are_left_out() -> None:
    rang = {"0001": BEGIN, "1002": BEGIN}
    report = read_leg_report(
        channel(f"{FIRST};LOSE_RACE", f"{FIRST_AGAIN};NONE", f"{SECOND_AGAIN};X", rang=rang), CALL_ID
    )
    assert report == LegReport({FIRST_AGAIN: "NONE", SECOND_AGAIN: "X"}, frozenset({SECOND_AGAIN}))


def test_a_channel_that_says_nothing_has_told_nothing() -> None:
    assert read_leg_report(channel(), CALL_ID) == NOTHING_TOLD


@given(st.text(max_size=200))
def test_whatever_stands_in_the_list_nothing_raises_and_only_legs_are_told(text: str) -> None:
    assert all(uuid[:-4] == BEGIN for uuid in read_leg_report(channel(text), CALL_ID).causes)


def test_a_phone_has_rung_whose_leg_has_noted_it() -> None:
    told = noted(ring_note(CALLER, BEGIN, "0002"))
    told |= {"variable_originate_causes": f"ARRAY::{FIRST};X|:{SECOND};X"}
    report = read_leg_report(told.get, CALL_ID)
    assert report.rang == {SECOND}


def test_a_note_of_another_call_of_the_same_channel_says_nothing() -> None:
    assert read_rang(noted(ring_note(CALLER, OTHER_CALL, "0001")).get, [FIRST]) == frozenset()


def test_a_note_that_somebody_else_wrote_says_nothing() -> None:
    assert read_rang(channel(rang={"0001": "true", "0002": ""}), [FIRST, SECOND]) == frozenset()


@pytest.mark.parametrize(("attempt", "uuids"), [(0, [FIRST, SECOND]), (1, [FIRST_AGAIN, SECOND_AGAIN])])
def test_of_a_transferred_caller_is_known_who_rang_in_whichever_attempt(attempt: int, uuids: list[str]) -> None:
    plan = plan_for(ANNA, BERND).again() if attempt else plan_for(ANNA, BERND)
    rang = {"0001": BEGIN, "1001": BEGIN}
    report = read_transferred(channel(rang=rang), plan.uuids(CALL_ID))
    assert report == LegReport(dict.fromkeys(uuids, "ATTENDED_TRANSFER"), frozenset(uuids[:1]))
    assert report.ends(plan, CALL_ID) == [LegEnd("ATTENDED_TRANSFER", rang=True), LegEnd("ATTENDED_TRANSFER")]


def test_a_leg_of_which_nothing_was_told_was_never_a_channel() -> None:
    report = LegReport({SECOND: "USER_BUSY"}, frozenset({FIRST, SECOND}))
    assert report.ends(plan_for(ANNA, BERND), CALL_ID) == [
        LegEnd("NEVER_CREATED", rang=True),
        LegEnd("USER_BUSY", rang=True),
    ]


def test_the_leg_that_answered_is_put_right_and_the_others_stay() -> None:
    report = LegReport({FIRST: "ATTENDED_TRANSFER", SECOND: "ATTENDED_TRANSFER"}, frozenset({FIRST}))
    assert report.answered_by(SECOND) == LegReport({FIRST: "ATTENDED_TRANSFER", SECOND: "NONE"}, frozenset({FIRST}))
    assert report.causes[SECOND] == "ATTENDED_TRANSFER"
