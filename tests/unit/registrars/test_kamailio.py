"""Kamailio as registrar: what it is asked, what its answers say, and how a device of its is dialled."""

from __future__ import annotations

import json
from typing import Any

import pytest

from esl_huntgroup.calls.dialstring import dial_string
from esl_huntgroup.calls.ring_plan import WhyNot, make_plan
from esl_huntgroup.model.group import Line
from esl_huntgroup.registrars.by_domain import ByDomain
from esl_huntgroup.registrars.contacts import NONE, Contacts
from esl_huntgroup.registrars.device import in_words, read_device
from esl_huntgroup.registrars.freeswitch import FREESWITCH
from esl_huntgroup.registrars.gruu import hash_suffix
from esl_huntgroup.registrars.kamailio import Kamailio
from esl_huntgroup.registrars.lookups import Answer, LookUp, Rpc, has_domains, request_body
from esl_huntgroup.simulator.dialstring import parse
from tests.unit.examples import ANNA, ANNA_LINE, BERND, BERND_LINE, CALL_ID, DOMAIN, contact, group

RPC = Rpc("10.0.0.1", 8460, "/huntgroup")
KAMAILIO = Kamailio(RPC, "10.0.0.1:5060")
MARKER = "[h=0123456789ab]"
THROUGH = ";fs_path=sip:10.0.0.1:5060%3Blr"
RUID = "uloc-6b076cc6-678b-1"


def device(ruid: str = RUID, **values: Any) -> dict[str, Any]:
    known = {
        "Address": "sip:1001@192.168.7.7:5062",
        "Expires": 600,
        "User-Agent": "lab phone",
        "Received": "[not set]",
        "Path": "[not set]",
        "Socket": "udp:10.0.0.1:5060",
        "Ruid": ruid,
    }
    return {"Contact": known | values}


def answer(*devices: dict[str, Any], line: Line = ANNA_LINE, number: int = 1, **changes: Any) -> Answer:
    reply = {"jsonrpc": "2.0", "result": {"AoR": line.address, "Contacts": devices}, "id": number} | changes
    return Answer(number, 200, json.dumps(reply).encode())


def error(message: str, code: int = 500) -> Answer:
    reply = {"jsonrpc": "2.0", "error": {"code": code, "message": message}, "id": 1}
    return Answer(1, code, json.dumps(reply).encode())


def found(told: Answer, line: Line = ANNA_LINE) -> Contacts:
    return KAMAILIO.contacts((line,), (), MARKER, [told])[line]


def test_each_line_is_looked_up_and_the_switch_is_asked_nothing() -> None:
    assert KAMAILIO.questions((ANNA_LINE, BERND_LINE), MARKER) == []
    assert KAMAILIO.lookups((ANNA_LINE, BERND_LINE)) == [LookUp(RPC, f"100{n}@{DOMAIN}") for n in (1, 2)]
    assert request_body(7, f"1001@{DOMAIN}") == (
        b'{"jsonrpc":"2.0","method":"ul.lookup","params":["location","1001@example.org"],"id":7}'
    )


def test_each_device_is_a_leg_of_its_own_and_its_phone_sees_the_line() -> None:
    contacts = KAMAILIO.contacts(
        (ANNA_LINE,), (), MARKER, [answer(device(), device("uloc-2", Address="sip:1001@10.1.1.1"))]
    )
    legs = parse(dial_string({}, make_plan(group(ANNA), contacts, ""), CALL_ID, "", KAMAILIO)).legs
    hashed = hash_suffix(f"1001@{DOMAIN}")
    assert [leg.destination for leg in legs] == [
        f"internal/sip:{RUID}-{hashed}@{DOMAIN};gr{THROUGH}",
        f"internal/sip:uloc-2-{hashed}@{DOMAIN};gr{THROUGH}",
    ]
    assert {leg.named["sip_invite_to_uri"] for leg in legs} == {f"<sip:1001@{DOMAIN}>"}


def test_the_transport_to_kamailio_stands_in_the_path() -> None:
    by_tcp = Kamailio(RPC, "10.0.0.1:5060;transport=tcp", "edge")
    endpoint, _ = by_tcp.destination(ANNA_LINE, f"sip:1001@{DOMAIN}")
    assert endpoint == f"sofia/edge/sip:1001@{DOMAIN};fs_path=sip:10.0.0.1:5060%3Btransport=tcp%3Blr"


@pytest.mark.parametrize("message", ["AOR not found in location table", "AOR has no contacts"])
def test_nobody_is_a_status_500(message: str) -> None:
    assert found(error(message)) == NONE


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (Answer(why="no answer within 300 ms"), "no answer within 300 ms"),
        (error("Domain table not found"), "Kamailio says 'Domain table not found'"),
        (error("Domain missing in AOR"), "Kamailio says 'Domain missing in AOR'"),
        (error("Method Not Allowed", 405), "Kamailio says 'Method Not Allowed'"),
        (error("AOR not found", 404), "Kamailio says 'AOR not found'"),
        (Answer(1, 403, b"no\n"), "HTTP status 403: the endpoint refuses ul.lookup or this service"),
        (Answer(1, 401, b""), "HTTP status 401: the endpoint refuses"),
        (Answer(1, 404, b"<html>"), "HTTP status 404, and the answer is none of JSON-RPC: '<html>'"),
        (Answer(1, 200, b"[" * 100_000), "none of JSON-RPC"),
        (Answer(1, 200, b'{"jsonrpc":"2.0","result":{},"id":1}'), "an empty result"),
        (Answer(1, 200, b'{"jsonrpc":"2.0","result":{}}'), "belongs to another question"),
        (answer(device(), number=1, id=2), "belongs to another question"),
        (answer(device(), line=BERND_LINE), "the answer is about '1002@example.org'"),
        (answer(device("uloc,x")), "the record id 'uloc,x'"),
        (answer(device("")), "the record id ''"),
        (answer({"Contact": {"Address": "sip:x@h"}}), "none of JSON-RPC"),
        (answer(device(Ruid=5)), "none of JSON-RPC"),
        (answer(result={"AoR": f"1001@{DOMAIN}", "Contacts": None}), "none of JSON-RPC"),
        (answer(result={"AoR": f"1001@{DOMAIN}", "Contacts": []}), "an empty result"),
        (answer(result={"AoR": "\N{FULLWIDTH DIGIT ONE}001", "Contacts": [device()]}), "the answer is about"),
        (Answer(1, 200, b'{"jsonrpc":"2.0","result":null,"id":1}'), "an empty result"),
        (Answer(1, 200, b'{"jsonrpc":"2.0","result":{},"id":"1"}'), "none of JSON-RPC"),
        (Answer(1, 500, b'{"jsonrpc":"2.0","error":{"code":500},"id":1}'), "Kamailio says ''"),
        (Answer(1, 200, b"[]"), "none of JSON-RPC"),
        (Answer(1, 200, b"null"), "none of JSON-RPC"),
        (Answer(1, 200, b""), "none of JSON-RPC"),
        (Answer(1, 200, b"\xff\xfe{"), "none of JSON-RPC"),
    ],
)
def test_what_is_no_answer_is_not_nobody(told: Answer, why: str) -> None:
    """Such a line is dialled by its address, and Kamailio rings whatever is registered there."""
    contacts = found(told)
    assert contacts.dialable == (f"sip:1001@{DOMAIN}",)
    assert why in contacts.fault
    known = KAMAILIO.registrations({ANNA_LINE: contacts}, (), [told])
    assert why in known[f"sip:1001@{DOMAIN}"].where


def test_a_line_by_its_address_is_told_apart_by_a_header() -> None:
    endpoint, variables = KAMAILIO.destination(ANNA_LINE, f"sip:1001@{DOMAIN}")
    assert endpoint == f"sofia/internal/sip:1001@{DOMAIN}{THROUGH}"
    assert variables == (("sip_h_X-Huntgroup", "line"),)


def test_where_kamailio_is_not_asked_every_line_is_one_leg_and_no_fault() -> None:
    mode = Kamailio(None, "10.0.0.1:5060")
    assert mode.lookups((ANNA_LINE,)) == []
    assert mode.contacts((ANNA_LINE,), (), MARKER) == {ANNA_LINE: Contacts((f"sip:1001@{DOMAIN}",))}


def test_an_account_that_cannot_be_asked_for_rings_by_its_address() -> None:
    odd = Line("1", DOMAIN, "*1#")
    assert KAMAILIO.lookups((odd, ANNA_LINE)) == [LookUp(RPC, f"1001@{DOMAIN}")]
    told = KAMAILIO.contacts((odd, ANNA_LINE), (), MARKER, [answer(device())])
    assert told[odd].dialable == (f"sip:*1%23@{DOMAIN}",)
    assert told[ANNA_LINE].fault == ""


def test_a_line_is_found_in_whatever_case_and_without_its_domain() -> None:
    upper = Line("1001", DOMAIN, "Anna.Berg")
    told = answer(device(), result={"AoR": "anna.berg", "Contacts": [device()]})
    assert found(told, upper).dialable[0].startswith(f"sip:{RUID}-")


def test_an_account_without_its_domain_shows_whether_domains_are_told_apart() -> None:
    assert has_domains(error("AOR not found in location table")) is False
    assert has_domains(error("Domain missing in AOR")) is True
    assert has_domains(error("Method Not Allowed")) is None
    assert has_domains(Answer(1, 403, b"no")) is None


def test_nothing_that_a_phone_wrote_stands_in_a_dial_string() -> None:
    hostile = device(Address="sip:x${uptime()},[a=b]'@h", **{"User-Agent": "~x=y]\x07,sofia/a/b"}, Received="sip: ,h")
    contacts = {ANNA_LINE: found(answer(hostile))}
    dialled = dial_string({}, make_plan(group(ANNA), contacts, ""), CALL_ID, "", KAMAILIO)
    assert not any(part in dialled for part in ("uptime", "[a=b]", "x=y", "sofia/a", "'"))
    assert len(parse(dialled).legs) == 1


def test_bytes_that_are_no_utf_8_do_no_harm() -> None:
    told = answer(device(**{"User-Agent": "M?ller"}))
    contacts = found(told._replace(body=told.body.replace(b"M?ller", b"M\xfcller")))
    assert "M\N{REPLACEMENT CHARACTER}ller" in contacts.dialable[0]


def test_one_phone_rings_once_also_for_two_lines() -> None:
    one, two = answer(device("uloc-1"), device("uloc-2")), answer(device("uloc-3"), line=BERND_LINE)
    plan = make_plan(group(ANNA, BERND), KAMAILIO.contacts((ANNA_LINE, BERND_LINE), (), MARKER, [one, two]), "")
    assert [leg.member for leg in plan.legs] == [ANNA]
    assert [(item.member, item.why) for item in plan.not_rung] == [(BERND, WhyNot.SHARED_CONTACT)]


def test_two_phones_with_one_address_behind_two_nats_are_two() -> None:
    behind = [device(f"uloc-{n}", Received=f"sip:127.0.0.1:550{n}") for n in (1, 2)]
    assert len(found(answer(*behind)).dialable) == 2


def test_people_read_which_phone_it_is() -> None:
    (contact_at_kamailio,) = found(answer(device(Received="sip:127.0.0.1:5503"))).dialable
    words = in_words(contact_at_kamailio)
    assert words.startswith("lab phone at sip:1001@192.168.7.7:5062 behind NAT at 127.0.0.1:5503 (sip:uloc-")
    assert in_words(f"sip:1001@{DOMAIN}") == f"every phone of 1001@{DOMAIN}"
    assert in_words(contact(ANNA_LINE)) == contact(ANNA_LINE)
    assert read_device(contact(ANNA_LINE)) is None


@pytest.mark.parametrize(
    ("values", "transport"),
    [
        ({}, " by udp"),
        ({"Socket": "tcp:10.0.0.1:5060"}, " by tcp"),
        ({"Socket": "tcp:10.0.0.1:8460", "Received": "sip:1.2.3.4:5;transport=ws"}, " by websocket"),
        ({"Socket": "[not set]"}, ""),
    ],
)
def test_what_else_is_known_is_told(values: dict[str, Any], transport: str) -> None:
    told = [answer(device(**values))]
    (known,) = KAMAILIO.registrations(KAMAILIO.contacts((ANNA_LINE,), (), MARKER, told), (), told).values()
    assert (known.expires_in_s, known.agent) == (600, "lab phone")
    assert known.where == f"registered at Kamailio 10.0.0.1:5060{transport}"


def test_a_phone_that_never_expires() -> None:
    told = [answer(device(Expires="permanent"))]
    (known,) = KAMAILIO.registrations({ANNA_LINE: found(told[0])}, (), told).values()
    assert known.expires_in_s is None


def test_each_domain_has_its_registrar_and_the_answers_come_together() -> None:
    elsewhere, third = Line("5", "tenant2.example.org", "5"), Line("6", "third.example.org", "6")
    every = ByDomain(((DOMAIN, KAMAILIO), ("third.example.org", Kamailio(None, "10.0.0.3:5060"))))
    lines = (ANNA_LINE, elsewhere, third, BERND_LINE)
    assert every.questions(lines, MARKER) == [f"sofia_contact */5@tenant2.example.org/{MARKER}"]
    assert [it.aor for it in every.lookups(lines)] == [f"1001@{DOMAIN}", f"1002@{DOMAIN}"]
    told = [answer(device()), error("AOR not found in location table")]
    contacts = every.contacts(lines, [f"{MARKER}sofia/internal/sip:5@h".encode()], MARKER, told)
    assert list(contacts) == list(lines)
    assert contacts[elsewhere].dialable == ("sofia/internal/sip:5@h",)
    assert contacts[third].dialable == ("sip:6@third.example.org",)
    assert contacts[BERND_LINE] == NONE
    assert [every.name(line) for line in lines] == [
        "Kamailio 10.0.0.1:5060",
        "",
        "Kamailio 10.0.0.3:5060",
        "Kamailio 10.0.0.1:5060",
    ]
    assert every.destination(elsewhere, "sofia/internal/sip:5@h") == FREESWITCH.destination(
        elsewhere, "sofia/internal/sip:5@h"
    )
    assert every.destination(ANNA_LINE, contacts[ANNA_LINE].dialable[0]).endpoint.endswith(THROUGH)
    assert len(every.further_questions(contacts)) == 1
    assert len(every.registrations(contacts, [b""], told)) == 2
