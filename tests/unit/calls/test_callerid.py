"""The caller's name and number, as phones may see them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esl_huntgroup.calls.callerid import NAME_MAX_CHARS, display_name, number


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("Anna Müller-Berg", "Anna Müller-Berg"),
        ("Καλλιόπη", "Καλλιόπη"),
        ("नमस्ते", "नमस्ते"),
        ("Sales: Alice/x@y", "Sales Alice x y"),
        ('Alice "X" \\', "Alice X"),
        ("A\nUnique-ID: evil", "A Unique-ID evil"),
        ("${system(touch pwned)}", "system(touch pwned)"),
        ("<sip:x>;reason=y", "sip x reason y"),
        ("~^[]{}|'%", ""),
        ("", ""),
    ],
)
def test_letters_stay_and_syntax_becomes_a_blank(sent: str, shown: str) -> None:
    assert display_name(sent) == shown


@given(st.text())
def test_no_name_has_a_character_that_mod_sofia_cuts_at(text: str) -> None:
    shown = display_name(text)
    assert not set(shown) & set(":/@\"'\\<>;=,\n\r~^[]{}|$%") - {","}
    assert len(shown) <= NAME_MAX_CHARS
    assert shown == shown.strip()
    assert display_name(shown) == shown


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("+49 30 12345", "+493012345"), ("anonymous", "anonymous"), ("1000@evil/x:y", "1000evilxy"), ("٣", "")],
)
def test_a_number_keeps_what_is_in_numbers(sent: str, kept: str) -> None:
    assert number(sent) == kept
