"""Whose line a channel is: nobody is rung by their own call, and nobody from outside takes a line for their own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esl_huntgroup.calls.own_lines import REFERRED_BY_MAX_CHARS, line_of, transferred_by
from tests.unit.examples import DOMAIN


def channel(**values: str) -> Callable[[str], str | None]:
    """Return a channel with these variables; ``direction`` is Call-Direction."""
    named = {f"variable_{name}": value for name, value in values.items() if name != "direction"}
    return {**named, "Call-Direction": values.get("direction", "inbound")}.get


def test_a_caller_who_has_authenticated_is_the_user_whatever_stands_in_from() -> None:
    anna = channel(user_name="1001", domain_name="Example.ORG", sip_from_user="1002", sip_from_host=DOMAIN)
    assert line_of(anna, DOMAIN) == f"1001@{DOMAIN}"


def test_a_user_without_a_domain_is_of_the_groups() -> None:
    assert line_of(channel(user_name="1001"), DOMAIN) == f"1001@{DOMAIN}"


def test_a_user_of_another_domain_has_the_line_there() -> None:
    assert line_of(channel(user_name="1001", domain_name="other.example"), DOMAIN) == "1001@other.example"


def test_without_authentication_the_from_of_our_own_domain_is_believed() -> None:
    assert line_of(channel(sip_from_user="1001", sip_from_host="EXAMPLE.org"), DOMAIN) == f"1001@{DOMAIN}"


@pytest.mark.parametrize("host", ["example.com", "sub.example.org", "192.0.2.1", ""])
def test_a_from_of_elsewhere_is_nobodys_line(host: str) -> None:
    assert line_of(channel(sip_from_user="1001", sip_from_host=host), DOMAIN) == ""


@pytest.mark.parametrize(
    ("values", "address"),
    [
        ({"presence_id": "1002@example.org", "dialed_user": "9", "sip_to_user": "8"}, f"1002@{DOMAIN}"),
        ({"presence_id": "1002@other.example"}, "1002@other.example"),
        ({"dialed_user": "1002", "dialed_domain": "other.example", "sip_to_user": "8"}, "1002@other.example"),
        ({"dialed_user": "1002"}, f"1002@{DOMAIN}"),
        ({"sip_to_user": "1002"}, f"1002@{DOMAIN}"),
        ({"user_name": "1001", "sip_from_user": "1001", "sip_from_host": DOMAIN}, ""),
    ],
)
def test_a_channel_that_the_switch_has_called_is_the_line_of_who_was_called(
    values: dict[str, str], address: str
) -> None:
    assert line_of(channel(direction="outbound", **values), DOMAIN) == address


@pytest.mark.parametrize("account", ["a b", "x'y", "${system(id)}", "", "1" * 65])
def test_what_can_be_no_account_is_nobodys_line(account: str) -> None:
    assert line_of(channel(user_name=account), DOMAIN) == ""
    assert line_of(channel(direction="outbound", presence_id=f"{account}@{DOMAIN}"), DOMAIN) == ""


def test_a_domain_that_is_none_is_nobodys() -> None:
    assert line_of(channel(user_name="1001", domain_name="a b"), DOMAIN) == ""


@pytest.mark.parametrize(
    "header",
    [
        "<sip:1001@127.0.0.1>",
        "sip:1001@10.1.2.3:5060",
        '"Anna Berg" <sips:1001@pbx.example;user=phone>;cid="x@y"',
        "sip:1001@example.org;tag=1",
    ],
)
def test_who_sent_the_caller_here_is_the_user_in_referred_by_whatever_the_host(header: str) -> None:
    assert transferred_by(channel(**{"sip_h_Referred-By": header}), DOMAIN) == f"1001@{DOMAIN}"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "tel:+4930",
        "<sip:example.org>",
        "<sip:a b@example.org>",
        "<sip:x'y@example.org>",
        "x" * REFERRED_BY_MAX_CHARS + "<sip:1001@example.org>",
    ],
)
def test_a_referred_by_without_a_user_is_nobodys(header: str) -> None:
    assert transferred_by(channel(**{"sip_h_Referred-By": header}), DOMAIN) == ""


def test_who_was_not_transferred_was_sent_by_nobody() -> None:
    assert transferred_by(channel(), DOMAIN) == ""


def test_a_long_hostile_header_is_read_in_no_time() -> None:
    assert transferred_by(channel(**{"sip_h_Referred-By": "sip:" * 60_000}), DOMAIN) == ""


@given(st.text(max_size=80), st.text(max_size=40))
def test_whatever_a_phone_writes_nothing_raises(user: str, host: str) -> None:
    for direction in ("inbound", "outbound"):
        found = line_of(channel(direction=direction, user_name=user, domain_name=host, presence_id=user), DOMAIN)
        assert found == "" or found.count("@") == 1
    assert transferred_by(channel(**{"sip_h_Referred-By": user}), DOMAIN).count("@") <= 1
