"""A connection to a switch that is made again whenever it breaks."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import Final, NoReturn

import gevent

from esl_huntgroup.errors import ProtocolError, SwitchError, SwitchTimeout
from esl_huntgroup.esl.inbound import InboundSession
from esl_huntgroup.esl.wire import Message, command

log = logging.getLogger(__name__)

FIRST_S: Final = 0.5
MAX_S: Final = 30.0
SILENCE_MAX_S: Final = 65.0
"""FreeSWITCH sends a HEARTBEAT every 20 s; after three that did not come the connection is dead."""
HEARTBEAT: Final = command("filter Event-Name HEARTBEAT")


def keep_connected(
    connect: Callable[[], InboundSession],
    use: Callable[[InboundSession], NoReturn],
    what: str,
    *,
    clock: Callable[[], float] = time.monotonic,
    chance: Callable[[], float] = random.random,
) -> NoReturn:
    """
    Use a connection until it breaks, and the next one then, for ever. Returns never.

    A switch that cannot be reached is tried again, less and less often. ``what`` begins the lines of the log.
    """
    pause_s = FIRST_S
    while True:
        began = clock()
        try:
            with connect() as switch:
                use(switch)
        except SwitchError as error:
            log.warning("%s: %s", what, error)
        if clock() - began > MAX_S:
            pause_s = FIRST_S
        gevent.sleep(pause_s * (0.5 + chance() / 2))
        pause_s = min(pause_s * 2, MAX_S)


class EventSubscription:
    """
    Listens to a switch, and hears that it is silent: HEARTBEAT is among the events that are asked for.

    ``clock`` counts seconds.
    """

    def __init__(self, switch: InboundSession, event: str, only: str, clock: Callable[[], float]) -> None:
        """Ask for one kind of event, of channels with the variable ``only``. Raises SwitchError."""
        asked = (command(f"event plain {event} HEARTBEAT"), command(f"filter variable_{only} /:/"), HEARTBEAT)
        for reply in switch.exchange(asked, switch.timeout_s):
            if not reply.reply.startswith("+OK"):
                raise ProtocolError(f"the switch refuses to tell of its calls: {reply.reply[:80]!r}")
        self._switch = switch
        self._clock = clock
        self._heard_at = clock()

    def next_event(self, timeout_s: float) -> Message | None:
        """Return the next event, None after the time. Raises SwitchError, SwitchTimeout for a switch that is silent."""
        try:
            message = self._switch.next_message(timeout_s)
        except SwitchTimeout:
            if self._clock() - self._heard_at > SILENCE_MAX_S:
                raise SwitchTimeout(f"nothing was heard for {SILENCE_MAX_S:g} s, not even a HEARTBEAT") from None
            return None
        self._heard_at = self._clock()
        return message
