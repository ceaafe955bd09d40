"""What every call of one worker uses."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from esl_huntgroup.calls.answer_feed import AnswerFeed
from esl_huntgroup.calls.counters import Counters
from esl_huntgroup.calls.hunt import Hunt
from esl_huntgroup.calls.inbound_call import InboundCall
from esl_huntgroup.calls.late_phones import LatePhones
from esl_huntgroup.calls.ring_plan import CallIds
from esl_huntgroup.calls.seams import SEAMS, Seams
from esl_huntgroup.esl.log_throttle import LogThrottle
from esl_huntgroup.journal.records import JournalRecord
from esl_huntgroup.model.group import HuntGroup, Line, Taker
from esl_huntgroup.model.text import counted
from esl_huntgroup.registrars.contacts import Contacts
from esl_huntgroup.registrars.kamailio_client import KamailioClient

log = logging.getLogger(__name__)


class Directory(Protocol):
    """Where groups are found."""

    def find(self, domain: str, number: str) -> HuntGroup | None:
        """Return the group with this number, or None. Raises DatabaseError."""

    def user_at(self, address: str) -> Taker | None:
        """Return the user who has the line ``account@domain``, None where that is not known. Raises nothing."""

    def line_at(self, domain: str, number: str) -> str:
        """Return ``account@domain`` of the line with this number, empty where that is not known. Raises nothing."""

    def may_pick_up(self, user_id: int, addresses: Collection[str]) -> frozenset[str]:
        """Return at which of these lines the user may pick up, by the level on who has them. Raises nothing."""


class Journal(Protocol):
    """Where calls are kept."""

    def record(self, entry: JournalRecord) -> None:
        """Keep one record. Returns at once and never raises."""


@dataclass(frozen=True, slots=True)
class CallContext:
    """What every call of this service uses."""

    directory: Directory
    journal: Journal
    default_domain: str
    reply_timeout_s: float
    leg_limit: int
    clock: Callable[[], float] = time.monotonic
    secret: str = ""
    meter: Counters = field(default_factory=Counters)
    has_witness: bool = False
    worker: str = ""
    answer_feed: AnswerFeed = field(default_factory=AnswerFeed)
    late_phones: LatePhones = field(default_factory=LatePhones)
    call_ids: CallIds = field(default_factory=CallIds)
    seams: Seams = SEAMS
    kamailio: KamailioClient = field(default_factory=KamailioClient)
    unanswered: LogThrottle = field(default_factory=LogThrottle)
    marker: str = field(default_factory=lambda: f"[h={os.urandom(6).hex()}]")
    """What stands in the questions for contacts and in their answers (``registrars.registrar``); no phone knows it."""

    def new_hunt(self, inbound: InboundCall) -> Hunt:
        """Return the hunt for a caller who has just arrived."""
        call_id = self.call_ids.next(inbound.arrived_at_ms, os.urandom(6))
        return Hunt(
            call_id, inbound, self.leg_limit, has_witness=self.has_witness, worker=self.worker, seams=self.seams
        )

    def looked_up(self, count: int, contacts: Mapping[Line, Contacts]) -> None:
        """Count the look-ups of a call, and say which lines ring as a whole because nobody told of their phones."""
        if count:
            self.meter.count("registrar_lookups", count)
        faults = [(line, found.fault) for line, found in contacts.items() if found.fault]
        if not faults:
            return
        self.meter.count("registrar_unanswered", len(faults))
        if calls := self.unanswered.is_due():
            (line, why), *_ = faults
            log.warning(
                "%s with lines that ring by their address, because the registrar did not tell their phones: %s, %s",
                counted(calls, "call"),
                line.address,
                why,
            )
