"""
PURE: the caller's name and number: as they are for the journal, and as a phone can be shown them.

A dial string has characters that mean something in it (``calls.dialstring``), and mod_sofia writes the display name
into From without escaping, cuts name and number at ``:``, ``/`` and ``@`` (switch_utils.h, switch_sanitize_number) and
decodes ``%`` (mod_sofia.h, check_decode). A name with such a character keeps its look: the nearest one that means
nothing to anybody stands there instead. Everything else stays as the caller wrote it.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from esl_huntgroup.model.text import is_harmless
from esl_huntgroup.registrars.contacts import ENTERPRISE

NAME_MAX_CHARS: Final = 80
NAME_KEPT_MAX_CHARS: Final = 128
"""What the journal has room for."""
NUMBER_MAX_CHARS: Final = 64
NOBODY: Final = "anonymous"
"""The user part of a caller who withholds the number (RFC 3323, 4.1.1.3)."""

_FULL_WIDTH: Final = 0xFEE0
"""From a character of ASCII to its full-width form (Unicode, U+FF01 to U+FF5E)."""
_IN_A_QUOTED_STRING: Final = {
    "'": "\N{RIGHT SINGLE QUOTATION MARK}",
    '"': "\N{RIGHT DOUBLE QUOTATION MARK}",
    "`": "\N{LEFT SINGLE QUOTATION MARK}",
    "\\": "\N{SET MINUS}",
    "~": "\N{TILDE OPERATOR}",
    "<": "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}",
    ">": "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}",
} | {char: chr(ord(char) + _FULL_WIDTH) for char in "$%[]^{|}"}
_IN_FROM: Final = _IN_A_QUOTED_STRING | {
    "/": "\N{DIVISION SLASH}",
    ":": "\N{RATIO}",
    "@": chr(ord("@") + _FULL_WIDTH),
}
_FOR_HEADER: Final = str.maketrans(_IN_A_QUOTED_STRING)
_FOR_FROM: Final = str.maketrans(_IN_FROM)

_NOT_IN_NUMBER = re.compile(r"[^A-Za-z0-9+*#_.-]", re.ASCII)
_PLAIN_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.,_+#&()*!?;=-]| (?=[^ ])){,79}", re.ASCII)
"""A name that is as it should be already, as most are."""
_BLANKS = re.compile(r" +")


class CallerId(NamedTuple):
    """Who calls. Empty is what there is none of."""

    name: str = ""
    number: str = ""


def name(text: str) -> str:
    """Return the name whole, but for what a terminal or a log would obey: control characters and the like."""
    if _PLAIN_NAME.fullmatch(text):
        return text
    kept = "".join(map(_kept, text[: 4 * NAME_KEPT_MAX_CHARS]))
    return _BLANKS.sub(" ", kept).strip()[:NAME_KEPT_MAX_CHARS].strip()


def display_name(text: str) -> str:
    """Return the name as it can stand in From, with the nearest character for each that would be syntax there."""
    return name(text).translate(_FOR_FROM)[:NAME_MAX_CHARS].strip()


def header_name(text: str) -> str:
    """
    Return the name as it can stand between the quotes of a header that mod_sofia sends as it is.

    ENTERPRISE is broken up: it means something wherever it stands in a dial string.
    """
    return name(text).translate(_FOR_HEADER).replace(ENTERPRISE, "∶_∶")[:NAME_MAX_CHARS].strip()


def number(text: str) -> str:
    """Return the number, or user name, without any character that a dial string or a SIP URI could trip over."""
    return _NOT_IN_NUMBER.sub("", text[: 4 * NUMBER_MAX_CHARS])[:NUMBER_MAX_CHARS]


def on_phones(caller: CallerId) -> CallerId:
    """
    Return what the phones are shown of a caller, of whom this is what the switch would send by itself.

    The number stands for a name of which nothing harmless is left, and NOBODY for such a number. Without a number
    none is set, as the switch has none then.
    """
    shown = number(caller.number) or (NOBODY if caller.number else "")
    return CallerId(display_name(caller.name) or shown, shown)


def _kept(char: str) -> str:
    if is_harmless(char):
        return char
    return " " if char.isspace() or char < " " else ""
