"""PURE: server-sent events, as the HTML standard writes them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

HEARTBEAT: Final = b":\n\n"
END: Final = b"\n"
"""What ends an event."""

_LINE_END: Final = re.compile(r"\r\n|\r|\n")


def event(name: str, data: str = "") -> bytes:
    """Return an event without its end. However many lines the data has, and whoever wrote them, they stay data."""
    lines = "".join(f"data: {line}\n" for line in _LINE_END.split(data))
    return f"event: {name}\n{lines}".encode("utf-8", "replace")


def at(position: object) -> bytes:
    """Return what ends an event, or stands alone: whoever has got it goes on from this position."""
    return f"id: {position}\n\n".encode("ascii")


def batch(events: Iterable[bytes], position: object) -> Iterator[bytes]:
    """Give the pieces of some events, of which the last one has the position; without any, the position alone."""
    before = b""
    for one in events:
        if before:
            yield END
        yield one
        before = one
    yield at(position)


def head(retry_ms: int) -> bytes:
    """Return the begin of a stream: when a browser comes again after its end."""
    return f"retry: {retry_ms}\n\n".encode("ascii")
