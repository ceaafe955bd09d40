"""
One row of the matrix on a real FreeSWITCH: a stream of SIPp callers, and a fault in the midst of it.

Callers come so evenly that at any instant some are in every phase, and a few more within the blink before the fault.
In which phase a call was, the SIP messages tell afterwards; ``arriving`` is what comes before the first ringing, since
SIP does not show how far the service is then.
"""

from __future__ import annotations

import itertools
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import gevent

from tests.e2e import sip, sipp
from tests.e2e.freeswitch import DOMAIN, PASSWORD, FreeSwitch
from tests.e2e.journal import MEMBERS, Call
from tests.e2e.sip import Message
from tests.e2e.sipp import Endpoint
from tests.faults.injections import Fault
from tests.faults.installed import SETTLES_WITHIN_S, Installed, until
from tests.faults.truth import Examined, Lived, problems

CALLS = 90
CALLS_PER_S = 15
BURST = 20
BURST_PER_S = 100
"""A call takes about 30 ms until the first phone rings: three of the burst are on their way there at any instant."""
FAULT_AFTER_S = 3.0
RINGS_MS = 1000
TALK_MS = 1500
INSTANT_S = 0.15
"""How near to the fault an event is at the same instant."""
PHASES = ("arriving", "ringing", "answering", "talking", "ending", "load")
_prefixes = itertools.count(51)


@dataclass(slots=True)
class Story:
    """What one caller has seen: times are seconds since the epoch, 0 for never."""

    number: str
    invited_at: float
    rang_at: float = 0.0
    answered_at: float = 0.0
    over_at: float = 0.0
    status: int = 0
    was_hung_up: bool = False

    def hear(self, message: Message) -> None:
        """Take in one message of the caller's dialogue."""
        of_invite = message.header("CSeq").endswith("INVITE")
        if message.method == "BYE":
            self.over_at, self.was_hung_up = message.at, not message.sent
        elif of_invite and message.status in (180, 183):
            self.rang_at = self.rang_at or message.at
        elif of_invite and message.status >= 200 and not self.status:
            self.status = message.status
            self.answered_at = message.at if message.status == 200 else 0.0
            self.over_at = 0.0 if message.status == 200 else message.at

    def phase_at(self, at: float) -> str:
        """Return in which phase the call was at this time."""
        if self.invited_at > at + INSTANT_S or (self.over_at and self.over_at < at - INSTANT_S):
            return "load"
        if self.answered_at and abs(self.over_at - at) <= INSTANT_S:
            return "ending"
        if abs(self.answered_at - at) <= INSTANT_S:
            return "answering"
        if self.answered_at and self.answered_at < at:
            return "talking"
        return "ringing" if self.rang_at and self.rang_at < at else "arriving"


class RealRow:
    """One fault on a service behind a real switch."""

    def __init__(self, folder: Path, fault: Fault, database: Path, switch: FreeSwitch, service_port: int) -> None:
        self._folder, self._switch = folder, switch
        self._fault = fault
        self._prefix = str(next(_prefixes))
        self._service = Installed(folder, database, ("127.0.0.1", service_port), switch.esl_port)
        self._service.environment |= {
            "ESL_HUNTGROUP_DEFAULT_DOMAIN": DOMAIN,
            "ESL_HUNTGROUP_ESL_PASSWORD": PASSWORD,
        }
        self._service.first_callers = [f"{self._prefix}{number}" for number in range(20, 50, 5)]
        self._endpoints: list[Endpoint] = []
        self._deaf_from = self._deaf_until = 0.0

    def go(self) -> dict[str, list[Examined]]:
        """Serve, call, hit, mend, and wait for all to be over; return the calls of each phase after the check."""
        try:
            self._service.serve()
            self._phone("1001", sipp.answers(RINGS_MS))
            self._phone("1002", sipp.rings())
            callers = [self._callers(self._prefix, CALLS, CALLS_PER_S)]
            gevent.sleep(FAULT_AFTER_S)
            callers.append(self._callers(f"0{self._prefix}", BURST, BURST_PER_S))
            struck_at = self._strike()
            for endpoint in callers:
                endpoint.wait_ended(SETTLES_WITHIN_S)
            self._switch.wait_without_channels(SETTLES_WITHIN_S)
            self._service.settle()
            assert self._fault.trace in self._service.log_text(), f"the log says nothing of {self._fault.trace!r}"
            return self._examine(callers, struck_at)
        finally:
            self._close()

    def _strike(self) -> float:
        injection = self._fault.injection(self._service)
        struck_at = time.time()
        injection.inject()
        gevent.sleep(self._fault.lasts_s)
        injection.mend()
        self._service.await_whole()
        if self._service.killed:
            self._deaf_from, self._deaf_until = struck_at - 1, time.time() + 1
        return struck_at

    def _examine(self, callers: list[Endpoint], struck_at: float) -> dict[str, list[Examined]]:
        rows: dict[str, list[Call]] = defaultdict(list)
        for call in self._service.journal_calls():
            rows[call.caller_number].append(call)
        found: dict[str, list[Examined]] = {phase: [] for phase in PHASES}
        rung = self._rung()
        for story in itertools.chain(*map(stories, callers)):
            told = self._lived(story, rows[story.number], story.number in rung)
            found[story.phase_at(struck_at)].append(
                Examined(told, tuple(problems(told, rows[story.number])), bool(rows[story.number]))
            )
        assert sum(map(len, found.values())) == CALLS + BURST
        return found

    def _lived(self, story: Story, rows: list[Call], rang: bool) -> Lived:
        is_broken = any(self._service.was_killed(row) for row in rows)
        is_answered = story.status == 200
        return Lived(
            caller=story.number,
            members=MEMBERS,
            status=story.status if story.over_at else 0,
            plan="answered",
            spoken_with=MEMBERS[0] if is_answered else "",
            fallback=None if is_answered else "",
            rang=rang,
            waited_s=(story.answered_at or story.over_at) - story.invited_at,
            talked_s=story.over_at - story.answered_at if is_answered else 0.0,
            planned_talk_s=TALK_MS / 1000,
            is_spared=self._fault.spares_callers,
            is_heard=not (is_broken and self._deaf_from < story.over_at < self._deaf_until),
        )

    def _rung(self) -> set[str]:
        """Return the callers' numbers that the phones have seen."""
        invites = [invite for phone in self._endpoints[:2] for invite in phone.received("INVITE")]
        return {invite.header("From").partition("sip:")[2].partition("@")[0] for invite in invites}

    def _phone(self, account: str, scenario: str) -> None:
        phone = Endpoint(self._folder, f"phone-{account}", scenario)
        self._endpoints.append(phone)
        sip.register(self._switch.address, account, DOMAIN, f"<sip:{account}@127.0.0.1:{phone.port}>")

    def _callers(self, prefix: str, calls: int, calls_per_s: int) -> Endpoint:
        """Begin to call, so often a second; return when the first have called."""
        scenario = sipp.calls("700", f"{prefix}[call_number]", domain=DOMAIN, talk_ms=TALK_MS)
        where = self._switch.address
        callers = Endpoint(self._folder, f"callers{prefix}", scenario, where, calls=calls, calls_per_s=calls_per_s)
        self._endpoints.append(callers)
        until(lambda: callers.messages, SETTLES_WITHIN_S, "nobody calls")
        return callers

    def _close(self) -> None:
        for endpoint in self._endpoints:
            endpoint.stop()
        self._service.close()
        self._switch.api("hupall")
        for account in ("1001", "1002"):
            self._switch.api(f"sofia profile internal flush_inbound_reg {account}@{DOMAIN}")


def stories(callers: Endpoint) -> list[Story]:
    """Return what each of the callers of one SIPp has seen."""
    found: dict[str, Story] = {}
    for message in callers.messages:
        if message.sent and message.method == "INVITE" and message.call_id not in found:
            number = message.header("From").partition("sip:")[2].partition("@")[0]
            found[message.call_id] = Story(number, message.at)
        elif message.call_id in found:
            found[message.call_id].hear(message)
    return list(found.values())
