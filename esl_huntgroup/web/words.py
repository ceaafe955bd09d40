"""
The words of the page in the languages that people read: gettext catalogues, compiled when the process starts.

What is written in templates and Python is English; ``locale/de/LC_MESSAGES/messages.po`` has the German for it, and a
test has every message translated. The language belongs to the thread or greenlet that speaks: ``speaking`` sets it.
"""

from __future__ import annotations

import contextlib
import functools
import io
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Final

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

LANGUAGES: Final = {"de": "Deutsch", "en": "English"}
"""What people can choose, each in its own words."""
SOURCE: Final = "en"
"""The language of the program itself, which needs no catalogue."""
CATALOGUES: Final = Path(__file__).parent / "locale"

_language: ContextVar[str] = ContextVar("language", default=SOURCE)


@functools.cache
def translations(language: str) -> NullTranslations:
    """Return the catalogue of a language; that of the source says what it is told."""
    if language == SOURCE:
        return NullTranslations()
    with (CATALOGUES / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


def language() -> str:
    """Return the language that is spoken now."""
    return _language.get()


def speak(language: str) -> None:
    """Speak this language from now on, in this thread or greenlet."""
    _language.set(language)


@contextlib.contextmanager
def speaking(language: str) -> Iterator[None]:
    """Speak this language, and then the one of before again."""
    token = _language.set(language)
    try:
        yield
    finally:
        _language.reset(token)


def gettext(message: str) -> str:
    """Return a message in the language that is spoken now."""
    said: str = translations(language()).ugettext(message)
    return said


def ngettext(singular: str, plural: str, number: int) -> str:
    """Return the message for this number of things."""
    said: str = translations(language()).ungettext(singular, plural, number)
    return said


def pgettext(context: str, message: str) -> str:
    """Return a message that means something else elsewhere."""
    said: str = translations(language()).upgettext(context, message)
    return said


def npgettext(context: str, singular: str, plural: str, number: int) -> str:
    """Return the message for this number of things, of one that means something else elsewhere."""
    said: str = translations(language()).unpgettext(context, singular, plural, number)
    return said


_ = gettext
