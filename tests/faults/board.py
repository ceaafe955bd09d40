"""The simulated switch with its event socket, and what it knows of every call: the truth that the journal must tell."""

from __future__ import annotations

import time
from dataclasses import dataclass

from esl_huntgroup.simulator.channel import CallerChannel
from esl_huntgroup.simulator.event import Header
from esl_huntgroup.simulator.phones import Phone
from esl_huntgroup.simulator.session import Session
from esl_huntgroup.simulator.switch import Address, CallResult, Switch
from tests.faults.event_socket import EventSocket, Line
from tests.faults.firm import DOMAIN, WATCHDOG_S

TELLS_WITHIN_S = 25.0
"""A witness waits for 8 s, looks every 3 s, and may find the database locked or the spool full for a while."""


@dataclass(frozen=True, slots=True)
class End:
    """The end of a call as the switch has told it, how long after the hang-up it did, and who listened."""

    at: float
    late_s: float
    witnesses: frozenset[Line]


class Board(Switch):
    """
    One switch with all phones of the firm, which hands its group calls to ``service``.

    ``disturbed`` has the channels whose connection to the service a test has broken.
    """

    def __init__(self, service: Address, phones: tuple[Phone, ...]) -> None:
        super().__init__(service, phones, domain=DOMAIN, watchdog_s=WATCHDOG_S)
        self.events = EventSocket(self.api, self._living)
        self.disturbed: set[str] = set()
        self._ends: dict[str, End] = {}

    def fire(self, session: Session, name: str, before: list[Header], after: list[Header]) -> None:
        """Tell the second witness of the end, too."""
        super().fire(session, name, before, after)
        if name == "CHANNEL_HANGUP_COMPLETE":
            headers = [*self._preamble(name), *before, *session.channel.headers(), *after]
            self._ends[session.channel.uuid] = End(
                time.monotonic(), self._late_s(session), self.events.tell_end(headers)
            )

    def is_witnessed(self, result: CallResult) -> bool:
        """Whether somebody has heard of the end, and lived long enough to tell of it. Forgets the call."""
        end = self._ends.pop(result.uuid, None)
        return end is not None and any(line.left_at - end.at > TELLS_WITHIN_S for line in end.witnesses)

    def told_late_s(self, result: CallResult) -> float:
        """How long after the hang-up its event came: a busy machine can stop the switch itself between the two."""
        end = self._ends.get(result.uuid)
        return end.late_s if end else 0.0

    def _late_s(self, session: Session) -> float:
        return self.clock.now() - session.channel.profile.times.hangup / 1_000_000

    def caller(self, number: str) -> CallerChannel | None:
        """Return the channel of the caller with this number, None once the call is over."""
        return next((it for it in self.callers.values() if it.caller.number == number), None)

    def disturb(self) -> None:
        """Note that all connections of now are being broken."""
        self.disturbed |= set(self.callers)

    def close(self) -> None:
        """Let go of the event socket and of what the phones have heard."""
        self.events.close()

    def _living(self, uuid: str) -> CallerChannel | None:
        channel = self.callers.get(uuid)
        return channel if channel is not None and channel.up else None
