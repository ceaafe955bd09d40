"""The event socket of the simulated switch, on which the second witness listens (mod_event_socket, inbound)."""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Callable
from typing import Any

import gevent
from gevent import socket
from gevent.lock import Semaphore
from gevent.server import StreamServer

from esl_huntgroup.calls.leg_note import NOTE
from esl_huntgroup.simulator import event
from esl_huntgroup.simulator.channel import CallerChannel
from esl_huntgroup.simulator.command import Command, CommandReader
from esl_huntgroup.simulator.event import Header

HEARTBEAT_S = 20.0
SWITCHNAME = "simulator"


class EventSocket:
    """
    Listens on a free port. ``cut`` resets everybody who is connected; they may come again.

    ``api`` executes what is no question about a whole channel, ``channel_of`` finds a caller who is still there.
    """

    def __init__(self, api: Callable[[str, str], str], channel_of: Callable[[str], CallerChannel | None]) -> None:
        self._api = api
        self._channel_of = channel_of
        self._lines: set[Line] = set()
        self._server = StreamServer(("127.0.0.1", 0), self._serve)
        self._server.start()
        self.port: int = self._server.server_port
        self._heart = gevent.spawn(self._beat)

    def tell_end(self, headers: list[Header]) -> frozenset[Line]:
        """Send a final event to whoever wants those of group calls; return who got it."""
        if not dict(headers).get(f"variable_{NOTE}"):
            return frozenset()
        return frozenset(line for line in self._listening() if line.send_event(headers))

    @property
    def listeners(self) -> int:
        """How many have subscribed."""
        return len(self._listening())

    def cut(self) -> None:
        """End every connection."""
        for line in list(self._lines):
            line.close()

    def close(self) -> None:
        """Listen no more."""
        self._heart.kill()
        self._server.stop()
        self.cut()

    def _listening(self) -> list[Line]:
        return [line for line in self._lines if line.is_subscribed]

    def _serve(self, sock: Any, _address: Any) -> None:
        line = Line(sock, self._answer)
        self._lines.add(line)
        try:
            line.run()
        except OSError:
            pass
        finally:
            line.left_at = time.monotonic()
            self._lines.discard(line)
            sock.close()

    def _beat(self) -> None:
        while True:
            gevent.sleep(HEARTBEAT_S)
            for line in self._listening():
                line.send_event([("Event-Name", "HEARTBEAT")])

    def _answer(self, name: str, argument: str) -> str:
        if name == "switchname":
            return SWITCHNAME
        if name == "uuid_dump":
            channel = self._channel_of(argument.removesuffix(" json"))
            return json.dumps(_dump(channel)) if channel is not None else "-ERR No such channel!\n"
        return self._api(name, argument)


class Line:
    """One connection. ``left_at`` is when it ended, on the monotonic clock."""

    def __init__(self, sock: Any, answer: Callable[[str, str], str]) -> None:
        self.is_subscribed = False
        self._wants_ends = False
        self.left_at = math.inf
        self._sock = sock
        self._answer = answer
        self._turn = Semaphore()

    def run(self) -> None:
        """Answer until the other side goes. Raises OSError."""
        reader = CommandReader()
        self._send(b"Content-Type: auth/request\n\n")
        while data := self._sock.recv(65536):
            reader.receive(data)
            while (command := reader.next()) is not None:
                self._send(self._reply(command))

    def send_event(self, headers: list[Header]) -> bool:
        """Send an event; return whether the connection took it."""
        body = event.serialize(headers)
        head = f"Content-Length: {len(body)}\nContent-Type: text/event-plain\n\n".encode()
        try:
            self._send(head + body)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """End the connection."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def _reply(self, command: Command) -> bytes:
        word, _, rest = command.line.partition(" ")
        if word == "api":
            body = self._answer(*rest.partition(" ")[::2]).encode("utf-8", "surrogateescape")
            return f"Content-Type: api/response\nContent-Length: {len(body)}\n\n".encode() + body
        if word == "event":
            self._wants_ends = "CHANNEL_HANGUP_COMPLETE" in rest
        # What comes last before it listens.
        self.is_subscribed = self.is_subscribed or (word == "filter" and self._wants_ends)
        return b"Content-Type: command/reply\nReply-Text: +OK accepted\n\n"

    def _send(self, data: bytes) -> None:
        with self._turn:
            self._sock.sendall(data)


def _dump(channel: CallerChannel) -> dict[str, object]:
    """Return a channel as ``uuid_dump … json`` writes it: what is several values is a list."""
    return {name: _listed(value) for name, value in channel.headers()}


def _listed(value: str) -> object:
    return value.removeprefix("ARRAY::").split("|:") if value.startswith("ARRAY::") else value
