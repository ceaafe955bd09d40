"""
PURE: the caller's name and number, fit to be shown by a phone and to pass through mod_sofia unharmed.

mod_sofia writes the display name into From without escaping, and cuts name and number at ``:``, ``/`` and ``@``
(mod_sofia.c, switch_sanitize_number). What it would cut or break at becomes a blank here.
"""

from __future__ import annotations

import re
import unicodedata

NAME_MAX_CHARS = 80
NUMBER_MAX_CHARS = 64

_HARMLESS = frozenset(" .,_+-#&()*!?")
_NOT_IN_NUMBER = re.compile(r"[^A-Za-z0-9+*#_.-]", re.ASCII)
_PLAIN_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.,_+#&()*!?-]| (?=[^ ])){,79}", re.ASCII)
"""A name that is as it should be already, as most are."""
_BLANKS = re.compile(r" +")


def display_name(text: str) -> str:
    """
    Return the name with letters of any script kept and everything that could be syntax replaced by a blank.

    Empty when nothing harmless is left.
    """
    if _PLAIN_NAME.fullmatch(text):
        return text
    kept = "".join(char if char in _HARMLESS or _is_letter(char) else " " for char in text[: 4 * NAME_MAX_CHARS])
    return _BLANKS.sub(" ", kept).strip()[:NAME_MAX_CHARS].strip()


def number(text: str) -> str:
    """Return the number, or user name, without any character that a dial string or a SIP URI could trip over."""
    return _NOT_IN_NUMBER.sub("", text[: 4 * NUMBER_MAX_CHARS])[:NUMBER_MAX_CHARS]


def _is_letter(char: str) -> bool:
    """Whether this is a letter, a digit or a mark that belongs to one (an Indic vowel sign, say)."""
    return unicodedata.category(char)[0] in "LNM"
