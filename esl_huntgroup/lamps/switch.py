"""What one switch is told of the lamps: a connection of its own, on which it also says who begins to watch."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NoReturn, Protocol

from esl_huntgroup.esl.inbound import InboundSession
from esl_huntgroup.esl.reconnect import EventSubscription, keep_connected
from esl_huntgroup.esl.wire import Message
from esl_huntgroup.lamps import presence
from esl_huntgroup.lamps.announcer import Announcer
from esl_huntgroup.lamps.lamp import Lamp

LISTEN_S: Final = 0.05
"""How long it listens to the switch before it looks at the lamps again: half of this is what a lamp comes later."""
AT_ONCE: Final = 50
"""Lamps of which a switch is told in one write."""

log = logging.getLogger(__name__)


class Lamps(Protocol):
    """What the lamps show. ``current`` is None as long as nobody can vouch for it."""

    @property
    def current(self) -> Mapping[str, Lamp] | None:
        """What each lamp shows, by its address."""


class LampsOfSwitch:
    """Tells one switch, for ever. ``clock`` counts seconds."""

    def __init__(
        self, connect: Callable[[], InboundSession], lamps: Lamps, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take what opens a session to the switch. Connects to nothing."""
        self._connect = connect
        self._lamps = lamps
        self._clock = clock
        self._refusal = ""

    def run(self) -> NoReturn:
        """Tell for ever; a switch that cannot be reached is tried again, less and less often. Returns never."""
        keep_connected(self._connect, self._use, "lamps", clock=self._clock)

    def _use(self, switch: InboundSession) -> NoReturn:
        """Tell until the connection breaks. Raises SwitchError."""
        subscription = EventSubscription(switch, presence.EVENTS, presence.FILTERS, self._clock)
        log.info("lamps: tells %s", switch.api("switchname").strip())
        announcer, seen = Announcer(), None
        while True:
            message = subscription.next_event(LISTEN_S)
            lamps = self._lamps.current
            if lamps is None:
                continue
            if lamps is not seen:
                self._tell(switch, announcer.news(lamps, self._clock()))
            seen = lamps
            if message is not None:
                self._correct(switch, announcer, lamps, message)

    def _tell(self, switch: InboundSession, news: Sequence[Sequence[bytes]]) -> None:
        for start in range(0, len(news), AT_ONCE):
            self._say(switch, [command for said in news[start : start + AT_ONCE] for command in said])

    def _correct(
        self, switch: InboundSession, announcer: Announcer, lamps: Mapping[str, Lamp], message: Message
    ) -> None:
        misled = presence.misled(message.get)
        if misled and (said := announcer.correction(lamps, misled)) is not None:
            self._say(switch, [said])

    def _say(self, switch: InboundSession, commands: Sequence[bytes]) -> None:
        """Send commands. What the switch refuses is logged once: without ``sched_api`` lamps have no lease."""
        for asked, reply in zip(commands, switch.exchange(commands, switch.timeout_s), strict=True):
            answer = reply.text().strip() or reply.reply
            if answer.startswith("-") and not asked.startswith(b"api sched_del") and answer != self._refusal:
                self._refusal = answer
                log.warning("lamps: the switch refuses %r: %s", asked[:40], answer[:200])
