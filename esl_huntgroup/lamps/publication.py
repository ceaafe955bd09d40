"""
PURE: the lamp of one group as a PUBLISH has it (RFC 3903): what is to be sent, and what an answer means.

A state expires after ``EXPIRES_S`` where nobody renews it, so that a service that dies leaves no lamp burning. One that
is not lit is never renewed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from esl_huntgroup.lamps.dialog_info import document
from esl_huntgroup.lamps.lamp import Lamp

EXPIRES_S: Final = 60
RENEW_S: Final = 25.0
CONDITION_FAILED: Final = 412
"""The server does not know what was published before: it was started anew, or it has expired."""

_STATUS = re.compile(r"SIP/2\.0 ([1-6]\d\d) ", re.ASCII)
_HEADERS = re.compile(
    r"^(sip-etag|cseq|call-id|i)\s*:[ \t]*([\x21-\x7e]{1,256})", re.ASCII | re.IGNORECASE | re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A final response to a PUBLISH; ``cseq`` is a number."""

    status: int
    call_id: str
    cseq: int
    etag: str


def answer(data: bytes) -> Answer | None:
    """Return a final response; None for anything else that may arrive at a port."""
    text = data.decode("latin-1").partition("\r\n\r\n")[0]
    status = _STATUS.match(text)
    found = {name.lower(): value for name, value in _HEADERS.findall(text)}
    call_id, cseq = found.get("call-id") or found.get("i", ""), found.get("cseq", "")
    if not status or int(status[1]) < 200 or not call_id or not cseq.isdecimal() or len(cseq) > 10:
        return None
    return Answer(int(status[1]), call_id, int(cseq), found.get("sip-etag", ""))


class Publication:
    """What a server has been told of one lamp. ``now_s`` are seconds of any clock that only goes forward."""

    def __init__(self, address: str, call_id: str) -> None:
        """Begin with nothing told; ``call_id`` is one that nobody else has."""
        self.address = address
        self.call_id = call_id
        self.cseq = 0
        self._etag = ""
        self._told: Lamp | None = None
        self._renew_at_s = 0.0

    def is_due(self, lamp: Lamp, now_s: float) -> bool:
        """Return whether the server does not know what this lamp shows, or will soon forget it."""
        return lamp != self._told or (lamp.is_lit and now_s >= self._renew_at_s)

    def request(self, lamp: Lamp, local: str) -> bytes:
        """Return the next PUBLISH; ``local`` is host and port that it comes from."""
        self.cseq += 1
        body = document(self.address, lamp).encode()  # also to renew it, or Kamailio 5.6 logs errors
        lines = [
            f"PUBLISH sip:{self.address} SIP/2.0",
            f"Via: SIP/2.0/UDP {local};rport;branch=z9hG4bK-{self.call_id}-{self.cseq}",
            "Max-Forwards: 70",
            f"From: <sip:{self.address}>;tag={self.call_id}",
            f"To: <sip:{self.address}>",
            f"Call-ID: {self.call_id}",
            f"CSeq: {self.cseq} PUBLISH",
            "Event: dialog",
            f"Expires: {EXPIRES_S}",
            *([f"SIP-If-Match: {self._etag}"] if self._etag else []),
            "Content-Type: application/dialog-info+xml",
            f"Content-Length: {len(body)}",
        ]
        return "\r\n".join([*lines, "", ""]).encode() + body

    def answered(self, lamp: Lamp, found: Answer, now_s: float) -> bool:
        """Take the answer to the last request; return whether the server now knows what the lamp shows."""
        is_ok = 200 <= found.status < 300
        self._etag = found.etag if is_ok else ""
        self._told = lamp if is_ok else None
        if is_ok:
            self._renew_at_s = now_s + RENEW_S
        return is_ok

    def lost(self) -> None:
        """Note that nobody has answered: what the server knows is not known."""
        self._told = None
