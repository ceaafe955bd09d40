"""PURE: text for people: numbers with the word that belongs to them, and nothing that a terminal would obey."""

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
