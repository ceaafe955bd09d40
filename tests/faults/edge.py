"""
A real Kamailio at which the phones of the firm are registered; the service asks it, the simulated switch rings them.

What is hit is how the service learns who is registered. Calls go from the simulated switch to the simulated phones: by
a GRUU that Kamailio has given out, or by the address of a line, as Kamailio would find them.
"""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import gevent
from gevent import socket
from gevent.server import StreamServer

from esl_huntgroup.errors import ProtocolError
from esl_huntgroup.registrars.http_reader import HttpReader
from esl_huntgroup.registrars.kamailio_client import KamailioClient
from esl_huntgroup.registrars.lookups import LookUp, Rpc, read_answer
from esl_huntgroup.simulator.phones import Phone, Registrar, Script
from tests.e2e import sip
from tests.faults.firm import DOMAIN
from tests.kamailio.registrar import Registrar as Kamailio

ANSWERS_WITHIN_S: Final = 5.0
UNKNOWN: Final = Script(rings_after_s=None, refuses_after_s=0.02, status=404)
"""What Kamailio says of a device, or of a line, that it does not know (any more)."""


class Edge(Registrar):
    """Who is registered where. ``setting`` is what the service is told; ``liar`` stands between both."""

    def __init__(self, folder: Path, phones: tuple[Phone, ...]) -> None:
        super().__init__(phones)
        self._kamailio = Kamailio(folder, DOMAIN, sip.free_port(), database="sqlite")
        self._kamailio.start()
        self.liar = Liar(("127.0.0.1", self._kamailio.rpc_port))
        self._by_gruu = self._register()

    @property
    def setting(self) -> str:
        """The setting ``kamailio`` of the service."""
        return f"{DOMAIN} http://127.0.0.1:{self.liar.port}/huntgroup 127.0.0.1:{self._kamailio.port}"

    def kill(self) -> None:
        """End Kamailio as a crash does; nobody takes its connections any more."""
        self._kamailio.kill()
        self.liar.hang_up()

    def start(self) -> None:
        """Start it again; it knows by its database who is registered. To be called from a thread of its own."""
        self._kamailio.start()

    def back(self) -> None:
        """Let connections come again."""
        self.liar.listen()

    def freeze(self) -> None:
        self._kamailio.freeze()

    def thaw(self) -> None:
        self._kamailio.thaw()

    def close(self) -> None:
        self.liar.hang_up()
        with contextlib.suppress(ProcessLookupError):
            self._kamailio.kill()

    def contacts_of(self, account: str, domain: str) -> list[str]:
        """Return nothing: the switch itself knows nobody."""
        return []

    def at(self, contact: str) -> Phone | None:
        """Return the phone at the end of the way through Kamailio."""
        uri = contact.partition(";fs_path=")[0]
        if phone := self._by_gruu.get(uri):
            return phone
        address = uri.removeprefix("sip:")
        found = next((phone for phone in self.phones if phone.address == address and phone.contacts), None)
        return found or Phone("nobody", address, (contact,), UNKNOWN)

    def _register(self) -> Mapping[str, Phone]:
        """Register every phone that is on, and return which device Kamailio calls what."""
        there = [phone for phone in self.phones if phone.contacts]
        for phone in there:
            for contact in phone.contacts:
                self._kamailio.register(phone.account, f"<{contact}>")
        client = KamailioClient(timeout_s=ANSWERS_WITHIN_S)
        rpc = Rpc("127.0.0.1", self._kamailio.rpc_port, "/huntgroup")
        answers = client.ask([LookUp(rpc, phone.address) for phone in there]).answers()
        client.stop()
        return {
            found.device.gruu: phone
            for phone, answer in zip(there, answers, strict=True)
            for found in read_answer(answer, phone.address)
        }


_AOR = re.compile(rb'"AoR":"[^"]*"')
_RUID = re.compile(rb'"Ruid":"[^"]*"')
_ID = re.compile(rb'"id":[0-9]+')
_STALE = b'"Contacts":[{"Contact":{"Ruid":"uloc-0-0-0","Address":"sip:gone@127.0.0.1:9"}},'


def _answer(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


LIES: Final[tuple[Callable[[int, bytes], bytes], ...]] = (
    lambda status, body: _answer(status, _AOR.sub(b'"AoR":"9999"', body)),  # of somebody else
    lambda status, body: _answer(status, _ID.sub(b'"id":7', body)),  # to another question
    lambda status, body: _answer(200, b'{"jsonrpc":"2.0","result":{}}'),
    lambda status, body: _answer(200, b"<html><body>It works!</body></html>"),
    lambda status, body: _answer(status, body[: len(body) // 2]),
    lambda status, body: _answer(status, body.replace(b'"Contacts":[', _STALE)),  # and a device that is long gone
    lambda status, body: _answer(status, _RUID.sub(b'"Ruid":"x,error/USER_BUSY"', body)),
    lambda status, body: _answer(status, b"\xff" * 100_000),
    lambda status, body: b"SIP/2.0 400 Bad Request\r\n\r\n",
    lambda status, body: _answer(status, body) + _answer(status, body),  # an answer that nobody has asked for
    lambda status, body: b"",
)
"""
What becomes of one answer after the other.

"Nobody is registered" is not among them: by whom could that be known for a lie?
"""


class Liar:
    """Passes on what is asked, and what Kamailio answers; or, while ``lies``, what is none."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.lies = False
        self.told = 0
        self._target = target
        self._turns = itertools.cycle(LIES)
        self._sockets: set[Any] = set()
        self.port = sip.free_port(socket.SOCK_STREAM)
        self.listen()

    def listen(self) -> None:
        """Take connections."""
        self._server = StreamServer(("127.0.0.1", self.port), self._serve)
        self._server.start()

    def hang_up(self) -> None:
        """End every connection, and take none."""
        self._server.stop(timeout=0)
        for sock in list(self._sockets):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _serve(self, near: Any, _: Any) -> None:
        try:
            far = socket.create_connection(self._target)
        except OSError:
            near.close()
            return
        pair = {near, far}
        self._sockets |= pair
        gevent.joinall([gevent.spawn(self._ask, near, far), gevent.spawn(self._answer, far, near)], count=1)
        for sock in pair:
            sock.close()
        self._sockets -= pair

    @staticmethod
    def _ask(near: Any, far: Any) -> None:
        with contextlib.suppress(OSError):
            while data := near.recv(65536):
                far.sendall(data)

    def _answer(self, far: Any, near: Any) -> None:
        reader = HttpReader()
        with contextlib.suppress(OSError, ProtocolError):
            while data := far.recv(65536):
                for status, body in reader.receive(data):
                    near.sendall(self._said(status, body))

    def _said(self, status: int, body: bytes) -> bytes:
        if not self.lies:
            return _answer(status, body)
        self.told += 1
        return next(self._turns)(status, body)
