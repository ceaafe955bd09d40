"""What a call asks the switch about other channels, and what it makes of the answers."""

from __future__ import annotations

import json
from collections.abc import Collection

import gevent
import pytest

from esl_huntgroup.calls.enquiries import POLL_S, POLLS_MAX, Enquiries
from esl_huntgroup.calls.hunt_messages import Answered, ReplacementKnown, TakerKnown
from esl_huntgroup.calls.leg_report import NOTHING_TOLD
from esl_huntgroup.errors import SwitchGone
from esl_huntgroup.esl.wire import API_RESPONSE, Message
from esl_huntgroup.model.group import HuntGroup, Taker
from esl_huntgroup.registrars.device import in_words
from tests.unit.examples import CALL_ID, DOMAIN, inbound

CALLER = inbound().channel_uuid
PARTNER, X = "bbbbbbbb-0000-4000-8000-000000000000", "aaaaaaaa-0000-4000-8000-000000000000"
LEG = f"{CALL_ID[:-4]}0002"
BERND = Taker("Bernd Cordes", 2)
Channel = dict[str, str]


class Book:
    """A directory with one line in it."""

    def find(self, domain: str, number: str) -> HuntGroup | None:
        raise AssertionError("nobody looks for a group here")

    def line_at(self, domain: str, number: str) -> str:
        return ""

    def may_pick_up(self, user_id: int, addresses: Collection[str]) -> frozenset[str]:
        return frozenset()

    def user_at(self, address: str) -> Taker | None:
        return BERND if address == f"1002@{DOMAIN}" else None


class Switch:
    """Answers ``uuid_dump``: of a channel with several answers it gives one after the other, and repeats the last."""

    def __init__(self, **channels: list[Channel]) -> None:
        self.channels = {uuid.replace("_", "-"): answers for uuid, answers in channels.items()}
        self.asked: list[str] = []

    def has(self, uuid: str, *answers: Channel) -> Switch:
        self.channels[uuid] = list(answers)
        return self

    def exchange(self, commands: list[bytes]) -> list[Message]:
        return [self._answer(command) for command in commands]

    def _answer(self, command: bytes) -> Message:
        words = command.decode().split()
        assert (words[:2], words[3]) == (["api", "uuid_dump"], "json")
        self.asked.append(words[2])
        answers = self.channels.get(words[2], [])
        if not answers:
            return Message(b"", b"-ERR No such channel!\n", API_RESPONSE)
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return Message(b"", json.dumps({"Unique-ID": words[2], **found}).encode(), API_RESPONSE)


@pytest.fixture(autouse=True)
def slept_s(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr(gevent, "sleep", slept.append)
    return slept


def asking(switch: Switch) -> Enquiries:
    return Enquiries(switch.exchange, Book(), inbound(), CALL_ID)


PICKED_UP = {"variable_signal_bond": PARTNER, "Other-Leg-Caller-ID-Number": "5555"}


def test_a_user_of_ours_who_took_the_caller_is_named() -> None:
    switch = Switch().has(CALLER, PICKED_UP).has(PARTNER, {"variable_user_name": "1002"})
    assert asking(switch).taker(lambda: 77) == TakerKnown(BERND, 77)


def test_who_has_joined_by_the_pickup_leg_of_this_call_is_told_apart() -> None:
    joined = {"variable_user_name": "1002", "variable_huntgroup_call": CALL_ID}
    switch = Switch().has(CALLER, PICKED_UP).has(PARTNER, joined)
    assert asking(switch).taker(lambda: 77) == TakerKnown(BERND, 77, has_joined=True)


@pytest.mark.parametrize(
    ("partner", "name"),
    [
        ({"variable_user_name": "1009", "Caller-Caller-ID-Number": "1009"}, "1009"),
        ({"Caller-Caller-ID-Number": "004930", "Channel-Name": "sofia/gw/x"}, "004930"),
        ({"Channel-Name": "loopback/park-a"}, "loopback/park-a"),
        ({}, "5555"),
    ],
)
def test_somebody_else_who_took_the_caller_is_told_by_number_or_channel(partner: Channel, name: str) -> None:
    switch = Switch().has(CALLER, PICKED_UP).has(PARTNER, partner)
    assert asking(switch).taker(lambda: 77) == TakerKnown(Taker(name), 77)


def test_who_took_the_caller_and_is_gone_meanwhile_is_told_by_the_number_that_the_caller_knows() -> None:
    assert asking(Switch().has(CALLER, PICKED_UP)).taker(lambda: 77) == TakerKnown(Taker("5555"), 77)


def test_a_caller_who_was_sent_to_an_extension_is_told_by_it_and_nobody_else_is_asked() -> None:
    switch = Switch().has(CALLER, {"Caller-Destination-Number": "9000"})
    assert asking(switch).taker(lambda: 77) == TakerKnown(Taker("9000"), 77)
    assert switch.asked == [CALLER]


def test_a_caller_who_is_gone_is_with_nobody_we_know() -> None:
    assert asking(Switch()).taker(lambda: 77) == TakerKnown(Taker(""), 77)


def test_what_took_the_callers_place_talks_with_the_leg_that_answered() -> None:
    caller = {"variable_bridge_uuid": LEG, "Caller-Caller-ID-Name": "Xaver", "Caller-Caller-ID-Number": "4711"}
    found = asking(Switch().has(X, caller)).replacement(X, lambda: 77)
    assert found == ReplacementKnown(LEG, True, "Xaver", "4711", 77)


def test_it_is_asked_again_until_it_is_connected(slept_s: list[float]) -> None:
    switch = Switch().has(X, {}, {"variable_bridge_uuid": "old"}, {"variable_bridge_uuid": LEG})
    assert asking(switch).replacement(X, lambda: 77).leg_uuid == LEG
    assert slept_s == [POLL_S, POLL_S]


def test_a_leg_of_the_second_attempt_is_one_of_this_call() -> None:
    again = f"{CALL_ID[:-4]}1002"
    assert asking(Switch().has(X, {"variable_bridge_uuid": again})).replacement(X, lambda: 77).leg_uuid == again


def test_one_that_stays_alone_is_asked_no_longer_than_the_fallback_holds_it(slept_s: list[float]) -> None:
    switch = Switch().has(X, {"variable_bridge_uuid": "somebody-else", "Caller-Caller-ID-Number": "4711"})
    assert asking(switch).replacement(X, lambda: 77) == ReplacementKnown("", True, "", "4711", 77)
    assert len(switch.asked) == POLLS_MAX
    assert sum(slept_s) < 1.0


def test_one_that_is_gone_is_not_waited_for(slept_s: list[float]) -> None:
    assert asking(Switch()).replacement(X, lambda: 77) == ReplacementKnown("", False, "", "", 77)
    assert slept_s == []


def test_a_switch_that_is_lost_is_told_to_whoever_asked() -> None:
    def lost(commands: list[bytes]) -> list[Message]:
        raise SwitchGone("the switch has closed the connection")

    enquiry = Enquiries(lost, Book(), inbound(), CALL_ID)
    with pytest.raises(SwitchGone):
        enquiry.taker(lambda: 77)
    with pytest.raises(SwitchGone):
        enquiry.replacement(X, lambda: 77)


LINE_AS_A_WHOLE = f"sip:1002@{DOMAIN}"
HAS_ANSWERED = Answered(LEG, 5, NOTHING_TOLD)
TOLD = {
    "variable_sip_rh_X-Contact-Ruid": "uloc-6b-1",
    "variable_sip_contact_user": "phone",
    "variable_sip_contact_host": "10.1.1.1",
    "variable_sip_contact_port": "5062",
    "variable_sip_user_agent": "lab phone",
}


def test_which_phone_of_a_line_has_answered_is_asked_where_the_line_rang_as_a_whole() -> None:
    found = asking(Switch().has(LEG, TOLD)).which_phone(HAS_ANSWERED, LINE_AS_A_WHOLE)
    assert found.contact == f"{LINE_AS_A_WHOLE};ruid=uloc-6b-1 sip:phone@10.1.1.1:5062 - lab phone"
    assert in_words(found.contact).startswith("lab phone at sip:phone@10.1.1.1:5062 (")


@pytest.mark.parametrize("told", [{}, TOLD | {"variable_sip_rh_X-Contact-Ruid": "x]~a=b"}])
def test_a_phone_that_kamailio_does_not_name_is_not_known(told: Channel) -> None:
    assert asking(Switch().has(LEG, told)).which_phone(HAS_ANSWERED, LINE_AS_A_WHOLE) == HAS_ANSWERED


def test_a_leg_that_is_one_phone_is_not_asked_about() -> None:
    switch = Switch().has(LEG, TOLD)
    assert asking(switch).which_phone(HAS_ANSWERED, "sofia/internal/sip:1002@h") == HAS_ANSWERED
    assert switch.asked == []


def test_a_switch_that_is_lost_then_undoes_no_answer() -> None:
    def gone(commands: list[bytes]) -> list[Message]:
        raise SwitchGone("gone")

    assert asking(Switch()).which_phone(HAS_ANSWERED, LINE_AS_A_WHOLE, gone) == HAS_ANSWERED
