"""A connection that is made again whenever it breaks, and what a switch is listened to by."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Final, NoReturn, TypeVar

import gevent

from esl_huntgroup.errors import ProtocolError, SwitchError, SwitchTimeout
from esl_huntgroup.esl.inbound import InboundSession
from esl_huntgroup.esl.wire import Message, api, command

log = logging.getLogger(__name__)

T = TypeVar("T")

FIRST_S: Final = 0.5
MAX_S: Final = 30.0
PING_AFTER_S: Final = 20.0
"""A switch that has said nothing for so long is asked for a sign of life: its HEARTBEAT may be as rare as it likes."""
ANSWER_WITHIN_S: Final = 40.0
"""
How long it has for that, and for each other answer. TCP repeats what was lost: a network that is back by then has cost
no event, for the switch has kept them. After that the connection is given up, and made again.
"""
PENDING_MAX: Final = 10_000
"""Events that may come at once then: at 100 calls a second twice as many as there are in ANSWER_WITHIN_S."""
PING: Final = api("strepoch")
HEARTBEAT: Final = command("filter Event-Name HEARTBEAT")
"""So that the switch sends something now and then: only by that its kernel finds out that nobody is here any more."""


def keep_connected(
    connect: Callable[[], AbstractContextManager[T]],
    use: Callable[[T], NoReturn],
    what: str,
    *,
    clock: Callable[[], float] = time.monotonic,
    chance: Callable[[], float] = random.random,
) -> NoReturn:
    """
    Use a connection until it breaks, and the next one then, for ever. Returns never.

    Who cannot be reached is tried again, less and less often. ``what`` begins the lines of the log. Both functions may
    raise SwitchError.
    """
    pause_s = FIRST_S
    while True:
        began = clock()
        try:
            with connect() as connection:
                use(connection)
        except SwitchError as error:
            log.warning("%s: %s", what, error)
        if clock() - began > MAX_S:
            pause_s = FIRST_S
        gevent.sleep(pause_s * (0.5 + chance() / 2))
        pause_s = min(pause_s * 2, MAX_S)


class EventSubscription:
    """
    Listens to a switch, and notices when it is silent because it is gone.

    ``clock`` counts seconds. The switch has ANSWER_WITHIN_S from now on for whatever it is asked by ``switch``.
    """

    def __init__(self, switch: InboundSession, event: str, filters: Sequence[str], clock: Callable[[], float]) -> None:
        """
        Ask for one kind of event.

        Each filter is a header and a value: an event has to match one of them, and none with a minus before the value.
        Whatever is asked for piles up in the switch, event by event, once its network is cut. Raises SwitchError.
        """
        only = [command(f"filter {one}") for one in filters]
        asked = (command(f"event plain {event} HEARTBEAT"), *only, HEARTBEAT)
        for reply in switch.exchange(asked, switch.timeout_s):
            if not reply.reply.startswith("+OK"):
                raise ProtocolError(f"the switch refuses to tell of its calls: {reply.reply[:80]!r}")
        switch.timeout_s = ANSWER_WITHIN_S
        switch.pending_max = PENDING_MAX
        self._switch = switch
        self._clock = clock
        self._heard_at = clock()

    def next_event(self, timeout_s: float) -> Message | None:
        """Return the next event, None after the time. Raises SwitchError, SwitchTimeout for a switch that is gone."""
        try:
            message = self._switch.next_message(timeout_s)
        except SwitchTimeout:
            if self._clock() - self._heard_at >= PING_AFTER_S:
                self._ping()
            return None
        self._heard_at = self._clock()
        return message

    def _ping(self) -> None:
        """Ask for a sign of life. Raises SwitchError."""
        try:
            self._switch.exchange([PING], self._switch.timeout_s)
        except SwitchTimeout:
            raise SwitchTimeout(f"nothing was heard for {self._clock() - self._heard_at:.0f} s") from None
        self._heard_at = self._clock()
