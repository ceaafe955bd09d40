"""The caller's name and number, as phones may see them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esl_huntgroup.calls.callerid import NAME_MAX_CHARS, CallerId, display_name, header_name, name, number, on_phones

FAMILY = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}"
ENGLAND = "\N{WAVING BLACK FLAG}\N{TAG LATIN SMALL LETTER G}\N{TAG LATIN SMALL LETTER B}\N{CANCEL TAG}"
NEWER_THAN_PYTHON = "\U0001fae8"
PERSIAN = "می\N{ZERO WIDTH NON-JOINER}خواهم"


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("Anna Müller-Berg", "Anna Müller-Berg"),
        ("Καλλιόπη", "Καλλιόπη"),
        ("नमस्ते", "नमस्ते"),
        ("O'Neil", "O’Neil"),
        ("A/B", "A∕B"),
        ("Sales: Alice/x@y", "Sales∶ Alice∕x＠y"),
        ('Alice "X" \\', "Alice ”X” ∖"),
        ("A\nUnique-ID: evil", "A Unique-ID∶ evil"),
        ("${system(touch pwned)}", "＄｛system(touch pwned)｝"),
        ("<sip:x>;reason=y", "‹sip∶x›;reason=y"),
        ("~^[]{}|'%`", "∼＾［］｛｝｜’％‘"),
        ("M&M's; 1+1=2 #3 (*) !?", "M&M’s; 1+1=2 #3 (*) !?"),
        ("Zoë 🚀 €5 “x” 100 °C", "Zoë 🚀 €5 “x” 100 °C"),
        (FAMILY, FAMILY),
        (ENGLAND, ENGLAND),
        (NEWER_THAN_PYTHON, NEWER_THAN_PYTHON),
        (PERSIAN, PERSIAN),
        ("\x00\x1b\u202e", ""),
        ("", ""),
    ],
)
def test_a_phone_is_shown_the_nearest_character_for_each_that_is_syntax(sent: str, shown: str) -> None:
    assert display_name(sent) == shown


@pytest.mark.parametrize("text", ["O'Neil", "A/B", 'Alice "X" \\', "${x}|[y]~", FAMILY, ENGLAND, PERSIAN, "x" * 128])
def test_the_journal_keeps_a_name_whole(text: str) -> None:
    assert name(text) == text


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("a\nb\r\nc\td", "a b c d"),
        ("a\x1b[31mb\x00\x7f", "a [31mb"),
        ("a\x85b\u2028c\u2029d\xa0e", "a b c d e"),
        ("\u202egnp.exe\u202c \u2066x\u2069 \u200e\u200f\u061c\ufeff", "gnp.exe x"),
        ("a\ud800b", "ab"),
    ],
)
def test_what_a_terminal_or_a_log_would_obey_is_in_no_name(sent: str, kept: str) -> None:
    assert name(sent) == kept


def test_in_a_header_that_nobody_cuts_more_of_a_name_can_stay() -> None:
    assert header_name("Ein-/Verkauf: 'Süd' @ \"2\"") == "Ein-/Verkauf: ’Süd’ @ ”2”"


@given(st.text())
def test_no_name_has_a_character_that_mod_sofia_cuts_at(text: str) -> None:
    shown = display_name(text)
    assert not set(shown) & set(":/@\"'\\<>\n\r~^[]{}|$%`")
    assert len(shown) <= NAME_MAX_CHARS
    assert shown == shown.strip()
    assert display_name(shown) == shown


@pytest.mark.parametrize(
    ("caller", "shown"),
    [
        (CallerId("Karl", "+4930"), CallerId("Karl", "+4930")),
        (CallerId("\x00", "+4930"), CallerId("+4930", "+4930")),
        (CallerId("\x00", "~"), CallerId("anonymous", "anonymous")),
        (CallerId("", "+4930"), CallerId("+4930", "+4930")),
        (CallerId("Karl", ""), CallerId("Karl", "")),
        (CallerId(), CallerId()),
    ],
)
def test_what_a_phone_cannot_be_shown_is_replaced_and_a_number_that_is_not_there_is_left_to_the_switch(
    caller: CallerId, shown: CallerId
) -> None:
    assert on_phones(caller) == shown


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("+49 30 12345", "+493012345"), ("anonymous", "anonymous"), ("1000@evil/x:y", "1000evilxy"), ("٣", "")],
)
def test_a_number_keeps_what_is_in_numbers(sent: str, kept: str) -> None:
    assert number(sent) == kept
