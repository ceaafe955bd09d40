"""PURE: the moves of a hunt: what can happen to it, and what it can ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from esl_huntgroup.calls.leg_report import LegReport
from esl_huntgroup.journal.records import JournalRecord
from esl_huntgroup.model.group import HuntGroup, Line, Overflow, Taker
from esl_huntgroup.registrars.contacts import Contacts

# -- what can happen ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GroupFound:
    """The number is that of a user group."""

    group: HuntGroup
    at_ms: int


@dataclass(frozen=True, slots=True)
class GroupUnknown:
    """No user group has this number."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class ContactsKnown:
    """The switch has said who is registered."""

    contacts: Mapping[Line, Contacts]
    at_ms: int


@dataclass(frozen=True, slots=True)
class Answered:
    """
    CHANNEL_BRIDGE of the caller's channel: somebody answered.

    ``contact`` is which of a line's phones it was, where the line was dialled as a whole and that is known.
    """

    leg_uuid: str
    at_ms: int
    legs: LegReport
    contact: str = ""


@dataclass(frozen=True, slots=True)
class BridgeEnded:
    """
    CHANNEL_EXECUTE_COMPLETE of our bridge. ``caller_up`` is whether the caller is still there.

    ``was_moved`` is whether somebody has picked up or transferred the caller, who goes on elsewhere.
    """

    at_ms: int
    caller_up: bool
    cause: str
    legs: LegReport
    was_moved: bool = False


@dataclass(frozen=True, slots=True)
class RingLimitReached:
    """The phones have rung for as long as the group says."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class PhonesRegistered:
    """Phones of these lines have registered while it rings; ``contacts`` are all that each line has now."""

    contacts: Mapping[Line, Contacts]
    at_ms: int


@dataclass(frozen=True, slots=True)
class LateLegEnded:
    """The ``originate`` of a late phone has ended: with this hangup cause, empty if the phone was answered."""

    leg_uuid: str
    cause: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class HandedOver:
    """The application that moves the caller away has run."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class CallerGone:
    """
    CHANNEL_HANGUP_COMPLETE of the caller's channel.

    ``replaced_by`` is the channel that takes its place: who called has completed an attended transfer while it rang.
    """

    at_ms: int
    cause: str
    legs: LegReport
    replaced_by: str = ""


@dataclass(frozen=True, slots=True)
class TakerKnown:
    """
    Who has a caller that was taken away while it rang; of a ``taker`` without a name nothing is known.

    ``has_joined`` is whether it was by the pickup leg: then it is a conversation like that with a member.
    """

    taker: Taker
    at_ms: int
    has_joined: bool = False


@dataclass(frozen=True, slots=True)
class ReplacementKnown:
    """
    What has become of the channel that took the caller's place.

    ``leg_uuid`` is the leg with which it talks, empty if none; ``is_up`` is whether it is still there.
    """

    leg_uuid: str
    is_up: bool
    caller_name: str
    caller_number: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class SwitchLost:
    """The connection to the switch ended, or it no longer answers."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class Fault:
    """Something of ours failed: the directory, or this program."""

    at_ms: int


Event = (
    GroupFound
    | GroupUnknown
    | ContactsKnown
    | Answered
    | RingLimitReached
    | BridgeEnded
    | PhonesRegistered
    | LateLegEnded
    | HandedOver
    | CallerGone
    | TakerKnown
    | ReplacementKnown
    | SwitchLost
    | Fault
)


# -- what can be asked for ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LookUp:
    """Find the group of this number. Answered by GroupFound, GroupUnknown or Fault."""

    domain: str
    number: str


@dataclass(frozen=True, slots=True)
class Prepare:
    """
    Set these variables on the caller's channel ("" removes) and ask who is registered. Answered by ContactsKnown.

    ``rings`` is whether the caller is told that it rings: now, as a phone that sends early media alone would leave them
    in silence.
    """

    variables: Mapping[str, str]
    lines: tuple[Line, ...]
    rings: bool


@dataclass(frozen=True, slots=True)
class Bridge:
    """
    Ring them all.

    ``limit_s`` is how long they ring; the switch itself ends that a second later at the latest (``EndRinging``).
    ``guard_s`` is when the switch itself shall send a caller who is still waiting to the fallback, should this service
    be frozen by then; 0 is never. ``note`` is what shall be kept on the caller's channel for the second witness.
    ``watched`` are the lines whose phones may register late. ``pickup_uuid`` is the pickup leg of a bridge that has no
    other, and that does not end when everybody else has been cancelled. ``marks`` are variables by which whoever wants
    to pick the call up finds it.
    """

    dial_string: str
    limit_s: int
    guard_s: int
    note: str
    watched: tuple[Line, ...] = ()
    pickup_uuid: str = ""
    marks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EndRinging:
    """
    Cancel every leg that nobody has answered, so that each phone shows a missed call; the bridge ends by that.

    ``pickup_uuid`` as in Bridge.
    """

    pickup_uuid: str = ""


@dataclass(frozen=True, slots=True)
class RingLate:
    """
    Ring phones that have registered late.

    ``legs`` has for each the uuid of its channel, and what ``originate`` dials; when one is answered it executes
    ``joins``. ``variables`` are set on the caller before.
    """

    legs: tuple[tuple[str, str], ...]
    joins: str
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class EndLate:
    """Cancel every late phone that is not the winner, with this cause."""

    cause: str


@dataclass(frozen=True, slots=True)
class EndPickup:
    """End a bridge in which nothing but the pickup leg is left, for which nobody rings any more."""

    pickup_uuid: str


@dataclass(frozen=True, slots=True)
class SaveCaller:
    """Connect a caller whose answer was lost with whichever of these channels is there."""

    leg_uuids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Restore:
    """Set these variables ("" removes) on a caller who goes on without us, and call off the guard."""

    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AskTaker:
    """Find out who has a caller that was taken away while it rang. Answered by TakerKnown."""


@dataclass(frozen=True, slots=True)
class AskReplacement:
    """Find out what has become of this channel, which took the caller's place. Answered by ReplacementKnown."""

    channel_uuid: str


@dataclass(frozen=True, slots=True)
class Keep:
    """Set these variables on another channel than the caller's: what the second witness goes by from now on."""

    channel_uuid: str
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RunOverflow:
    """
    Send the caller where the group's overflow says, with these variables set ("" removes).

    ``channel_uuid`` is the channel that took the caller's place, empty for the caller's own.
    """

    overflow: Overflow
    variables: Mapping[str, str]
    channel_uuid: str = ""


@dataclass(frozen=True, slots=True)
class WriteRecord:
    """Tell the journal."""

    record: JournalRecord


@dataclass(frozen=True, slots=True)
class Warn:
    """Tell the administrator. ``text`` holds nothing that a caller or a phone wrote raw."""

    text: str


@dataclass(frozen=True, slots=True)
class Release:
    """Give up control of the channel."""


Command = (
    LookUp
    | Prepare
    | Bridge
    | EndRinging
    | RingLate
    | EndLate
    | EndPickup
    | SaveCaller
    | Restore
    | AskTaker
    | AskReplacement
    | Keep
    | RunOverflow
    | WriteRecord
    | Warn
    | Release
)
