"""
Small SIP phones in this process, which register at a real Kamailio: by UDP, TCP or WebSocket, behind NAT or not.

They run in greenlets beside the simulated switch. A phone rings, and does what it is told to; it needs no media.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import os
import random
import struct
from collections.abc import Iterator

import gevent
from gevent import socket
from gevent.event import Event

from tests.e2e.agent import Packet

REPLY_WITHIN_S = 10.0
TRIES = 4
SDP = "v=0\r\no=p 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n"
_numbers = itertools.count(random.randrange(1, 1_000_000))


def branch() -> str:
    """Return a branch that nobody else has."""
    return f"z9hG4bK-small-{os.getpid()}-{next(_numbers)}"


def message(start: str, headers: list[tuple[str, str]], body: str = "") -> bytes:
    """Return a SIP message."""
    kind = [("Content-Type", "application/sdp")] if body else []
    lines = [start, *(f"{name}: {value}" for name, value in [*headers, *kind, ("Content-Length", str(len(body)))])]
    return "\r\n".join([*lines, "", body]).encode()


class Datagrams:
    """SIP by UDP, from a port of 127.0.0.1."""

    name, scheme = "UDP", ""

    def __init__(self, peer: tuple[str, int], port: int = 0) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", port))
        self._peer = peer
        self.port: int = self._socket.getsockname()[1]

    def send(self, data: bytes, peer: tuple[str, int] | None = None) -> None:
        with contextlib.suppress(OSError):
            self._socket.sendto(data, peer or self._peer)

    def messages(self) -> Iterator[bytes]:
        """Yield each message until it is closed."""
        with contextlib.suppress(OSError):
            while data := self._socket.recv(65536):
                yield data

    def close(self) -> None:
        self._socket.close()


class Stream:
    """SIP by TCP: a connection that the phone has opened, over which it is called."""

    name, scheme = "TCP", ";transport=tcp"

    def __init__(self, peer: tuple[str, int]) -> None:
        self._socket = socket.create_connection(peer)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port: int = self._socket.getsockname()[1]

    def send(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self._socket.sendall(data)

    def messages(self) -> Iterator[bytes]:
        """Yield each message until the connection ends."""
        data = b""
        with contextlib.suppress(OSError):
            while more := self._socket.recv(65536):
                data = (data + more).lstrip(b"\r\n")
                while b"\r\n\r\n" in data:
                    head, _, rest = data.partition(b"\r\n\r\n")
                    length = int(Packet.read(head).get("content-length") or 0)
                    if len(rest) < length:
                        break
                    yield head + b"\r\n\r\n" + rest[:length]
                    data = rest[length:].lstrip(b"\r\n")

    def close(self) -> None:
        self._socket.close()


class WebSocket:
    """SIP by WebSocket (RFC 7118), as a browser has it: a frame for each message, masked by the client."""

    name, scheme = "WS", ";transport=ws"

    def __init__(self, peer: tuple[str, int]) -> None:
        self._socket = socket.create_connection(peer)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port: int = self._socket.getsockname()[1]
        key = base64.b64encode(os.urandom(16)).decode()
        fields = {
            "Host": f"{peer[0]}:{peer[1]}",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": key,
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Protocol": "sip",
            "Content-Length": "0",
        }
        lines = ["GET / HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
        self._socket.sendall("\r\n".join(lines).encode())
        self._data = b""
        while b"\r\n\r\n" not in self._data:
            more = self._socket.recv(4096)
            assert more, f"no handshake: {self._data!r}"
            self._data += more
        head, _, self._data = self._data.partition(b"\r\n\r\n")
        assert b" 101 " in head, head

    def send(self, data: bytes) -> None:
        mask = os.urandom(4)
        length = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack(">H", len(data))
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
        with contextlib.suppress(OSError):
            self._socket.sendall(b"\x81" + length + mask + masked)

    def messages(self) -> Iterator[bytes]:
        """Yield each message until the connection ends; what is no text frame is left out."""
        with contextlib.suppress(OSError):
            while True:
                kind, length = self._take(2)
                if length == 126:
                    (length,) = struct.unpack(">H", self._take(2))
                payload = self._take(length)
                if kind & 0x0F == 1:
                    yield payload
                elif kind & 0x0F == 8:
                    return

    def _take(self, count: int) -> bytes:
        while len(self._data) < count:
            more = self._socket.recv(65536)
            if not more:
                raise OSError("the connection has ended")
            self._data += more
        taken, self._data = self._data[:count], self._data[count:]
        return taken

    def close(self) -> None:
        self._socket.close()


class SmallPhone:
    """
    A phone of ``account@domain``. ``answers_after_s`` None: it rings until somebody ends that, unless it ``refuses``.

    ``contact`` is the Contact that it registers; by default where it really is. What comes to another one rings, and is
    not answered. ``is_dead`` takes everything in, and says nothing.
    """

    def __init__(
        self,
        way: Datagrams | Stream | WebSocket,
        account: str,
        domain: str,
        *,
        contact: str = "",
        answers_after_s: float | None = None,
        refuses: str = "",
        is_dead: bool = False,
        agent: str = "small phone",
    ) -> None:
        self.way, self.account, self.domain = way, account, domain
        self.contact = contact or f"<sip:{account}@127.0.0.1:{way.port}{way.scheme}>"
        self.invites: list[Packet] = []
        self.cancels: list[Packet] = []
        self.byes: list[Packet] = []
        self._answers_after_s, self._refuses, self.is_dead = answers_after_s, refuses, is_dead
        self._agent = agent
        self._registered = Event()
        self._status = 0
        self._open: dict[str, Packet] = {}
        self._tag = f"small{next(_numbers)}"
        self._register_call_id = f"register-{next(_numbers)}@small"
        self._cseq = 0
        self._reads = gevent.spawn(self._read)

    def register(self, expires_s: int = 600) -> None:
        """Register, or with 0 take that back; again where nothing comes. Raises AssertionError if it is refused."""
        self._registered.clear()
        self._status = 0
        for _ in range(TRIES):
            self._ask(expires_s)
            if self._registered.wait(REPLY_WITHIN_S):
                break
        assert self._status == 200, f"REGISTER of {self.account}: {self._status}"

    def _ask(self, expires_s: int) -> None:
        self._cseq += 1
        uri = f"sip:{self.account}@{self.domain}"
        via = "127.0.0.1" if self.way.name != "WS" else "small.invalid"
        self.way.send(
            message(
                f"REGISTER sip:{self.domain} SIP/2.0",
                [
                    ("Via", f"SIP/2.0/{self.way.name} {via}:{self.way.port};rport;branch={branch()}"),
                    ("Max-Forwards", "70"),
                    ("From", f"<{uri}>;tag={self._tag}"),
                    ("To", f"<{uri}>"),
                    ("Call-ID", self._register_call_id),
                    ("CSeq", f"{self._cseq} REGISTER"),
                    ("Contact", self.contact),
                    ("Expires", str(expires_s)),
                    ("User-Agent", self._agent),
                ],
            )
        )

    def answer(self, invite: Packet) -> None:
        """Lift the phone."""
        if self._open.pop(invite.get("call-id"), None):
            self._respond(invite, "200 OK", SDP)

    def close(self) -> None:
        """Be gone without a word."""
        self._reads.kill()
        self.way.close()

    # -- what comes ---------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        for data in self.way.messages():
            if not data.strip():
                continue
            packet = Packet.read(data)
            if packet.status:
                self._answered(packet)
            elif not self.is_dead:
                self._asked(packet)

    def _answered(self, packet: Packet) -> None:
        if packet.status >= 200 and packet.get("cseq").endswith("REGISTER"):
            self._status = packet.status
            self._registered.set()

    def _asked(self, packet: Packet) -> None:
        call_id = packet.get("call-id")
        match packet.method:
            case "INVITE" if call_id not in {invite.get("call-id") for invite in self.invites}:
                self.invites.append(packet)
                self._open[call_id] = packet
                gevent.spawn(self._ring, packet)
            case "CANCEL":
                self._respond(packet, "200 OK")
                if invite := self._open.pop(call_id, None):
                    self.cancels.append(packet)
                    self._respond(invite, "487 Request Terminated")
            case "BYE":
                self.byes.append(packet)
                self._respond(packet, "200 OK")
            case "OPTIONS":
                self._respond(packet, "200 OK")

    def _ring(self, invite: Packet) -> None:
        if self._refuses:
            if self._open.pop(invite.get("call-id"), None):
                self._respond(invite, self._refuses)
            return
        self._respond(invite, "180 Ringing")
        is_for_us = invite.start.startswith(f"INVITE {self.contact.strip('<>')} ")
        if self._answers_after_s is not None and is_for_us:
            gevent.sleep(self._answers_after_s)
            self.answer(invite)

    def _respond(self, request: Packet, status: str, body: str = "") -> None:
        to = request.get("to")
        self.way.send(
            message(
                f"SIP/2.0 {status}",
                [
                    *(("Via", via) for via in request.all("via")),
                    *(("Record-Route", route) for route in request.all("record-route")),
                    ("From", request.get("from")),
                    ("To", to if ";tag=" in to else f"{to};tag={self._tag}"),
                    ("Call-ID", request.get("call-id")),
                    ("CSeq", request.get("cseq")),
                    ("Contact", self.contact),
                    ("User-Agent", self._agent),
                ],
                body,
            )
        )
