"""Phones that keep a connection to the registrar: by TCP, or by WebSocket as a browser does (RFC 7118)."""

from __future__ import annotations

import base64
import contextlib
import os
import re
import socket
import struct

from .agent import WAITS_S, Agent, Packet, Rings

_LENGTH = re.compile(rb"\r\ncontent-length[ \t]*:[ \t]*(\d+)", re.IGNORECASE)


class TcpAgent(Agent):
    """A phone that is reached by its own connection alone: nothing listens at what it registers."""

    protocol = "TCP"

    def __init__(
        self, account: str, domain: str, switch: tuple[str, int], rings: Rings | None = None, port: int = 0
    ) -> None:
        super().__init__(account, domain, switch, rings, port)
        self.contact = f"<sip:{account}@127.0.0.1:{self.port};transport=tcp>"

    def _connect(self, port: int) -> None:
        self._socket = socket.create_connection(self._switch, WAITS_S)
        self._socket.settimeout(None)

    def stop(self) -> None:
        """Be gone, and end the connection."""
        self._is_stopped = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(2)
        self._socket.close()

    def send(self, text: str) -> None:
        with contextlib.suppress(OSError):
            self._socket.sendall(text.encode())

    def _listen(self) -> None:
        received = b""
        while data := self._received():
            received += data
            while message := self._next(received):
                received = received[len(message) :]
                if message.strip():
                    self._take(Packet.read(message))

    def _received(self) -> bytes:
        try:
            return self._socket.recv(65536)
        except OSError:
            return b""

    @staticmethod
    def _next(data: bytes) -> bytes:
        """Return the first message, or the blank lines before it; empty while it is not complete."""
        if data.startswith(b"\r\n"):
            return b"\r\n"
        head, separator, body = data.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        size = int(length[1]) if length else 0
        return head + separator + body[:size] if separator and len(body) >= size else b""


class WebSocketAgent(TcpAgent):
    """A phone in a browser: it does not know its own address, and registers one that nobody can reach."""

    protocol = "WS"

    def __init__(
        self, account: str, domain: str, switch: tuple[str, int], rings: Rings | None = None, port: int = 0
    ) -> None:
        super().__init__(account, domain, switch, rings, port)
        self.sent_by = f"{base64.b32encode(os.urandom(5)).decode().lower()}.invalid"
        self.contact = f"<sip:{account}@{self.sent_by};transport=ws>"

    def _connect(self, port: int) -> None:
        super()._connect(port)
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall(
            f"GET / HTTP/1.1\r\nHost: {self._switch[0]}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sip\r\n\r\n".encode()
        )
        said = b""
        while b"\r\n\r\n" not in said:
            data = self._socket.recv(4096)
            assert data, f"no WebSocket: {said!r}"
            said += data
        assert said.startswith(b"HTTP/1.1 101"), said

    def send(self, text: str) -> None:
        with contextlib.suppress(OSError):
            self._socket.sendall(frame(text.encode()))

    def _listen(self) -> None:
        received = b""
        while data := self._received():
            received += data
            while (cut := cut_frame(received)) is not None:
                opcode, payload, received = cut
                if opcode in (1, 2):
                    self._take(Packet.read(payload))
                elif opcode == 9:
                    with contextlib.suppress(OSError):
                        self._socket.sendall(frame(payload, opcode=10))


def frame(payload: bytes, opcode: int = 1) -> bytes:
    """Return a frame of a client (RFC 6455, 5.2), which is masked."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack("!H", size)
    mask = os.urandom(4)
    return bytes([0x80 | opcode]) + length + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def cut_frame(data: bytes) -> tuple[int, bytes, bytes] | None:
    """Return opcode and payload of a server's first frame, and what is behind it; None while it is not complete."""
    if len(data) < 2:
        return None
    size, start = data[1] & 0x7F, 2
    if size > 125:
        form = "!H" if size == 126 else "!Q"
        start += struct.calcsize(form)
        if len(data) < start:
            return None
        (size,) = struct.unpack_from(form, data, 2)
    return (data[0] & 0x0F, data[start : start + size], data[start + size :]) if len(data) >= start + size else None
