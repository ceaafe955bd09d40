"""PURE: ``${…}`` in arguments (switch_channel_expand_variables): what makes foreign text dangerous."""

from __future__ import annotations

import re
from collections.abc import Callable

_CALL = re.compile(r"([A-Za-z0-9_]+)\((.*)\)", re.DOTALL)
_BRACES = re.compile(r"[{}]")

Lookup = Callable[[str], str | None]
Call = Callable[[str, str], str]


def expand(text: str, lookup: Lookup, call: Call) -> str:
    """
    Replace ``${name}`` by the variable and ``${name(arguments)}`` by what the api command of that name answers.

    What is inside a reference is expanded before it. The result of a variable is expanded again, as in the real
    switch; that of an api command is not.
    """
    before, opened, rest = text.partition("${")
    end = _end(rest) if opened else -1
    if end < 0:
        return text
    inner = expand(rest[:end], lookup, call)
    found = _CALL.fullmatch(inner)
    value = call(found[1], found[2]) if found else expand(lookup(inner) or "", lookup, call)
    return before + value + expand(rest[end + 1 :], lookup, call)


def _end(text: str) -> int:
    """Return where the reference ends whose ``${`` stands before the text, -1 if nowhere."""
    depth = 1
    for brace in _BRACES.finditer(text):
        depth += 1 if brace[0] == "{" else -1
        if not depth:
            return brace.start()
    return -1
