"""PURE: a hunt, told to the journal: which rows a call has, and what each member sees of it."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from esl_huntgroup.calls.inbound_call import InboundCall
from esl_huntgroup.calls.leg_report import LegReport
from esl_huntgroup.calls.ring_plan import CAUSE_OF, PLANS_KNOWN_MAX, RingPlan, WhyNot
from esl_huntgroup.journal.records import CallAnswered, CallEnded, CallOpened, CallRinging, EntryRecord, LegRecord
from esl_huntgroup.model import hangup_causes
from esl_huntgroup.model.group import HuntGroup, Taker
from esl_huntgroup.model.hangup_causes import LegEnd, LegResult
from esl_huntgroup.model.outcome import SPOKEN, EntryKind, Outcome
from esl_huntgroup.model.text import counted

UNSAFE = (
    "registered contact is not safe to dial and does not ring",
    "registered contacts are not safe to dial and do not ring",
)
ENDS_MAX = 512
"""Ends of legs whose meaning is remembered; FreeSWITCH has about eighty causes."""
_NO_LEG = LegEnd("")

CONTACT_SHOWN_MAX = 80
"""Characters of a refused contact in the log: enough to see which phone it is and what is wrong."""


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What does not change any more once the phones ring. ``plan`` is empty for a call that rings nobody."""

    call_id: str
    arrived_at_ms: int
    group: HuntGroup
    plan: RingPlan


@dataclass(frozen=True, slots=True)
class CallEnd:
    """How a call ended. ``answered_at_ms`` is 0 when nobody took it; ``cause`` and ``overflow`` as in CallEnded."""

    outcome: Outcome
    at_ms: int
    answered_at_ms: int = 0
    cause: str = ""
    overflow: str = ""


def opened(call_id: str, inbound: InboundCall, group: HuntGroup, worker: str = "") -> CallOpened:
    """Return the record of a caller's arrival at a group. ``worker`` is how the journal names this process."""
    return CallOpened(
        call_id=call_id,
        node=inbound.node,
        channel_uuid=inbound.channel_uuid,
        group_id=group.id,
        group_name=group.name,
        group_number=group.number,
        group_domain=group.domain,
        caller_number=inbound.caller_number,
        caller_name=inbound.caller_name,
        arrived_at_ms=inbound.arrived_at_ms,
        worker=worker,
    )


def ringing(call_id: str, plan: RingPlan) -> CallRinging:
    """Return the record of whose phones are being rung."""
    return CallRinging(call_id, tuple(dict.fromkeys(_columns(plan)[1])))


def answered(facts: CallFacts, legs: LegReport, taker: Taker, at_ms: int) -> CallAnswered:
    """Return the record of an answer: who took the call, and what everybody else sees."""
    ends = legs.ends(facts.plan, facts.call_id)
    return CallAnswered(
        call_id=facts.call_id,
        answered_at_ms=at_ms,
        wait_ms=max(at_ms - facts.arrived_at_ms, 0),
        answered_by_user_id=taker.user_id,
        answered_by_name=taker.name,
        legs=leg_records(facts.plan, ends),
        entries=entry_records(facts, ends, taker),
    )


def ended(facts: CallFacts, legs: LegReport, end: CallEnd) -> CallEnded:
    """Return the record of the end. Legs and entries are in it unless CallAnswered has told them."""
    was_taken = end.outcome in SPOKEN
    ends = legs.ends(facts.plan, facts.call_id)
    has_entries = not was_taken and end.outcome is not Outcome.GROUP_DISABLED
    return CallEnded(
        call_id=facts.call_id,
        ended_at_ms=end.at_ms,
        wait_ms=max((end.answered_at_ms or end.at_ms) - facts.arrived_at_ms, 0),
        talk_ms=max(end.at_ms - end.answered_at_ms, 0) if was_taken else 0,
        outcome=end.outcome,
        cause=end.cause,
        overflow=end.overflow,
        legs=() if was_taken else leg_records(facts.plan, ends),
        entries=entry_records(facts, ends, None) if has_entries else (),
    )


def leg_records(plan: RingPlan, ends: Sequence[LegEnd]) -> tuple[LegRecord, ...]:
    """Return a row for each leg, and after them one for each contact that could not become a leg."""
    rows = tuple(map(LegRecord, *_columns(plan), [end.cause for end in ends], map(_rang, ends)))
    return (*rows, *_left_out(plan)) if plan.not_rung else rows


@functools.lru_cache(PLANS_KNOWN_MAX)
def _columns(plan: RingPlan) -> tuple[list[int], list[int], list[str], list[str]]:
    """Return what is the same in the rows of every call with this plan: number, user id, line and contact."""
    legs = plan.legs
    return (
        [leg.number for leg in legs],
        [leg.member.user_id for leg in legs],
        [leg.line.address for leg in legs],
        [leg.contact for leg in legs],
    )


def _left_out(plan: RingPlan) -> Iterator[LegRecord]:
    left_out = [item for item in plan.not_rung if item.why in CAUSE_OF and item.line]
    for number, item in enumerate(left_out, start=len(plan.legs) + 1):
        line = item.line.address if item.line else ""
        yield LegRecord(number, item.member.user_id, line, item.contact, CAUSE_OF[item.why], rang=False)


def entry_records(facts: CallFacts, ends: Sequence[LegEnd], taker: Taker | None) -> tuple[EntryRecord, ...]:
    """
    Return one entry for each member with a softphone line: hardphone members see nothing (promise 5).

    ``taker`` is who has the call, None when nobody took it.
    """
    told_of = _most_telling(facts.plan, ends)
    # Whoever made the call, and has no other phone that rang, knows of it already.
    callers = {item.member.user_id for item in facts.plan.left_out(WhyNot.IS_THE_CALLER)} - told_of.keys()
    members = [member for member in facts.group.members if member.lines and member.user_id not in callers]
    user_ids = [member.user_id for member in members]
    names = [member.name for member in members]
    told = [told_of.get(user_id, _NO_LEG) for user_id in user_ids]
    rang = [_rang(end) for end in told]
    kinds = map(_untaken_kind, rang) if taker is None else [_taken_kind(user_id, taker) for user_id in user_ids]
    return tuple(map(EntryRecord, itertools.count(1), user_ids, names, kinds, rang, [end.cause for end in told]))


def _most_telling(plan: RingPlan, ends: Sequence[LegEnd]) -> dict[int, LegEnd]:
    """Return user id → the end that says most of what became of the user's phones."""
    _, user_ids, _, contacts = _columns(plan)
    told_of: dict[int, LegEnd] = {}
    for user_id, end in zip(user_ids, ends, strict=True):
        _tell(told_of, user_id, end)
    for item in plan.not_rung:
        if item.why in CAUSE_OF:
            _tell(told_of, item.member.user_id, LegEnd(CAUSE_OF[item.why]))
        elif item.why is WhyNot.NOT_REGISTERED:
            _tell(told_of, item.member.user_id, LegEnd(hangup_causes.NOT_REGISTERED))
    for item in plan.left_out(WhyNot.SHARED_CONTACT):
        rung = ends[contacts.index(item.contact)] if item.contact in contacts else LegEnd(hangup_causes.LEG_LIMIT)
        _tell(told_of, item.member.user_id, _shared_end(rung))
    return told_of


def _shared_end(end: LegEnd) -> LegEnd:
    """Return what a phone that rings for a colleague says of its owner: one who did not lift it has not answered."""
    return LegEnd(hangup_causes.SHARED_CONTACT) if end.result is LegResult.ANSWERED else end


def _tell(told_of: dict[int, LegEnd], user_id: int, end: LegEnd) -> None:
    known = told_of.get(user_id)
    if known is None or end.result > known.result:
        told_of[user_id] = end


def _taken_kind(user_id: int, taker: Taker) -> EntryKind:
    return EntryKind.ANSWERED if user_id == taker.user_id else EntryKind.ANSWERED_ELSEWHERE


def _untaken_kind(rang: bool) -> EntryKind:
    return EntryKind.MISSED if rang else EntryKind.NOT_SIGNALLED


@functools.lru_cache(ENDS_MAX)
def _rang(end: LegEnd) -> bool:
    """Whether the phone said that it rings, or itself that it would not."""
    return end.result >= LegResult.REFUSED


def warnings(plan: RingPlan) -> list[str]:
    """Return a sentence for each thing about the phones of this call that an administrator should know."""
    sentences = []
    if over := plan.left_out(WhyNot.LEG_LIMIT):
        names = ", ".join(dict.fromkeys(f"{item.member.name}" for item in over))
        sentences.append(
            f"{counted(len(over), 'contact does', 'contacts do')} not ring, {len(plan.legs)} is the most one call can: "
            f"{names}"
        )
    if refused := plan.left_out(WhyNot.CONTACT_REFUSED):
        shown = ", ".join(f"{item.line.address} {_shown(item.contact)}" for item in refused if item.line)
        sentences.append(f"{counted(len(refused), *UNSAFE)}: {shown}")
    return sentences


def _shown(contact: str) -> str:
    """Return what a phone registered in a form that no log and no terminal can trip over, cut where it is long."""
    return ascii(contact if len(contact) <= CONTACT_SHOWN_MAX else f"{contact[:CONTACT_SHOWN_MAX]}...")


def log_fields(
    call_id: str,
    inbound: InboundCall,
    *,
    group: HuntGroup | None,
    outcome: Outcome | None,
    answered_by: str,
    legs: int,
    wait_ms: int,
    talk_ms: int,
    overflow: str,
) -> dict[str, str | int | float]:
    """Return what the log says of each call, by name. Nothing in it was typed by a caller unsanitised."""
    return {
        "call": call_id,
        "channel": inbound.channel_uuid,
        "group": f"{inbound.number or '?'}@{inbound.domain or '?'}",
        "name": group.name if group else "",
        "caller": inbound.caller_number,
        "outcome": outcome.value if outcome else "unknown",
        "by": answered_by,
        "legs": legs,
        "wait_s": round(wait_ms / 1000, 1),
        "talk_s": round(talk_ms / 1000, 1),
        "overflow": overflow,
    }


def log_line(fields: Mapping[str, str | int | float]) -> str:
    """Return the fields as the one line that the log has for each call; one that says nothing is left out."""
    return "hunt ended " + " ".join([f"{name}={_quoted(str(value))}" for name, value in fields.items() if value != ""])


def _quoted(value: str) -> str:
    if not value.isprintable():
        value = "".join(char if char.isprintable() else "?" for char in value)
    if " " not in value:
        return value
    clean = value.replace('"', "'")
    return f'"{clean}"'
