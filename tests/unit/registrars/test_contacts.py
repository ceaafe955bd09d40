"""What phones register, and what of it may stand in a dial string."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esl_huntgroup.registrars.contacts import Contacts, is_dialable, read_contacts, why_refused

MARKER = "[h=0123456789ab]"


@pytest.mark.parametrize(
    "uri",
    [
        "sip:1001@127.0.0.1:5060",
        "sips:anna.berg@phone.example.org",
        "sip:1001@[2001:db8::1]:5060;transport=udp",
        "sip:1001-0x5581aa@192.0.2.1:40000;fs_nat=yes;fs_path=sip%3A1001%40192.0.2.1%3A40000",
        "sip:q1w2e3@df7jal23ls0d.invalid;transport=ws;alias=192.0.2.1~5060~1",
        "sip:1001@10.0.0.2;ob;line=x+y",
        "sip:192.0.2.1:5060",
        "sip:a&b=c+d$e;f?g/h@192.0.2.1",
        "sip:-_.!~*()%20@192.0.2.1",
        "sip:a$b$$c$(d)@192.0.2.1",
        "sip:1001@192.0.2.1;received=[::1];x=a&b+$/:-_.!~*()",
        "sip:1001@192.0.2.1;[a]&b=[c[d]]e",
        "sip:1001@192.0.2.1;x=a]b",
        "sip:1001@192.0.2.1;pn-provider=apns;pn-prid=ab/c+d==:remote&ef:voip;pn-param=X.org.app.remote&voip;pn-timeout=0",
    ],
)
def test_contacts_of_real_phones_are_dialable(uri: str) -> None:
    assert is_dialable(f"sofia/internal/{uri}")


@pytest.mark.parametrize(
    "contact",
    [
        "sofia/internal/sip:${system(touch /tmp/x)}@h",
        "sofia/internal/sip:1001,loopback/9999@h",
        "sofia/internal/sip:1001@h|loopback/9999",
        "sofia/internal/sip:1001@h:_:loopback/9999",
        "sofia/internal/sip:1001@h;x=a:_:b",
        "sofia/internal/sip:1001@h]sofia/x/sip:2@h",
        "sofia/internal/sip:1001@h?Replaces=x",
        "sofia/internal/sip:a?b@h?c=d",
        "sofia/internal/sip:1001@h;x='a",
        "sofia/internal/sip:a'b@h",
        "sofia/internal/sip:1001@h;x=a[b",
        "sofia/internal/sip:1001@h;x=]a[",
        "sofia/internal/sip:1001@h;x=[[a]",
        "sofia/internal/sip:a^b@h",
        "sofia/internal/sip:{a}@h",
        'sofia/internal/sip:1001@h;x="a"',
        "sofia/internal/sip:1001@h\\,x",
        "sofia/internal/sip:1001@h\n",
        "sofia/internal/sip:1001@h\u0661",
        "sofia/gateway/provider/00900123",
        "loopback/9999",
        "error/user_not_registered",
        "sofia/internal/sip:1001@" + "h" * 1100,
        "",
    ],
)
def test_anything_that_could_be_syntax_is_refused(contact: str) -> None:
    assert not is_dialable(contact)


def test_several_devices_are_several_contacts() -> None:
    answer = f"{MARKER}sofia/internal/sip:1@h1,{MARKER}sofia/internal/sip:1@h2"
    assert read_contacts(answer, MARKER) == Contacts(("sofia/internal/sip:1@h1", "sofia/internal/sip:1@h2"))


def test_a_comma_inside_a_contact_is_not_the_border_of_two() -> None:
    hostile = "sofia/internal/sip:1@h,sofia/internal/sip:00900@trunk"
    assert read_contacts(f"{MARKER}{hostile},{MARKER}sofia/internal/sip:1@h2", MARKER) == Contacts(
        ("sofia/internal/sip:1@h2",), (hostile,)
    )


@pytest.mark.parametrize("answer", ["error/user_not_registered", "", "-ERR no such command"])
def test_not_registered_is_no_contact(answer: str) -> None:
    assert read_contacts(answer, MARKER) == Contacts()


def test_an_answer_without_the_marker_is_refused_not_dialled() -> None:
    assert read_contacts("sofia/internal/sip:1@h", MARKER) == Contacts(refused=("sofia/internal/sip:1@h",))


def test_a_contact_registered_twice_is_one() -> None:
    answer = f"{MARKER}sofia/internal/sip:1@h,{MARKER}sofia/internal/sip:1@h"
    assert read_contacts(answer, MARKER) == Contacts(("sofia/internal/sip:1@h",))


@given(st.text(max_size=40), st.text(max_size=40))
def test_whatever_a_phone_registers_what_is_dialled_is_harmless(user: str, host: str) -> None:
    contacts = read_contacts(f"{MARKER}sofia/internal/sip:{user}@{host}", MARKER)
    for dialable in contacts.dialable:
        assert not set(dialable) & set(",|'\"\\{}<> \n\r\t^")
        assert ":_:" not in dialable


@pytest.mark.parametrize(
    ("contact", "why"),
    [
        ("sofia/internal/sip:1001@127.0.0.1:5060", ""),
        ("sofia/internal/sip:1001,x@h", "it contains ',', which begins another leg in a dial string"),
        ("sofia/internal/sip:1001'x@h", 'it contains "\'", which takes in other phones in a dial string'),
        ("sofia/internal/sip:{x}@h", "it contains '{', which RFC 3261 allows in no contact"),
        (
            "sofia/internal/sip:x@h;a=[",
            "it contains '[' without its ']', which takes in other phones in a dial string",
        ),
        ("sofia/internal/sip:x@h?a=b", "it contains '?' behind the host, which adds header fields to the INVITE"),
        ("sofia/internal/sip:1001@h:_:loopback/9999", "it contains ':_:', which is syntax in a dial string"),
        ("sofia/internal/1001", "it is not of the form sofia/PROFILE/sip:USER@HOST:PORT;PARAMETERS"),
        ("sofia/internal/sip:1001@" + "h" * 1100, "it has more than 1023 characters"),
    ],
)
def test_why_a_contact_is_refused_is_said_in_words(contact: str, why: str) -> None:
    assert why_refused(contact) == why


@given(st.text(max_size=60))
def test_whatever_is_refused_has_a_reason(contact: str) -> None:
    assert bool(why_refused(contact)) is not is_dialable(contact)
