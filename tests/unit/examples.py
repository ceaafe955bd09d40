"""Plain values that the unit tests share: a small firm and its phones."""

from __future__ import annotations

from collections.abc import Mapping

from esl_huntgroup.calls.inbound_call import InboundCall, read_inbound_call
from esl_huntgroup.calls.leg_report import LegReport
from esl_huntgroup.calls.ring_plan import RingPlan, make_plan
from esl_huntgroup.model.group import HuntGroup, HuntMode, Line, Member, Overflow
from esl_huntgroup.model.outcome import Outcome
from esl_huntgroup.registrars.contacts import Contacts

CALL_ID = "01900000-0000-7000-8000-000000000000"
DOMAIN = "example.org"

ANNA_LINE, BERND_LINE, CLARA_LINE = (Line(number, DOMAIN, number) for number in ("1001", "1002", "1003"))

ANNA = Member(1, "Anna Berg", (ANNA_LINE,))
BERND = Member(2, "Bernd Cordes", (BERND_LINE,))
CLARA = Member(3, "Clara Dietz", (CLARA_LINE,))
HARDPHONE_ONLY = Member(9, "Hugo Hart", ())


def contact(line: Line, device: int = 1) -> str:
    return f"sofia/internal/sip:{line.account}@127.0.0.{device}:5060"


def registered(*lines: Line) -> dict[Line, Contacts]:
    return {line: Contacts((contact(line),)) for line in lines}


def group(
    *members: Member,
    hunt_mode: HuntMode = HuntMode.SOFTPHONE,
    overflows: Mapping[Outcome, Overflow] | None = None,
    ringback: str = "",
    joinable: bool = False,
    wait_for_phones: bool = False,
) -> HuntGroup:
    return HuntGroup(
        id=7,
        name="Vertrieb",
        domain=DOMAIN,
        number="700",
        hunt_mode=hunt_mode,
        ring_timeout_s=20,
        ringback=ringback,
        members=members or (ANNA, BERND, CLARA),
        overflows=overflows or {},
        joinable=joinable,
        wait_for_phones=wait_for_phones,
    )


CHANNEL_DATA = {
    "Event-Date-Timestamp": "1795372358914435",
    "Unique-ID": "28d93954-673b-42a5-88bd-6068fb9b5cb5",
    "FreeSWITCH-Switchname": "switch1",
    "Caller-Destination-Number": "700",
    "Caller-Caller-ID-Name": "Karl Kunde",
    "Caller-Caller-ID-Number": "+493012345",
    "Socket-Mode": "async",
    "Control": "full",
    "variable_huntgroup_domain": DOMAIN,
    "variable_continue_on_fail": "true",
    "variable_hangup_after_bridge": "true",
    "variable_sip_ignore_remote_cause": "true",
    "variable_park_timeout": "-1",
    "variable_huntgroup_watchdog": "+OK Added: 17\n",
    "variable_huntgroup_watchdog_s": "8",
    "variable_huntgroup_arrived": "1795372358",
}


def inbound(**changes: str | None) -> InboundCall:
    """Return a caller's arrival; keywords change channel data (``_`` for ``-`` but in ``variable_``), None removes."""
    data: dict[str, str | None] = dict(CHANNEL_DATA)
    for name, value in changes.items():
        data[name if name.startswith("variable_") else name.replace("_", "-")] = value
    return read_inbound_call(data.get, default_domain="")


def plan_for(*members: Member, caller_address: str = "", leg_limit: int = 127) -> RingPlan:
    lines = [line for member in members for line in member.lines]
    return make_plan(group(*members), registered(*lines), caller_address, leg_limit)


SILENT = frozenset({"USER_BUSY", "NORMAL_TEMPORARY_FAILURE", "RECOVERY_ON_TIMER_EXPIRE", "UNALLOCATED_NUMBER"})


def told(causes: Mapping[str, str]) -> LegReport:
    """Return how legs ended whose phones rang, but for those that were busy or not reached at once."""
    return LegReport(causes, frozenset(uuid for uuid, cause in causes.items() if cause not in SILENT))
