"""Every message of the page is there in German, with the same places, and nothing else is."""

from __future__ import annotations

import re

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
        assert words.gettext("missed") == "verpasst"
        assert words.language() == "de"
        with words.speaking("en"):
            assert words.gettext("missed") == "missed"
    assert words.language() == words.SOURCE
