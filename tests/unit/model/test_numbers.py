"""Numbers, domains and accounts have one normal form each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esl_huntgroup.errors import InputError
from esl_huntgroup.model.numbers import NUMBER_MAX_CHARS, normal_account, normal_domain, normal_number, stored_domain


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("700", "700"),
        (" +49 (30) 1234-56/7 ", "+493012345" + "67"),
        ("0700", "0700"),
        ("*21#", "*21#"),
        ("7.0.0", "700"),
        ("1" * NUMBER_MAX_CHARS, "1" * NUMBER_MAX_CHARS),
    ],
)
def test_a_number_loses_its_separators_and_nothing_else(text: str, number: str) -> None:
    assert normal_number(text) == number


@pytest.mark.parametrize("text", ["", " ", "-", "7OO", "+", "7+0", "++7", "1" * (NUMBER_MAX_CHARS + 1), "٧٠٠", "7\n0"])
def test_what_nobody_can_dial_is_refused(text: str) -> None:
    with pytest.raises(InputError) as refused:
        normal_number(text)
    assert str(refused.value) == (
        f"{text!r} is not a number: digits, '*', '#' and a leading '+' are accepted, at most 32 characters"
    )


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("Example.ORG", "example.org"),
        (" pbx. ", "pbx"),
        ("192.0.2.1", "192.0.2.1"),
        ("[2001:DB8::1]", "[2001:db8::1]"),
        ("a_b.example", "a_b.example"),
    ],
)
def test_a_domain_is_lower_case_without_a_trailing_dot(text: str, domain: str) -> None:
    assert normal_domain(text) == domain


@pytest.mark.parametrize("text", ["", ".", "a b", "a@b", "-a", "a-", "münchen.example", "[::1", "a" * 254, "a;b"])
def test_what_is_no_domain_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is not a domain"):
        normal_domain(text)


@pytest.mark.parametrize("text", ["", "a b", "a@b", "a,b", "a'b", "${x}", "a/b", "ä", "a" * 65])
def test_an_account_that_would_need_escaping_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is not a SIP account"):
        normal_account(text)


@given(st.text(max_size=40))
def test_a_normal_form_is_its_own_normal_form(text: str) -> None:
    for normal in (normal_number, normal_domain, normal_account):
        try:
            once = normal(text)
        except InputError:
            continue
        assert normal(once) == once


def test_an_ipv6_address_is_no_domain_to_store_because_brackets_are_syntax_where_it_is_dialled() -> None:
    with pytest.raises(InputError, match="brackets as syntax"):
        stored_domain("[2001:db8::1]")
    assert stored_domain("Example.ORG.") == "example.org"
