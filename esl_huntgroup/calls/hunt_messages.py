"""PURE: the moves of a hunt: what can happen to it, and what it can ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from esl_huntgroup.journal.records import JournalRecord
from esl_huntgroup.model.group import HuntGroup, Line, Overflow
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
    """CHANNEL_BRIDGE of the caller's channel: somebody answered. ``leg_causes`` maps leg uuid to hangup cause."""

    leg_uuid: str
    at_ms: int
    leg_causes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class BridgeEnded:
    """
    CHANNEL_EXECUTE_COMPLETE of our bridge. ``caller_up`` is whether the caller is still there.

    ``was_moved`` is whether somebody has picked up or transferred the caller, who goes on elsewhere.
    """

    at_ms: int
    caller_up: bool
    cause: str
    leg_causes: Mapping[str, str]
    was_moved: bool = False


@dataclass(frozen=True, slots=True)
class HandedOver:
    """The application that moves the caller away has run."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class CallerGone:
    """CHANNEL_HANGUP_COMPLETE of the caller's channel."""

    at_ms: int
    cause: str
    leg_causes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SwitchLost:
    """The connection to the switch ended, or it no longer answers."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class Fault:
    """Something of ours failed: the directory, or this program."""

    at_ms: int


Event = (
    GroupFound | GroupUnknown | ContactsKnown | Answered | BridgeEnded | HandedOver | CallerGone | SwitchLost | Fault
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

    ``guard_s`` is when the switch itself shall send a caller who is still waiting to the fallback, should this service
    be frozen by then; 0 is never. ``note`` is what shall be kept on the caller's channel for the second witness.
    """

    dial_string: str
    guard_s: int
    note: str


@dataclass(frozen=True, slots=True)
class Restore:
    """Set these variables ("" removes) on a caller who goes on without us, and call off the guard."""

    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RunOverflow:
    """Send the caller where the group's overflow says, with these variables set ("" removes)."""

    overflow: Overflow
    variables: Mapping[str, str]


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


Command = LookUp | Prepare | Bridge | Restore | RunOverflow | WriteRecord | Warn | Release
