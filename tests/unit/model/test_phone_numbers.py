"""A public number is the same in however many ways it is written; what is none equals only itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esl_huntgroup.model.phone_numbers import digits, e164, is_withheld, variants

BERLIN = "+49301234567"


@pytest.mark.parametrize(
    "written",
    [
        "+49301234567", "0049301234567", "49301234567", "0301234567", "+49 (0)30 1234567", "030/123 45 67",
        "030-1234567", "+49.30.1234567", " 0301234567 ", "030\u00a01234567",
    ],
)  # fmt: skip
def test_every_writing_of_a_number_is_the_same_number(written: str) -> None:
    assert e164(written, "DE") == BERLIN
    assert {"+49301234567", "49301234567", "0049301234567", "0301234567", written.strip()} == set(
        variants(written, "DE")
    )
    assert variants(written, "DE")[0] == written.strip()


@pytest.mark.parametrize(
    ("written", "country", "number"),
    [
        ("08151368560", "DE", "+498151368560"),
        ("0815136856100", "DE", "+49815136856100"),
        ("015112345678", "DE", "+4915112345678"),
        ("+4315112345", "DE", "+4315112345"),
        ("004315112345", "DE", "+4315112345"),
        ("015112345", "AT", "+4315112345"),
        ("0049301234567", "AT", BERLIN),
        ("2125551234", "US", "+12125551234"),
        ("12125551234", "US", "+12125551234"),
        ("01149301234567", "US", BERLIN),
        ("912345678", "ES", "+34912345678"),
        ("0612345678", "IT", "+390612345678"),
        ("0612345678", "FR", "+33612345678"),
        ("02079460000", "GB", "+442079460000"),
        ("84951234567", "RU", "+74951234567"),
    ],
)
def test_the_country_says_what_a_number_without_a_country_code_is(written: str, country: str, number: str) -> None:
    assert e164(written, country) == number
    assert number in variants(written, country)


@pytest.mark.parametrize(
    "written",
    ["101", "71234", "301234567", "110", "0", "00", "*21#", "49", "anna", "0800FLOWERS", "+999123456789", "+"],
)
def test_what_is_no_public_number_equals_itself_alone(written: str) -> None:
    assert e164(written, "DE") == ""
    assert variants(written, "DE") == (written,)


@pytest.mark.parametrize("written", ["", " ", "anonymous", "Anonymous", "unknown", "Restricted", "unavailable"])
def test_a_number_that_is_withheld_equals_nothing(written: str) -> None:
    assert is_withheld(written)
    assert e164(written, "DE") == ""
    assert variants(written, "DE") == ()


def test_variants_of_a_foreign_number_have_no_national_one() -> None:
    assert variants("+4315112345", "DE") == ("+4315112345", "4315112345", "004315112345")


def test_digits_are_what_is_left_of_a_written_number() -> None:
    assert digits("+49 (30) 123-4") == "+49301234"
    assert digits("12a") == ""
    assert digits("٠٣٠١") == ""


@given(st.text(max_size=40), st.sampled_from(["DE", "US", "IT", "XX"]))
def test_nothing_that_a_caller_writes_raises(text: str, country: str) -> None:
    found = e164(text, country)
    assert found == "" or (found[0] == "+" and found[1:].isdecimal() and len(found) <= 32)
    assert len(set(variants(text, country))) == len(variants(text, country))
