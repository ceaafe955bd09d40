"""What a switch is told of a lamp, and what its events mean."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from esl_huntgroup.lamps import presence
from esl_huntgroup.lamps.lamp import IDLE, Lamp, LampState
from esl_huntgroup.lamps.presence import Misled
from tests.unit.lamps.recorded import OF_DIALOGS, OF_PRESENCE, PUT_OUT

ADDRESS = "700@pbx-1.example"
RINGS = Lamp(LampState.RINGING, "Anna Berg", "3001")


def headers(said: bytes) -> dict[str, str]:
    first, *lines = said.decode().rstrip("\n").split("\n")
    assert first == "sendevent PRESENCE_IN"
    return dict(line.split(": ", 1) for line in lines)


@pytest.mark.parametrize(
    ("state", "channel_state"),
    [(LampState.IDLE, "CS_HANGUP"), (LampState.RINGING, "CS_ROUTING"), (LampState.TALKING, "CS_EXECUTE")],
)
def test_each_state_and_always_the_same_dialog(state: LampState, channel_state: str) -> None:
    told = headers(presence.told(ADDRESS, Lamp(state, "Anna Berg", "3001")))
    assert (told["answer-state"], told["channel-state"]) == (state.value, channel_state)
    assert (told["from"], told["unique-id"]) == (ADDRESS, "hunt700_pbx_1.example")
    assert told["presence-call-direction"] == "outbound"
    assert "call-id" not in told


def test_who_calls_is_told_while_the_lamp_is_lit() -> None:
    told = headers(presence.told(ADDRESS, RINGS))
    assert told["Caller-Caller-ID-Name"] == "Anna Berg"
    assert told["Caller-Caller-ID-Number"] == told["Caller-Callee-ID-Number"] == "3001"
    assert "Presence-Privacy" not in told
    assert not {key for key in headers(presence.told(ADDRESS, IDLE)) if key.startswith("Caller")}


def test_one_phone_alone_can_be_told() -> None:
    assert headers(presence.told(ADDRESS, RINGS, "4f@10.0.0.7"))["call-id"] == "4f@10.0.0.7"


@pytest.mark.parametrize(
    "name",
    [
        "<b>&amp;",
        "\"x\" onload='y'",
        "]]></identity>",
        "a\r\nevent-subclass: x",
        "ⓧ\N{RIGHT-TO-LEFT OVERRIDE}\0\x1b[0m",
        "&" * 500,
    ],
)
def test_a_name_is_text_in_the_document_that_the_switch_writes(name: str) -> None:
    told = headers(presence.told(ADDRESS, Lamp(LampState.TALKING, name, "3001")))
    written = told["Caller-Caller-ID-Name"]
    document = ElementTree.fromstring(f'<identity display="{written}">{written}</identity>')
    assert document.get("display") == document.text
    assert (document.text or "").isprintable()
    assert not list(document)


@pytest.mark.parametrize(("number", "written"), [("+49 <30> 1", "+49301"), ("*9#", "*9%23"), ("a\nb@c;d", "abcd")])
def test_a_number_is_the_user_of_a_sip_uri(number: str, written: str) -> None:
    told = headers(presence.told(ADDRESS, Lamp(LampState.TALKING, "", number)))
    assert told["Caller-Caller-ID-Number"] == written
    assert told["Caller-Caller-ID-Name"] == written.replace("%23", "#")


def test_who_withholds_the_number_is_told_as_that() -> None:
    told = headers(presence.told(ADDRESS, Lamp(LampState.RINGING)))
    assert told["Presence-Privacy"] == "true"
    assert told["Caller-Caller-ID-Number"] == told["Caller-Callee-ID-Number"] == "anonymous"


def test_the_switch_puts_a_lamp_out_by_itself() -> None:
    assert presence.lease(ADDRESS) == (
        b"api sched_del huntgroup-lamp-700@pbx-1.example\n\n",
        b"api sched_api +60 huntgroup-lamp-700@pbx-1.example presence in 700@pbx-1.example unknown CS_HANGUP\n\n",
    )
    assert presence.no_lease(ADDRESS) == presence.lease(ADDRESS)[0]


@pytest.mark.parametrize(
    ("event", "means"),
    [
        (OF_DIALOGS, Misled("700@lab.local", "7f58@127.0.0.1", only_idle=True)),
        (OF_PRESENCE, Misled("700@lab.local", "4178@127.0.0.1", only_idle=False)),
        (OF_PRESENCE | {"to": "700@LAB.Local"}, Misled("700@lab.local", "4178@127.0.0.1", only_idle=False)),
        (PUT_OUT, Misled("700@lab.local", "", only_idle=False)),
        (PUT_OUT | {"status": "CS_HANGUP"}, None),
        (PUT_OUT | {"Event-Name": "HEARTBEAT"}, None),
        (OF_DIALOGS | {"sub-call-id": ""}, None),
        (OF_DIALOGS | {"sub-call-id": "a\nunique-id: x"}, None),
        (OF_DIALOGS | {"sub-call-id": "a" * 257}, None),
        ({}, None),
    ],
)
def test_who_has_been_misled_by_the_switch(event: dict[str, str], means: Misled | None) -> None:
    assert presence.misled(event.get) == means
