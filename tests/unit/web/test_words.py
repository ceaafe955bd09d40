"""Every message of the page is there in German, with the same places, and nothing else is."""

from __future__ import annotations

import re

from esl_huntgroup.journal.words import WORDS
from esl_huntgroup.model.call_state import CallState
from esl_huntgroup.model.outcome import EntryKind, How, Outcome
from esl_huntgroup.web import words
from tests.unit.web.catalogue import german, messages

PLACE = re.compile(r"%(?:\(\w+\))?[a-z]")


def text(message: object) -> list[str]:
    return [message] if isinstance(message, str) else list(message)  # type: ignore[call-overload]


def test_every_message_is_translated() -> None:
    translated = {message.id for message in german() if all(text(message.string)) and not message.fuzzy}
    wanted = {message.id for message in messages() if message.id}
    assert len(wanted) > 150
    assert wanted - translated == set(), "python -m tests.unit.web.catalogue adds them; translate them there"


def test_nothing_is_translated_that_is_said_nowhere() -> None:
    wanted = {message.id for message in messages()}
    assert {message.id for message in german() if message.id} - wanted == set()


def test_a_translation_has_the_places_of_its_message() -> None:
    for message in german():
        if message.id:
            assert sorted(PLACE.findall(text(message.string)[-1])) == sorted(PLACE.findall(text(message.id)[-1]))


def test_what_is_said_is_said_in_the_language_that_is_spoken() -> None:
    with words.speaking("de"):
        assert words.gettext("still talking") == "noch im Gespräch"
        assert words.language() == "de"
        with words.speaking("en"):
            assert words.gettext("still talking") == "still talking"
    assert words.language() == words.SOURCE


def test_how_a_call_went_is_said_in_every_language_of_the_page() -> None:
    """In the words of the terminal: they stand once, and not in the catalogue."""
    assert WORDS.keys() == words.LANGUAGES.keys()
    for its in WORDS.values():
        assert (set(its.kinds), set(its.outcomes), set(its.handled)) == (set(EntryKind), set(Outcome), set(How))
        assert set(its.states) == set(CallState) - {CallState.ENDED}
        assert [text.count("%s") for text in (its.spoken_with, *its.handled.values())] == [1] * (1 + len(How))
