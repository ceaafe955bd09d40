"""
PURE: what the switch itself says of a group call, for the journal of a call whose service did not see its end.

The service leaves a note on the caller's channel when the phones begin to ring: the call's id and whose phone each leg
is. Together with what FreeSWITCH keeps there anyway, who answered and what became of every leg, the channel tells the
whole story, as long as it lives (``uuid_dump``) and once more in its final event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from esl_huntgroup.calls import call_records, callerid
from esl_huntgroup.calls.call_records import CallEnd, CallFacts
from esl_huntgroup.calls.leg_note import Get, users_in
from esl_huntgroup.calls.leg_report import NOTHING_TOLD, LegReport, read_leg_report
from esl_huntgroup.calls.ring_plan import Leg, NotRung, RingPlan, WhyNot, attempt_of, is_leg_of
from esl_huntgroup.esl.wire import array
from esl_huntgroup.journal.records import CallAnswered, CallEnded, JournalRecord
from esl_huntgroup.model import hangup_causes
from esl_huntgroup.model.group import HuntGroup, Member, Taker
from esl_huntgroup.model.outcome import SPOKEN, EntryKind, Outcome

INTERRUPTED: Final = "INTERRUPTED"
"""The cause of a call whose end nobody saw."""


@dataclass(frozen=True, slots=True)
class OpenCall:
    """
    A call of the journal without an end.

    ``answered_at_ms`` is None while the journal knows of no answer; its legs and entries are missing then as well.
    ``group`` is the group as it is now, with what the call knows of it and no members when there is none any more.
    ``was_picked_up`` is whether the journal knows an answer, and no leg that gave it: the channel may have forgotten
    this meanwhile, because its caller is in another group.
    """

    call_id: str
    channel_uuid: str
    arrived_at_ms: int
    answered_at_ms: int | None
    group: HuntGroup
    was_picked_up: bool = False


@dataclass(frozen=True, slots=True)
class ChannelSnapshot:
    """
    What the switch says of the caller's channel. ``answered_by`` is the uuid of a leg, empty when none answered.

    ``user_ids`` are those of the note; empty when the service left none, or one of another call. ``taken_by`` is the
    number of who took the caller away while it rang, where somebody did.
    """

    at_ms: int
    is_over: bool
    cause: str
    answered_by: str
    answered_at_ms: int
    legs: LegReport
    user_ids: tuple[int, ...]
    was_taken_away: bool = False
    taken_by: str = ""

    @property
    def was_answered_by_nobody(self) -> bool:
        """Whether the switch says of each leg that it did not answer: then whoever has the call took it away."""
        return bool(self.legs.causes) and not self.answered_by

    @property
    def attempt(self) -> int:
        """In which attempt the phones rang of which this is said (``RingPlan.attempt``)."""
        return max(map(attempt_of, (*self.legs.causes, self.answered_by)))


def read_snapshot(get: Get, call_id: str, at_ms: int) -> ChannelSnapshot:
    """
    Return what a channel says of this call; ``get`` gives its headers as events name them.

    Raises nothing: what cannot be read counts as not said.
    """
    legs = read_leg_report(get, call_id)
    return ChannelSnapshot(
        at_ms=at_ms,
        is_over=get("Answer-State") == "hangup",
        cause=get("Hangup-Cause") or "",
        answered_by=_answered_by(get, call_id, legs),
        answered_at_ms=_milliseconds(get("Caller-Channel-Bridged-Time")),
        legs=legs,
        user_ids=users_in(get, call_id),
        was_taken_away=_was_taken_away(get, call_id, legs),
        taken_by=callerid.number(get("Other-Leg-Caller-ID-Number") or ""),
    )


def missing_records(call: OpenCall, snapshot: ChannelSnapshot) -> tuple[JournalRecord, ...]:
    """Return what the journal lacks of this call, given what the switch says: nothing while there is nothing new."""
    answered = _answered(call, snapshot) if call.answered_at_ms is None else ()
    return (*answered, _ended(call, snapshot)) if snapshot.is_over else answered


def close(call: OpenCall, at_ms: int) -> tuple[JournalRecord, ...]:
    """
    Return the end of a call that the switch knows no more, and of whose end nobody was told.

    ``at_ms`` is when it was last seen. Who answered, if anybody did before, stays; the others may have missed a call.
    """
    if call.answered_at_ms is not None:
        outcome = Outcome.PICKED_UP if call.was_picked_up else Outcome.ANSWERED
        return (_end(call, outcome, max(at_ms, call.answered_at_ms), INTERRUPTED),)
    ended = _end(call, Outcome.INTERRUPTED, max(at_ms, call.arrived_at_ms), INTERRUPTED)
    entries = (entry._replace(kind=EntryKind.MISSED, cause=hangup_causes.UNKNOWN) for entry in ended.entries)
    return (replace(ended, entries=tuple(entries)),)


def _answered(call: OpenCall, said: ChannelSnapshot) -> tuple[CallAnswered, ...]:
    if said.was_taken_away:
        taker = Taker(said.taken_by)
        return (call_records.answered(_facts(call, said), said.legs, taker, _answer_ms(call, said)),)
    if not said.answered_by:
        return ()
    facts = _facts(call, said)
    legs = said.legs.answered_by(said.answered_by)
    winner = facts.plan.leg_of(call.call_id, said.answered_by)
    taker = winner.taker if winner else Taker("")
    return (call_records.answered(facts, legs, taker, _answer_ms(call, said)),)


def _ended(call: OpenCall, said: ChannelSnapshot) -> CallEnded:
    was_picked_up = call.was_picked_up or (call.answered_at_ms is not None and said.was_answered_by_nobody)
    if said.was_taken_away or was_picked_up:
        return _end(call, Outcome.PICKED_UP, said.at_ms, said.cause, said=said)
    if call.answered_at_ms is not None or said.answered_by:
        return _end(call, Outcome.ANSWERED, said.at_ms, said.cause, said=said)
    if _gave_up(call, said):
        return _end(call, Outcome.CALLER_GONE, said.at_ms, said.cause, said=said)
    if not said.legs.causes:
        return _end(call, Outcome.INTERRUPTED, said.at_ms, said.cause, said=said)
    # Nobody answered, and the service was not there to say where the caller goes: the dialplan's fallback had them.
    outcome = hangup_causes.call_outcome(said.legs.ends(_plan(call, said.user_ids, said.attempt), call.call_id))
    return _end(call, outcome, said.at_ms, said.cause, said=said, overflow="dialplan")


def _gave_up(call: OpenCall, said: ChannelSnapshot) -> bool:
    """
    Whether the caller hung up while it rang.

    The legs of a group that rings out are cancelled like those of a caller who hangs up. One who was answered before
    (by an IVR) hangs up with NORMAL_CLEARING; then the time tells whether the phones can have rung to the end.
    """
    if said.cause == "ORIGINATOR_CANCEL":
        return True
    are_cancelled = set(said.legs.causes.values()) == {"ORIGINATOR_CANCEL"}
    return are_cancelled and said.at_ms < call.arrived_at_ms + call.group.ring_timeout_s * 1000


def _end(
    call: OpenCall, outcome: Outcome, at_ms: int, cause: str, *, said: ChannelSnapshot | None = None, overflow: str = ""
) -> CallEnded:
    answered_at_ms = call.answered_at_ms or (_answer_ms(call, said) if said else 0)
    end = CallEnd(outcome, at_ms, answered_at_ms if outcome in SPOKEN else 0, cause, overflow)
    return call_records.ended(_facts(call, said), said.legs if said else NOTHING_TOLD, end)


def _facts(call: OpenCall, said: ChannelSnapshot | None) -> CallFacts:
    plan = _plan(call, said.user_ids, said.attempt) if said else _plan(call, (), 0)
    return CallFacts(call.call_id, call.arrived_at_ms, call.group, plan)


def _answer_ms(call: OpenCall, said: ChannelSnapshot) -> int:
    """
    Return when the call was answered, as far as the channel says.

    A transfer makes the channel forget when it was first connected, or say when it was connected again.
    """
    return said.answered_at_ms if call.arrived_at_ms <= said.answered_at_ms <= said.at_ms else said.at_ms


def _plan(call: OpenCall, user_ids: Sequence[int], attempt: int) -> RingPlan:
    """
    Return what the service had planned, as far as the note tells.

    Which device a leg was is not in the note, and of a user with several lines not which; the first stands for them.
    """
    members = {member.user_id: member for member in call.group.members if member.lines}
    legs = [
        Leg(number, members[user_id], members[user_id].lines[0], "")
        for number, user_id in enumerate(user_ids, start=1)
        if user_id in members
    ]
    absent = members.keys() - set(user_ids) if user_ids else ()
    return RingPlan((tuple(legs),), tuple(_absent(members[user_id]) for user_id in absent), attempt)


def _absent(member: Member) -> NotRung:
    return NotRung(member, member.lines[0], "", WhyNot.NOT_REGISTERED)


def _answered_by(get: Get, call_id: str, legs: LegReport) -> str:
    """Return the leg of this call with which the caller was connected, empty if there is none."""
    bridged = get("variable_bridge_uuid") or ""
    if is_leg_of(call_id, bridged):
        return bridged
    return next((uuid for uuid, cause in legs.causes.items() if cause == "NONE"), "")


def _was_taken_away(get: Get, call_id: str, legs: LegReport) -> bool:
    """
    Whether somebody took the ringing caller away: the switch says so of a leg, and connected the caller elsewhere.

    Neither alone proves it: a phone can send that cause, and the dialplan's fallback can connect the caller, too.
    """
    partner = get("variable_bridge_uuid") or ""
    if partner and f"{partner};NONE" in array(get("variable_originate_causes")) and not is_leg_of(call_id, partner):
        return True  # by the pickup leg
    causes = set(legs.causes.values())
    return bool(partner) and not is_leg_of(call_id, partner) and "PICKED_OFF" in causes and "NONE" not in causes


def _milliseconds(text: str | None) -> int:
    return int(text) // 1000 if text and text.isdecimal() else 0
