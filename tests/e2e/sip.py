"""
SIP messages as the tests see them: what SIPp wrote into its message log, and one REGISTER at a time.

Phones register by a plain datagram rather than by a SIPp scenario: a Contact that is an attack must arrive byte for
byte, and a hundred and thirty registrations must not take a hundred and thirty processes.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import socket
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

REPLY_WITHIN_S = 5.0
EXPIRES_S = 600
_LOGGED = re.compile(r"^-{20,} (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+)$", re.MULTILINE)
_sequence = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Message:
    """One SIP message on the wire, seen from the phone or caller whose log it is in."""

    at: float
    sent: bool
    start_line: str
    headers: tuple[tuple[str, str], ...]
    body: str

    @property
    def method(self) -> str:
        """The method of a request, empty for a response."""
        return "" if self.start_line.startswith("SIP/2.0 ") else self.start_line.partition(" ")[0]

    @property
    def status(self) -> int:
        """The status of a response, 0 for a request."""
        return int(self.start_line.split()[1]) if self.start_line.startswith("SIP/2.0 ") else 0

    @property
    def call_id(self) -> str:
        """The Call-ID; every leg has its own."""
        return self.header("Call-ID")

    def header(self, name: str) -> str:
        """Return the first header of that name, or an empty string."""
        return next(iter(self.all(name)), "")

    def all(self, name: str) -> list[str]:
        """Return every header of that name, from the top down."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


def read_log(path: Path) -> list[Message]:
    """Read the message log of a SIPp process, complete messages only; empty while there is none."""
    if not path.exists():
        return []
    pieces = _LOGGED.split(path.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n"))
    logged = (_parse(stamp, text) for stamp, text in zip(pieces[1::2], pieces[2::2], strict=True))
    return [message for message in logged if message is not None]


def _parse(stamp: str, text: str) -> Message | None:
    direction, _, rest = text.lstrip("\n").partition("\n\n")
    head, separator, body = rest.lstrip("\n").partition("\n\n")
    if not separator:
        return None
    start_line, *lines = head.split("\n")
    headers = tuple((name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines))
    at = datetime.fromisoformat(stamp).timestamp()
    return Message(at, " sent " in direction, start_line, headers, body.strip())


def register(
    registrar: tuple[str, int], account: str, domain: str, contact: str, *, port: int = 0, host: str = "127.0.0.1"
) -> None:
    """
    Register ``contact`` (the whole header value) for ``account@domain``, from a port of this host.

    Raises AssertionError when the registrar does not answer 200.
    """
    number = next(_sequence)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((host, port))
        sock.settimeout(REPLY_WITHIN_S)
        host, port = sock.getsockname()
        request = (
            f"REGISTER sip:{domain} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {host}:{port};rport;branch=z9hG4bK-register-{port}-{number}\r\n"
            f"Max-Forwards: 70\r\n"
            f"From: <sip:{account}@{domain}>;tag=register{number}\r\n"
            f"To: <sip:{account}@{domain}>\r\n"
            f"Call-ID: register-{port}-{number}@{host}\r\n"
            f"CSeq: {number} REGISTER\r\n"
            f"Contact: {contact}\r\n"
            f"Expires: {EXPIRES_S}\r\n"
            f"User-Agent: e2e phone\r\n"
            f"Content-Length: 0\r\n\r\n"
        )
        sock.sendto(request.encode(), registrar)
        answer = _final_answer(sock)
    assert answer.startswith("SIP/2.0 200"), f"REGISTER of {account} with Contact {contact}: {answer}"


def _final_answer(sock: socket.socket) -> str:
    while True:
        line = sock.recv(65536).decode("utf-8", "replace").partition("\r\n")[0]
        if not line.startswith("SIP/2.0 1"):
            return line


def free_port(kind: socket.SocketKind = socket.SOCK_DGRAM) -> int:
    """Return a loopback port that nobody used a moment ago; one for UDP is free for TCP too: SIP servers have both."""
    while True:
        with socket.socket(socket.AF_INET, kind) as sock:
            sock.bind(("127.0.0.1", 0))
            port: int = sock.getsockname()[1]
            with contextlib.suppress(OSError), socket.socket() as beside:
                if kind is socket.SOCK_DGRAM:
                    beside.bind(("127.0.0.1", port))
                return port
