"""What the switch says of a caller's channel, told to the journal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esl_huntgroup.calls.leg_note import call_id_of, note
from esl_huntgroup.journal.records import CallAnswered, CallEnded, JournalRecord
from esl_huntgroup.model.outcome import Outcome
from esl_huntgroup.recovery.channel_state import ChannelSnapshot, OpenCall, close, missing_records, read_snapshot
from tests.unit.examples import ANNA, BERND, CALL_ID, CLARA, HARDPHONE_ONLY, group, plan_for

T0 = 1_795_372_358_914
FIRST, SECOND = (f"{CALL_ID[:-4]}000{n}" for n in (1, 2))
OUR_NOTE = note(CALL_ID, plan_for(ANNA, BERND))
TALKED = {
    "Answer-State": "hangup",
    "Hangup-Cause": "NORMAL_CLEARING",
    "Caller-Channel-Bridged-Time": f"{T0 + 2000}123",
    "variable_huntgroup_legs": OUR_NOTE,
    "variable_bridge_uuid": FIRST,
    "variable_originate_causes": f"ARRAY::{FIRST};NONE|:{SECOND};LOSE_RACE",
    "variable_huntgroup_rang_0001": CALL_ID[:-4],
    "variable_huntgroup_rang_0002": CALL_ID[:-4],
}


def open_call(answered_at_ms: int | None = None) -> OpenCall:
    return OpenCall(CALL_ID, "leg-a", T0, answered_at_ms, group(ANNA, BERND, CLARA, HARDPHONE_ONLY))


def said(at_ms: int = T0 + 9000, **changes: str | None) -> ChannelSnapshot:
    """Return what a channel says; keywords change its headers (``_`` for ``-`` but in ``variable_``)."""
    headers: dict[str, str | None] = dict(TALKED)
    for name, value in changes.items():
        headers[name if name.startswith("variable_") else name.replace("_", "-")] = value
    return read_snapshot(headers.get, CALL_ID, at_ms)


def not_answered(
    *causes: str, cause: str = "NORMAL_CLEARING", at_ms: int = T0 + 30_000, rang: bool = True
) -> ChannelSnapshot:
    """Return what the channel of a caller says whom nobody answered, 30 s after it came: it rang for 20."""
    told = "|:".join(f"{uuid};{leg}" for uuid, leg in zip((FIRST, SECOND), causes, strict=False))
    return said(
        at_ms,
        variable_huntgroup_rang_0001=CALL_ID[:-4] if rang else None,
        variable_huntgroup_rang_0002=CALL_ID[:-4] if rang else None,
        variable_bridge_uuid=None,
        Caller_Channel_Bridged_Time="0",
        Hangup_Cause=cause,
        variable_originate_causes=f"ARRAY::{told}" if len(causes) > 1 else told,
    )


def seen(record: JournalRecord) -> dict[str, tuple[str, bool, str]]:
    assert isinstance(record, CallAnswered | CallEnded)
    return {entry.user_name: (entry.kind.value, entry.rang, entry.cause) for entry in record.entries}


def test_the_note_names_the_call_and_whose_phone_each_leg_is() -> None:
    assert f"{CALL_ID}:1,2" == OUR_NOTE
    assert call_id_of(TALKED.get) == CALL_ID
    assert call_id_of(dict[str, str]().get) == ""


def test_a_conversation_whose_answer_nobody_told_is_told_whole() -> None:
    answered, ended = missing_records(open_call(), said())
    assert isinstance(answered, CallAnswered)
    assert (answered.answered_by_user_id, answered.answered_at_ms, answered.wait_ms) == (1, T0 + 2000, 2000)
    assert [(leg.number, leg.line, leg.cause) for leg in answered.legs] == [
        (1, "1001@example.org", "NONE"),
        (2, "1002@example.org", "LOSE_RACE"),
    ]
    assert seen(answered) == {
        "Anna Berg": ("answered", True, "NONE"),
        "Bernd Cordes": ("answered_elsewhere", True, "LOSE_RACE"),
        "Clara Dietz": ("answered_elsewhere", False, "NOT_REGISTERED"),
    }
    assert isinstance(ended, CallEnded)
    assert (ended.outcome, ended.talk_ms, ended.cause) == (Outcome.ANSWERED, 7000, "NORMAL_CLEARING")
    assert not ended.entries


def test_a_conversation_whose_answer_is_known_only_lacks_its_end() -> None:
    (ended,) = missing_records(open_call(T0 + 2100), said())
    assert isinstance(ended, CallEnded)
    assert (ended.outcome, ended.wait_ms, ended.talk_ms) == (Outcome.ANSWERED, 2100, 6900)
    assert not ended.entries


def test_a_conversation_that_goes_on_only_lacks_its_answer() -> None:
    going_on = said(Answer_State="answered", Hangup_Cause=None)
    assert [type(record) for record in missing_records(open_call(), going_on)] == [CallAnswered]
    assert missing_records(open_call(T0 + 2100), going_on) == ()


def test_phones_that_still_ring_lack_nothing() -> None:
    ringing = said(Answer_State="ringing", variable_bridge_uuid=None, variable_originate_causes=None)
    assert missing_records(open_call(), ringing) == ()


@pytest.mark.parametrize(
    ("snapshot", "outcome", "overflow"),
    [
        (not_answered("NO_ANSWER", "USER_BUSY"), Outcome.NO_ANSWER, "dialplan"),
        (not_answered("CALL_REJECTED", "USER_BUSY"), Outcome.ALL_BUSY, "dialplan"),
        (not_answered("NORMAL_TEMPORARY_FAILURE", rang=False), Outcome.NOBODY_REGISTERED, "dialplan"),
        (not_answered("ORIGINATOR_CANCEL", "ORIGINATOR_CANCEL"), Outcome.NO_ANSWER, "dialplan"),
        (not_answered("ORIGINATOR_CANCEL", "ORIGINATOR_CANCEL", at_ms=T0 + 5000), Outcome.CALLER_GONE, ""),
        (not_answered("ORIGINATOR_CANCEL", "ORIGINATOR_CANCEL", cause="ORIGINATOR_CANCEL"), Outcome.CALLER_GONE, ""),
        (not_answered(cause="ORIGINATOR_CANCEL"), Outcome.CALLER_GONE, ""),
        (not_answered(), Outcome.INTERRUPTED, ""),
    ],
)
def test_the_end_of_a_call_that_nobody_answered(snapshot: ChannelSnapshot, outcome: Outcome, overflow: str) -> None:
    (ended,) = missing_records(open_call(), snapshot)
    assert isinstance(ended, CallEnded)
    assert (ended.outcome, ended.overflow, ended.talk_ms) == (outcome, overflow, 0)


def test_an_answer_by_somebody_elses_leg_is_none_of_ours() -> None:
    elsewhere = said(variable_bridge_uuid="11111111-0000-7000-8000-000000000001", variable_originate_causes=None)
    (ended,) = missing_records(open_call(), elsewhere)
    assert isinstance(ended, CallEnded)
    assert ended.outcome is Outcome.INTERRUPTED


def test_a_caller_whom_somebody_took_away_while_it_rang_is_told_as_picked_up() -> None:
    taken = said(
        variable_bridge_uuid="11111111-0000-7000-8000-000000000001",
        variable_originate_causes=f"ARRAY::{FIRST};PICKED_OFF|:{SECOND};PICKED_OFF",
        Other_Leg_Caller_ID_Number="1009",
    )
    answered, ended = missing_records(open_call(), taken)
    assert isinstance(answered, CallAnswered)
    assert isinstance(ended, CallEnded)
    assert (answered.answered_by_name, ended.outcome, ended.talk_ms) == ("1009", Outcome.PICKED_UP, 7000)
    assert {kind for kind, _, _ in seen(answered).values()} == {"answered_elsewhere"}
    (ended,) = missing_records(open_call(T0 + 2000), taken)
    assert isinstance(ended, CallEnded)
    assert (ended.outcome, ended.talk_ms) == (Outcome.PICKED_UP, 7000)


def test_a_pickup_stays_one_when_the_channel_has_forgotten_it() -> None:
    picked_up = replace(open_call(T0 + 2000), was_picked_up=True)
    elsewhere = said(variable_bridge_uuid=None, variable_originate_causes=None, variable_huntgroup_legs=None)
    (ended,) = missing_records(picked_up, elsewhere)
    assert isinstance(ended, CallEnded)
    assert (ended.outcome, ended.talk_ms) == (Outcome.PICKED_UP, 7000)
    (closed,) = close(picked_up, T0 + 5000)
    assert isinstance(closed, CallEnded)
    assert (closed.outcome, closed.talk_ms) == (Outcome.PICKED_UP, 3000)


def test_a_phone_that_says_it_was_picked_off_is_no_pickup() -> None:
    (ended,) = missing_records(open_call(), not_answered("PICKED_OFF", "USER_BUSY"))
    assert isinstance(ended, CallEnded)
    assert ended.outcome is Outcome.NO_ANSWER


def test_the_note_of_another_call_says_nothing_of_this_one() -> None:
    assert said(variable_huntgroup_legs="01900000-0000-7000-8000-111111110000:3").user_ids == ()


def test_phones_that_rang_twice_are_told_of_by_the_second_ringing() -> None:
    first, second = f"{FIRST[:-4]}1001", f"{SECOND[:-4]}1002"
    twice = said(
        variable_bridge_uuid=second,
        variable_originate_causes=f"ARRAY::{FIRST};LOSE_RACE|:{SECOND};LOSE_RACE|:{first};USER_BUSY|:{second};NONE",
    )
    answered, _ = missing_records(open_call(), twice)
    assert seen(answered)["Anna Berg"] == ("answered_elsewhere", True, "USER_BUSY")
    assert seen(answered)["Bernd Cordes"] == ("answered", True, "NONE")


def test_an_answer_to_a_second_ringing_whose_causes_are_not_told_yet_is_known() -> None:
    second = f"{SECOND[:-4]}1002"
    answering = said(
        variable_bridge_uuid=second, variable_originate_causes=f"ARRAY::{FIRST};LOSE_RACE|:{SECOND};LOSE_RACE"
    )
    answered, _ = missing_records(open_call(), answering)
    assert isinstance(answered, CallAnswered)
    assert answered.answered_by_user_id == 2


def test_a_user_who_is_no_member_any_more_is_left_out() -> None:
    (answered, _) = missing_records(open_call(), said(variable_huntgroup_legs=f"{CALL_ID}:99,2"))
    assert isinstance(answered, CallAnswered)
    assert (answered.answered_by_user_id, answered.answered_by_name) == (None, "")
    assert [leg.number for leg in answered.legs] == [2]


def test_a_call_that_the_switch_has_forgotten_is_interrupted_and_may_have_been_missed() -> None:
    (ended,) = close(open_call(), T0 + 5000)
    assert isinstance(ended, CallEnded)
    assert (ended.outcome, ended.cause, ended.wait_ms) == (Outcome.INTERRUPTED, "INTERRUPTED", 5000)
    assert set(seen(ended).values()) == {("missed", False, "UNKNOWN")}


@pytest.mark.parametrize("forgotten", ["0", f"{T0 - 1000}000", f"{T0 + 90_000}000"])
def test_a_channel_that_has_forgotten_when_it_was_connected_makes_no_talk_of_years(forgotten: str) -> None:
    answered, ended = missing_records(open_call(), said(Caller_Channel_Bridged_Time=forgotten))
    assert isinstance(answered, CallAnswered)
    assert isinstance(ended, CallEnded)
    assert (answered.answered_at_ms, ended.talk_ms, ended.wait_ms) == (T0 + 9000, 0, 9000)


def test_a_phone_that_says_it_was_cancelled_is_no_caller_who_gave_up() -> None:
    (ended,) = missing_records(open_call(), not_answered("ORIGINATOR_CANCEL", "NO_ANSWER"))
    assert isinstance(ended, CallEnded)
    assert ended.outcome is Outcome.NO_ANSWER


def test_a_phone_that_says_success_has_not_answered() -> None:
    (ended,) = missing_records(open_call(), not_answered("SUCCESS", "USER_BUSY", rang=False))
    assert isinstance(ended, CallEnded)
    assert ended.outcome is Outcome.ALL_BUSY


def test_a_call_that_was_last_seen_by_another_clock_does_not_end_before_it_began() -> None:
    (ended,) = close(open_call(), T0 - 142)
    assert isinstance(ended, CallEnded)
    assert (ended.ended_at_ms, ended.wait_ms) == (T0, 0)


@pytest.mark.parametrize(("last_seen_ms", "talk_ms"), [(T0 + 5000, 3000), (T0, 0)])
def test_a_conversation_that_the_switch_has_forgotten_lasted_at_least_until_it_was_seen(
    last_seen_ms: int, talk_ms: int
) -> None:
    (ended,) = close(open_call(T0 + 2000), last_seen_ms)
    assert isinstance(ended, CallEnded)
    assert (ended.outcome, ended.cause, ended.talk_ms) == (Outcome.ANSWERED, "INTERRUPTED", talk_ms)


@given(st.dictionaries(st.sampled_from(sorted(TALKED)), st.text(max_size=60)))
def test_whatever_a_channel_says_it_is_read(headers: dict[str, str]) -> None:
    get: Callable[[str], str | None] = headers.get
    for record in missing_records(open_call(), read_snapshot(get, CALL_ID, T0)):
        assert record.call_id == CALL_ID
