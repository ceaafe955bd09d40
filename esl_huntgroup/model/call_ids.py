"""
PURE: the ids of group calls as people write them.

An id is a UUID of version 7 and begins with the milliseconds at which the call arrived. Its short form is these
milliseconds in letters and digits, eight characters for the next decades; two calls of one millisecond share it.
"""

from __future__ import annotations

import re
from typing import Final

_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_SHORT: Final = re.compile(r"[a-z][0-9a-z]{7}", re.ASCII)
_MS_MAX: Final = (1 << 48) - 1


def is_call_id(text: str) -> bool:
    """Return whether the text, in lower case, is a whole id."""
    return _ID.fullmatch(text) is not None


def is_short(text: str) -> bool:
    """Return whether the text, in lower case, can be a short id."""
    return _SHORT.fullmatch(text) is not None


def arrived_at_ms(call_id: str) -> int:
    """Return the milliseconds with which an id begins."""
    return int(call_id[:8] + call_id[9:13], 16)


def short(call_id: str) -> str:
    """Return the short form of an id."""
    ms, found = arrived_at_ms(call_id), ""
    while ms:
        ms, digit = divmod(ms, len(_DIGITS))
        found = _DIGITS[digit] + found
    return found.rjust(8, "0")


def bounds(short_id: str) -> tuple[str, str]:
    """Return the first and the last id that have this short form."""
    ms = int(short_id, len(_DIGITS))
    return first_at(ms), last_at(ms)


def first_at(ms: int) -> str:
    """Return what sorts before every id of this millisecond and later."""
    text = f"{min(max(ms, 0), _MS_MAX):012x}"
    return f"{text[:8]}-{text[8:]}-0000-0000-000000000000"


def last_at(ms: int) -> str:
    """Return what sorts behind every id of this millisecond and earlier."""
    return first_at(ms)[:13] + "-ffff-ffff-ffffffffffff"
