"""PURE: what ``uuid_dump UUID json`` says of a channel, with the names that events use."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping


def read_dump(text: str) -> Mapping[str, str]:
    """Return the values of a channel by name; nothing for what is no JSON object, such as ``-ERR No such channel``."""
    with contextlib.suppress(ValueError, RecursionError):
        found = json.loads(text, strict=False)  # not msgspec: FreeSWITCH escapes no control characters
        if isinstance(found, dict):
            return {name: _text(value) for name, value in found.items()}
    return {}


def _text(value: object) -> str:
    """Return a value as events write it: what JSON has as a list stands there in one line."""
    return "ARRAY::" + "|:".join(map(str, value)) if isinstance(value, list) else str(value)
