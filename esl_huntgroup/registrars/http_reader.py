"""
PURE: the answers of an HTTP server on one connection, one behind the other, from the bytes as the network cuts them.

Written by hand: what is asked here is pipelined, which neither ``requests`` nor h11 does for a client, and Kamailio is
one server with one form of answer: a status line, header fields, and a body as long as ``Content-Length`` says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from esl_huntgroup.errors import ProtocolError

HEAD_MAX_BYTES: Final = 16_384
BODY_MAX_BYTES: Final = 1 << 20
"""A phone registers a thousand bytes; nobody has a thousand phones at one line."""

_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?\r\n", re.ASCII)
_LENGTH = re.compile(rb"\r\ncontent-length[ \t]*:[ \t]*([0-9]{1,9})[ \t]*(?=\r\n)", re.IGNORECASE)
_LAST = re.compile(rb"\r\nconnection[ \t]*:[ \t]*close[ \t]*\r\n", re.IGNORECASE)


class HttpReader:
    """Cuts a stream into status and body of each answer. ``is_last`` once the server has said that it closes."""

    def __init__(self) -> None:
        """Begin with nothing received."""
        self._data = bytearray()
        self.is_last = False

    def receive(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield what is complete by now. Raises ProtocolError for what is no such answer; there is no way on then."""
        self._data += data
        while (found := self._next()) is not None:
            yield found

    def _next(self) -> tuple[int, bytes] | None:
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            if len(self._data) > HEAD_MAX_BYTES:
                raise ProtocolError(f"the answer has a head of more than {HEAD_MAX_BYTES} bytes")
            return None
        head = bytes(self._data[: end + 4])
        status, lengths = _STATUS.match(head), _LENGTH.findall(head)
        if not status or len(set(lengths)) != 1:
            raise ProtocolError(f"the answer is not HTTP with a Content-Length: {head[:60].decode('latin-1')!r}")
        if int(lengths[0]) > BODY_MAX_BYTES:
            raise ProtocolError(f"the answer has more than {BODY_MAX_BYTES} bytes")
        whole = len(head) + int(lengths[0])
        if len(self._data) < whole:
            return None
        body = bytes(self._data[len(head) : whole])
        del self._data[:whole]
        self.is_last = self.is_last or bool(_LAST.search(head))
        return int(status[1]), body
