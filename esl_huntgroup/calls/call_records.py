"""PURE: a hunt, told to the journal: which rows a call has, and what each member sees of it."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence

from esl_huntgroup.calls.inbound_call import InboundCall
from esl_huntgroup.calls.ring_plan import CAUSE_OF, PLANS_KNOWN_MAX, RingPlan, WhyNot
from esl_huntgroup.journal.records import CallAnswered, CallEnded, CallOpened, EntryRecord, LegRecord
from esl_huntgroup.model import hangup_causes
from esl_huntgroup.model.group import HuntGroup
from esl_huntgroup.model.hangup_causes import LegResult, leg_result
from esl_huntgroup.model.outcome import EntryKind, Outcome
from esl_huntgroup.model.text import counted

UNSAFE = (
    "registered contact is not safe to dial and does not ring",
    "registered contacts are not safe to dial and do not ring",
)
CAUSES_MAX = 256
"""Causes whose meaning is remembered; FreeSWITCH has about eighty."""
CONTACT_SHOWN_MAX = 80
"""Characters of a refused contact in the log: enough to see which phone it is and what is wrong."""


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


def answered(
    call_id: str,
    arrived_at_ms: int,
    group: HuntGroup,
    plan: RingPlan,
    leg_causes: Mapping[str, str],
    *,
    leg_uuid: str,
    at_ms: int,
) -> CallAnswered:
    """Return the record of an answer: who took the call, and what everybody else sees."""
    winner = plan.leg_of(call_id, leg_uuid)
    causes_told = told(call_id, plan, leg_causes)
    return CallAnswered(
        call_id=call_id,
        answered_at_ms=at_ms,
        wait_ms=max(at_ms - arrived_at_ms, 0),
        answered_by_user_id=winner.member.user_id if winner else None,
        answered_by_name=winner.member.name if winner else "",
        legs=leg_records(plan, causes_told),
        entries=entry_records(group, plan, causes_told, is_answered=True),
    )


def ended(
    call_id: str,
    arrived_at_ms: int,
    group: HuntGroup,
    plan: RingPlan,
    leg_causes: Mapping[str, str],
    *,
    outcome: Outcome,
    answered_at_ms: int,
    ended_at_ms: int,
    cause: str,
    overflow: str,
) -> CallEnded:
    """Return the record of the end. Legs and entries are in it unless CallAnswered has told them."""
    is_answered = outcome is Outcome.ANSWERED
    rang_at_all = outcome is not Outcome.GROUP_DISABLED
    causes_told = told(call_id, plan, leg_causes)
    return CallEnded(
        call_id=call_id,
        ended_at_ms=ended_at_ms,
        wait_ms=max((answered_at_ms or ended_at_ms) - arrived_at_ms, 0),
        talk_ms=max(ended_at_ms - answered_at_ms, 0) if is_answered else 0,
        outcome=outcome,
        cause=cause,
        overflow=overflow,
        legs=() if is_answered else leg_records(plan, causes_told),
        entries=() if is_answered or not rang_at_all else entry_records(group, plan, causes_told, is_answered=False),
    )


def told(call_id: str, plan: RingPlan, leg_causes: Mapping[str, str]) -> list[str]:
    """
    Return the hangup cause of each leg of the plan; ``leg_causes`` maps leg uuid to cause.

    A leg of which the switch never told was never a channel.
    """
    return [leg_causes.get(uuid, hangup_causes.NEVER_CREATED) for uuid in plan.uuids(call_id)]


def leg_records(plan: RingPlan, causes_told: Sequence[str]) -> tuple[LegRecord, ...]:
    """Return a row for each leg, and after them one for each contact that could not become a leg."""
    rows = tuple(map(LegRecord, *_columns(plan), causes_told, map(_rang, causes_told)))
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


def entry_records(
    group: HuntGroup, plan: RingPlan, causes_told: Sequence[str], *, is_answered: bool
) -> tuple[EntryRecord, ...]:
    """Return one entry for each member with a softphone line: hardphone members see nothing (promise 5)."""
    told_of = _most_telling(plan, causes_told)
    # Whoever made the call, and has no other phone that rang, knows of it already.
    callers = {item.member.user_id for item in plan.left_out(WhyNot.IS_THE_CALLER)} - told_of.keys()
    members = [member for member in group.members if member.lines and member.user_id not in callers]
    user_ids = [member.user_id for member in members]
    names = [member.name for member in members]
    spoken_for = [told_of.get(user_id, "") for user_id in user_ids]
    kinds = map(_kind, spoken_for, itertools.repeat(is_answered))
    return tuple(map(EntryRecord, itertools.count(1), user_ids, names, kinds, map(_rang, spoken_for), spoken_for))


def _most_telling(plan: RingPlan, causes_told: Sequence[str]) -> dict[int, str]:
    """Return user id → the cause that says most of what became of the user's phones."""
    _, user_ids, _, contacts = _columns(plan)
    told_of: dict[int, str] = {}
    for user_id, cause in zip(user_ids, causes_told, strict=True):
        _tell(told_of, user_id, cause)
    for item in plan.not_rung:
        if item.why in CAUSE_OF:
            _tell(told_of, item.member.user_id, CAUSE_OF[item.why])
        elif item.why is WhyNot.NOT_REGISTERED:
            _tell(told_of, item.member.user_id, hangup_causes.NOT_REGISTERED)
    for item in plan.left_out(WhyNot.SHARED_CONTACT):
        rung = causes_told[contacts.index(item.contact)] if item.contact in contacts else hangup_causes.LEG_LIMIT
        _tell(told_of, item.member.user_id, _shared_cause(rung))
    return told_of


def _shared_cause(cause: str) -> str:
    """Return what a phone that rings for a colleague says of its owner: one who did not lift it has not answered."""
    return hangup_causes.SHARED_CONTACT if leg_result(cause) is LegResult.ANSWERED else cause


def _tell(told_of: dict[int, str], user_id: int, cause: str) -> None:
    known = told_of.get(user_id)
    if known is None or leg_result(cause) > leg_result(known):
        told_of[user_id] = cause


@functools.lru_cache(CAUSES_MAX)
def _kind(cause: str, is_answered: bool) -> EntryKind:
    if is_answered:
        return EntryKind.ANSWERED if leg_result(cause) is LegResult.ANSWERED else EntryKind.ANSWERED_ELSEWHERE
    return EntryKind.MISSED if _rang(cause) else EntryKind.NOT_SIGNALLED


@functools.lru_cache(CAUSES_MAX)
def _rang(cause: str) -> bool:
    return leg_result(cause) >= LegResult.REFUSED


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
