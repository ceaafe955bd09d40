"""
A switch with phones that watch numbers, as mod_sofia serves them: it stores nothing of what it is told.

What it fires is what was recorded from FreeSWITCH; that it tells phones the same was seen there (``tests/e2e``).
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Any

from gevent import socket
from gevent.server import StreamServer

from esl_huntgroup.simulator import event
from esl_huntgroup.simulator.clock import Clock
from esl_huntgroup.simulator.command import Command, CommandReader
from esl_huntgroup.simulator.scheduler import Scheduler
from tests.unit.lamps.recorded import OF_DIALOGS, OF_PRESENCE, PUT_OUT


@dataclass(slots=True)
class Key:
    """A lamp key of a phone: what it has shown, the last at the end."""

    address: str
    call_id: str
    is_dialog: bool
    shown: list[str] = field(default_factory=list)

    @property
    def now(self) -> str:
        """What it shows now."""
        return self.shown[-1]


class PresenceSwitch:
    """Listens on a free port. Its scheduler runs by ``clock``."""

    def __init__(self, clock: Clock) -> None:
        self.keys: list[Key] = []
        self.told: list[Command] = []
        self.refuses = ""
        self.scheduler = Scheduler(clock)
        self._sockets: list[Any] = []
        self._server = StreamServer(("127.0.0.1", 0), self._serve)
        self._server.start()
        self.port: int = self._server.server_port

    def watch(self, address: str, *, is_dialog: bool = True) -> Key:
        """Have a phone begin to watch."""
        key = Key(address, f"{len(self.keys)}@127.0.0.1", is_dialog)
        self.keys.append(key)
        self.go_on(key)
        return key

    def go_on(self, key: Key) -> None:
        """Have a phone renew its SUBSCRIBE."""
        if key.is_dialog:
            key.shown.append("")
        self._fire((OF_DIALOGS if key.is_dialog else OF_PRESENCE) | {"to": key.address, "sub-call-id": key.call_id})
        if not key.is_dialog:
            self._fire(PUT_OUT | {"from": key.address})
            for it in self.keys:
                if it.address == key.address:
                    it.shown.append("" if it.is_dialog else "closed")

    def drop(self) -> None:
        """End every connection."""
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._sockets.clear()

    def close(self) -> None:
        """Listen no more."""
        self._server.stop()
        self.drop()

    def _fire(self, headers: dict[str, str]) -> None:
        body = event.serialize(list(headers.items()))
        for sock in self._sockets:
            sock.sendall(f"Content-Length: {len(body)}\nContent-Type: text/event-plain\n\n".encode() + body)

    def _serve(self, sock: Any, _address: Any) -> None:
        self._sockets.append(sock)
        reader = CommandReader()
        with contextlib.suppress(OSError), sock:
            sock.sendall(b"Content-Type: auth/request\n\n")
            while data := sock.recv(65536):
                reader.receive(data)
                while (command := reader.next()) is not None:
                    sock.sendall(self._reply(command))

    def _reply(self, command: Command) -> bytes:
        self.told.append(command)
        word, _, rest = command.line.partition(" ")
        if word == "sendevent":
            self._tell(command)
        if word != "api":
            return b"Content-Type: command/reply\nReply-Text: +OK\n\n"
        body = self._api(*rest.partition(" ")[::2]).encode()
        return f"Content-Type: api/response\nContent-Length: {len(body)}\n\n".encode() + body

    def _tell(self, command: Command) -> None:
        only = command.header("call-id")
        for key in self.keys:
            if key.call_id == only or (not only and key.address == command.header("from")):
                state, who = command.header("answer-state"), command.header("caller-caller-id-name")
                key.shown.append(f"{state} {who}".strip())

    def _api(self, name: str, argument: str) -> str:
        if self.refuses == name:
            return f"-ERR {name} not allowed\n"
        match name:
            case "switchname":
                return "switch1"
            case "strepoch":
                return "1"
            case "sched_del":
                return f"+OK Deleted: {self.scheduler.cancel(argument)}\n"
            case "sched_api":
                after, group, line = argument.split(" ", 2)
                return f"+OK Added: {self.scheduler.add(int(after[1:]), group, lambda: self._api('presence', line))}\n"
            case "presence":
                *_, address, _rpid, _status = argument.split(" ")
                for key in self.keys:
                    if key.address == address:
                        key.shown.append("")
                return "Event Sent"
        raise AssertionError(name)
