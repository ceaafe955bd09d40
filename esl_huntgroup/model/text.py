"""PURE: text for people: numbers with their word, names in one form, and nothing that a terminal would obey."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from typing import Final

_JOINERS: Final = frozenset("\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}") | frozenset(
    map(chr, range(0xE0020, 0xE0080))
)
"""What holds letters of some scripts, families and flags of emoji together; nothing obeys it."""
_EMOJI: Final = range(0x1F000, 0x1FC00)
"""Where every version of Unicode adds emoji, which an older Python does not know."""


def counted(number: int, one: str, many: str = "") -> str:
    """
    Return the number with the words for one, or those for any other number; without ``many`` an ``s`` makes them.

    ``counted(1, "record waits", "records wait")`` is ``1 record waits``. Raises nothing.
    """
    return f"{number} {one if number == 1 else many or one + 's'}"


def accepted(words: Collection[str]) -> str:
    """Return ``A is accepted`` for one word, ``A, B are accepted`` for others, in their order. Raises nothing."""
    return f"{', '.join(words)} {'is' if len(words) == 1 else 'are'} accepted"


def normal_name(text: str) -> str:
    """
    Return the text in the one Unicode form that names have in the database (NFC).

    A keyboard, a file of macOS or a mail may have written "ü" as "u" and an accent. Raises nothing.
    """
    return unicodedata.normalize("NFC", text)


def folded(text: str) -> str:
    """
    Return the text as a search compares it: without capitals and accents.

    "Müller", "MÜLLER" and "muller" are one, and so are "Groß" and "GROSS". Raises nothing.
    """
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in apart if not unicodedata.combining(char)).casefold()


def shortened(text: str, most: int) -> str:
    """Return at most so many characters of the text, its beginning and its end; a sentence has its point there."""
    if len(text) <= most:
        return text
    tail = most // 3
    return f"{text[: most - tail - 5]} ... {text[-tail:]}"


def clean(text: str) -> str:
    """Return the text without anything that a terminal would obey: control and formatting characters."""
    if text.isprintable():
        return text
    return "".join(map(_harmless, text))


def is_harmless(char: str) -> bool:
    """
    Return whether a character is text, and no terminal, log or phone would obey it.

    Control characters, line breaks, and what turns the direction of the text are not.
    """
    return char.isprintable() or char in _JOINERS or ord(char) in _EMOJI


def _harmless(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Zs":
        return " "
    if category == "Cf":
        return ""
    return char if char.isprintable() else "\N{REPLACEMENT CHARACTER}"
