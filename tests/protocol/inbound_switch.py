"""A switch at which the service listens: the other side of an inbound event socket."""

from __future__ import annotations

import contextlib
import socket
from typing import Any
from urllib.parse import quote

import gevent
from gevent.event import Event
from gevent.server import StreamServer

from tests.unit.examples import inbound

NODE = "switch1"
T0 = inbound().arrived_at_ms


class InboundSwitch:
    """The other side of an inbound event socket: knows which channels live, and says what it is told to say."""

    def __init__(self) -> None:
        self.channels: dict[str, dict[str, object]] = {}
        self.connections: list[Any] = []
        self.asked: list[str] = []
        self.refuses = ""
        self.breaks_at = ""
        self.held: set[str] = set()
        self.name = NODE
        self.network = Event()
        """Cleared: what the service says arrives nowhere, until it is set again."""
        self.network.set()
        self._server = StreamServer(("127.0.0.1", 0), self._serve)
        self._server.start()
        self.port: int = self._server.server_port

    def tell(self, event: dict[str, str]) -> None:
        body = "".join(f"{name}: {quote(value)}\n" for name, value in event.items()) + "\n"
        self.connections[-1].sendall(f"Content-Length: {len(body)}\nContent-Type: text/event-plain\n\n{body}".encode())

    def drop(self) -> None:
        self.connections.pop().shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._server.stop()
        self.network.set()
        for sock in self.connections:
            sock.close()
        gevent.sleep(0)  # whoever waited for the network sees that it is over

    def _serve(self, sock: Any, _address: Any) -> None:
        self.connections.append(sock)
        sock.sendall(b"Content-Type: auth/request\n\n")
        with contextlib.suppress(OSError), sock, sock.makefile("rb") as lines:
            for line in lines:
                self.network.wait()
                if self.breaks_at and line.decode().startswith(self.breaks_at):
                    sock.shutdown(socket.SHUT_RDWR)
                    return
                if line.strip():
                    sock.sendall(self._answer(line.decode().strip()))

    def _answer(self, line: str) -> bytes:
        self.asked.append(line)
        if self.refuses and line.startswith(self.refuses):
            return b"Content-Type: command/reply\nReply-Text: -ERR not allowed\n\n"
        if not line.startswith("api "):
            return b"Content-Type: command/reply\nReply-Text: +OK\n\n"
        body = self._api(*line.removeprefix("api ").partition(" ")[::2]).encode()
        return b"Content-Type: api/response\nContent-Length: %d\n\n%b" % (len(body), body)

    def _api(self, name: str, argument: str) -> str:
        if name in ("uuid_setvar_multi", "sched_del"):
            return "+OK"
        uuid, _, rest = argument.partition(" ")
        channel = self.channels.get(uuid)
        match name:
            case "switchname":
                return self.name
            case "strepoch":
                return str(T0 // 1000 + 60)
            case "show":
                held = [f'{{"uuid":"{uuid}"}}' for uuid in self.held if uuid in argument]
                return f'{{"row_count":{len(held)},"rows":[{",".join(held)}]}}' if held else '{"row_count": 0}\n'
            case "uuid_exists":
                return "true" if channel is not None else "false"
            case "uuid_getvar":
                return str((channel or {}).get(f"variable_{rest}", "_undef_"))
            case "uuid_dump":
                return "{" + ",".join(f'"{key}":{_json(value)}' for key, value in (channel or {}).items()) + "}"
        raise AssertionError(name)


def _json(value: object) -> str:
    return f"[{','.join(map(_json, value))}]" if isinstance(value, list) else f'"{value}"'
