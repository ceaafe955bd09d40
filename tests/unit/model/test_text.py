"""Sentences about one thing and about several."""

from __future__ import annotations

import pytest

from esl_huntgroup.model.text import accepted, counted


@pytest.mark.parametrize(
    ("number", "words", "text"),
    [
        (0, ("call",), "0 calls"),
        (1, ("call",), "1 call"),
        (2, ("call",), "2 calls"),
        (1, ("journal entry", "journal entries"), "1 journal entry"),
        (11, ("journal entry", "journal entries"), "11 journal entries"),
        (1, ("record waits", "records wait"), "1 record waits"),
        (2, ("record waits", "records wait"), "2 records wait"),
    ],
)
def test_a_number_has_the_words_that_belong_to_it(number: int, words: tuple[str, ...], text: str) -> None:
    assert counted(number, *words) == text


def test_one_word_is_accepted_and_several_are() -> None:
    assert accepted(["a"]) == "a is accepted"
    assert accepted(("a", "b")) == "a, b are accepted"
