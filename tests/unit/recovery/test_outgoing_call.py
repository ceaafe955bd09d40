"""What the switch says of a call that a member makes."""

from __future__ import annotations

from typing import Any

import pytest

from esl_huntgroup.calls.leg_note import NOTE
from esl_huntgroup.journal.records import OutgoingCall
from esl_huntgroup.recovery import outgoing_call
from esl_huntgroup.recovery.outgoing_call import Begun, begun, partner_of, record, talks_since_ms

EVENT = {
    "Call-Direction": "inbound",
    "Channel-Call-State": "ACTIVE",
    "Unique-ID": "a",
    "Caller-Username": "101",
    "Caller-Destination-Number": "0301234567",
}
ROW = {"direction": "inbound", "callstate": "ACTIVE", "uuid": "a", "cid_num": "101", "dest": "0301234567"}
CALLER = {
    "Answer-State": "answered",
    "Caller-Channel-Answered-Time": "1700000000000000",
    "variable_bridge_uuid": "b",
    "variable_sip_from_user": "101",
    "variable_sip_from_host": "PBX.example",
}
PARTNER = {"Answer-State": "answered", "Caller-Channel-Answered-Time": "1700000002000000"}


@pytest.mark.parametrize("said", [EVENT, ROW], ids=["an event", "a row"])
def test_a_caller_whose_call_is_answered_is_told_in_both_ways(said: dict[str, str]) -> None:
    assert begun(said.get) == Begun("a", "101", "0301234567")


@pytest.mark.parametrize(
    "other",
    [
        {"Call-Direction": "outbound"}, {"Channel-Call-State": "RINGING"}, {"Unique-ID": ""},
        {"Caller-Destination-Number": ""},
    ],
)  # fmt: skip
def test_other_channels_are_no_calls_that_begin(other: dict[str, str]) -> None:
    assert begun((EVENT | other).get) is None


def test_the_account_is_the_authenticated_one() -> None:
    assert begun((EVENT | {"Channel-Presence-ID": "102@pbx.example"}).get) == Begun("a", "102", "0301234567")


@pytest.mark.parametrize(
    ("caller", "partner", "since_ms"),
    [
        ({}, {}, 1_700_000_002_000),
        ({"Caller-Channel-Answered-Time": "1700000009000000"}, {}, 1_700_000_009_000),
        ({}, {"Answer-State": "early"}, 0),
        ({}, {"Caller-Channel-Answered-Time": "0"}, 0),
        ({"Caller-Channel-Answered-Time": "0"}, {}, 0),
        ({}, {"Caller-Channel-Answered-Time": "soon"}, 0),
    ],
)
def test_they_talk_since_both_are_answered(caller: dict[str, str], partner: dict[str, str], since_ms: int) -> None:
    assert talks_since_ms((CALLER | caller).get, (PARTNER | partner).get) == since_ms


@pytest.mark.parametrize(
    ("other", "partner"),
    [
        ({}, "b"),
        ({"variable_bridge_uuid": "", "variable_signal_bond": "c"}, "c"),
        ({"variable_bridge_uuid": ""}, ""),
        ({"Answer-State": "ringing"}, ""),
        ({f"variable_{NOTE}": "id:1,2"}, ""),
    ],
)
def test_the_partner_is_who_the_caller_is_connected_with(other: dict[str, str], partner: str) -> None:
    assert partner_of((CALLER | other).get) == partner


@pytest.mark.parametrize(
    ("other", "line"),
    [
        ({}, "101@pbx.example"),
        ({"variable_user_name": "anna", "variable_domain_name": "pbx.example"}, "anna@pbx.example"),
        ({"variable_sip_from_user": "karl kunde"}, ""),
        ({"variable_sip_from_user": ""}, ""),
    ],
)
def test_the_record_says_whose_line_it_was(other: dict[str, Any], line: str) -> None:
    found = record((CALLER | other).get, Begun("a", "101", "030 1234567"), "fs1", 5)
    assert found == (OutgoingCall("a", "fs1", line, "0301234567", 5) if line else None)


def test_a_dump_says_when_it_was_made() -> None:
    assert outgoing_call.now_ms({"Event-Date-Timestamp": "1700000000123456"}.get) == 1_700_000_000_123
    assert outgoing_call.now_ms(lambda _: None) == 0
