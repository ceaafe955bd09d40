"""
PURE: what the journal keeps of a group call, at each of the moments when it is told.

A group call is opened (before any phone rings), rings, is answered (if it is) and ended. Each record repeats the
``call_id`` and is complete in itself: writing one twice changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from esl_huntgroup.model.outcome import EntryKind, Outcome


@dataclass(frozen=True, slots=True)
class CallOpened:
    """
    A caller has arrived at a group number. Times are the switch's, milliseconds since the epoch, UTC.

    ``worker`` is the process that carries the call; ``journal`` fills it in, which belongs to one.
    """

    call_id: str
    node: str
    channel_uuid: str
    group_id: int
    group_name: str
    group_number: str
    group_domain: str
    caller_number: str
    caller_name: str
    arrived_at_ms: int
    worker: str = ""


class LegRecord(NamedTuple):
    """
    One destination of the call.

    ``cause`` is the FreeSWITCH hangup cause of the leg (``NONE`` for the one that answered), or one of ours for a
    leg that was never sent (``LEG_LIMIT``, ``CONTACT_REFUSED``) or never told of (``NEVER_CREATED``, ``UNKNOWN``).
    ``rang`` says whether the phone was signalled and told us of nothing that kept it from ringing.
    """

    number: int
    user_id: int
    line: str
    contact: str
    cause: str
    rang: bool


class EntryRecord(NamedTuple):
    """One member's view. ``cause`` is that of the member's most telling leg, empty where no leg existed."""

    position: int
    user_id: int
    user_name: str
    kind: EntryKind
    rang: bool
    cause: str


@dataclass(frozen=True, slots=True)
class CallAnswered:
    """Somebody took the call. ``wait_ms`` is from arrival to conversation."""

    call_id: str
    answered_at_ms: int
    wait_ms: int
    answered_by_user_id: int | None
    answered_by_name: str
    legs: tuple[LegRecord, ...]
    entries: tuple[EntryRecord, ...]


@dataclass(frozen=True, slots=True)
class CallEnded:
    """
    The call is over for us: the caller hung up, was given away, or the conversation ended.

    ``legs`` and ``entries`` are empty when they were already told by CallAnswered. ``cause`` is the caller's hangup
    cause, empty when the caller lives on; ``overflow`` says in words where the caller went, empty if nowhere.
    """

    call_id: str
    ended_at_ms: int
    wait_ms: int
    talk_ms: int
    outcome: Outcome
    cause: str
    overflow: str
    legs: tuple[LegRecord, ...] = ()
    entries: tuple[EntryRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class CallMoved:
    """Another channel has taken the caller's place, and another caller with it: an attended transfer while it rang."""

    call_id: str
    channel_uuid: str
    caller_number: str
    caller_name: str


@dataclass(frozen=True, slots=True)
class CallRinging:
    """These users have phones that are being rung, in the order of the members; each is named once."""

    call_id: str
    user_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class OutgoingCall:
    """
    A call that was no group call: somebody rang a number, it was answered, and they talk.

    ``line`` is the SIP account that called (``account@domain``), ``number`` what was dialled, as it was. Whose line
    that is, and whether the number is outside, whoever follows the journal finds out.
    """

    channel_uuid: str
    node: str
    line: str
    number: str
    answered_at_ms: int


JournalRecord = CallOpened | CallRinging | CallMoved | CallAnswered | CallEnded
"""What a group call tells."""

SpoolRecord = JournalRecord | OutgoingCall
"""What goes through the spool into the database."""
