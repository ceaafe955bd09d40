"""The group on top of what the call brought."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esl_huntgroup.calls.diversion import KEPT_MAX, diversion, history_info, names_group
from esl_huntgroup.calls.inbound_call import Visit
from esl_huntgroup.model.outcome import Outcome
from tests.unit.examples import group

OURS = '"Vertrieb" <sip:700@example.org>;reason=unconditional;privacy=off;screen=no'


def test_the_group_is_named() -> None:
    assert diversion(group(), "") == OURS
    assert history_info(group(), "") == "<sip:700@example.org>;index=1"


def test_an_earlier_diversion_stays_below_ours() -> None:
    theirs = '"Zentrale" <sip:100@example.org>;reason=no-answer;counter=1'
    assert diversion(group(), theirs) == f"{OURS}, {theirs}"


def test_several_earlier_diversions_keep_their_order() -> None:
    assert diversion(group(), "<sip:1@a>;reason=x ,Bob <sip:2@b>") == f'{OURS}, <sip:1@a>;reason=x, "Bob" <sip:2@b>'


def test_the_history_goes_on_where_it_was() -> None:
    assert (
        history_info(group(), "<sip:100@example.org>;index=1, <sip:200@example.org>;index=1.2;mp=1")
        == "<sip:100@example.org>;index=1, <sip:200@example.org>;index=1.2;mp=1, <sip:700@example.org>;index=1.2.1"
    )


@pytest.mark.parametrize(
    ("theirs", "kept"),
    [
        ("<tel:+49-30-123;phone-context=x>;reason=no-answer", "<tel:+49-30-123;phone-context=x>;reason=no-answer"),
        ("sip:1@a;reason=user-busy", "<sip:1@a>;reason=user-busy"),
        ("Bob <sip:1@a?Reason=SIP%3Bcause%3D302>;reason=x", '"Bob" <sip:1@a>;reason=x'),
        ('<sip:1@[2001:db8::1]>, "a, b" <sip:2@b>', '"a, b" <sip:2@b>'),
        ('"x, <y>" <nonsense>;a="b,c", <sip:2@b>', "<sip:2@b>"),
    ],
)
def test_of_what_others_write_is_kept_what_can_be_read(theirs: str, kept: str) -> None:
    assert diversion(group(), theirs) == f"{OURS}, {kept}"


def test_a_history_with_reasons_is_kept_without_them() -> None:
    theirs = "<sip:1@a>;index=1, <sip:2@a?Reason=SIP%3Bcause%3D302>;index=1.1;rc=1, <sip:3@[::1]>;index=1.1.1"
    assert history_info(group(), theirs) == (
        "<sip:1@a>;index=1, <sip:2@a>;index=1.1;rc=1, <sip:700@example.org>;index=1.1.1"
    )


@pytest.mark.parametrize(
    "hostile",
    [
        "nonsense",
        "<sip:1@a>\r\nX-Injected: yes",
        "<sip:1@a>;x='y'",
        "<sip:${system(x)}@a>",
        "<sip:1@a:_:b>",
        "<sip:1@a~x=y>",
        '"unfinished <sip:1@a>',
    ],
)
def test_what_cannot_be_read_is_left_out(hostile: str) -> None:
    assert diversion(group(), hostile) == OURS
    assert history_info(group(), hostile) == "<sip:700@example.org>;index=1"


def test_a_loop_of_diversions_is_cut() -> None:
    assert diversion(group(), ",".join(f"<sip:{n}@a>" for n in range(50))).count("sip:") == KEPT_MAX + 1


def test_a_long_hostile_header_is_read_in_no_time() -> None:
    assert diversion(group(), " " * 60_000) == OURS
    assert diversion(group(), "a " * 30_000) == OURS
    assert history_info(group(), '"' + " " * 60_000) == "<sip:700@example.org>;index=1"
    assert diversion(group(), "," * 60_000) == OURS
    assert diversion(group(), "<" * 60_000) == OURS


# -- where the call has been ------------------------------------------------------------------------------------------


def test_the_groups_that_a_caller_overflowed_from_stand_below_ours_the_last_first_each_with_its_reason() -> None:
    trail = (
        Visit("701@example.org", Outcome.NO_ANSWER),
        Visit("702@example.org", Outcome.ALL_BUSY),
        Visit("703@example.org", Outcome.SERVICE_FAULT),
    )
    assert diversion(group(), "<sip:1@a>", trail) == (
        f"{OURS}, <sip:703@example.org>;reason=unknown;privacy=off;screen=no, "
        "<sip:702@example.org>;reason=user-busy;privacy=off;screen=no, "
        "<sip:701@example.org>;reason=no-answer;privacy=off;screen=no, <sip:1@a>"
    )


ON_THE_WAY = "<sip:1001@example.org>;index=1.9"


def test_no_name_makes_an_enterprise_originate_of_the_call() -> None:
    hostile = '":\u200b_:" <sip:1@a.b>;reason=unknown'
    assert ":_:" not in diversion(dataclasses.replace(group(), name=":_:_:"), hostile)


@pytest.mark.parametrize("their", ["", "<sip:100@example.org>;reason=no-answer", "nonsense"])
def test_a_call_of_ours_is_known_by_either_header_whatever_was_there_before(their: str) -> None:
    assert names_group("700", "example.org", diversion(group(), their), "")
    assert names_group("700", "example.org", "", f"{history_info(group(), their)}, {ON_THE_WAY}")


def test_a_call_of_ours_is_known_after_other_groups_and_proxies_have_put_theirs_on_top() -> None:
    on_top = ", ".join(f'"Gruppe {n}" <sip:80{n}@example.org>;reason=unconditional' for n in range(KEPT_MAX - 1))
    assert names_group("700", "example.org", f"{on_top}, {diversion(group(), '')}", "")


@pytest.mark.parametrize(
    "entry",
    [
        "sip:700@example.org;reason=no-answer",
        "<sip:700@EXAMPLE.org>;reason=no-answer",
        "<sip:700@example.org;user=phone>;reason=no-answer",
        '"x, <sip:1@a>" <sip:700@example.org>',
    ],
)
def test_what_a_phone_or_proxy_makes_of_our_entry_is_still_ours(entry: str) -> None:
    assert names_group("700", "example.org", entry, "")


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "<sip:700@other.example>;reason=no-answer",
        "<sip:7000@example.org>",
        "<sip:1700@example.org>",
        "<sip:700@example.org.evil.example>",
        '"sip:700@example.org" <sip:1@a>',
        '<sip:1@a>;reason=unknown;x="sip:700@example.org"',
        "<tel:700>",
        "700@example.org",
    ],
)
def test_a_call_that_was_elsewhere_is_not_taken_for_one_of_ours(entry: str) -> None:
    assert not names_group("700", "example.org", entry, entry)


@pytest.mark.parametrize("number", ["*21#", "+493012345", "0"])
def test_a_group_with_any_number_knows_its_own_calls(number: str) -> None:
    ours = dataclasses.replace(group(), number=number)
    assert names_group(number, "example.org", diversion(ours, ""), "")
    assert names_group(number, "example.org", "", f"{history_info(ours, '')}, {ON_THE_WAY}")


def test_where_a_call_goes_now_says_nothing_of_where_it_was() -> None:
    assert not names_group("700", "example.org", "", f"{ON_THE_WAY}, <sip:700@example.org>;index=1.2")


@given(st.text(alphabet="<>sip:@;=\"\\,~^$%{}[]|'ab1. \r\n_", max_size=80))
def test_whatever_came_looking_for_the_group_raises_nothing(text: str) -> None:
    assert not names_group("700", "example.org", text, text)


@given(st.text(alphabet="<>sip:@;=\"\\,~^$%{}[]|'ab1. \r\n_", max_size=80))
def test_whatever_came_no_syntax_of_the_dial_string_is_kept(text: str) -> None:
    for header in (diversion(group(), text), history_info(group(), text)):
        assert not set(header) & set("~^$%{}[]|'\\\r\n")
        assert ":_:" not in header
