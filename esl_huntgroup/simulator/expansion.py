"""PURE: ``${…}`` in application arguments (switch_channel_expand_variables): what makes foreign text dangerous."""

from __future__ import annotations

import re
from collections.abc import Callable

_REFERENCE = re.compile(r"\$\{([^{}]*)\}")
_CALL = re.compile(r"([A-Za-z0-9_]+)\((.*)\)", re.DOTALL)

Lookup = Callable[[str], str | None]
Call = Callable[[str, str], str]


def expand(text: str, lookup: Lookup, call: Call) -> str:
    """
    Replace ``${name}`` by the variable and ``${name(arguments)}`` by what the api command of that name answers.

    The result of a variable is expanded again, as in the real switch; that of an api command is not.
    """

    def replaced(match: re.Match[str]) -> str:
        inner = match.group(1)
        if api := _CALL.fullmatch(inner):
            return call(api.group(1), api.group(2))
        return expand(lookup(inner) or "", lookup, call)

    return _REFERENCE.sub(replaced, text)
