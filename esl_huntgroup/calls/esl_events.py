"""
PURE: what the switch tells of a call, as events of the hunt.

What nobody asked about (another channel, another application, an event that changes nothing) is None.
"""

from __future__ import annotations

import functools
from typing import Final

from esl_huntgroup.calls.hunt_messages import Answered, BridgeEnded, CallerGone, Event
from esl_huntgroup.calls.inbound_call import InboundCall
from esl_huntgroup.errors import ProtocolError
from esl_huntgroup.esl.wire import Message, array
from esl_huntgroup.model import hangup_causes
from esl_huntgroup.registrars.contacts import Contacts, read_contacts

EXECUTING: Final = "4"
"""CS_EXECUTE (switch_types.h), where it was. Picked up it is in 8 (HIBERNATE), transferred in 2 (ROUTING)."""
ANSWERS_KNOWN_MAX: Final = 20_000
"""Answers of the switch that are remembered: a phone registers the same contact for days, and each call asks for it."""


def read_event(message: Message, inbound: InboundCall, bridge_uuid: str, *, wants_causes: bool) -> Event | None:
    """
    Return what an event means for the hunt of this caller.

    ``bridge_uuid`` is the id under which the bridge was executed. ``wants_causes`` is whether what became of the legs
    can still change what the journal knows; else they are left empty. Raises ProtocolError for an event without a time.
    """
    if not message.is_event or message.get("Unique-ID") != inbound.channel_uuid:
        return None
    match message.get("Event-Name"):
        case "CHANNEL_BRIDGE":
            return _read_bridge(message, inbound, wants_causes=wants_causes)
        case "CHANNEL_EXECUTE_COMPLETE":
            return _read_complete(message, inbound, bridge_uuid, wants_causes=wants_causes)
        case "CHANNEL_HANGUP_COMPLETE":
            return read_end(message, _when_ms(message), wants_causes=wants_causes)
    return None


def read_end(channel: Message, at_ms: int, *, wants_causes: bool) -> CallerGone:
    """Return the end of the caller of whom these are the channel data, or the last event."""
    return CallerGone(at_ms, _cause(channel), _leg_causes(channel, are_wanted=wants_causes))


@functools.lru_cache(ANSWERS_KNOWN_MAX)
def contacts_of(answer: bytes, marker: str) -> Contacts:
    """Return the contacts in the body of the answer to one of ``esl_commands.questions``."""
    return read_contacts(answer.decode("utf-8", "replace").rstrip("\r\n"), marker)


def _read_bridge(message: Message, inbound: InboundCall, *, wants_causes: bool) -> Event | None:
    if message.get("Bridge-A-Unique-ID") != inbound.channel_uuid:
        return None
    leg_causes = _leg_causes(message, are_wanted=wants_causes)
    return Answered(message.get("Bridge-B-Unique-ID") or "", _when_ms(message), leg_causes)


def _read_complete(message: Message, inbound: InboundCall, bridge_uuid: str, *, wants_causes: bool) -> Event | None:
    if message.get("Application-UUID") != bridge_uuid:
        return None
    is_up = message.get("Answer-State") != "hangup"
    if inbound.is_static and not is_up:  # the switch waits for us before it tells of the hang-up
        return read_end(message, _when_ms(message), wants_causes=wants_causes)
    was_moved = is_up and (message.get("Channel-State-Number") or EXECUTING) != EXECUTING
    leg_causes = _leg_causes(message, are_wanted=wants_causes)
    return BridgeEnded(_when_ms(message), is_up, _cause(message), leg_causes, was_moved)


def _when_ms(message: Message) -> int:
    text = message.get("Event-Date-Timestamp") or ""
    if not text.isdigit():
        raise ProtocolError(f"an event without a time: {message!r}")
    return int(text) // 1000


def _cause(message: Message) -> str:
    """Return the hangup cause of the caller's channel; a cause is a name of FreeSWITCH's own list."""
    cause = message.get("Hangup-Cause") or ""
    return cause if cause.replace("_", "").isalnum() and len(cause) <= hangup_causes.CAUSE_MAX_CHARS else ""


def _leg_causes(message: Message, *, are_wanted: bool) -> dict[str, str]:
    """Return leg uuid → hangup cause. A leg can stand in the list twice; the last word counts."""
    if not are_wanted:
        return {}
    pairs = (item.partition(";") for item in array(message.get("variable_originate_causes")))
    return {uuid: cause for uuid, _, cause in pairs if len(cause) <= hangup_causes.CAUSE_MAX_CHARS}
