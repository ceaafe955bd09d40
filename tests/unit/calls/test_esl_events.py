"""What an event of the switch means for the hunt of one caller."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from esl_huntgroup.calls.esl_events import EventReader
from esl_huntgroup.calls.hunt_messages import Answered, BridgeEnded, CallerGone, Event
from esl_huntgroup.calls.leg_report import NOTHING_TOLD, LegReport
from esl_huntgroup.calls.ring_plan import RingPlan
from esl_huntgroup.errors import ProtocolError
from esl_huntgroup.esl.wire import EVENT_PLAIN, Message
from tests.unit.examples import ANNA, BERND, CALL_ID, inbound, plan_for

BEGIN = CALL_ID[:-4]
CALLER = inbound().channel_uuid
AT_MS = 1_795_372_360_000
X = "aaaaaaaa-0000-4000-8000-000000000000"
PLAN = plan_for(ANNA, BERND)
TRANSFERRED = {
    "variable_endpoint_disposition": "ATTENDED_TRANSFER",
    "variable_transfer_to": f"satt:{X}",
    "Hangup-Cause": "NORMAL_CLEARING",
}


def event(name: str, **values: str | None) -> Message:
    """Return an event of the caller's channel; keywords as in ``inbound``, None removes."""
    fields: dict[str, str | None] = {
        "Event-Name": name,
        "Unique-ID": CALLER,
        "Event-Date-Timestamp": str(AT_MS * 1000),
        "Answer-State": "answered",
    }
    for key, value in values.items():
        fields[key if key.startswith("variable_") else key.replace("_", "-")] = value
    lines = [f"{key}: {quote(value, safe='')}\n" for key, value in fields.items() if value is not None]
    return Message(b"", "".join(lines).encode(), EVENT_PLAIN)


def end(plan: RingPlan | None = PLAN, **values: str) -> Event | None:
    named = {key.replace("-", "_"): value for key, value in {**TRANSFERRED, **values}.items()}
    return read(event("CHANNEL_HANGUP_COMPLETE", **named), plan)


def read(message: Message, plan: RingPlan | None = PLAN, *, mode: str = "async") -> Event | None:
    return EventReader(inbound(Socket_Mode=mode), CALL_ID).read(message, plan)


def complete(**values: str | None) -> Message:
    return event("CHANNEL_EXECUTE_COMPLETE", **{"Application_UUID": f"{BEGIN}ffff", **values})


def test_a_bridge_of_the_caller_is_an_answer_by_the_leg_at_its_other_end() -> None:
    bridge = event(
        "CHANNEL_BRIDGE",
        Bridge_A_Unique_ID=CALLER,
        Bridge_B_Unique_ID=f"{BEGIN}0002",
        variable_originate_causes=f"{BEGIN}0002;NONE",
    )
    assert read(bridge) == Answered(f"{BEGIN}0002", AT_MS, LegReport({f"{BEGIN}0002": "NONE"}))
    assert read(bridge, None) == Answered(f"{BEGIN}0002", AT_MS, NOTHING_TOLD)


@pytest.mark.parametrize(
    "nothing",
    [
        event("CHANNEL_BRIDGE", Bridge_A_Unique_ID="another"),
        event("CHANNEL_BRIDGE", Unique_ID="another", Bridge_A_Unique_ID=CALLER),
        event("CHANNEL_PROGRESS"),
        event("CHANNEL_EXECUTE_COMPLETE", Application_UUID="another"),
    ],
)
def test_what_is_of_another_channel_or_application_means_nothing(nothing: Message) -> None:
    assert read(nothing) is None


def test_an_event_without_a_time_is_no_event_of_a_switch() -> None:
    with pytest.raises(ProtocolError, match="without a time"):
        read(event("CHANNEL_HANGUP_COMPLETE", Event_Date_Timestamp=None))


@pytest.mark.parametrize(("mode", "kind"), [("async", BridgeEnded), ("static", CallerGone)])
def test_a_bridge_that_ends_with_the_caller_is_the_last_that_a_fast_socket_hears(mode: str, kind: type) -> None:
    assert type(read(complete(Answer_State="hangup"), mode=mode)) is kind


@pytest.mark.parametrize(
    ("values", "was_moved"),
    [
        ({"Channel_State_Number": "4"}, False),
        ({"Channel_State_Number": "8"}, True),
        ({"Channel_State_Number": "2"}, True),
        ({}, False),
        ({"Channel_State_Number": "10", "Answer_State": "hangup"}, False),
    ],
)
def test_a_caller_whose_channel_no_longer_executes_was_taken_away(values: dict[str, str], was_moved: bool) -> None:
    ended = read(complete(**values))
    assert isinstance(ended, BridgeEnded)
    assert ended.was_moved is was_moved


def test_a_caller_who_is_transferred_while_it_rings_leaves_a_channel_in_their_place() -> None:
    assert end(variable_huntgroup_rang_0002=BEGIN) == CallerGone(
        AT_MS,
        "NORMAL_CLEARING",
        LegReport(dict.fromkeys(PLAN.uuids(CALL_ID), "ATTENDED_TRANSFER"), frozenset({f"{BEGIN}0002"})),
        replaced_by=X,
    )


def test_a_transfer_in_the_second_attempt_loses_no_phone_that_rang() -> None:
    gone = end(PLAN.again(), variable_huntgroup_rang_0001=BEGIN, variable_huntgroup_rang_1002=BEGIN)
    assert isinstance(gone, CallerGone)
    assert gone.legs == LegReport(
        dict.fromkeys((f"{BEGIN}1001", f"{BEGIN}1002"), "ATTENDED_TRANSFER"), frozenset({f"{BEGIN}1002"})
    )


def test_of_the_legs_of_a_transferred_conversation_nothing_is_told() -> None:
    gone = end(None, variable_huntgroup_rang_0002=BEGIN)
    assert isinstance(gone, CallerGone)
    assert (gone.legs, gone.replaced_by) == (NOTHING_TOLD, X)


@pytest.mark.parametrize(
    "values",
    [
        {"variable_endpoint_disposition": "BLIND_TRANSFER"},
        {"variable_transfer_to": f"blind:{X}"},
        {"variable_transfer_to": "satt:"},
        {"variable_transfer_to": "satt:x y${system(id)}"},
        {"variable_transfer_to": ""},
    ],
)
def test_an_end_that_leaves_nobody_in_the_callers_place_is_an_end(values: dict[str, str]) -> None:
    gone = end(PLAN, **values)
    assert isinstance(gone, CallerGone)
    assert gone.replaced_by == ""


@pytest.mark.parametrize("cause", ["A B", "X" * 65, "evil\nline", ""])
def test_a_cause_that_is_no_name_of_the_switch_is_none(cause: str) -> None:
    gone = read(event("CHANNEL_HANGUP_COMPLETE", Hangup_Cause=cause))
    assert isinstance(gone, CallerGone)
    assert gone.cause == ""


def test_who_took_a_callers_place_and_came_to_another_group_is_not_replaced_by_themselves() -> None:
    inherited = {"variable_endpoint_disposition": "ATTENDED_TRANSFER", "variable_transfer_to": f"satt:{CALLER}"}
    gone = read(event("CHANNEL_HANGUP_COMPLETE", **inherited))
    assert isinstance(gone, CallerGone)
    assert gone.replaced_by == ""
