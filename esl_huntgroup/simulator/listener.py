"""
mod_event_socket's side of one outbound connection: the listener thread.

Order is what matters here. Commands that have arrived are answered one after the other before any event is sent;
events wait while a command is half there; the linger notice comes when a look around, every 20 ms, finds the caller
gone, so it may come before or behind the final events (read_packet).
"""

from __future__ import annotations

import re
import struct
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from gevent import socket

from esl_huntgroup.simulator import event
from esl_huntgroup.simulator.channel import CallerChannel
from esl_huntgroup.simulator.clock import TICK_S
from esl_huntgroup.simulator.command import Command, CommandError, CommandReader
from esl_huntgroup.simulator.event import Header
from esl_huntgroup.simulator.interference import Interference, Moment, NoticeOrder

CONNECT_LIMIT_S = 25
_GOODBYE = b"Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
_RECEIVE_BYTES = 65536


class Controlled(Protocol):
    """What a listener needs of the session that it listens for."""

    channel: CallerChannel

    def queue(self, message: Command) -> None:
        """Take in a ``sendmsg``."""

    def perform(self, message: Command) -> None:
        """Execute a ``sendmsg`` at once."""

    def release(self) -> None:
        """Let a parked caller go on."""


class Closed(Exception):
    """The connection is at its end: by ``exit``, by the peer, by a time limit, or by interference."""


class Listener:
    """One connection to a service. ``run`` is its thread; ``offer`` brings it an event."""

    def __init__(
        self,
        session: Controlled,
        sock: Any,
        flags: frozenset[str],
        *,
        api: Callable[[str, str], str],
        preamble: Callable[[str], list[Header]],
        interference: Interference,
    ) -> None:
        """Take over a connected socket. ``flags`` are the words behind the address: ``async``, ``full``."""
        self.connected = False
        self.finished = False
        self.commands: list[Command] = []
        self.bytes_sent = 0
        self._session = session
        self._channel = session.channel
        self._clock = session.channel.clock
        self._socket = sock
        self._full = "full" in flags
        self._mode = "async" if "async" in flags else "static"
        self._api = api
        self._preamble = preamble
        self._interference = interference
        self._reader = CommandReader()
        self._events: deque[bytes] = deque()
        self._subscribed: set[str] = set()
        self._filters: list[tuple[str, str]] = []
        self._linger_s: int | None = None
        self._disconnect_at: float | None = None
        self._moments: deque[Moment] = deque()

    # -- the thread -----------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve the connection to its end, then let the caller go."""
        reset = False
        try:
            self._await_connect()
            while True:
                self._turn()
        except (Closed, CommandError):
            pass
        except OSError:
            reset = True
        finally:
            self._end(reset)

    def offer(self, name: str, headers: list[Header]) -> None:
        """Take an event of this channel, if it is subscribed to and passes the filters (event_handler)."""
        if not self.finished and ("ALL" in self._subscribed or name in self._subscribed) and self._passes(headers):
            body = event.serialize(headers)
            head = f"Content-Length: {len(body)}\nContent-Type: text/event-plain\n\n".encode()
            self._events.append(head + body)

    def reached(self, moment: Moment) -> None:
        """Take note of a moment; the interference, if any, happens at the next look around."""
        self._moments.append(moment)

    def _await_connect(self) -> None:
        """Wait for the first command, whatever it is; only ``connect`` is answered (listener_run)."""
        limit = self._clock.now() + CONNECT_LIMIT_S
        while (first := self._reader.next()) is None:
            self._receive()
            if self._clock.now() >= limit:
                raise Closed
        self._answer(first)

    def _turn(self) -> None:
        while (command := self._reader.next()) is not None:
            if reply := self._answer(command):
                self._send(f"Content-Type: command/reply\nReply-Text: {reply}\n\n".encode())
            if command.line.startswith(("exit", "...")):
                raise Closed
        if not self._reader.in_command:
            self._look_around()
        self._receive()

    def _look_around(self) -> None:
        if self._interference.notice is NoticeOrder.BEFORE:
            self._notice_hangup()
        while self._events:
            self._send(self._events.popleft())
        if self._interference.notice is not NoticeOrder.BEHIND or not self._reporting_pending():
            self._notice_hangup()
        while self._moments:
            self._interfere(self._moments.popleft())
        if self._disconnect_at is not None and self._clock.now() > self._disconnect_at:
            raise Closed

    def _reporting_pending(self) -> bool:
        return not self._channel.up and not self._channel.reported

    def _notice_hangup(self) -> None:
        """Once the caller is gone: say so and stay, or end the connection when nobody asked to linger."""
        if self._channel.up or self._disconnect_at is not None:
            return
        if self._linger_s is None:
            raise Closed
        self._disconnect_at = self._clock.now() + self._linger_s if self._linger_s >= 0 else float("inf")
        self._send(self._notice("linger", f"Channel-Name: {self._channel.profile.channel_name}", b""))
        self.reached(Moment.HUNG_UP)

    def _end(self, reset: bool) -> None:
        self.finished = True
        if not reset:
            self._say_goodbye()
        self._socket.close()
        self._session.release()

    def _say_goodbye(self) -> None:
        try:
            self._send(self._notice("disconnect", "", _GOODBYE))
        except (OSError, Closed):
            return

    def _notice(self, disposition: str, line: str, body: bytes) -> bytes:
        lines = ["Content-Type: text/disconnect-notice", f"Controlled-Session-UUID: {self._channel.uuid}"]
        lines += [f"Content-Disposition: {disposition}"]
        lines += [line, f"Linger-Time: {self._linger_s}"] if line else []
        lines += [f"Content-Length: {len(body)}", "", ""]
        return "\n".join(lines).encode("utf-8", "surrogateescape") + body

    # -- commands -------------------------------------------------------------------------------------------------

    def _answer(self, command: Command) -> str:
        """parse_command: return the Reply-Text; empty when the command has answered in its own way."""
        self.commands.append(command)
        word, _, rest = command.line.partition(" ")
        if word.lower().startswith(("exit", "...")):
            return "+OK bye"
        always = {
            "filter": self._filter,
            "connect": self._connect,
            "getvar": self._getvar,
            "myevents": self._myevents,
            "sendmsg": self._sendmsg,
        }
        full = {
            "api": self._run_api,
            "linger": self._linger,
            "nolinger": self._no_linger,
            "event": self._event,
            "nixevent": self._nixevent,
            "noevents": self._noevents,
        }
        known = always | full if self._full else always
        answer = known.get(word.lower())
        return answer(rest, command) if answer else "-ERR command not found"

    def _connect(self, _rest: str, _command: Command) -> str:
        self._interfere(Moment.CONNECTED)
        self.connected = True
        headers = [
            *self._preamble("CHANNEL_DATA"),
            *event.profile_headers(self._channel.profile, "Channel"),
            *self._channel.headers(),
            ("Content-Type", "command/reply"),
            ("Reply-Text", "+OK\n"),
            ("Socket-Mode", self._mode),
            ("Control", "full" if self._full else "single-channel"),
        ]
        self._send(event.serialize(headers))
        return ""

    def _getvar(self, name: str, _command: Command) -> str:
        return (self._channel.variables.get(name) or "")[:511] or "-ERR command not found"

    def _filter(self, rest: str, _command: Command) -> str:
        words = rest.strip().split(" ", 1)
        if len(words) < 2:
            return "-ERR invalid syntax"
        if words[0].lower() == "delete":
            name, _, value = words[1].partition(" ")
            self._filters = [(kept, want) for kept, want in self._filters if not _deletes(name, value, kept, want)]
            return f"+OK filter deleted. [{name}][{value}]"
        name, value = words[1].split(" ", 1) if words[0].lower() == "add" else words
        self._filters.append((name.lower(), value))
        return f"+OK filter added. [{name}]=[{value}]"

    def _myevents(self, _rest: str, _command: Command) -> str:
        if "MYEVENTS" in self._subscribed:
            return "-ERR aready enabled."
        self._subscribed |= {"MYEVENTS", "CHANNEL_BRIDGE", "CHANNEL_EXECUTE", "CHANNEL_EXECUTE_COMPLETE"}
        self._subscribed |= {"CHANNEL_HANGUP_COMPLETE", "CHANNEL_PARK", "CHANNEL_UNBRIDGE"}
        return "+OK Events Enabled"

    def _sendmsg(self, rest: str, command: Command) -> str:
        self._interfere(Moment.BRIDGE)
        wanted = rest.strip() or command.header("session-id")
        if wanted and wanted != self._channel.uuid:
            return f"-ERR invalid session id [{wanted}]"
        if self._mode == "async":
            self._session.queue(command)
        else:
            self._session.perform(command)
        return "+OK"

    def _run_api(self, rest: str, _command: Command) -> str:
        self._interfere(Moment.BATCH)
        name, _, argument = rest.partition(" ")
        body = self._api(name, argument).encode("utf-8", "surrogateescape")
        self._send(f"Content-Type: api/response\nContent-Length: {len(body)}\n\n".encode() + body)
        return ""

    def _linger(self, rest: str, _command: Command) -> str:
        if not rest:
            self._linger_s = -1
            return "+OK will linger"
        digits = re.match(r"\d+", rest)
        self._linger_s = int(digits.group()) if digits else 0
        return f"+OK will linger {self._linger_s} seconds"

    def _no_linger(self, _rest: str, _command: Command) -> str:
        self._linger_s = None
        return "+OK will not linger"

    def _event(self, rest: str, _command: Command) -> str:
        words = rest.split(" ")
        if words[0].lower() in ("json", "xml"):
            return f"-ERR {words[0]} is not simulated"
        names = {word.upper() for word in words if word and word.lower() != "plain"}
        if not names:
            return "-ERR no keywords supplied"
        self._subscribed |= names
        return "+OK event listener enabled plain"

    def _nixevent(self, rest: str, _command: Command) -> str:
        self._subscribed -= {word.upper() for word in rest.split(" ")}
        return "+OK events nixed"

    def _noevents(self, _rest: str, _command: Command) -> str:
        self._events.clear()
        if not self._subscribed:
            return "-ERR not listening for events"
        self._subscribed.clear()
        return "+OK no longer listening for events"

    def _passes(self, headers: list[Header]) -> bool:
        """Whether the filters let an event pass: positive ones are or-ed, a negative hit drops it."""
        values = {name.lower(): value for name, value in headers}
        send = not self._filters
        for name, wanted in self._filters:
            if name not in values:
                continue
            positive, pattern = not wanted.lstrip("+ ").startswith("-"), wanted.lstrip("+- ")
            if _matches(values[name], pattern):
                if not positive:
                    return False
                send = True
        return send

    # -- bytes ----------------------------------------------------------------------------------------------------

    def _receive(self) -> None:
        """Wait for bytes until the next look around. Raises OSError at the end of the connection."""
        self._socket.settimeout(self._clock.real(TICK_S))
        try:
            data = self._socket.recv(_RECEIVE_BYTES)
        except TimeoutError:
            return
        if not data:
            raise OSError("end of file")
        self._reader.receive(data)

    def _send(self, message: bytes) -> None:
        interference = self._interference
        if interference.rewrite is not None:
            message = interference.rewrite(message)
        if interference.delay_s:
            self._clock.sleep(interference.delay_s)
        size = interference.chunk_bytes or max(len(message), 1)
        self._socket.settimeout(None)
        for start in range(0, len(message), size):
            self._socket.sendall(message[start : start + size])
            if interference.chunk_bytes:
                self._clock.sleep(interference.chunk_delay_s)
        self.bytes_sent += len(message)

    def _interfere(self, moment: Moment) -> None:
        if self._interference.drop_at is moment:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise OSError("dropped")
        if self._interference.freeze_at is moment:
            while self._channel.up or not self._channel.reported:
                self._clock.sleep(TICK_S)
            self._clock.sleep(self._interference.frozen_s)
            raise OSError("frozen to the end")


def _matches(value: str, pattern: str) -> bool:
    if pattern.startswith("/"):
        return re.search(pattern.strip("/"), value) is not None
    return value.lower() == pattern.lower()


def _deletes(name: str, value: str, kept_name: str, kept_value: str) -> bool:
    return name.lower() in ("all", kept_name) and value in ("", kept_value)
