"""
PURE: the bytes of the event socket, and the messages in them.

A message is a block of ``Name: value`` lines, an empty line, and as many body bytes as its ``Content-Length`` says
(mod_event_socket.c, read_packet and send loop). In events every value is percent-encoded by the switch, so a line
break inside a value cannot end a line; it must therefore be decoded after the lines are split, never before.

Nothing is decoded until somebody asks: an event has 150 headers, a call reads a dozen of them.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import unquote_to_bytes

from esl_huntgroup.errors import ProtocolError

HEAD_MAX_BYTES: Final = 1 << 20
"""A caller can send about 64 kB of SIP headers; each appears encoded, at most three times as long, in one block."""
BODY_MAX_BYTES: Final = 4 << 20
"""An event of a call with 127 legs has about 60 kB. mod_event_socket itself refuses bodies over 16 MiB."""

COMMAND_REPLY: Final = "command/reply"
API_RESPONSE: Final = "api/response"
EVENT_PLAIN: Final = "text/event-plain"
DISCONNECT_NOTICE: Final = "text/disconnect-notice"
AUTH_REQUEST: Final = "auth/request"
RUDE_REJECTION: Final = "text/rude-rejection"

_BEGINS_LIKE_A_HEADER = re.compile(rb"[A-Za-z][A-Za-z0-9-]{0,63}(?::|\Z)")
_USUAL_HEAD = re.compile(
    rb"Content-(?:Type: (?:command/reply\nReply-Text: [^\n]*()|api/response\nContent-Length: (\d{1,12}))"
    rb"|Length: (\d{1,12})\nContent-Type: text/event-plain)\n\n"
)
"""The head of nearly every message of a call: a reply, the answer to an api command ("who is registered"), an event."""
_USUAL_TYPES: Final = ("", COMMAND_REPLY, API_RESPONSE, EVENT_PLAIN)
"""What it is, by the last group that matches; that group is the length."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Message:
    """
    One message of the switch, undecoded.

    ``head`` holds the lines before the empty line, ``body`` the bytes after it. For an event the named values are in
    the body, for the answer to ``connect`` and every other message in the head; ``get`` knows which.
    """

    __slots__ = ("_fields", "_is_encoded", "body", "content_type", "head")

    def __init__(self, head: bytes, body: bytes, content_type: str = "") -> None:
        """Take a complete message. Raises ProtocolError where neither it nor the caller says what it is."""
        self.head = head
        self.body = body
        self.content_type = content_type or _content_type(head)
        self._fields = b""  # a line break and the lines that hold the values, once somebody asks
        self._is_encoded = False  # known then, too

    @property
    def is_event(self) -> bool:
        """Whether this is an event (``text/event-plain``) with its values in the body."""
        return self.content_type == EVENT_PLAIN

    def get(self, name: str) -> str | None:
        """
        Return one value, decoded, or None where there is none.

        Percent-encoding is undone in events and in the answer to ``connect``; other replies are not encoded. Bytes
        that are not UTF-8 become U+FFFD. Of a name that stands twice, the first counts.
        """
        value = _value(self._fields or self._search(), _key(name))
        return None if value is None else _decoded(value, is_encoded=self._is_encoded)

    def beginning(self, prefix: str) -> dict[str, str]:
        """Return the values of all names that begin like this, decoded as by ``get``, by the rest of the name."""
        fields = self._fields or self._search()
        key, is_encoded = b"\n" + prefix.encode("ascii"), self._is_encoded
        found: dict[str, str] = {}
        start = fields.find(key)
        while start >= 0:
            start += len(key)
            end = fields.find(b"\n", start)
            name, colon, value = (fields[start:end] if end >= 0 else fields[start:]).partition(b":")
            if colon:
                found.setdefault(name.decode("utf-8", "replace"), _decoded(value.strip(b" \r"), is_encoded=is_encoded))
            start = fields.find(key, end) if end >= 0 else -1
        return found

    def reader(self) -> Callable[[str], str | None]:
        """
        Return what does the same as ``get``, faster where many values are asked for.

        All lines are taken apart at once; the values are still decoded one by one.
        """
        lines = self._lines().split(b"\n")
        is_encoded = self.is_event or lines[0].startswith(b"Event-Name:")
        lines.reverse()
        found = {name: value for name, colon, value in [line.partition(b":") for line in lines] if colon}

        def get(name: str) -> str | None:
            value = found.get(name.encode("ascii"))
            return None if value is None else _decoded(value.strip(b" \r"), is_encoded=is_encoded)

        return get

    def _search(self) -> bytes:
        """Return what is searched for values, and keep it, with whether these are encoded."""
        self._fields = fields = b"\n" + self._lines()
        self._is_encoded = self.is_event or fields.startswith(b"\nEvent-Name:")
        return fields

    def _lines(self) -> bytes:
        """
        Return the lines that hold the values.

        The event of a job, say, carries a body of its own behind them; those of channels do not.
        """
        if not self.is_event:
            return self.head
        return self.body if self.body.startswith(b"Event-Name: CHANNEL_") else self.body.partition(b"\n\n")[0]

    @property
    def enclosed(self) -> str:
        """What an event carries behind its values, such as what a job has printed; without the line end."""
        return self.body.partition(b"\n\n")[2].decode("utf-8", "replace").rstrip("\r\n")

    def text(self) -> str:
        """Return the body as text, without the line end that api answers carry."""
        return self.body.decode("utf-8", "replace").rstrip("\r\n")

    @property
    def reply(self) -> str:
        """What a command answered: the Reply-Text, or the body of an api answer; never None."""
        if self.content_type == API_RESPONSE:
            return self.text()
        return (self.get("Reply-Text") or "").strip()

    def __repr__(self) -> str:
        return f"<Message {self.content_type} {self.get('Event-Name') or self.reply[:40]!r}>"


class Decoder:
    """
    Turns received bytes into messages, however the network has cut them.

    ``receive`` raises ProtocolError for what cannot come from a switch. The decoder is of no use after that.
    """

    __slots__ = ("_buffer", "_scanned")

    def __init__(self) -> None:
        """Begin with nothing received."""
        self._buffer = bytearray()
        self._scanned = 0  # how much of an incomplete head has been searched for its end

    @property
    def incomplete_bytes(self) -> int:
        """How many bytes of an unfinished message are waiting."""
        return len(self._buffer)

    def receive(self, data: bytes) -> list[Message]:
        """Take in the next bytes; return the messages that are complete now, in order."""
        if self._buffer:
            self._buffer += data
        source = self._buffer or data
        messages: list[Message] = []
        start, size = 0, len(source)
        while start < size:
            if head := _USUAL_HEAD.match(source, start):
                kind = head.lastindex or 0
                body_at, length, content_type = head.end(), int(head[kind] or 0), _USUAL_TYPES[kind]
                if length > BODY_MAX_BYTES:
                    raise ProtocolError(_too_long(length))
            else:
                body_at, content_type = self._end_of_head(source, start), ""
                if not body_at:
                    break
                length = _content_length(source, start, body_at)
            end = body_at + length
            if end > size:
                break
            messages.append(Message(bytes(source[start : body_at - 2]), bytes(source[body_at:end]), content_type))
            start = end
            self._scanned = 0
        if source is self._buffer:
            del self._buffer[:start]
        else:
            self._buffer += data[start:]
        return messages

    def _end_of_head(self, source: bytes | bytearray, start: int) -> int:
        """Return where the body of the message at ``start`` begins, 0 while its head is incomplete."""
        if not self._scanned and not _BEGINS_LIKE_A_HEADER.match(source, start):
            raise ProtocolError(f"not an event socket: it begins with {bytes(source[start : start + 40])!r}")
        end = source.find(b"\n\n", start + max(self._scanned - 1, 0))
        if end >= 0:
            return end + 2
        length = len(source) - start
        if length > HEAD_MAX_BYTES:
            raise ProtocolError(f"more than {HEAD_MAX_BYTES} bytes of header without an end")
        if length > 64:  # enough to know that it begins like a header
            self._scanned = length
        return 0


@functools.cache
def _key(name: str) -> bytes:
    """Return what stands before a value of this name. Names are those of this program, so there are few."""
    return f"\n{name}:".encode("ascii")


_CONTENT_TYPE = _key("Content-Type")
_CONTENT_LENGTH = _key("Content-Length")


def _value(fields: bytes, key: bytes) -> bytes | None:
    """Return the raw bytes behind ``key`` on its line, or None. ``fields`` begins with a line break."""
    start = fields.find(key)
    if start < 0:
        return None
    start += len(key)
    end = fields.find(b"\n", start)
    return (fields[start:end] if end >= 0 else fields[start:]).strip(b" \r")


def _decoded(value: bytes, *, is_encoded: bool) -> str:
    if is_encoded and b"%" in value:
        value = unquote_to_bytes(value)
    return value.decode("utf-8", "replace")


def _content_type(head: bytes) -> str:
    value = _value(b"\n" + head, _CONTENT_TYPE)
    if value is None:
        raise ProtocolError(f"a message without Content-Type: {head[:80]!r}")
    return value.decode("utf-8", "replace")


def _content_length(source: bytes | bytearray, start: int, end: int) -> int:
    value = _value(b"\n" + source[start:end], _CONTENT_LENGTH)
    return 0 if value is None else _checked_length(value)


def _checked_length(value: bytes) -> int:
    if not value.isdigit() or len(value) > 12:
        raise ProtocolError(f"a Content-Length that is not a number: {value[:40]!r}")
    length = int(value)
    if length > BODY_MAX_BYTES:
        raise ProtocolError(_too_long(length))
    return length


def _too_long(length: int) -> str:
    return f"a Content-Length of {length}; at most {BODY_MAX_BYTES} is accepted"


def array(value: str | None) -> tuple[str, ...]:
    """
    Return the elements of a channel variable that may hold several values.

    FreeSWITCH writes ``ARRAY::a|:b`` for two and more, and a single value plainly (switch_event.c).
    """
    if not value:
        return ()
    if value.startswith("ARRAY::"):
        return tuple(value.removeprefix("ARRAY::").split("|:"))
    return (value,)


def command(line: str, headers: Mapping[str, str] | None = None, body: str = "") -> bytes:
    """
    Return the bytes of one command.

    Raises ValueError for a control character in the line or a header: it would be a second command, and with
    ``full`` control that is a shell on the switch. The body may hold anything; its length is sent with it.
    """
    lines = [line, *(f"{name}: {value}" for name, value in (headers or {}).items())]
    for text in lines:
        if _CONTROL.search(text):
            raise ValueError(f"a control character in an event-socket command: {text[:80]!r}")
    if not body:
        return ("\n".join(lines) + "\n\n").encode()
    content = body.encode()
    lines += ["content-type: text/plain", f"content-length: {len(content)}"]
    return ("\n".join(lines) + "\n\n").encode() + content


def api(line: str) -> bytes:
    """Return the bytes of ``api LINE``; see ``command``."""
    if not line.isprintable():
        raise ValueError(f"a control character in an event-socket command: {line[:80]!r}")
    return f"api {line}\n\n".encode()


def execute(application: str, argument: str = "", *, event_uuid: str = "") -> bytes:
    """
    Return the bytes that execute a dialplan application on the channel of this socket.

    The argument travels as a body, where no character of it can be taken for a header (switch_ivr.c,
    switch_ivr_parse_event). ``event_uuid`` comes back as ``Application-UUID`` when the application has ended.
    """
    headers = {"call-command": "execute", "execute-app-name": application}
    if event_uuid:
        headers["Event-UUID"] = event_uuid
    return command("sendmsg", headers, argument)
