"""PURE: numbers in sentences, with the word that belongs to them: ``1 call``, ``2 calls``."""

from __future__ import annotations

from collections.abc import Collection


def counted(number: int, one: str, many: str = "") -> str:
    """
    Return the number with the words for one, or those for any other number; without ``many`` an ``s`` makes them.

    ``counted(1, "record waits", "records wait")`` is ``1 record waits``. Raises nothing.
    """
    return f"{number} {one if number == 1 else many or one + 's'}"


def accepted(words: Collection[str]) -> str:
    """Return ``A is accepted`` for one word, ``A, B are accepted`` for others, in their order. Raises nothing."""
    return f"{', '.join(words)} {'is' if len(words) == 1 else 'are'} accepted"
