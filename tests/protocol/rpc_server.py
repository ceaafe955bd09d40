"""A small Kamailio for the tests: answers look-ups over HTTP, or does not."""

from __future__ import annotations

import json
import re
from typing import Any

import gevent
from gevent.server import StreamServer

REQUEST = re.compile(rb"POST (\S+) HTTP/1\.1\r\n(?:[^\r\n]+\r\n)*?Content-Length: (\d+)\r\n\r\n")


class RpcServer:
    """
    Answers on 127.0.0.1. ``phones`` maps an address of record to its contacts.

    ``answers_before_close`` is after how many answers each connection ends, 0 for never; ``is_frozen`` takes everything
    in and says nothing; ``delay_s`` is how long each answer takes; ``garbage`` is sent in place of an answer.
    """

    def __init__(self, phones: dict[str, list[dict[str, Any]]]) -> None:
        self.phones = phones
        self.answers_before_close = 0
        self.is_frozen = False
        self.delay_s = 0.0
        self.garbage = b""
        self.asked: list[str] = []
        self.packets: list[int] = []
        self.heads: list[bytes] = []
        self.connections = 0
        self._sockets: list[Any] = []
        self._server = StreamServer(("127.0.0.1", 0), self._serve)
        self._server.start()
        self.port = self._server.server_port

    def stop(self) -> None:
        self._server.stop(timeout=0)
        self.hang_up()

    def start(self) -> None:
        self._server = StreamServer(("127.0.0.1", self.port), self._serve)
        self._server.start()

    def hang_up(self) -> None:
        for connection in self._sockets:
            connection.close()
        self._sockets.clear()

    def _serve(self, connection: Any, _: Any) -> None:
        self.connections += 1
        self._sockets.append(connection)
        try:
            self._converse(connection)
        except OSError:
            pass
        finally:
            connection.close()

    def _converse(self, connection: Any) -> None:
        data, answered = b"", 0
        while more := connection.recv(65536):
            data += more
            before = len(self.asked)
            while match := REQUEST.match(data):
                end = match.end() + int(match[2])
                if len(data) < end:
                    break
                self.heads.append(data[: match.end()])
                body, data = data[match.end() : end], data[end:]
                self.asked.append(json.loads(body)["params"][1])
                if self.is_frozen:
                    continue
                gevent.sleep(self.delay_s)
                connection.sendall(self.garbage or self._answer(json.loads(body)))
                answered += 1
                if answered == self.answers_before_close:
                    return
            self.packets.append(len(self.asked) - before)

    def _answer(self, asked: dict[str, Any]) -> bytes:
        aor = asked["params"][1]
        contacts = self.phones.get(aor)
        reply: dict[str, Any] = {"jsonrpc": "2.0", "id": asked["id"]}
        if contacts:
            reply["result"] = {"AoR": aor, "Contacts": [{"Contact": contact} for contact in contacts]}
        else:
            reply["error"] = {"code": 500, "message": "AOR not found in location table"}
        body = json.dumps(reply).encode()
        return b"HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n%b" % (200 if contacts else 500, len(body), body)
