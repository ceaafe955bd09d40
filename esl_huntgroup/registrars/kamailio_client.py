"""
Asks Kamailio over HTTP, with one kept connection to each that all calls of a worker share.

The questions of a call go out in one write, and the call goes on with the event socket meanwhile; whoever asks waits
for the answers until the deadline and never longer. Answers come in the order of the questions.

- A connection that ends is made anew, and what is unanswered is asked again: a look-up changes nothing. A server may
close
  after each answer. It is given up when a connection has ended twice without any answer.
- A Kamailio that let a deadline pass, or cannot be reached, is *down*: nobody waits for it then. It is asked once a
second
  until it answers within the deadline.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

import gevent
from gevent import socket
from gevent.event import Event

from esl_huntgroup.errors import ProtocolError
from esl_huntgroup.esl.log_throttle import LogThrottle
from esl_huntgroup.registrars.http_reader import HttpReader
from esl_huntgroup.registrars.lookups import Answer, LookUp, Rpc, request_body

log = logging.getLogger(__name__)

TIMEOUT_S: Final = 0.3
PROBE_S: Final = 1.0
"""How often a Kamailio that is down is asked whether it is back."""
TRIES_MAX: Final = 2
NUMBER_MAX: Final = 999_999_999
RECEIVE_BYTES: Final = 65_536


class Asked:
    """The look-ups of one call, on their way."""

    def __init__(self, count: int, deadline: float, clock: Callable[[], float]) -> None:
        """Begin with nothing answered."""
        self._answers: list[Answer | None] = [None] * count
        self._open = count
        self._deadline, self._clock = deadline, clock
        self._done = Event()
        self.asked: set[_Connection] = set()
        self.began_at = clock()
        self.is_over = False

    def answers(self) -> list[Answer]:
        """Return what came of each look-up, in order; waits for it until the deadline. Raises nothing."""
        if self._open:
            self._done.wait(max(self._deadline - self._clock(), 0.0))
        self.is_over = True
        if self._open:
            for connection in self.asked:
                connection.is_late(self.began_at)
        late = Answer(why=f"no answer within {(self._deadline - self.began_at) * 1000:.0f} ms")
        return [answer or late for answer in self._answers]

    def answer(self, at: int, answer: Answer) -> None:
        """Take in what came of one look-up."""
        self._answers[at] = answer
        self._open -= 1
        if not self._open:
            self._done.set()


class KamailioClient:
    """Every connection of one process; each is made when it is needed first."""

    def __init__(
        self, secret: str = "", timeout_s: float = TIMEOUT_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Connect to none."""
        self._secret, self._timeout_s, self._clock = secret, timeout_s, clock
        self._connections: dict[Rpc, _Connection] = {}

    def ask(self, lookups: Sequence[LookUp]) -> Asked:
        """Send look-ups on their way and return at once. Raises nothing."""
        asked = Asked(len(lookups), self._clock() + self._timeout_s, self._clock)
        for at, lookup in enumerate(lookups):
            connection = self._connections.get(lookup.rpc) or self._connect(lookup.rpc)
            if connection.down_why:
                asked.answer(at, Answer(why=connection.down_why))
            else:
                asked.asked.add(connection)
                connection.ask(_Question(lookup.aor, asked, at))
        return asked

    @property
    def down(self) -> list[Rpc]:
        """Those that give no answers now."""
        return [rpc for rpc, connection in self._connections.items() if connection.down_why]

    def stop(self) -> None:
        """Close every connection; nothing is answered any more."""
        for connection in self._connections.values():
            connection.stop()

    def _connect(self, rpc: Rpc) -> _Connection:
        self._connections[rpc] = connection = _Connection(rpc, self._secret, self._timeout_s, self._clock)
        return connection


class _Question:
    """One look-up of a call, or (without one) of nobody: only whether there is an answer matters then."""

    def __init__(self, aor: str, asked: Asked | None = None, at: int = 0) -> None:
        self.aor, self._asked, self._at = aor, asked, at
        self.number = 0

    @property
    def is_over(self) -> bool:
        return self._asked is not None and self._asked.is_over

    def answer(self, answer: Answer) -> None:
        if self._asked and not self.is_over:
            self._asked.answer(self._at, answer)


class _Connection:
    """The way to one Kamailio, over one TCP connection after the other. ``down_why`` is empty while it answers."""

    def __init__(self, rpc: Rpc, secret: str, timeout_s: float, clock: Callable[[], float]) -> None:
        self.down_why = ""
        self._rpc, self._timeout_s, self._clock = rpc, timeout_s, clock
        authorization = f"Authorization: Bearer {secret}\r\n" if secret else ""
        host = str(rpc).removeprefix("http://").partition("/")[0]
        self._late = f"no answer within {timeout_s * 1000:.0f} ms"
        fields = f"Host: {host}\r\nContent-Type: application/json\r\n{authorization}Content-Length: "
        self._head = f"POST {rpc.path} HTTP/1.1\r\n{fields}".encode("ascii")
        self._pending: deque[_Question] = deque()
        self._sent = 0
        self._number = 0
        self._aor = ""
        self._answered_at = 0.0
        self._wanted = Event()
        self._alarm = LogThrottle()
        self._runs = gevent.spawn(self._run)

    def ask(self, question: _Question) -> None:
        """Send a question as soon as this greenlet waits for anything."""
        self._aor = question.aor
        self._pending.append(question)
        self._wanted.set()

    def is_late(self, asked_at: float) -> None:
        """Take note that a deadline has passed: without any answer since it was asked, nobody is there."""
        if not self.down_why and self._answered_at < asked_at:
            self._give_up(self._late)
            self._runs.kill(block=False)
            self._runs = gevent.spawn(self._run)

    def stop(self) -> None:
        self._runs.kill(block=False)

    # -- the one greenlet -------------------------------------------------------------------------------------------

    def _run(self) -> None:
        tries = 0
        while True:
            if self.down_why:
                gevent.sleep(PROBE_S)
                self._pending.append(_Question(self._aor))
            elif not self._pending:
                self._wanted.clear()
                self._wanted.wait()
            before = self._answered_at
            why = self._converse()
            self._pending = deque([it for it in self._pending if not it.is_over])
            tries = 0 if self._answered_at != before else tries + 1
            if self.down_why:
                self._pending.clear()
            elif self._pending and tries >= TRIES_MAX:
                self._give_up(why)

    def _give_up(self, why: str) -> None:
        """Let nobody wait any more."""
        self.down_why = why
        if self._alarm.is_due():
            log.warning("Kamailio at %s is down: %s; lines there are dialled by their address", self._rpc, why)
        for question in self._pending:
            question.answer(Answer(why=why))
        self._pending.clear()

    def _is_back(self) -> None:
        if self.down_why:
            log.info("Kamailio at %s answers again", self._rpc)
            self.down_why = ""

    def _converse(self) -> str:
        """Ask what is pending, and what comes to it, until the connection ends; return why it did."""
        writes: gevent.Greenlet | None = None
        connection: Any = None
        try:
            with gevent.Timeout(self._timeout_s, TimeoutError(self._late)) as timer:
                connection = socket.create_connection(self._rpc[:2])
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._sent = 0
                writes = gevent.spawn(self._write, connection)
                if not self.down_why:
                    timer.cancel()  # whoever asked has a deadline; a probe has this one
                return self._read(connection, timer)
        except OSError as error:
            return error.strerror or str(error)
        except ProtocolError as error:
            return str(error)
        finally:
            if writes is not None:
                writes.kill(block=False)
            if connection is not None:
                connection.close()

    def _read(self, connection: Any, timer: gevent.Timeout) -> str:
        reader = HttpReader()
        while data := connection.recv(RECEIVE_BYTES):
            for status, body in reader.receive(data):
                if not self._sent:
                    raise ProtocolError("an answer came that nobody has asked for")
                self._sent -= 1
                question = self._pending.popleft()
                timer.cancel()
                self._answered_at = self._clock()
                self._is_back()
                question.answer(Answer(question.number, status, body))
            if reader.is_last:
                break
        return "Kamailio closes the connection without an answer"

    def _write(self, connection: Any) -> None:
        try:
            while True:
                if self._sent == len(self._pending):
                    self._wanted.clear()
                    self._wanted.wait()
                new = [self._pending[at] for at in range(self._sent, len(self._pending))]
                self._sent = len(self._pending)
                connection.sendall(b"".join(map(self._request, new)))
        except OSError:
            connection.shutdown(socket.SHUT_RDWR)  # the reader says why

    def _request(self, question: _Question) -> bytes:
        self._number = question.number = self._number % NUMBER_MAX + 1
        body = request_body(question.number, question.aor)
        return b"%b%d\r\n\r\n%b" % (self._head, len(body), body)
