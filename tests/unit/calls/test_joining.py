"""A ringing call that can be joined: late phones, whoever picks it up, and the pickup leg that stands for them."""

from __future__ import annotations

import pytest

from esl_huntgroup.calls.hunt import BYPASSED, JOINED_LEGS_MAX, SWITCH_MARGIN_S, Hunt, State
from esl_huntgroup.calls.hunt_messages import (
    Answered,
    AskTaker,
    Bridge,
    BridgeEnded,
    CallerGone,
    Command,
    ContactsKnown,
    EndLate,
    EndPickup,
    EndRinging,
    Event,
    GroupFound,
    LateLegEnded,
    PhonesRegistered,
    Release,
    Restore,
    RingLate,
    RingLimitReached,
    RunOverflow,
    SaveCaller,
    TakerKnown,
    Warn,
    WriteRecord,
)
from esl_huntgroup.calls.joining import Key, pickup_uuids, read_key
from esl_huntgroup.calls.leg_report import NOTHING_TOLD, LegReport, read_leg_report
from esl_huntgroup.calls.ring_plan import WhyNot
from esl_huntgroup.journal.records import CallAnswered, CallEnded, CallRinging
from esl_huntgroup.model.group import Line, Member, Taker
from esl_huntgroup.model.outcome import Outcome
from esl_huntgroup.registrars.contacts import Contacts, device_of
from esl_huntgroup.simulator.dialstring import parse
from tests.unit.calls.test_hunt import AT_MS, FIRST, SECOND, THIRD, only, run, written
from tests.unit.examples import ANNA_LINE, BERND_LINE, CALL_ID, CLARA_LINE, DOMAIN, contact, group, inbound, registered

OPEN = group(joinable=True)
WAITS = group(joinable=True, wait_for_phones=True)
HERE = registered(ANNA_LINE, BERND_LINE)
RINGING: list[Event] = [GroupFound(OPEN, AT_MS), ContactsKnown(HERE, AT_MS)]
WAITING: list[Event] = [GroupFound(WAITS, AT_MS), ContactsKnown({}, AT_MS)]
CLARA_COMES = PhonesRegistered(registered(CLARA_LINE), AT_MS + 4000)
BUSY = LegReport(dict.fromkeys((FIRST, SECOND), "USER_BUSY"))
ALL_BUSY = BridgeEnded(AT_MS + 6000, True, "", BUSY)
PICKUP = f"{CALL_ID}-pickup1"
KEY = f"700.{CALL_ID}@{DOMAIN}"


def all_of(kind: type[object], commands: list[Command]) -> list[Command]:
    return [command for command in commands if isinstance(command, kind)]


def last(kind: type[Bridge], commands: list[Command]) -> Bridge:
    return [command for command in commands if isinstance(command, kind)][-1]


# -- the pickup leg ---------------------------------------------------------------------------------------------------


def test_a_group_that_wants_none_of_it_has_the_dial_string_without_the_pickup_leg_and_is_watched_for_nothing() -> None:
    _, plain = run(GroupFound(group(), AT_MS), ContactsKnown(HERE, AT_MS))
    _, joinable = run(*RINGING)
    one, other = only(Bridge, plain), only(Bridge, joinable)
    begin, _, legs = one.dial_string.partition("}")
    its = f"[^^~origination_uuid={PICKUP}~huntgroup_ringing=joined~huntgroup_late=joined]pickup/{KEY},"
    assert other.dial_string == f"{begin}}}{its}{legs}"
    assert (one.watched, other.watched) == ((), OPEN.lines)
    assert (one.pickup_uuid, other.pickup_uuid) == ("", "")


def test_the_switch_reads_the_pickup_leg_as_the_first_one_and_spares_who_takes_its_place() -> None:
    _, commands = run(*RINGING)
    dial = parse(only(Bridge, commands).dial_string)
    first, *others = dial.legs
    assert (first.endpoint, first.destination) == ("pickup", KEY)
    assert first.named["huntgroup_ringing"] == first.named["huntgroup_late"] == "joined"
    assert dial.parameter("local_var_clobber") == "true"
    assert len(others) == 2
    assert "leg_timeout" not in first.named


def test_the_key_says_group_and_call_and_nothing_else_is_read_as_one() -> None:
    assert read_key(KEY) == Key("700", CALL_ID, DOMAIN)
    assert read_key(str(Key("*88#", CALL_ID, DOMAIN))) == Key("*88#", CALL_ID, DOMAIN)
    assert [read_key(text) for text in ("", "700", f"700.{CALL_ID}", f"{CALL_ID}@{DOMAIN}", f"7.x@{DOMAIN}")] == [
        None
    ] * 5
    assert pickup_uuids(CALL_ID)[0] == PICKUP
    assert read_key(only(Bridge, run(*RINGING)[1]).marks["presence_data"].removeprefix("pickup/")) == Key(
        "700", CALL_ID, DOMAIN
    )


def test_the_pickup_leg_takes_the_place_of_one_phone_and_the_journal_says_whose() -> None:
    lines = tuple(Line(f"2{number:03}", DOMAIN, f"2{number:03}") for number in range(127))
    many = group(Member(5, "Halle", lines), joinable=True)
    hunt, commands = run(GroupFound(many, AT_MS), ContactsKnown(registered(*lines), AT_MS))
    assert len(hunt.plan.legs) == JOINED_LEGS_MAX == 126
    assert len(parse(only(Bridge, commands).dial_string).legs) == 127
    assert [item.line for item in hunt.plan.left_out(WhyNot.LEG_LIMIT)] == [lines[-1]]
    assert "1 contact does not ring, 126 is the most one call can: Halle" in only(Warn, commands).text
    assert (
        len(
            run(GroupFound(group(Member(5, "Halle", lines)), AT_MS), ContactsKnown(registered(*lines), AT_MS))[
                0
            ].plan.legs
        )
        == 127
    )


def test_a_caller_whose_media_bypasses_the_switch_is_served_as_ever_and_it_is_said() -> None:
    bypassing = Hunt(CALL_ID, inbound(variable_bypass_media="true"))
    hunt, commands = run(*RINGING, CLARA_COMES, hunt=bypassing)
    _, plain = run(GroupFound(group(), AT_MS), ContactsKnown(HERE, AT_MS))
    assert only(Bridge, commands) == only(Bridge, plain)
    assert only(Warn, commands).text == BYPASSED
    assert len(hunt.plan.legs) == 2
    assert not all_of(RingLate, commands)


# -- late phones ------------------------------------------------------------------------------------------------------


def test_a_late_phone_rings_with_what_the_others_have_and_joins_by_the_key() -> None:
    hunt, commands = run(*RINGING, CLARA_COMES)
    ring = only(RingLate, commands)
    ((uuid, dialled),) = ring.legs
    assert uuid == THIRD
    assert (dialled[0], dialled[-1], dialled.count("'")) == ("'", "'", 2)
    late, others = parse(dialled.strip("'")), parse(only(Bridge, commands).dial_string)
    assert late.named.pop("huntgroup_late") == CALL_ID
    own, there = late.named, others.named
    assert own.pop("originate_timeout") == str(17 + SWITCH_MARGIN_S)
    assert there.pop("originate_timeout") == str(20 + SWITCH_MARGIN_S)
    assert {name: value for name, value in own.items() if name != "huntgroup_late"} == there
    (leg,) = late.legs
    assert leg.named["origination_uuid"] == THIRD
    assert leg.destination == contact(CLARA_LINE).removeprefix("sofia/")
    assert "huntgroup_rang_0003" in leg.named["api_on_ring_huntgroup"]
    assert ring.joins.split(",")[0] == f"pickup:{KEY}"
    assert ring.joins.count(f"pickup:{KEY}") == 4
    told = [it.record for it in commands if isinstance(it, WriteRecord) and isinstance(it.record, CallRinging)]
    assert told == [CallRinging(CALL_ID, (1, 2)), CallRinging(CALL_ID, (1, 2, 3))]
    assert hunt.plan.uuids(CALL_ID) == [FIRST, SECOND, THIRD]


def test_the_switch_itself_is_told_to_end_late_phones_and_a_hook_of_the_dialplan_stays() -> None:
    _, commands = run(*RINGING, CLARA_COMES)
    variables = only(RingLate, commands).variables
    assert variables["api_on_answer_huntgroup_late"] == f"hupall LOSE_RACE huntgroup_late {CALL_ID}"
    assert variables["api_hangup_hook"] == f"hupall ORIGINATOR_CANCEL huntgroup_late {CALL_ID}"
    assert variables["huntgroup_legs"] == f"{CALL_ID}:1,2,3"
    own = Hunt(CALL_ID, inbound(variable_api_hangup_hook="lua mine.lua"))
    _, commands = run(*RINGING, CLARA_COMES, Answered(FIRST, AT_MS + 5000, NOTHING_TOLD), hunt=own)
    assert "api_hangup_hook" not in only(RingLate, commands).variables
    assert "api_hangup_hook" not in only(Restore, commands).variables


def test_a_device_that_rings_or_has_refused_is_not_rung_again() -> None:
    refreshed = Contacts((contact(ANNA_LINE) + ";rinstance=2",))
    hunt, commands = run(*RINGING, PhonesRegistered({ANNA_LINE: refreshed}, AT_MS + 3000))
    assert not all_of(RingLate, commands)
    second = Contacts((contact(ANNA_LINE), contact(ANNA_LINE, 2)))
    hunt, _ = run(*RINGING, PhonesRegistered({ANNA_LINE: second}, AT_MS + 3000))
    assert [leg.contact for leg in hunt.plan.late_legs] == [contact(ANNA_LINE, 2)]
    assert not all_of(RingLate, hunt.receive(PhonesRegistered({ANNA_LINE: second}, AT_MS + 4000)))


@pytest.mark.parametrize(
    ("one", "other", "are_same"),
    [
        ("sofia/internal/sip:1@10.0.0.1:5060", "sofia/internal/sip:1@10.0.0.1:5060;transport=tcp", True),
        ("sofia/internal/sip:1@10.0.0.1:5060", "sofia/internal/sip:1@10.0.0.1:5062", False),
        ("sofia/i/sip:1@10.0.0.1;fs_nat=yes;fs_path=sip%3A1%40a", "sofia/i/sip:1@10.0.0.1;fs_path=sip%3A1%40b", False),
        ("sofia/i/sip:1@10.0.0.1;fs_nat=yes;fs_path=sip%3A1%40a", "sofia/i/sip:1@10.0.0.1;fs_path=sip%3A1%40a", True),
    ],
)
def test_a_device_is_known_by_where_it_is(one: str, other: str, *, are_same: bool) -> None:
    assert (device_of(one) == device_of(other)) == are_same


def test_the_callers_own_phone_and_one_that_sent_the_caller_here_do_not_ring_late() -> None:
    caller = {
        "variable_user_name": "1003",
        "variable_domain_name": DOMAIN,
        "variable_sip_h_Referred-By": f"<sip:1002@{DOMAIN}>",
    }
    hunt = Hunt(CALL_ID, inbound(**caller))
    found = {**registered(CLARA_LINE), BERND_LINE: Contacts((contact(BERND_LINE, 9),))}
    hunt, commands = run(*RINGING, PhonesRegistered(found, AT_MS + 2000), hunt=hunt)
    assert not all_of(RingLate, commands)


def test_late_phones_over_the_limit_are_left_out_once() -> None:
    hunt = Hunt(CALL_ID, inbound(), 2)
    hunt, commands = run(*RINGING, CLARA_COMES, CLARA_COMES, hunt=hunt)
    assert not all_of(RingLate, commands)
    assert [item.member.name for item in hunt.plan.left_out(WhyNot.LEG_LIMIT)] == ["Clara Dietz"]


def test_a_second_before_the_limit_no_phone_begins_to_ring() -> None:
    _, commands = run(*RINGING, PhonesRegistered(registered(CLARA_LINE), AT_MS + 19_100))
    assert not all_of(RingLate, commands)


def test_a_late_phone_that_answers_has_the_call() -> None:
    told = LegReport({FIRST: "LOSE_RACE", SECOND: "LOSE_RACE", THIRD: "NONE"}, frozenset({FIRST, SECOND, THIRD}))
    hunt, commands = run(*RINGING, CLARA_COMES, Answered(THIRD, AT_MS + 9000, told))
    answered = written(CallAnswered, commands)
    assert answered.answered_by_name == "Clara Dietz"
    assert [(leg.number, leg.cause, leg.rang) for leg in answered.legs] == [
        (1, "LOSE_RACE", True),
        (2, "LOSE_RACE", True),
        (3, "NONE", True),
    ]
    assert only(EndLate, commands).cause == "LOSE_RACE"
    assert only(Restore, commands).variables["api_on_answer_huntgroup_late"] == ""
    assert only(Restore, commands).variables["api_hangup_hook"] == ""
    assert hunt.state is State.TALKING


def test_late_phones_lose_the_race_against_a_member_and_those_that_ended_before_keep_their_cause() -> None:
    dora = PhonesRegistered({CLARA_LINE: Contacts((contact(CLARA_LINE), contact(CLARA_LINE, 2)))}, AT_MS + 5000)
    told = LegReport({FIRST: "NONE", SECOND: "LOSE_RACE"}, frozenset({FIRST, THIRD}))
    _, commands = run(
        *RINGING, CLARA_COMES, dora, LateLegEnded(THIRD, "USER_BUSY", AT_MS + 6000), Answered(FIRST, AT_MS + 7000, told)
    )
    assert [leg.cause for leg in written(CallAnswered, commands).legs] == [
        "NONE",
        "LOSE_RACE",
        "USER_BUSY",
        "LOSE_RACE",
    ]


def test_a_caller_who_gives_up_and_the_ring_limit_end_late_phones_as_missed() -> None:
    cancelled = LegReport(dict.fromkeys((FIRST, SECOND), "ORIGINATOR_CANCEL"), frozenset({FIRST, SECOND, THIRD}))
    for end in (
        CallerGone(AT_MS + 5000, "ORIGINATOR_CANCEL", cancelled),
        BridgeEnded(AT_MS + 20_100, True, "", cancelled),
    ):
        _, commands = run(*RINGING, CLARA_COMES, end)
        assert only(EndLate, commands).cause == "ORIGINATOR_CANCEL"
        ended = written(CallEnded, commands)
        assert [leg.cause for leg in ended.legs] == ["ORIGINATOR_CANCEL"] * 3
        assert [entry.kind.value for entry in ended.entries] == ["missed"] * 3


def test_without_a_late_phone_nothing_is_ended_beside() -> None:
    _, commands = run(*RINGING, Answered(FIRST, AT_MS + 7000, NOTHING_TOLD))
    assert not all_of(EndLate, commands)
    assert "api_hangup_hook" not in only(Restore, commands).variables


# -- waiting ----------------------------------------------------------------------------------------------------------


def test_where_nobody_is_registered_the_caller_waits_if_the_group_wants_it() -> None:
    hunt, commands = run(*WAITING)
    bridge = only(Bridge, commands)
    (leg,) = parse(bridge.dial_string).legs
    assert (leg.endpoint, bridge.pickup_uuid, bridge.limit_s) == ("pickup", PICKUP, 20)
    assert hunt.state is State.ALERTING
    assert hunt.receive(RingLimitReached(AT_MS + 20_000)) == [EndRinging(PICKUP)]
    ended = hunt.receive(BridgeEnded(AT_MS + 20_050, True, "", NOTHING_TOLD))
    assert only(RunOverflow, ended).variables["huntgroup_result"] == "nobody_registered"
    hunt, _ = run(GroupFound(OPEN, AT_MS), ContactsKnown({}, AT_MS))
    assert hunt.outcome is Outcome.NOBODY_REGISTERED


def test_a_caller_who_hears_nothing_of_the_switch_yet_hears_the_tone_at_once() -> None:
    _, commands = run(*WAITING, hunt=Hunt(CALL_ID, inbound(Answer_State="answered")))
    assert parse(only(Bridge, commands).dial_string).named["instant_ringback"] == "true"
    _, commands = run(*WAITING)
    assert "instant_ringback" not in parse(only(Bridge, commands).dial_string).named


def test_who_waits_goes_on_waiting_when_the_only_late_phone_refuses() -> None:
    hunt, commands = run(*WAITING, CLARA_COMES, LateLegEnded(FIRST, "CALL_REJECTED", AT_MS + 6000))
    assert not all_of(EndPickup, commands)
    ended = hunt.receive(BridgeEnded(AT_MS + 20_050, True, "", NOTHING_TOLD))
    assert only(RunOverflow, ended).variables["huntgroup_result"] == "all_busy"


def test_when_all_others_have_refused_the_call_waits_for_the_late_phone_alone() -> None:
    hunt, commands = run(*RINGING, CLARA_COMES, ALL_BUSY)
    bridge = last(Bridge, commands)
    assert [leg.endpoint for leg in parse(bridge.dial_string).legs] == ["pickup"]
    assert (bridge.limit_s, bridge.pickup_uuid) == (14, f"{CALL_ID}-pickup2")
    assert hunt.receive(LateLegEnded(THIRD, "USER_BUSY", AT_MS + 7000)) == [EndPickup(f"{CALL_ID}-pickup2")]
    ended = hunt.receive(BridgeEnded(AT_MS + 7040, True, "", BUSY))
    assert only(RunOverflow, ended).variables["huntgroup_result"] == "all_busy"
    assert [leg.cause for leg in written(CallEnded, ended).legs] == ["USER_BUSY"] * 3


def test_an_answered_late_phone_ends_no_waiting() -> None:
    hunt, _ = run(*RINGING, CLARA_COMES, ALL_BUSY)
    assert hunt.receive(LateLegEnded(THIRD, "", AT_MS + 7000)) == []


def test_when_all_have_refused_late_phones_included_the_overflow_comes_at_once() -> None:
    hunt, _ = run(*RINGING, CLARA_COMES, LateLegEnded(THIRD, "USER_BUSY", AT_MS + 5000), ALL_BUSY)
    assert (hunt.state, hunt.outcome) == (State.LEAVING, Outcome.ALL_BUSY)


# -- by pickup, and what can go wrong ---------------------------------------------------------------------------------


def test_who_joins_by_the_pickup_leg_talks_to_the_end_as_a_member_does() -> None:
    told = LegReport({FIRST: "LOSE_RACE", SECOND: "LOSE_RACE"})
    joined = TakerKnown(Taker("Clara Dietz", 3), AT_MS + 3010, has_joined=True)
    hunt, commands = run(*RINGING, Answered("picker", AT_MS + 3000, told), joined)
    assert all_of(AskTaker, commands)
    assert not all_of(Release, commands)
    assert hunt.state is State.TALKING
    ended = hunt.receive(CallerGone(AT_MS + 8000, "NORMAL_CLEARING", NOTHING_TOLD))
    assert (written(CallEnded, ended).outcome, written(CallEnded, ended).talk_ms) == (Outcome.PICKED_UP, 5000)
    kinds = {entry.user_name: entry.kind.value for entry in written(CallAnswered, commands).entries}
    assert kinds == {"Anna Berg": "answered_elsewhere", "Bernd Cordes": "answered_elsewhere", "Clara Dietz": "answered"}


def test_a_caller_whose_answer_the_switch_lost_is_connected_with_whoever_is_there() -> None:
    hunt, commands = run(*RINGING, CLARA_COMES, Answered(PICKUP, AT_MS + 5000, NOTHING_TOLD))
    assert only(SaveCaller, commands).leg_uuids == (THIRD,)
    assert hunt.state is State.ALERTING
    saved = hunt.receive(Answered(THIRD, AT_MS + 5100, LegReport({FIRST: "LOSE_RACE", SECOND: "LOSE_RACE"})))
    assert written(CallAnswered, saved).answered_by_name == "Clara Dietz"


def test_a_caller_who_could_not_be_saved_is_no_caller_who_gave_up() -> None:
    hunt, _ = run(*RINGING, CLARA_COMES, Answered(PICKUP, AT_MS + 5000, NOTHING_TOLD))
    hunt.receive(CallerGone(AT_MS + 5300, "NO_PICKUP", NOTHING_TOLD))
    assert hunt.outcome is Outcome.SERVICE_FAULT


def test_the_switch_tells_of_late_phones_whether_they_rang() -> None:
    values = {"variable_originate_causes": f"{FIRST};LOSE_RACE", "variable_huntgroup_rang_0003": CALL_ID[:-4]}
    assert read_leg_report(values.get, CALL_ID, [THIRD]) == LegReport({FIRST: "LOSE_RACE"}, frozenset({THIRD}))
    assert read_leg_report(values.get, CALL_ID) == LegReport({FIRST: "LOSE_RACE"})
