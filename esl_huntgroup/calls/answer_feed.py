"""
What other connections hear of calls whose own socket is silent.

A dialplan that runs ``socket`` without ``async`` has the phones ring one turn of 20 ms earlier, but then its socket
says nothing until the call is over. That somebody has answered, the worker hears from the switch itself: by one
connection to each switch, for all calls. Without it the journal learns of the answer from the call's own socket, when
the call ends.

Every call that is followed carries the mark of its worker, and the switch tells each worker of its own calls alone.
What a switch has to tell piles up in its memory while the network is cut: nobody marks new calls then.
"""

from __future__ import annotations

import functools
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NoReturn

import gevent

from esl_huntgroup.errors import SwitchError
from esl_huntgroup.esl.inbound import InboundSession
from esl_huntgroup.esl.reconnect import EventSubscription, keep_connected
from esl_huntgroup.esl.wire import Message

log = logging.getLogger(__name__)

NO_ADDRESS: Final = "esl_address is not set"
FOLLOWER: Final = "huntgroup_follower"
"""The channel variable with the mark of the worker that wants to hear of the call."""
LISTEN_S: Final = 10.0
"""How often a silent connection is looked after."""

Hears = Callable[[Message, InboundSession], None]
"""Takes in an event of a call, together with the connection that has brought it."""


class AnswerFeed:
    """
    The connections of one worker to all switches; made when the first call needs them.

    ``mark`` is what the variable FOLLOWER has to be on a channel that is followed: no other worker has the same.
    """

    def __init__(self, addresses: Sequence[tuple[str, int]] = (), password: str = "") -> None:
        """Take where the switches listen. Connects to none."""
        self.mark = os.urandom(8).hex()
        self._connects = [functools.partial(InboundSession, host, port, password) for host, port in addresses]
        self._hears: dict[str, Hears] = {}
        self._listeners: list[gevent.Greenlet] | None = None

    @contextmanager
    def follow(self, channel_uuid: str, hears: Hears) -> Iterator[None]:
        """Have ``hears`` called with each CHANNEL_BRIDGE of this channel. It may raise SwitchError."""
        self._start()
        self._hears[channel_uuid] = hears
        try:
            yield
        finally:
            if self._hears.get(channel_uuid) is hears:  # and not that of the group to which the caller went from here
                del self._hears[channel_uuid]

    def stop(self) -> None:
        """Hear of nothing more; every connection is closed."""
        gevent.killall(self._listeners or [])

    def _start(self) -> None:
        if self._listeners is not None:
            return
        if not self._connects:
            log.warning("%s: of calls without async, the journal learns the answer when they end", NO_ADDRESS)
        self._listeners = [gevent.spawn(keep_connected, connect, self._listen, "live") for connect in self._connects]

    def _listen(self, switch: InboundSession) -> NoReturn:
        """Pass on events until the connection breaks. Raises SwitchError."""
        subscription = EventSubscription(switch, "CHANNEL_BRIDGE", [f"variable_{FOLLOWER} {self.mark}"], time.monotonic)
        log.info("live: hears of calls without async")
        while True:
            event = subscription.next_event(LISTEN_S)
            hears = self._hears.get(event.get("Unique-ID") or "") if event else None
            if event and hears and event.get("Event-Name") == "CHANNEL_BRIDGE":
                _tell(hears, event, switch)


def _tell(hears: Hears, event: Message, switch: InboundSession) -> None:
    """Let one call hear; a fault of this program in it makes no other call deaf. Raises SwitchError."""
    try:
        hears(event, switch)
    except SwitchError:
        raise
    except Exception:
        log.exception("a fault of this program in a call without async")
