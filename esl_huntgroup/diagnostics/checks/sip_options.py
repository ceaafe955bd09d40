"""
Asks a SIP server with OPTIONS, one number at a time: a question that rings no phone.

Kamailio forwards it as it does an INVITE, and FreeSWITCH answers it itself, whatever the number.
"""

from __future__ import annotations

import re
import socket
import time
import uuid
from typing import Final, NamedTuple

from esl_huntgroup.model.text import clean

WITHIN_S: Final = 2.0
"""How long an answer may take; over UDP the question is repeated meanwhile (RFC 3261, timer E)."""
REPEATED_AFTER_S: Final = 0.5
RECEIVE_BYTES: Final = 65_536
_STATUS = re.compile(r"SIP/2\.0 ([1-6][0-9]{2}) ", re.ASCII)
_AGENT = re.compile(r"^(?:User-Agent|Server)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_AGENT_MAX_CHARS: Final = 60


class SipAnswer(NamedTuple):
    """The final status, and what calls itself the answerer; hostile text, made fit to be read."""

    status: int
    agent: str


def ask_options(sip: str, number: str, domain: str, within_s: float = WITHIN_S) -> SipAnswer:
    """
    Ask ``sip`` (HOST:PORT, or with ``;transport=tcp`` behind it) for ``number@domain``.

    Raises OSError, TimeoutError among them, when there is no answer.
    """
    where, _, parameter = sip.partition(";")
    host, _, port = where.rpartition(":")
    is_stream = parameter == "transport=tcp"
    kind = socket.SOCK_STREAM if is_stream else socket.SOCK_DGRAM
    family, _, _, _, address = socket.getaddrinfo(host, int(port), type=kind)[0]
    deadline = time.monotonic() + within_s
    with socket.socket(family, kind) as sock:
        sock.settimeout(within_s)
        sock.connect(address)
        own_host, own_port, *_ = sock.getsockname()
        question = request(number, domain, f"{own_host}:{own_port}", "TCP" if is_stream else "UDP")
        sock.sendall(question)
        received = b""
        while (left_s := deadline - time.monotonic()) > 0:
            sock.settimeout(left_s if is_stream else min(left_s, REPEATED_AFTER_S))
            try:
                data = sock.recv(RECEIVE_BYTES)
            except TimeoutError:
                if not is_stream:
                    sock.sendall(question)
                continue
            if not data:
                raise ConnectionResetError("the connection ends without an answer")
            received = received + data if is_stream else data
            if answer := read_final(received):
                return answer
    raise TimeoutError(f"no answer within {within_s:.0f} s")


def request(number: str, domain: str, own: str, transport: str) -> bytes:
    """Return the question; ``own`` is HOST:PORT of this side, which is no domain of Kamailio: no password is due."""
    call = uuid.uuid4().hex
    lines = (
        f"OPTIONS sip:{number.replace('#', '%23')}@{domain} SIP/2.0",
        f"Via: SIP/2.0/{transport} {own};rport;branch=z9hG4bK{call}",
        "Max-Forwards: 10",
        f"From: <sip:esl-huntgroup-check@{own}>;tag={call[:8]}",
        f"To: <sip:{number.replace('#', '%23')}@{domain}>",
        f"Call-ID: {call}",
        "CSeq: 1 OPTIONS",
        "Accept: application/sdp",
        "User-Agent: esl-huntgroup",
        "Content-Length: 0",
    )
    return "\r\n".join((*lines, "", "")).encode("ascii")


def read_final(data: bytes) -> SipAnswer | None:
    """Return the final answer in what has been received, None while there is none. PURE."""
    for head in data.decode("utf-8", "replace").split("SIP/2.0 ")[1:]:
        text = f"SIP/2.0 {head}"
        status = _STATUS.match(text)
        if status and int(status[1]) >= 200 and "\r\n\r\n" in text:
            agent = _AGENT.search(text)
            return SipAnswer(int(status[1]), clean(agent[1][:_AGENT_MAX_CHARS]) if agent else "")
    return None
