"""
An inbound connection that many greenlets use: one reads, and hands each reply to whoever has asked.

The switch answers commands in their order, so replies need no names.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import gevent
from gevent.event import AsyncResult
from gevent.lock import RLock

from esl_huntgroup.errors import ProtocolError, SwitchGone, SwitchTimeout
from esl_huntgroup.esl.inbound import InboundSession
from esl_huntgroup.esl.reconnect import ANSWER_WITHIN_S, PING, PING_AFTER_S
from esl_huntgroup.esl.wire import API_RESPONSE, COMMAND_REPLY, Message

UNREAD_MAX = 10_000
"""Replies that may be awaited at a time: a switch that has answered none of so many commands is gone."""


class SharedConnection:
    """
    A connection that is open already, and that nobody else uses any more.

    ``run`` has to go on in one greenlet; ``exchange`` and ``tell`` may be called in any other.
    """

    def __init__(self, switch: InboundSession, on_event: Callable[[Message], None]) -> None:
        """Take the connection over; ``on_event`` is called with each event, and must not wait for a reply."""
        self._switch = switch
        self._on_event = on_event
        self._awaited: deque[AsyncResult[Message] | None] = deque()
        self._writing = RLock()
        self._is_open = True

    def run(self) -> NoReturn:
        """Read until the connection breaks. Raises SwitchError; whoever waits for a reply has SwitchGone."""
        try:
            silent_s = 0.0
            while True:
                try:
                    self._take(self._switch.read(PING_AFTER_S))
                    silent_s = 0.0
                except SwitchTimeout:
                    silent_s += PING_AFTER_S
                    if silent_s > ANSWER_WITHIN_S:
                        raise
                    self.tell([PING])
        finally:
            self._is_open = False
            for result in filter(None, self._awaited):
                result.set_exception(SwitchGone("the connection ended"))

    def exchange(self, commands: Sequence[bytes], timeout_s: float) -> list[Message]:
        """Send commands in one write and return their replies, in the same order. Raises SwitchError."""
        results = self._send(commands, [AsyncResult() for _ in commands])
        with gevent.Timeout(timeout_s, SwitchTimeout("no answer within the deadline")):
            return [result.get() for result in results]

    def tell(self, commands: Sequence[bytes]) -> None:
        """Send commands in one write, and let their replies pass. Raises SwitchError."""
        self._send(commands, [None for _ in commands])

    def _send(self, commands: Sequence[bytes], results: list[Any]) -> list[Any]:
        with self._writing, gevent.Timeout(ANSWER_WITHIN_S, SwitchTimeout("the switch does not read")):
            if not self._is_open or len(self._awaited) > UNREAD_MAX:
                raise SwitchGone("there is no connection")
            self._awaited.extend(results)
            try:
                self._switch.sock.sendall(b"".join(commands))
            except OSError as error:
                raise SwitchGone(f"the connection broke: {error.strerror or error}") from None
        return results

    def _take(self, messages: Sequence[Message]) -> None:
        for message in messages:
            if message.content_type not in (API_RESPONSE, COMMAND_REPLY):
                self._on_event(message)
                continue
            if not self._awaited:
                raise ProtocolError(f"a reply that nobody asked for: {message.reply[:80]!r}")
            if result := self._awaited.popleft():
                result.set(message)
