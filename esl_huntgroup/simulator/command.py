"""PURE: the commands that a service sends, cut out of its bytes as mod_event_socket's read_packet does."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

MAX_CONTENT_LENGTH = 16 * 1024 * 1024
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")


class CommandError(Exception):
    """The service sent what closes the connection: a Content-Length that is out of range."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its first line, its headers (names in lower case) and its body."""

    line: str
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""

    def header(self, name: str) -> str:
        """Return a header, empty if it is missing."""
        return self.headers.get(name, "")

    @property
    def application(self) -> str:
        """The application of a ``sendmsg`` with call-command execute, else empty."""
        return self.header("execute-app-name") if self.line.startswith("sendmsg") else ""

    @property
    def argument(self) -> str:
        """The argument of that application, wherever it stands."""
        return self.header("execute-app-arg") or self.body


class CommandReader:
    """Cuts commands out of received bytes."""

    def __init__(self) -> None:
        """Begin with nothing received."""
        self._buffer = b""

    @property
    def in_command(self) -> bool:
        """Whether a command has begun and not ended. The switch sends no event meanwhile."""
        return bool(self._buffer)

    def receive(self, data: bytes) -> None:
        """Take in bytes."""
        self._buffer = (self._buffer + data).lstrip(b"\r\n")

    def next(self) -> Command | None:
        """Return the next complete command, None where there is none. Raises CommandError."""
        end = _END_OF_HEAD.search(self._buffer)
        if end is None:
            return None
        lines = self._buffer[: end.start()].decode("utf-8", "surrogateescape").replace("\r", "").split("\n")
        headers = dict(_header(line) for line in lines[1:] if ":" in line)
        length = _content_length(headers.get("content-length", "0"))
        if len(self._buffer) < end.end() + length:
            return None
        body = self._buffer[end.end() : end.end() + length]
        self._buffer = self._buffer[end.end() + length :].lstrip(b"\r\n")
        return Command(lines[0], headers, body.decode("utf-8", "surrogateescape"))


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.lower(), value.lstrip(" ")


def _content_length(text: str) -> int:
    digits = re.match(r"-?\d+", text)
    length = int(digits.group()) if digits else 0
    if not 0 <= length <= MAX_CONTENT_LENGTH:
        raise CommandError(f"Rejecting Content-Length '{text}' (out of range)")
    return length
