"""
PURE: what the switch itself says of a group call, for the journal of a call whose service did not see its end.

The service leaves a note on the caller's channel when the phones begin to ring: the call's id and whose phone each leg
is. Together with what FreeSWITCH keeps there anyway, who answered and what became of every leg, the channel tells the
whole story, as long as it lives (``uuid_dump``) and once more in its final event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from esl_huntgroup.calls import call_records
from esl_huntgroup.calls.leg_note import NOTE, Get
from esl_huntgroup.calls.ring_plan import Leg, NotRung, RingPlan, WhyNot, attempt_of
from esl_huntgroup.esl.wire import array
from esl_huntgroup.journal.records import CallAnswered, CallEnded, JournalRecord
from esl_huntgroup.model import hangup_causes
from esl_huntgroup.model.group import HuntGroup, Member
from esl_huntgroup.model.hangup_causes import LegResult, leg_result
from esl_huntgroup.model.outcome import EntryKind, Outcome

INTERRUPTED: Final = "INTERRUPTED"
"""The cause of a call whose end nobody saw."""


@dataclass(frozen=True, slots=True)
class OpenCall:
    """
    A call of the journal without an end.

    ``answered_at_ms`` is None while the journal knows of no answer; its legs and entries are missing then as well.
    ``group`` is the group as it is now, with what the call knows of it and no members when there is none any more.
    """

    call_id: str
    channel_uuid: str
    arrived_at_ms: int
    answered_at_ms: int | None
    group: HuntGroup


@dataclass(frozen=True, slots=True)
class ChannelSnapshot:
    """
    What the switch says of the caller's channel. ``answered_by`` is the uuid of a leg, empty when none answered.

    ``user_ids`` are those of the note; empty when the service left none, or one of another call.
    """

    at_ms: int
    is_over: bool
    cause: str
    answered_by: str
    answered_at_ms: int
    leg_causes: Mapping[str, str]
    user_ids: tuple[int, ...]

    @property
    def attempt(self) -> int:
        """In which attempt the phones rang of which this is said (``RingPlan.attempt``)."""
        return max(map(attempt_of, (*self.leg_causes, self.answered_by)))


def read_snapshot(get: Get, call_id: str, at_ms: int) -> ChannelSnapshot:
    """
    Return what a channel says of this call; ``get`` gives its headers as events name them.

    Raises nothing: what cannot be read counts as not said.
    """
    its_id, _, users = (get(f"variable_{NOTE}") or "").partition(":")
    told = (item.partition(";") for item in array(get("variable_originate_causes")))
    of_all = {uuid: cause for uuid, _, cause in told if uuid[:-4] == call_id[:-4]}
    last = max(map(attempt_of, of_all), default=0)
    leg_causes = {uuid: cause for uuid, cause in of_all.items() if attempt_of(uuid) == last}
    return ChannelSnapshot(
        at_ms=at_ms,
        is_over=get("Answer-State") == "hangup",
        cause=get("Hangup-Cause") or "",
        answered_by=_answered_by(get, call_id, leg_causes),
        answered_at_ms=_milliseconds(get("Caller-Channel-Bridged-Time")),
        leg_causes=leg_causes,
        user_ids=tuple(int(user) for user in users.split(",") if user.isdecimal()) if its_id == call_id else (),
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
        return (_end(call, Outcome.ANSWERED, max(at_ms, call.answered_at_ms), INTERRUPTED),)
    ended = _end(call, Outcome.INTERRUPTED, max(at_ms, call.arrived_at_ms), INTERRUPTED)
    entries = (entry._replace(kind=EntryKind.MISSED, cause=hangup_causes.UNKNOWN) for entry in ended.entries)
    return (replace(ended, entries=tuple(entries)),)


def _answered(call: OpenCall, said: ChannelSnapshot) -> tuple[CallAnswered, ...]:
    if not said.answered_by:
        return ()
    return (
        call_records.answered(
            call.call_id,
            call.arrived_at_ms,
            call.group,
            _plan(call, said.user_ids, said.attempt),
            {**said.leg_causes, said.answered_by: "NONE"},
            leg_uuid=said.answered_by,
            at_ms=_answer_ms(call, said),
        ),
    )


def _ended(call: OpenCall, said: ChannelSnapshot) -> CallEnded:
    if call.answered_at_ms is not None or said.answered_by:
        return _end(call, Outcome.ANSWERED, said.at_ms, said.cause, said=said)
    if said.cause == "ORIGINATOR_CANCEL" or set(said.leg_causes.values()) == {"ORIGINATOR_CANCEL"}:
        return _end(call, Outcome.CALLER_GONE, said.at_ms, said.cause, said=said)
    if not said.leg_causes:
        return _end(call, Outcome.INTERRUPTED, said.at_ms, said.cause, said=said)
    # Nobody answered, and the service was not there to say where the caller goes: the dialplan's fallback had them.
    return _end(
        call,
        hangup_causes.call_outcome(said.leg_causes.values()),
        said.at_ms,
        said.cause,
        said=said,
        overflow="dialplan",
    )


def _end(
    call: OpenCall, outcome: Outcome, at_ms: int, cause: str, *, said: ChannelSnapshot | None = None, overflow: str = ""
) -> CallEnded:
    answered_at_ms = call.answered_at_ms or (_answer_ms(call, said) if said else 0)
    return call_records.ended(
        call.call_id,
        call.arrived_at_ms,
        call.group,
        _plan(call, said.user_ids if said else (), said.attempt if said else 0),
        said.leg_causes if said else {},
        outcome=outcome,
        answered_at_ms=answered_at_ms if outcome is Outcome.ANSWERED else 0,
        ended_at_ms=at_ms,
        cause=cause,
        overflow=overflow,
    )


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
    return RingPlan(tuple(legs), tuple(_absent(members[user_id]) for user_id in absent), attempt)


def _absent(member: Member) -> NotRung:
    return NotRung(member, member.lines[0], "", WhyNot.NOT_REGISTERED)


def _answered_by(get: Get, call_id: str, leg_causes: Mapping[str, str]) -> str:
    """Return the leg of this call with which the caller was connected, empty if there is none."""
    bridged = get("variable_bridge_uuid") or ""
    if bridged[:-4] == call_id[:-4]:
        return bridged
    return next((uuid for uuid, cause in leg_causes.items() if leg_result(cause) is LegResult.ANSWERED), "")


def _milliseconds(text: str | None) -> int:
    return int(text) // 1000 if text and text.isdecimal() else 0
