"""PURE: a call of the journal, and what became of each phone in it, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from esl_huntgroup.calls.ring_plan import WhyNot
from esl_huntgroup.diagnostics.explanation import (
    Explanation,
    Handled,
    MemberView,
    Part,
    Registrations,
    part_of,
    shown_contact,
    validity,
)
from esl_huntgroup.model import hangup_causes
from esl_huntgroup.model.call_state import CallState
from esl_huntgroup.model.group import Member
from esl_huntgroup.model.hangup_causes import LegResult, leg_result
from esl_huntgroup.model.outcome import CAN_BE_HANDLED, EntryKind, Outcome
from esl_huntgroup.model.text import clean
from esl_huntgroup.registrars.contacts import why_refused

NO_ENTRY: Final = "no_entry"


@dataclass(frozen=True, slots=True)
class PastLeg:
    """A leg as the journal has it."""

    user_id: int | None
    line: str
    contact: str
    cause: str
    rang: bool


@dataclass(frozen=True, slots=True)
class PastEntry:
    """A member's entry as the journal has it."""

    user_id: int | None
    user_name: str
    kind: EntryKind
    rang: bool
    handled: Handled | None = None


@dataclass(frozen=True, slots=True)
class PastCall:
    """A call of the journal. ``outcome`` is empty until it is over (``state``), ``group_id`` when the group is gone."""

    call_id: str
    group_id: int | None
    group_name: str
    group_number: str
    group_domain: str
    caller: str
    arrived_at: str
    outcome: str
    state: CallState
    overflow: str
    legs: tuple[PastLeg, ...]
    entries: tuple[PastEntry, ...]


def explain_past(call: PastCall, members_now: Sequence[Member], known: Registrations) -> Explanation:
    """Return what became of every phone of a call, and of today's members without an entry in it."""
    views = [
        MemberView(position, entry.user_name, _past_parts(entry, call, known), entry.handled)
        for position, entry in enumerate(call.entries, start=1)
    ]
    told = {entry.user_id for entry in call.entries}
    missing = [member for member in members_now if member.user_id not in told]
    sentence = _why_no_entry(call)
    views += [
        MemberView(position, member.name, (Part(False, NO_ENTRY, sentence),))
        for position, member in enumerate(missing, start=len(views) + 1)
    ]
    for_all = _handled_for_all(call)
    return Explanation(
        _past_heading(call) + (f"; {for_all.sentence}" if for_all else ""),
        tuple(views),
        ("rang", "did not ring"),
        outcome=call.outcome or None,
        state=call.state,
        is_handled_for_all=for_all is not None,
    )


def _handled_for_all(call: PastCall) -> Handled | None:
    """Return who has handled the call for everybody who has missed it; None where each has an own mark, or none."""
    marks = {entry.handled for entry in call.entries if entry.kind in CAN_BE_HANDLED}
    return marks.pop() if len(marks) == 1 else None


def _past_heading(call: PastCall) -> str:
    ended = call.outcome or _NOT_OVER[call.state]
    there = f", the caller went to: {call.overflow}" if call.overflow else ""
    group = f"group {clean(call.group_name)} ({call.group_number}@{call.group_domain})"
    return (
        f"call {call.call_id} of {call.arrived_at} from {clean(call.caller) or 'anonymous'} to {group}: {ended}{there}"
    )


_NOT_OVER = {
    CallState.RINGING: "ringing now",
    CallState.TALKING: "talking now",
    CallState.END_UNKNOWN: (
        "end unknown: it has been open for longer than it can last, so whoever carried it is gone; the second witness "
        "(setting esl_address) finds the end where the switch still knows it"
    ),
}


def _why_no_entry(call: PastCall) -> str:
    if call.outcome == Outcome.GROUP_DISABLED:
        return "the group was switched off"
    if not call.outcome and not call.entries:
        return "the journal of this call is not complete: entries come with the answer or the end"
    return "no entry: had no softphone line then, was the caller, or was no member yet"


def _past_parts(entry: PastEntry, call: PastCall, known: Registrations) -> tuple[Part, ...]:
    legs = [leg for leg in call.legs if leg.user_id is not None and leg.user_id == entry.user_id]
    if legs:
        return tuple(_past_part(leg, known) for leg in legs)
    if entry.user_id is None:
        return (Part(entry.rang, "", "the user is deleted since, and the phones are not known any more"),)
    why = "was not registered, or its contact rang for a member before it"
    return (Part(False, WhyNot.NOT_REGISTERED.value, why),)


def _past_part(leg: PastLeg, known: Registrations) -> Part:
    now = known.get(leg.contact)
    left = f"; registered still{validity(leg.contact, known)}" if now else ""
    sentence = f"{leg.line} at {shown_contact(leg.contact)}: {_became(leg)}{left}"
    return part_of(sentence, "" if leg.rang else leg.cause, leg.line, leg.contact, known, rings=leg.rang)


def _became(leg: PastLeg) -> str:
    match leg.cause:
        case hangup_causes.LEG_LIMIT:
            return "over the limit of phones in one call"
        case hangup_causes.CONTACT_REFUSED:
            return f"refused: {why_refused(leg.contact) or 'not safe to dial'}"
        case hangup_causes.NEVER_CREATED:
            return "the switch made no call of it"
        case hangup_causes.UNKNOWN:
            return "the switch was lost before it told what became of it"
    became = leg_result(leg.cause, rang=leg.rang)
    return _FATES[became] if became is LegResult.ANSWERED else f"{_FATES[became]} ({clean(leg.cause)})"


_FATES = {
    LegResult.NEVER_SENT: "was not called",
    LegResult.UNREACHABLE: "could not be reached",
    LegResult.REFUSED: "busy or refused",
    LegResult.RANG: "rang",
    LegResult.ANSWERED: "answered",
}
