"""Publishes the lamps of one domain, or of several, at a SIP server where phones watch them: by UDP, one at a time."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NoReturn

import gevent
from gevent import socket

from esl_huntgroup.lamps.lamp import IDLE, Lamp
from esl_huntgroup.lamps.publication import CONDITION_FAILED, Answer, Publication, answer
from esl_huntgroup.lamps.switch import Lamps

LOOK_EVERY_S: Final = 0.1
REPEAT_S: Final = (0.5, 1.0, 2.0)
"""How long an answer is waited for before a request is sent again, and the last time (RFC 3261, timer E)."""
PAUSE_S: Final = 5.0
"""How long a server that does not answer is left alone."""
DATAGRAM_MAX_BYTES: Final = 65_535

log = logging.getLogger(__name__)


class Publisher:
    """
    Publishes at one server for ever. ``is_for`` says of a domain whether its groups are published there.

    ``clock`` counts seconds.
    """

    def __init__(
        self,
        server: tuple[str, int],
        is_for: Callable[[str], bool],
        lamps: Lamps,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the address of the server. Sends nothing."""
        self._server = server
        self._is_for = is_for
        self._lamps = lamps
        self._clock = clock
        self._publications: dict[str, Publication] = {}
        self._complaint = ""

    def run(self) -> NoReturn:
        """Publish for ever. Returns never."""
        while True:
            lamps = self._lamps.current
            is_well = lamps is None or self._round(lamps)
            gevent.sleep(LOOK_EVERY_S if is_well else PAUSE_S)

    def _round(self, lamps: Mapping[str, Lamp]) -> bool:
        """Publish what has changed; return whether the server takes it."""
        due = list(self._due(lamps))
        if not due:
            return True
        try:
            with self._socket() as sock:
                why = next((why for it, lamp in due if (why := self._publish(sock, it, lamp))), "")
        except OSError as error:
            why = error.strerror or str(error)
        self._say(why)
        return not why

    def _due(self, lamps: Mapping[str, Lamp]) -> Iterator[tuple[Publication, Lamp]]:
        mine = {address: lamp for address, lamp in lamps.items() if self._is_for(address.partition("@")[2])}
        for address, lamp in {**dict.fromkeys(self._publications.keys() - mine.keys(), IDLE), **mine}.items():
            known = self._publications.get(address)
            if known is None and lamp.is_lit:
                known = self._publications[address] = Publication(address, uuid.uuid4().hex)
            if known is not None and known.is_due(lamp, self._clock()):
                yield known, lamp

    def _socket(self) -> Any:
        family = socket.getaddrinfo(*self._server, type=socket.SOCK_DGRAM)[0][0]
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.connect(self._server)
        return sock

    def _publish(self, sock: Any, publication: Publication, lamp: Lamp) -> str:
        """Publish one lamp; return why that was not possible, nothing where it was. Raises OSError."""
        found = self._exchange(sock, publication, lamp)
        if found is not None and found.status == CONDITION_FAILED:
            publication.answered(lamp, found, self._clock())
            found = self._exchange(sock, publication, lamp)
        if found is None:
            publication.lost()
            return "no answer"
        return "" if publication.answered(lamp, found, self._clock()) else f"it answers {found.status}"

    def _exchange(self, sock: Any, publication: Publication, lamp: Lamp) -> Answer | None:
        host, port = sock.getsockname()[:2]
        request = publication.request(lamp, f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        for wait_s in REPEAT_S:
            sock.send(request)
            with gevent.Timeout(wait_s, False):
                while True:
                    found = answer(sock.recv(DATAGRAM_MAX_BYTES))
                    if found and (found.call_id, found.cseq) == (publication.call_id, publication.cseq):
                        return found
        return None

    def _say(self, why: str) -> None:
        """Log once that the server does not take what is published, and once that it does again."""
        host, port = self._server
        if why and not self._complaint:
            log.warning("lamps: %s port %d takes no PUBLISH: %s", host, port, why)
        elif self._complaint and not why:
            log.warning("lamps: %s port %d takes PUBLISH again", host, port)
        self._complaint = why
