"""
PURE: messages between the service and its processes: JSON, one message a packet.

What a type does not say is refused when it is read, so that a mistake shows where it is made.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final, TypeVar, get_origin

import msgspec

BYTES_MAX: Final = 1 << 16
"""No message is longer; the reader of a packet has to know."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Leave:
    """The process is to finish what it has in hand, and to end; where it is told, after so many seconds at most."""

    limit_s: float | None = None


def encode(message: Any) -> bytes:
    """
    Return a dataclass as JSON.

    In ASCII: a path that is not UTF-8 has half characters, which no JSON in UTF-8 can hold.
    """
    return json.dumps(msgspec.to_builtins(message)).encode("ascii")


def decode(data: bytes, kind: type[T]) -> T:
    """Return the dataclass that was encoded. Raises ValueError for anything else."""
    return msgspec.convert(json.loads(data), kind, dec_hook=_counter)


def _counter(kind: Any, value: Any) -> Any:
    """Return a mapping as the Counter that it was."""
    if get_origin(kind) is not Counter:
        raise NotImplementedError(f"messages have no {kind}")
    return Counter(value)
