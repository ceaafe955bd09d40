"""
PURE: what Kamailio tells by itself: that a phone has registered at a line (``kamailio/late-registration.cfg``).

Its module ``evapi`` sends netstrings, ``33:registered 1001@pbx.example.org,``. Whatever else the site relays to its
evapi clients comes here, too, and is passed over. A line is told by what the phone wrote into the To header.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from esl_huntgroup.errors import ProtocolError
from esl_huntgroup.registrars.lookups import AOR

NOTICE_MAX_BYTES: Final = 65_535
"""Longer ones are none of evapi."""

_HEAD = re.compile(rb"(0|[1-9][0-9]{0,4}):", re.ASCII)
_HEAD_MAX_BYTES: Final = 6
_REGISTERED: Final = b"registered "


class Listening(NamedTuple):
    """A connection is there (again): what comes from now on is told, what was before it may have been missed."""


class LineRegistered(NamedTuple):
    """A line has a contact that it did not have before. ``address`` is ACCOUNT@DOMAIN, in lower case."""

    address: str

    @property
    def account(self) -> str:
        """The part before the domain: a phone may name its registrar by another name than we do."""
        return self.address.partition("@")[0]


Notice = Listening | LineRegistered


class NoticeReader:
    """Cuts a stream into notices."""

    def __init__(self) -> None:
        """Begin with nothing received."""
        self._data = bytearray()

    def receive(self, data: bytes) -> Iterator[LineRegistered]:
        """Yield what is complete by now. Raises ProtocolError for what is no netstring; there is no way on then."""
        self._data += data
        while (payload := self._next()) is not None:
            if notice := _read(payload):
                yield notice

    def _next(self) -> bytes | None:
        head = _HEAD.match(self._data)
        if head is None:
            if len(self._data) >= _HEAD_MAX_BYTES or not _may_be_head(self._data):
                raise ProtocolError(f"what comes is no netstring: {bytes(self._data[:40])!r}")
            return None
        length, begin = int(head[1]), head.end()
        if length > NOTICE_MAX_BYTES:
            raise ProtocolError(f"a netstring has more than {NOTICE_MAX_BYTES} bytes")
        if len(self._data) <= begin + length:
            return None
        if self._data[begin + length] != ord(","):
            raise ProtocolError(f"a netstring does not end where it says: {bytes(self._data[:40])!r}")
        payload = bytes(self._data[begin : begin + length])
        del self._data[: begin + length + 1]
        return payload


def _may_be_head(data: bytearray) -> bool:
    return not data or bytes(data).isdigit()


def _read(payload: bytes) -> LineRegistered | None:
    if not payload.startswith(_REGISTERED):
        return None
    address = payload.removeprefix(_REGISTERED).decode("latin-1")
    account, at, domain = address.partition("@")
    if not (account and at and domain) or not AOR.fullmatch(address):
        return None  # a line that nobody can ask for
    return LineRegistered(address.lower())
