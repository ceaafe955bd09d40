"""The hunt: what is done in every state, and that nothing is forgotten in any."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

import pytest

from esl_huntgroup.calls import hunt as hunting
from esl_huntgroup.calls.hunt import EXPECTED, GUARD_MARGIN_S, VISITS_MAX, Hunt, State, UnexpectedEvent
from esl_huntgroup.calls.hunt_messages import (
    Answered,
    AskTaker,
    Bridge,
    BridgeEnded,
    CallerGone,
    Command,
    ContactsKnown,
    EndRinging,
    Event,
    Fault,
    GroupFound,
    GroupUnknown,
    HandedOver,
    Keep,
    LateLegEnded,
    LookUp,
    PhonesRegistered,
    Prepare,
    Release,
    ReplacementKnown,
    Restore,
    RingLimitReached,
    RunOverflow,
    SwitchLost,
    TakerKnown,
    Warn,
    WriteRecord,
)
from esl_huntgroup.calls.inbound_call import Visit
from esl_huntgroup.calls.leg_report import NOTHING_TOLD, LegReport
from esl_huntgroup.journal.records import CallAnswered, CallEnded, CallMoved, CallOpened, CallRinging
from esl_huntgroup.model.group import HuntGroup, HuntMode, Overflow, OverflowAction, Taker
from esl_huntgroup.model.outcome import Outcome
from esl_huntgroup.simulator.dialstring import parse
from tests.unit.examples import ANNA_LINE, BERND_LINE, CALL_ID, CLARA_LINE, DOMAIN, group, inbound, registered, told

FIRST, SECOND, THIRD = (f"{CALL_ID[:-4]}000{n}" for n in (1, 2, 3))
AT_MS = inbound().arrived_at_ms
ALL = registered(ANNA_LINE, BERND_LINE, CLARA_LINE)

ANSWERED = Answered(FIRST, AT_MS + 1000, told({FIRST: "NONE", SECOND: "LOSE_RACE", THIRD: "USER_BUSY"}))
NOT_ANSWERED = BridgeEnded(
    AT_MS + 21_000, True, "", told({FIRST: "ORIGINATOR_CANCEL", SECOND: "ORIGINATOR_CANCEL", THIRD: "USER_BUSY"})
)
GONE = CallerGone(AT_MS + 5000, "NORMAL_CLEARING", NOTHING_TOLD)
GAVE_UP = CallerGone(
    AT_MS + 1500, "ORIGINATOR_CANCEL", told(dict.fromkeys((FIRST, SECOND, THIRD), "ORIGINATOR_CANCEL"))
)

T = TypeVar("T")

EXAMPLES: dict[type[Event], Event] = {
    type(event): event
    for event in (
        GroupFound(group(), AT_MS),
        GroupUnknown(AT_MS),
        ContactsKnown(ALL, AT_MS + 5),
        ANSWERED,
        NOT_ANSWERED,
        HandedOver(AT_MS + 21_020),
        RingLimitReached(AT_MS + 20_000),
        PhonesRegistered(ALL, AT_MS + 4000),
        LateLegEnded(f"{CALL_ID[:-4]}0004", "USER_BUSY", AT_MS + 6000),
        TakerKnown(Taker("4711"), AT_MS + 3005),
        ReplacementKnown("", True, "", "", AT_MS + 9040),
        GONE,
        SwitchLost(AT_MS + 2000),
        Fault(AT_MS + 2000),
    )
}
WAY_TO: dict[State, list[Event]] = {
    State.ARRIVED: [],
    State.ASKING: [GroupFound(group(), AT_MS)],
    State.ALERTING: [GroupFound(group(), AT_MS), ContactsKnown(ALL, AT_MS + 5)],
    State.TAKEN: [
        GroupFound(group(), AT_MS),
        ContactsKnown(ALL, AT_MS + 5),
        BridgeEnded(AT_MS + 3000, True, "", NOTHING_TOLD, was_moved=True),
    ],
    State.REPLACED: [
        GroupFound(group(), AT_MS),
        ContactsKnown(ALL, AT_MS + 5),
        CallerGone(AT_MS + 9000, "NORMAL_CLEARING", NOTHING_TOLD, replaced_by="x"),
    ],
    State.TALKING: [GroupFound(group(), AT_MS), ContactsKnown(ALL, AT_MS + 5), ANSWERED],
    State.LEAVING: [GroupFound(group(), AT_MS), ContactsKnown(ALL, AT_MS + 5), NOT_ANSWERED],
    State.RELEASED: [GroupFound(group(), AT_MS), ContactsKnown(ALL, AT_MS + 5), ANSWERED, GONE],
}


def in_state(state: State) -> Hunt:
    hunt = Hunt(CALL_ID, inbound())
    hunt.begin()
    for event in WAY_TO[state]:
        hunt.receive(event)
    assert hunt.state is state
    return hunt


def run(*events: Event, hunt: Hunt | None = None) -> tuple[Hunt, list[Command]]:
    hunt = hunt or Hunt(CALL_ID, inbound())
    commands = hunt.begin()
    for event in events:
        commands += hunt.receive(event)
    return hunt, commands


def only(kind: type[T], commands: Iterable[Command]) -> T:
    (found,) = [command for command in commands if isinstance(command, kind)]
    return found


def written(kind: type[T], commands: Iterable[Command]) -> T:
    (found,) = [
        command.record for command in commands if isinstance(command, WriteRecord) and isinstance(command.record, kind)
    ]
    return found


# -- nothing is forgotten ---------------------------------------------------------------------------------------------


def test_every_event_has_an_example_here() -> None:
    assert set(EXAMPLES) == set(itertools.chain.from_iterable(EXPECTED.values()))


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", EXAMPLES.values(), ids=lambda event: type(event).__name__)
def test_every_event_in_every_state_is_listed_or_an_error(state: State, event: Event) -> None:
    hunt = in_state(state)
    if type(event) in EXPECTED[state]:
        hunt.receive(event)
        return
    with pytest.raises(UnexpectedEvent):
        hunt.receive(event)
    assert hunt.state is state


@pytest.mark.parametrize("state", [state for state in State if state is not State.RELEASED])
@pytest.mark.parametrize("event", [GONE, SwitchLost(AT_MS), Fault(AT_MS)], ids=lambda event: type(event).__name__)
def test_in_every_state_an_end_leads_to_release_or_to_the_overflow(state: State, event: Event) -> None:
    hunt = in_state(state)
    commands = hunt.receive(event)
    assert hunt.state is State.RELEASED or any(isinstance(command, RunOverflow) for command in commands)


LATE = [ANSWERED, NOT_ANSWERED, HandedOver(AT_MS), GONE, SwitchLost(AT_MS), Fault(AT_MS)]


@pytest.mark.parametrize("events", list(itertools.permutations(LATE, 3)), ids=lambda events: "")
def test_late_events_in_any_order_do_nothing(events: tuple[Event, ...]) -> None:
    hunt = in_state(State.RELEASED)
    assert [hunt.receive(event) for event in events] == [[], [], []]
    assert (hunt.state, hunt.outcome) == (State.RELEASED, Outcome.ANSWERED)


ENDINGS = [NOT_ANSWERED, GONE, GAVE_UP, SwitchLost(AT_MS + 9000), Fault(AT_MS + 9000), HandedOver(AT_MS)]


@pytest.mark.parametrize("state", [State.ASKING, State.ALERTING, State.TALKING])
@pytest.mark.parametrize("events", list(itertools.permutations(ENDINGS, 3)), ids=lambda events: "")
def test_a_call_is_ended_in_the_journal_exactly_once(state: State, events: tuple[Event, ...]) -> None:
    hunt = in_state(state)
    commands = []
    for event in events:
        if type(event) in EXPECTED[hunt.state]:
            commands += hunt.receive(event)
    ends = [
        command for command in commands if isinstance(command, WriteRecord) and isinstance(command.record, CallEnded)
    ]
    assert len(ends) <= 1
    assert len(ends) == (hunt.state in (State.RELEASED, State.LEAVING))


# -- each way a call can end ------------------------------------------------------------------------------------------


def test_the_group_is_looked_up_first() -> None:
    assert Hunt(CALL_ID, inbound()).begin() == [LookUp(DOMAIN, "700")]


def test_answered() -> None:
    hunt, commands = run(GroupFound(group(), AT_MS), ContactsKnown(ALL, AT_MS + 5), ANSWERED, GONE)
    assert [type(command) for command in commands] == [
        LookUp,
        WriteRecord,
        Prepare,
        Bridge,
        WriteRecord,
        WriteRecord,
        Restore,
        WriteRecord,
        Release,
    ]
    assert written(CallOpened, commands).group_name == "Vertrieb"
    assert written(CallRinging, commands).user_ids == (1, 2, 3)
    answered = written(CallAnswered, commands)
    assert (answered.answered_by_name, answered.wait_ms) == ("Anna Berg", 1000)
    ended = written(CallEnded, commands)
    assert (ended.outcome, ended.talk_ms, ended.cause) == (Outcome.ANSWERED, 4000, "NORMAL_CLEARING")
    assert (hunt.outcome, hunt.answered_by) == (Outcome.ANSWERED, "Anna Berg")


def test_the_journal_has_the_phone_that_turned_out_to_have_answered() -> None:
    _, commands = run(*RINGING, replace(ANSWERED, contact="sip:1001@example.org;ruid=uloc-1 sip:x@h - phone"))
    first, second, *_ = written(CallAnswered, commands).legs
    assert first.contact == "sip:1001@example.org;ruid=uloc-1 sip:x@h - phone"
    assert second.contact.startswith("sofia/internal/")


def test_the_journal_names_the_process_that_has_the_call() -> None:
    _, commands = run(GroupFound(group(), AT_MS), hunt=Hunt(CALL_ID, inbound(), worker="pbx:worker-1:4711"))
    assert written(CallOpened, commands).worker == "pbx:worker-1:4711"


def test_no_answer() -> None:
    _, commands = run(GroupFound(group(), AT_MS), ContactsKnown(ALL, AT_MS + 5), NOT_ANSWERED)
    ended = written(CallEnded, commands)
    assert (ended.outcome, ended.wait_ms, ended.talk_ms, ended.overflow) == (Outcome.NO_ANSWER, 21_000, 0, "dialplan")
    assert only(RunOverflow, commands).variables["huntgroup_result"] == "no_answer"


def test_all_busy() -> None:
    busy = BridgeEnded(AT_MS + 100, True, "", told({FIRST: "USER_BUSY", SECOND: "CALL_REJECTED", THIRD: "USER_BUSY"}))
    hunt, _ = run(GroupFound(group(), AT_MS), ContactsKnown(ALL, AT_MS + 5), busy)
    assert hunt.outcome is Outcome.ALL_BUSY


def test_nobody_registered_rings_nobody() -> None:
    hunt, commands = run(GroupFound(group(), AT_MS), ContactsKnown({}, AT_MS + 5))
    assert hunt.outcome is Outcome.NOBODY_REGISTERED
    assert not [command for command in commands if isinstance(command, Bridge)]
    assert [entry.kind.value for entry in written(CallEnded, commands).entries] == ["not_signalled"] * 3


def test_caller_gives_up_while_ringing() -> None:
    end_of_bridge = BridgeEnded(GAVE_UP.at_ms, False, GAVE_UP.cause, GAVE_UP.legs)
    hunt, commands = run(GroupFound(group(), AT_MS), ContactsKnown(ALL, AT_MS + 5), end_of_bridge, GAVE_UP)
    ended = written(CallEnded, commands)
    assert (ended.outcome, ended.cause, ended.wait_ms) == (Outcome.CALLER_GONE, "ORIGINATOR_CANCEL", 1500)
    assert [entry.kind.value for entry in ended.entries] == ["missed"] * 3
    assert hunt.state is State.RELEASED


@pytest.mark.parametrize("mode", [HuntMode.DISABLED, HuntMode.VOICE_SERVICES])
def test_group_disabled(mode: HuntMode) -> None:
    hunt, commands = run(GroupFound(group(hunt_mode=mode), AT_MS))
    assert hunt.outcome is Outcome.GROUP_DISABLED
    assert only(RunOverflow, commands).variables["huntgroup_result"] == "group_disabled"
    assert written(CallEnded, commands).entries == ()


def test_unknown_number_is_no_group_call() -> None:
    hunt, commands = run(GroupUnknown(AT_MS))
    assert hunt.outcome is Outcome.UNKNOWN_NUMBER
    assert [type(command) for command in commands] == [LookUp, RunOverflow]


def test_a_number_that_is_none_is_given_back_with_the_reason() -> None:
    _, commands = run(hunt=Hunt(CALL_ID, inbound(Caller_Destination_Number="sales")))
    assert "'sales' is not a number" in only(Warn, commands).text
    assert only(RunOverflow, commands).variables["huntgroup_result"] == "unknown_number"


def test_switch_gone_while_ringing() -> None:
    hunt, commands = run(GroupFound(group(), AT_MS), ContactsKnown(ALL, AT_MS + 5), SwitchLost(AT_MS + 3000))
    ended = written(CallEnded, commands)
    assert (hunt.outcome, ended.outcome, ended.cause) == (Outcome.SWITCH_GONE, Outcome.SWITCH_GONE, "SWITCH_GONE")


def test_switch_gone_while_talking_stays_answered() -> None:
    _, commands = run(GroupFound(group(), AT_MS), ContactsKnown(ALL, AT_MS + 5), ANSWERED, SwitchLost(AT_MS + 3000))
    assert (written(CallEnded, commands).outcome, written(CallEnded, commands).talk_ms) == (Outcome.ANSWERED, 2000)


RINGING: list[Event] = [GroupFound(group(), AT_MS), ContactsKnown(ALL, AT_MS + 5)]
LOST = SwitchLost(AT_MS + 3000)


@pytest.mark.parametrize("events", [[*RINGING, LOST], [*RINGING, ANSWERED, LOST], [*RINGING, ANSWERED, Fault(AT_MS)]])
def test_a_call_that_goes_on_without_us_is_left_to_the_second_witness(events: list[Event]) -> None:
    hunt, commands = run(*events, hunt=Hunt(CALL_ID, inbound(), has_witness=True))
    assert not [
        command for command in commands if isinstance(command, WriteRecord) and type(command.record) is CallEnded
    ]
    assert (hunt.state, type(commands[-1])) == (State.RELEASED, Release)


@pytest.mark.parametrize("events", [[*RINGING[:1], LOST], [*RINGING, Fault(AT_MS + 3000)]])
def test_a_call_that_never_rang_or_that_a_fault_of_ours_ended_is_told_by_us(events: list[Event]) -> None:
    _, commands = run(*events, hunt=Hunt(CALL_ID, inbound(), has_witness=True))
    assert written(CallEnded, commands).outcome in (Outcome.SWITCH_GONE, Outcome.SERVICE_FAULT)


def test_service_fault_before_the_phones_ring_goes_to_the_overflow() -> None:
    hunt, commands = run(Fault(AT_MS))
    assert hunt.outcome is Outcome.SERVICE_FAULT
    assert only(RunOverflow, commands).variables["huntgroup_result"] == "service_fault"


def test_service_fault_while_talking_does_not_touch_the_conversation() -> None:
    _, commands = run(GroupFound(group(), AT_MS), ContactsKnown(ALL, AT_MS + 5), ANSWERED, Fault(AT_MS + 3000))
    assert type(commands[-1]) is Release
    assert written(CallEnded, commands).outcome is Outcome.ANSWERED


def test_a_conversation_that_is_transferred_ends_for_us() -> None:
    moved = BridgeEnded(AT_MS + 4000, True, "", NOTHING_TOLD)
    hunt, commands = run(GroupFound(group(), AT_MS), ContactsKnown(ALL, AT_MS + 5), ANSWERED, moved)
    assert (written(CallEnded, commands).talk_ms, type(commands[-1])) == (3000, Release)
    assert hunt.state is State.RELEASED


def test_a_second_bridge_of_the_caller_changes_nothing() -> None:
    hunt, commands = run(
        GroupFound(group(), AT_MS),
        ContactsKnown(ALL, AT_MS + 5),
        ANSWERED,
        Answered("other", AT_MS + 2000, NOTHING_TOLD),
    )
    assert hunt.answered_by == "Anna Berg"
    written(CallAnswered, commands)


# -- taken away while it rang ----------------------------------------------------------------------------------------

TAKEN_AWAY = BridgeEnded(
    AT_MS + 3000, True, "", told({FIRST: "PICKED_OFF", SECOND: "PICKED_OFF", THIRD: "USER_BUSY"}), was_moved=True
)
BY_BERND = TakerKnown(Taker("Bernd Cordes", 2), AT_MS + 3005)
BY_A_STRANGER = TakerKnown(Taker("4711"), AT_MS + 3005)


def seen(commands: Iterable[Command]) -> dict[str, str]:
    return {entry.user_name: entry.kind.value for entry in written(CallAnswered, commands).entries}


def test_a_caller_whom_a_member_picks_up_is_answered_by_that_member() -> None:
    hunt, commands = run(*RINGING, TAKEN_AWAY, BY_BERND, GONE)
    answered, ended = written(CallAnswered, commands), written(CallEnded, commands)
    assert seen(commands) == {
        "Anna Berg": "answered_elsewhere",
        "Bernd Cordes": "answered",
        "Clara Dietz": "answered_elsewhere",
    }
    assert (answered.answered_by_name, answered.wait_ms) == ("Bernd Cordes", 3000)
    assert (hunt.outcome, ended.outcome, ended.entries) == (Outcome.PICKED_UP, Outcome.PICKED_UP, ())
    assert not [command for command in commands if isinstance(command, RunOverflow)]


def test_a_caller_whom_somebody_else_takes_away_is_missed_by_nobody() -> None:
    _, commands = run(*RINGING, TAKEN_AWAY, BY_A_STRANGER)
    assert set(seen(commands).values()) == {"answered_elsewhere"}
    assert written(CallAnswered, commands).answered_by_name == "4711"
    assert written(CallAnswered, commands).answered_by_user_id is None


def test_the_end_of_a_call_that_was_picked_up_is_told_by_the_second_witness() -> None:
    hunt, commands = run(*RINGING, TAKEN_AWAY, BY_BERND, hunt=Hunt(CALL_ID, inbound(), has_witness=True))
    assert [type(command) for command in commands[-3:]] == [AskTaker, WriteRecord, Release]
    assert (hunt.state, hunt.outcome) == (State.RELEASED, Outcome.PICKED_UP)


def test_a_caller_who_was_picked_up_and_is_gone_at_once_was_missed_by_nobody() -> None:
    _, commands = run(*RINGING, TAKEN_AWAY, GONE)
    assert set(seen(commands).values()) == {"answered_elsewhere"}
    assert written(CallEnded, commands).outcome is Outcome.PICKED_UP


def test_a_caller_who_was_taken_away_has_their_dialplan_back_before_anybody_is_asked() -> None:
    _, commands = run(*RINGING, TAKEN_AWAY)
    assert [type(command) for command in commands[-2:]] == [Restore, AskTaker]


@pytest.mark.parametrize("has_witness", [True, False])
@pytest.mark.parametrize(
    "event", [SwitchLost(AT_MS + 3002), Fault(AT_MS + 3002)], ids=lambda event: type(event).__name__
)
def test_a_caller_who_was_taken_away_stays_picked_up_when_nobody_can_say_by_whom(
    event: Event, has_witness: bool
) -> None:
    hunt, commands = run(*RINGING, TAKEN_AWAY, event, hunt=Hunt(CALL_ID, inbound(), has_witness=has_witness))
    told = [it.record for it in commands if isinstance(it, WriteRecord)]
    assert list(map(type, told)) == ([CallOpened, CallRinging, *([] if has_witness else [CallAnswered, CallEnded])])
    if not has_witness:
        assert set(seen(commands).values()) == {"answered_elsewhere"}
        assert written(CallEnded, commands).outcome is Outcome.PICKED_UP
    assert (hunt.state, hunt.outcome, type(commands[-1])) == (State.RELEASED, Outcome.PICKED_UP, Release)


def test_an_answer_that_is_told_while_the_taker_is_asked_for_changes_nothing() -> None:
    hunt, commands = run(*RINGING, TAKEN_AWAY, ANSWERED, BY_BERND)
    assert hunt.answered_by == "Bernd Cordes"
    assert written(CallAnswered, commands).answered_by_name == "Bernd Cordes"


def test_a_bridge_with_a_channel_that_is_no_leg_is_a_pickup() -> None:
    hunt, commands = run(*RINGING, Answered("picker", AT_MS + 1000, NOTHING_TOLD))
    assert (hunt.state, type(commands[-1])) == (State.TAKEN, AskTaker)


# -- transferred while it rang ----------------------------------------------------------------------------------------

X = "aaaaaaaa-0000-4000-8000-000000000000"
TRANSFERRED_LEGS = LegReport(dict.fromkeys((FIRST, SECOND, THIRD), "ATTENDED_TRANSFER"), frozenset({FIRST, SECOND}))
TRANSFERRED = CallerGone(AT_MS + 9000, "NORMAL_CLEARING", TRANSFERRED_LEGS, replaced_by=X)


def replaced(leg_uuid: str = "", *, is_up: bool = True) -> ReplacementKnown:
    return ReplacementKnown(leg_uuid, is_up, "Xaver Kunde", "4711", AT_MS + 9040)


def test_whoever_takes_the_callers_place_talks_with_the_member_who_answers() -> None:
    hunt, commands = run(*RINGING, TRANSFERRED, replaced(FIRST), hunt=Hunt(CALL_ID, inbound(), has_witness=True))
    assert (hunt.outcome, hunt.answered_by, hunt.state) == (Outcome.ANSWERED, "Anna Berg", State.RELEASED)
    assert seen(commands) == {
        "Anna Berg": "answered",
        "Bernd Cordes": "answered_elsewhere",
        "Clara Dietz": "answered_elsewhere",
    }
    assert written(CallMoved, commands) == CallMoved(CALL_ID, X, "4711", "Xaver Kunde")
    assert only(Keep, commands) == Keep(X, {"huntgroup_legs": f"{CALL_ID}:1,2,3"})


def test_whoever_takes_the_callers_place_has_the_overflow_when_nobody_answers() -> None:
    _, commands = run(GroupFound(overflowing(), AT_MS), RINGING[1], TRANSFERRED, replaced())
    overflow, ended = only(RunOverflow, commands), written(CallEnded, commands)
    assert (overflow.overflow, overflow.channel_uuid) == (TRANSFER, X)
    assert (ended.outcome, ended.overflow) == (Outcome.NO_ANSWER, "transfer 9000 XML default")
    assert [entry.kind.value for entry in ended.entries] == ["missed", "missed", "not_signalled"]


def test_whoever_takes_the_callers_place_can_give_up_as_well() -> None:
    hunt, commands = run(*RINGING, TRANSFERRED, replaced(is_up=False))
    assert (hunt.outcome, written(CallEnded, commands).outcome) == (Outcome.CALLER_GONE, Outcome.CALLER_GONE)


def test_whoever_takes_the_callers_place_and_withholds_the_number_is_followed_all_the_same() -> None:
    unknown = ReplacementKnown(FIRST, True, "", "", AT_MS + 9040)
    _, commands = run(*RINGING, TRANSFERRED, unknown)
    assert written(CallMoved, commands) == CallMoved(CALL_ID, X, "", "")
    assert written(CallAnswered, commands).answered_by_name == "Anna Berg"


def test_phones_that_were_all_busy_are_busy_for_whoever_takes_the_callers_place() -> None:
    busy = dataclasses.replace(TRANSFERRED, legs=told(dict.fromkeys((FIRST, SECOND, THIRD), "USER_BUSY")))
    _, commands = run(*RINGING, busy, replaced())
    assert written(CallEnded, commands).outcome is Outcome.ALL_BUSY


def test_a_channel_named_by_its_call_id_is_told_who_rings() -> None:
    """FreeSWITCH names it so with inbound-use-callid-as-uuid; a port may stand in a Call-ID."""
    _, commands = run(*RINGING, hunt=Hunt(CALL_ID, inbound(**{"Unique-ID": "3c2670a1@192.168.0.2:5060"})))
    assert "~api_on_ring_huntgroup=uuid_setvar_multi 3c2670a1@192.168.0.2:5060 " in only(Bridge, commands).dial_string


def test_a_group_whose_name_is_syntax_of_a_dial_string_rings_all_the_same() -> None:
    named = dataclasses.replace(group(), name="A:_:B")
    _, commands = run(GroupFound(named, AT_MS), RINGING[1])
    assert ":_:" not in only(Bridge, commands).dial_string


def test_without_a_second_witness_the_end_of_a_transferred_call_is_told_at_once() -> None:
    _, commands = run(*RINGING, TRANSFERRED, replaced(FIRST))
    ended = written(CallEnded, commands)
    assert (ended.outcome, ended.cause, ended.entries) == (Outcome.ANSWERED, "ATTENDED_TRANSFER", ())


def test_a_transfer_is_told_in_the_order_moved_answered() -> None:
    _, commands = run(*RINGING, TRANSFERRED, replaced(SECOND))
    kinds = [type(it.record) for it in commands if isinstance(it, WriteRecord)]
    assert kinds == [CallOpened, CallRinging, CallMoved, CallAnswered, CallEnded]


@pytest.mark.parametrize(
    ("event", "outcome"),
    [
        (SwitchLost(AT_MS + 9010), Outcome.SWITCH_GONE),
        (Fault(AT_MS + 9010), Outcome.SERVICE_FAULT),
        (CallerGone(AT_MS + 9010, "NORMAL_CLEARING", NOTHING_TOLD), Outcome.CALLER_GONE),
    ],
    ids=lambda it: type(it).__name__,
)
def test_what_became_of_a_transferred_call_is_told_once_even_if_it_cannot_be_asked(
    event: Event, outcome: Outcome
) -> None:
    hunt, commands = run(*RINGING, TRANSFERRED, event)
    assert (written(CallEnded, commands).outcome, hunt.state) == (outcome, State.RELEASED)
    assert [entry.kind.value for entry in written(CallEnded, commands).entries][:2] == ["missed", "missed"]


def test_a_transferred_call_whose_switch_is_lost_is_left_to_the_second_witness() -> None:
    lost = SwitchLost(AT_MS + 9010)
    hunt, commands = run(*RINGING, TRANSFERRED, lost, hunt=Hunt(CALL_ID, inbound(), has_witness=True))
    assert not [it for it in commands if isinstance(it, WriteRecord) and isinstance(it.record, CallEnded)]
    assert hunt.state is State.RELEASED


def test_a_conversation_that_a_colleague_transfers_stays_answered() -> None:
    hunt, _ = run(*RINGING, ANSWERED, TRANSFERRED)
    assert (hunt.outcome, hunt.state) == (Outcome.ANSWERED, State.RELEASED)


# -- the ring limit ---------------------------------------------------------------------------------------------------


def test_the_ring_limit_cancels_the_phones_and_the_end_of_the_bridge_decides() -> None:
    hunt, commands = run(*RINGING, RingLimitReached(AT_MS + 20_000), NOT_ANSWERED)
    assert [type(command) for command in commands if isinstance(command, EndRinging | RunOverflow)] == [
        EndRinging,
        RunOverflow,
    ]
    assert hunt.outcome is Outcome.NO_ANSWER


def test_an_answer_after_the_ring_limit_is_an_answer() -> None:
    hunt, _ = run(*RINGING, RingLimitReached(AT_MS + 20_000), ANSWERED)
    assert hunt.outcome is Outcome.ANSWERED


def test_no_leg_that_was_answered_is_cancelled_by_the_ring_limit() -> None:
    _, commands = run(*RINGING)
    assert (
        f"~huntgroup_ringing={CALL_ID}~execute_on_answer_huntgroup=unset huntgroup_ringing~"
        in only(Bridge, commands).dial_string
    )


# -- loops ------------------------------------------------------------------------------------------------------------

OUR_DIVERSION = f'"Vertrieb" <sip:700@{DOMAIN}>;reason=unconditional;privacy=off;screen=no'


@pytest.mark.parametrize(
    "header",
    [
        {"variable_sip_h_Diversion": OUR_DIVERSION},
        {"variable_sip_history_info": f"<sip:700@{DOMAIN}>;index=1, <sip:701@{DOMAIN}>;index=1.1"},
    ],
)
def test_a_call_of_ours_that_comes_back_by_sip_is_refused_and_rings_nobody(header: dict[str, str]) -> None:
    hunt, commands = run(hunt=Hunt(CALL_ID, inbound(**header)))
    assert [type(command) for command in commands] == [Warn, RunOverflow]
    assert only(RunOverflow, commands).overflow == Overflow(OverflowAction.RESPOND, "482")
    assert (hunt.outcome, hunt.group) == (Outcome.LOOP, None)


def test_a_call_that_an_overflow_sends_back_is_no_loop() -> None:
    back = inbound(variable_sip_h_Diversion=OUR_DIVERSION, variable_huntgroup_trail=f"700@{DOMAIN}/no_answer")
    assert Hunt(CALL_ID, back).begin() == [LookUp(DOMAIN, "700")]


def test_a_proxy_that_writes_where_the_call_goes_now_makes_no_loop() -> None:
    called = inbound(variable_sip_history_info=f"<sip:+49301234567@{DOMAIN}>;index=1, <sip:700@{DOMAIN}>;index=1.1")
    assert Hunt(CALL_ID, called).begin() == [LookUp(DOMAIN, "700")]


def test_a_member_whom_a_caller_of_the_group_transfers_into_it_is_no_loop() -> None:
    sent = inbound(**{"Call-Direction": "outbound", "variable_sip_h_Diversion": OUR_DIVERSION})
    assert Hunt(CALL_ID, sent).begin() == [LookUp(DOMAIN, "700")]


def test_a_call_that_was_diverted_from_elsewhere_is_no_loop() -> None:
    diverted = inbound(variable_sip_h_Diversion="<sip:700@elsewhere.example>;reason=user-busy")
    assert Hunt(CALL_ID, diverted).begin() == [LookUp(DOMAIN, "700")]


# -- the overflow -----------------------------------------------------------------------------------------------------

TRANSFER = Overflow(OverflowAction.TRANSFER, "9000 XML default")


def overflowing(overflow: Overflow = TRANSFER) -> HuntGroup:
    return group(overflows={Outcome.NO_ANSWER: overflow})


def test_each_outcome_has_its_own_overflow() -> None:
    busy = Overflow(OverflowAction.RESPOND, "486")
    both = group(overflows={Outcome.NO_ANSWER: TRANSFER, Outcome.ALL_BUSY: busy})
    _, commands = run(GroupFound(both, AT_MS), ContactsKnown(ALL, AT_MS + 5), NOT_ANSWERED)
    assert only(RunOverflow, commands).overflow == TRANSFER
    all_busy = BridgeEnded(AT_MS, True, "", told(dict.fromkeys((FIRST, SECOND, THIRD), "USER_BUSY")))
    _, commands = run(GroupFound(both, AT_MS), ContactsKnown(ALL, AT_MS + 5), all_busy)
    assert only(RunOverflow, commands).overflow == busy


def test_expansion_is_on_again_after_the_call() -> None:
    _, commands = run(GroupFound(group(), AT_MS), ContactsKnown(ALL, AT_MS + 5), NOT_ANSWERED)
    assert only(RunOverflow, commands).variables["app_disable_expand_variables"] == ""


def test_the_reason_of_a_phone_that_refused_does_not_go_on_with_the_caller() -> None:
    _, commands = run(GroupFound(group(), AT_MS), ContactsKnown(ALL, AT_MS + 5), NOT_ANSWERED)
    assert only(RunOverflow, commands).variables["sip_reason"] == ""


def test_the_caller_leaves_when_the_overflow_has_run() -> None:
    hunt, commands = run(
        GroupFound(overflowing(), AT_MS), ContactsKnown(ALL, AT_MS + 5), NOT_ANSWERED, HandedOver(AT_MS)
    )
    assert (hunt.state, type(commands[-1])) == (State.RELEASED, Release)
    assert written(CallEnded, commands).overflow == "transfer 9000 XML default"


def test_two_groups_that_overflow_into_one_another_do_not_spin() -> None:
    looping = Hunt(
        CALL_ID, inbound(variable_huntgroup_trail=",".join([f"700@{DOMAIN}/no_answer,701@{DOMAIN}/no_answer"] * 2))
    )
    _, commands = run(GroupFound(overflowing(), AT_MS), ContactsKnown(ALL, AT_MS + 5), NOT_ANSWERED, hunt=looping)
    assert only(RunOverflow, commands).overflow.action is OverflowAction.DIALPLAN
    assert "leads back to it" in only(Warn, commands).text


@pytest.mark.parametrize(("visits_before", "goes_on"), [(0, True), (VISITS_MAX - 2, True), (VISITS_MAX - 1, False)])
def test_a_caller_comes_back_from_an_overflow_until_the_group_has_had_them_three_times(
    visits_before: int, goes_on: bool
) -> None:
    trail = ",".join([f"700@{DOMAIN}/no_answer"] * visits_before)
    back = Hunt(CALL_ID, inbound(variable_huntgroup_trail=trail))
    _, commands = run(GroupFound(overflowing(), AT_MS), ContactsKnown(ALL, AT_MS + 5), NOT_ANSWERED, hunt=back)
    assert (only(RunOverflow, commands).overflow == TRANSFER) is goes_on
    assert VISITS_MAX == 3


def test_visits_to_other_groups_and_to_this_number_in_another_domain_do_not_count() -> None:
    trail = ",".join([f"701@{DOMAIN}/no_answer", "700@other.example/no_answer"] * VISITS_MAX)
    elsewhere = Hunt(CALL_ID, inbound(variable_huntgroup_trail=trail))
    _, commands = run(GroupFound(overflowing(), AT_MS), ContactsKnown(ALL, AT_MS + 5), NOT_ANSWERED, hunt=elsewhere)
    assert only(RunOverflow, commands).overflow == TRANSFER


def test_the_response_of_an_overflow_ends_a_loop_and_is_given_however_often_the_caller_was_here() -> None:
    trail = ",".join([f"700@{DOMAIN}/no_answer"] * VISITS_MAX)
    refusing = overflowing(Overflow(OverflowAction.RESPOND, "486"))
    _, commands = run(
        GroupFound(refusing, AT_MS),
        ContactsKnown(ALL, AT_MS + 5),
        NOT_ANSWERED,
        hunt=Hunt(CALL_ID, inbound(variable_huntgroup_trail=trail)),
    )
    assert only(RunOverflow, commands).overflow == Overflow(OverflowAction.RESPOND, "486")


def test_the_trail_grows_by_this_visit_and_why_nobody_took_the_call() -> None:
    hunt = Hunt(CALL_ID, inbound(variable_huntgroup_trail=f"701@{DOMAIN}/all_busy"))
    _, commands = run(GroupFound(overflowing(), AT_MS), ContactsKnown(ALL, AT_MS + 5), NOT_ANSWERED, hunt=hunt)
    trail = only(RunOverflow, commands).variables["huntgroup_trail"]
    assert trail == f"701@{DOMAIN}/all_busy,700@{DOMAIN}/no_answer"
    next_one = inbound(variable_huntgroup_trail=trail)
    assert next_one.trail == (Visit(f"701@{DOMAIN}", Outcome.ALL_BUSY), Visit(f"700@{DOMAIN}", Outcome.NO_ANSWER))


def test_the_phones_of_the_next_group_show_both_groups() -> None:
    hunt = Hunt(CALL_ID, inbound(variable_huntgroup_trail=f"701@{DOMAIN}/no_answer"))
    _, commands = run(*RINGING, hunt=hunt)
    shown = only(Bridge, commands).dial_string
    ours, theirs = (
        shown.index(f"<sip:700@{DOMAIN}>;reason=unconditional"),
        shown.index(f"<sip:701@{DOMAIN}>;reason=no-answer"),
    )
    assert ours < theirs


@pytest.mark.parametrize("cause", ["PICKED_OFF", "ORIGINATOR_CANCEL"])
def test_a_ringing_caller_whom_somebody_took_away_is_left_alone(cause: str) -> None:
    legs = told({FIRST: cause, SECOND: "ORIGINATOR_CANCEL", THIRD: "USER_BUSY"})
    taken = BridgeEnded(AT_MS + 3000, True, "", legs, was_moved=True)
    hunt, commands = run(GroupFound(overflowing(), AT_MS), ContactsKnown(ALL, AT_MS + 5), taken, BY_A_STRANGER)
    assert not [command for command in commands if isinstance(command, RunOverflow)]
    assert (type(commands[-1]), hunt.outcome) == (Release, Outcome.PICKED_UP)
    assert written(CallEnded, commands).cause == "PICKED_OFF"


@pytest.mark.parametrize("cause", ["PICKED_OFF", "ORIGINATOR_CANCEL"])
def test_a_phone_that_says_it_was_cancelled_does_not_take_the_overflow_away(cause: str) -> None:
    ended = BridgeEnded(AT_MS + 21_000, True, "", told({FIRST: cause, SECOND: "NO_ANSWER", THIRD: "USER_BUSY"}))
    hunt, commands = run(GroupFound(overflowing(), AT_MS), ContactsKnown(ALL, AT_MS + 5), ended)
    assert only(RunOverflow, commands).overflow == TRANSFER
    assert hunt.outcome is Outcome.NO_ANSWER


def test_an_answer_of_before_the_call_is_none_of_it() -> None:
    old = Answered("somebody", inbound().arrived_at_ms - 1, NOTHING_TOLD)
    hunt, _ = run(GroupFound(group(), AT_MS), ContactsKnown(ALL, AT_MS + 5), old)
    assert hunt.state is State.ALERTING


def test_the_winner_can_transfer_the_caller_to_an_extension_that_needs_its_variables() -> None:
    _, commands = run(GroupFound(group(), AT_MS), ContactsKnown(ALL, AT_MS + 5), ANSWERED)
    assert only(Restore, commands).variables == {"app_disable_expand_variables": "", "sip_reason": ""}


def test_phones_that_were_ringing_when_the_switch_was_lost_are_not_said_to_be_unregistered() -> None:
    _, commands = run(GroupFound(group(), AT_MS), ContactsKnown(ALL, AT_MS + 5), SwitchLost(AT_MS + 3000))
    assert [entry.kind.value for entry in written(CallEnded, commands).entries] == ["missed"] * 3


def test_a_caller_who_was_answered_before_hears_the_group_ring() -> None:
    _, commands = run(GroupFound(group(), AT_MS), hunt=Hunt(CALL_ID, inbound(Answer_State="answered")))
    assert only(Prepare, commands).variables["transfer_ringback"] == "%(2000,4000,440,480)"
    ours = inbound(Answer_State="answered", variable_transfer_ringback="local_stream://moh")
    _, commands = run(GroupFound(group(), AT_MS), hunt=Hunt(CALL_ID, ours))
    assert "transfer_ringback" not in only(Prepare, commands).variables


def test_the_callers_own_headers_stay_away_from_the_phones_unless_the_dialplan_says_so() -> None:
    _, commands = run(GroupFound(group(), AT_MS))
    assert only(Prepare, commands).variables["sip_copy_custom_headers"] == "false"
    decided = Hunt(CALL_ID, inbound(variable_sip_copy_custom_headers="true"))
    _, commands = run(GroupFound(group(), AT_MS), hunt=decided)
    assert "sip_copy_custom_headers" not in only(Prepare, commands).variables


# -- the bridge -------------------------------------------------------------------------------------------------------


def test_expansion_is_off_before_anything_foreign_is_dialled() -> None:
    _, commands = run(GroupFound(group(), AT_MS))
    assert only(Prepare, commands).variables["app_disable_expand_variables"] == "true"


def test_one_reject_cannot_end_the_ringing_of_all_whatever_the_dialplan_set() -> None:
    _, commands = run(GroupFound(group(), AT_MS))
    assert only(Prepare, commands).variables["fail_on_single_reject"] == ""


def test_what_the_dialplan_forgot_is_set_and_said() -> None:
    _, commands = run(GroupFound(group(), AT_MS), hunt=Hunt(CALL_ID, inbound(variable_continue_on_fail=None)))
    assert only(Prepare, commands).variables["continue_on_fail"] == "true"
    assert "does not set continue_on_fail" in only(Warn, commands).text


def test_the_groups_own_ringback_is_set() -> None:
    _, commands = run(GroupFound(group(ringback="tone_stream://%(1000,4000,425)"), AT_MS))
    assert only(Prepare, commands).variables["ringback"] == "tone_stream://%(1000,4000,425)"
    assert only(Prepare, commands).variables["transfer_ringback"] == "tone_stream://%(1000,4000,425)"


def test_a_call_that_waited_as_long_as_the_watchdog_is_left_to_it() -> None:
    late = inbound(variable_huntgroup_arrived="1795372351")
    hunt, commands = run(hunt=Hunt(CALL_ID, late))
    assert [type(command) for command in commands] == [Warn, Release]
    assert hunt.state is State.RELEASED


def test_a_call_that_was_held_up_after_its_arrival_is_left_to_the_watchdog() -> None:
    _, commands = run(GroupFound(group(), AT_MS), ContactsKnown(ALL, AT_MS + 6500))
    assert not [command for command in commands if isinstance(command, Bridge)]
    assert written(CallEnded, commands).cause == "WATCHDOG"


TOO_LATE_MS = AT_MS + 6500
NO_GROUP_NUMBER = group(hunt_mode=HuntMode.DISABLED)


@pytest.mark.parametrize(
    "event",
    [GroupFound(NO_GROUP_NUMBER, TOO_LATE_MS), GroupUnknown(TOO_LATE_MS), Fault(TOO_LATE_MS)],
    ids=lambda event: type(event).__name__,
)
def test_a_caller_whom_the_watchdog_is_taking_is_not_handed_over_as_well(event: Event) -> None:
    hunt, commands = run(event)
    assert not [command for command in commands if isinstance(command, RunOverflow)]
    assert (hunt.state, hunt.outcome) == (State.RELEASED, Outcome.SERVICE_FAULT)


def test_the_switch_is_to_take_the_caller_back_some_time_after_the_ringing() -> None:
    _, commands = run(GroupFound(group(), AT_MS), ContactsKnown(ALL, AT_MS + 5))
    assert only(Bridge, commands).guard_s == group().ring_timeout_s + GUARD_MARGIN_S


def test_a_uuid_that_a_caller_may_have_chosen_is_in_no_scheduled_command() -> None:
    chosen = Hunt(CALL_ID, inbound(Unique_ID="x'${system(id)}"))
    _, commands = run(GroupFound(group(), AT_MS), ContactsKnown(ALL, AT_MS + 5), hunt=chosen)
    assert only(Bridge, commands).guard_s == 0


def test_the_hunt_imports_nothing_that_waits() -> None:
    names = set(vars(hunting))
    assert not names & {"gevent", "time", "socket", "peewee", "logging", "random", "os"}


# -- a ringback that cannot be played ---------------------------------------------------------------------------------

BROKEN = group(ringback="/sounds/nowhere.wav")
SECOND_TRY = f"{CALL_ID[:-4]}1001"


def broken_off(*causes: str, at_ms: int = AT_MS + 1200) -> BridgeEnded:
    return BridgeEnded(at_ms, True, "", told(dict(zip((FIRST, SECOND, THIRD), causes, strict=False))))


def bridges(commands: Iterable[Command]) -> list[Bridge]:
    return [command for command in commands if isinstance(command, Bridge)]


@pytest.mark.parametrize("causes", [("NO_ANSWER",) * 3, ("LOSE_RACE",) * 3, ("USER_BUSY", "LOSE_RACE", "NO_ANSWER")])
def test_phones_whose_ringing_a_ringback_ended_ring_once_more_with_an_ordinary_tone(causes: tuple[str, ...]) -> None:
    hunt, commands = run(GroupFound(BROKEN, AT_MS), ContactsKnown(ALL, AT_MS + 5), broken_off(*causes))
    first, second = bridges(commands)
    assert f"origination_uuid={FIRST}" in first.dial_string
    assert f"origination_uuid={SECOND_TRY}" in second.dial_string
    same_phones = [[leg.destination for leg in parse(bridge.dial_string).legs] for bridge in (first, second)]
    assert same_phones[0] == same_phones[1]
    assert commands[commands.index(second) - 1] == Restore(
        {
            "ringback": "%(2000,4000,440,480)",
            "transfer_ringback": "%(2000,4000,440,480)",
            "app_disable_expand_variables": "true",
        }
    )
    assert "the ringback of the group cannot be played" in only(Warn, commands).text
    assert not [command for command in commands if isinstance(command, RunOverflow)]
    assert hunt.state is State.ALERTING


def test_a_phone_that_gives_up_ringing_by_itself_is_no_ringback_that_broke() -> None:
    gave_up = broken_off("NO_ANSWER", "CALL_REJECTED", "USER_BUSY", at_ms=AT_MS + 15_000)
    _, commands = run(GroupFound(BROKEN, AT_MS), ContactsKnown(ALL, AT_MS + 5), gave_up)
    assert len(bridges(commands)) == 1


def test_an_answer_to_the_second_ringing_is_the_members() -> None:
    answered = Answered(SECOND_TRY, AT_MS + 3000, told({FIRST: "LOSE_RACE", SECOND_TRY: "NONE"}))
    hunt, commands = run(
        GroupFound(BROKEN, AT_MS), ContactsKnown(ALL, AT_MS + 5), broken_off("LOSE_RACE", "LOSE_RACE"), answered
    )
    assert (hunt.outcome, hunt.answered_by) == (Outcome.ANSWERED, "Anna Berg")
    assert written(CallAnswered, commands).wait_ms == 3000


def test_it_is_tried_once_more_and_no_second_time() -> None:
    again = BridgeEnded(AT_MS + 2500, True, "", told({SECOND_TRY: "LOSE_RACE"}))
    hunt, commands = run(
        GroupFound(BROKEN, AT_MS), ContactsKnown(ALL, AT_MS + 5), broken_off("LOSE_RACE", "LOSE_RACE"), again
    )
    assert len(bridges(commands)) == 2
    assert hunt.state is State.LEAVING


@pytest.mark.parametrize(
    ("causes", "after_ms", "hunt_group"),
    [
        (("NO_ANSWER",) * 3, 20_000, BROKEN),  # the ring limit
        (("NO_ANSWER",) * 3, 19_100, BROKEN),
        (("USER_BUSY", "CALL_REJECTED", "NO_USER_RESPONSE"), 1200, BROKEN),  # the phones themselves
        (("ORIGINATOR_CANCEL",) * 3, 1200, BROKEN),
        (("NO_ANSWER",) * 3, 1200, group()),  # nothing was to be played
    ],
)
def test_an_end_that_is_no_ringbacks_is_the_end(causes: tuple[str, ...], after_ms: int, hunt_group: HuntGroup) -> None:
    ended = broken_off(*causes, at_ms=AT_MS + 5 + after_ms)
    hunt, commands = run(GroupFound(hunt_group, AT_MS), ContactsKnown(ALL, AT_MS + 5), ended)
    assert len(bridges(commands)) == 1
    assert hunt.state is State.LEAVING


def test_a_ringback_of_the_dialplan_is_survived_as_well() -> None:
    theirs = Hunt(CALL_ID, inbound(variable_ringback="${us-ring}"))
    _, commands = run(GroupFound(group(), AT_MS), ContactsKnown(ALL, AT_MS + 5), broken_off("LOSE_RACE"), hunt=theirs)
    assert len(bridges(commands)) == 2
    assert "of the dialplan cannot be played" in only(Warn, commands).text


def test_a_caller_who_is_gone_or_taken_away_is_not_rung_for_again() -> None:
    gone = BridgeEnded(AT_MS + 1200, False, "ORIGINATOR_CANCEL", told({FIRST: "LOSE_RACE"}))
    moved = BridgeEnded(AT_MS + 1200, True, "", told({FIRST: "LOSE_RACE"}), was_moved=True)
    for event in (gone, moved):
        _, commands = run(GroupFound(BROKEN, AT_MS), ContactsKnown(ALL, AT_MS + 5), event)
        assert len(bridges(commands)) == 1


def test_phones_that_rang_a_second_time_for_a_transferred_caller_were_reached() -> None:
    again = [f"{CALL_ID[:-4]}100{n}" for n in (1, 2, 3)]
    legs = LegReport(dict.fromkeys(again, "ATTENDED_TRANSFER"), frozenset(again[:2]))
    transferred = CallerGone(AT_MS + 9000, "NORMAL_CLEARING", legs, replaced_by=X)
    hunt, commands = run(
        GroupFound(BROKEN, AT_MS), ContactsKnown(ALL, AT_MS + 5), broken_off("LOSE_RACE"), transferred, replaced()
    )
    assert hunt.outcome is Outcome.NO_ANSWER
    assert [entry.kind.value for entry in written(CallEnded, commands).entries] == ["missed", "missed", "not_signalled"]
