"""
PURE: what the switch tells of a call, as events of the hunt.

What nobody asked about (another channel, another application, an event that changes nothing) is None.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from esl_huntgroup.calls.esl_commands import bridge_uuid
from esl_huntgroup.calls.hunt_messages import Answered, BridgeEnded, CallerGone, Event
from esl_huntgroup.calls.inbound_call import PLAIN_UUID, InboundCall
from esl_huntgroup.calls.leg_report import NOTHING_TOLD, RANG, Get, LegReport, read_leg_report, read_transferred
from esl_huntgroup.calls.ring_plan import RingPlan
from esl_huntgroup.errors import ProtocolError
from esl_huntgroup.esl.wire import Message
from esl_huntgroup.model import hangup_causes

EXECUTING: Final = "4"
"""CS_EXECUTE (switch_types.h), where it was. Picked up it is in 8 (HIBERNATE), transferred in 2 (ROUTING)."""
MANY_LEGS: Final = 5
"""From so many on, to look once for what is noted of all legs costs less than to search an event for each leg."""
NOTED: Final = f"variable_{RANG}"


@dataclass(frozen=True, slots=True)
class EventReader:
    """
    Reads what the switch tells of one call.

    In each method ``ringing`` are the legs of which what became of them can still change what the journal knows;
    without any, nothing is told of them.
    """

    inbound: InboundCall
    call_id: str

    def read(self, message: Message, ringing: RingPlan | None) -> Event | None:
        """Return what an event means for the hunt of this caller. Raises ProtocolError for one without a time."""
        if not message.is_event or message.get("Unique-ID") != self.inbound.channel_uuid:
            return None
        match message.get("Event-Name"):
            case "CHANNEL_BRIDGE":
                return self._read_bridge(message, ringing)
            case "CHANNEL_EXECUTE_COMPLETE":
                return self._read_complete(message, ringing)
            case "CHANNEL_HANGUP_COMPLETE":
                return self.read_end(message, _when_ms(message), ringing)
        return None

    def read_end(self, channel: Message, at_ms: int, ringing: RingPlan | None) -> CallerGone:
        """Return the end of the caller of whom these are the channel data, or the last event."""
        if replaced_by := _replaced_by(channel):
            legs = read_transferred(_get(channel, ringing), ringing.uuids(self.call_id)) if ringing else NOTHING_TOLD
            return CallerGone(at_ms, _cause(channel), legs, replaced_by)
        return CallerGone(at_ms, _cause(channel), self._legs(channel, ringing))

    def _read_bridge(self, message: Message, ringing: RingPlan | None) -> Event | None:
        if message.get("Bridge-A-Unique-ID") != self.inbound.channel_uuid:
            return None
        legs = self._legs(message, ringing)
        return Answered(message.get("Bridge-B-Unique-ID") or "", _when_ms(message), legs)

    def _read_complete(self, message: Message, ringing: RingPlan | None) -> Event | None:
        if message.get("Application-UUID") != bridge_uuid(self.call_id):
            return None
        is_up = message.get("Answer-State") != "hangup"
        if self.inbound.is_static and not is_up:  # the switch waits for us before it tells of the hang-up
            return self.read_end(message, _when_ms(message), ringing)
        was_moved = is_up and (message.get("Channel-State-Number") or EXECUTING) != EXECUTING
        legs = self._legs(message, ringing)
        return BridgeEnded(_when_ms(message), is_up, _cause(message), legs, was_moved)

    def _legs(self, message: Message, ringing: RingPlan | None) -> LegReport:
        if not ringing:
            return NOTHING_TOLD
        late = ringing.late_uuids(self.call_id) if ringing.late else ()
        return read_leg_report(_get(message, ringing), self.call_id, late)


def _get(message: Message, ringing: RingPlan) -> Get:
    """Return what gives the values of a message; of many legs, what is noted of each is looked for once for all."""
    if len(ringing.legs) < MANY_LEGS:
        return message.get
    noted = message.beginning(NOTED)

    def get(name: str) -> str | None:
        return noted.get(name.removeprefix(NOTED)) if name.startswith(NOTED) else message.get(name)

    return get


def _replaced_by(channel: Message) -> str:
    """
    Return the channel that takes the place of this one after a REFER with Replaces, empty if none does.

    sofia.c, sofia_handle_sip_i_refer: the transfer of a channel that is calling.
    """
    if channel.get("variable_endpoint_disposition") != "ATTENDED_TRANSFER":
        return ""
    how, _, uuid = (channel.get("variable_transfer_to") or "").partition(":")
    is_another = uuid != channel.get("Unique-ID")  # who took a caller's place inherits all the variables
    return uuid if how == "satt" and is_another and PLAIN_UUID.fullmatch(uuid) else ""


def _when_ms(message: Message) -> int:
    text = message.get("Event-Date-Timestamp") or ""
    if not text.isdigit():
        raise ProtocolError(f"an event without a time: {message!r}")
    return int(text) // 1000


def _cause(message: Message) -> str:
    """Return the hangup cause of the caller's channel; a cause is a name of FreeSWITCH's own list."""
    cause = message.get("Hangup-Cause") or ""
    return cause if cause.replace("_", "").isalnum() and len(cause) <= hangup_causes.CAUSE_MAX_CHARS else ""
