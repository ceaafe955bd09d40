"""
PURE: what the switch says of a call that somebody makes: whose line calls, which number, and whether they talk.

That the caller's channel is answered proves nothing: a dialplan may answer before it dials. The channel that it is
bridged with must be answered, too, and both for a while: a voice that says that nobody is there is no conversation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from esl_huntgroup.calls import callerid
from esl_huntgroup.calls.leg_note import Get, call_id_of
from esl_huntgroup.calls.own_lines import line_of
from esl_huntgroup.journal.records import OutgoingCall

TALKS_MS: Final = 5000
"""After so long somebody has been reached."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A channel that somebody has made active by a call; ``account`` is who calls, as far as the event says."""

    channel_uuid: str
    account: str
    number: str


def begun(get: Get) -> Begun | None:
    """Return the call of a CHANNEL_CALLSTATE or of a row of ``show channels``; None for what is no caller's channel."""
    direction = get("Call-Direction") or get("direction")
    state = get("Channel-Call-State") or get("callstate")
    uuid = get("Unique-ID") or get("uuid") or ""
    number = get("Caller-Destination-Number") or get("dest") or ""
    if direction != "inbound" or state != "ACTIVE" or not uuid or not number:
        return None
    presence = get("Channel-Presence-ID") or get("presence_id") or ""
    account = presence.partition("@")[0] or get("Caller-Username") or get("cid_num") or ""
    return Begun(uuid, account, number)


def partner_of(caller: Get) -> str:
    """Return the channel with which the caller is connected, empty where there is none, or it is a group call."""
    if call_id_of(caller) or caller("Answer-State") != "answered":
        return ""
    return caller("variable_bridge_uuid") or caller("variable_signal_bond") or ""


def is_group_call(caller: Get) -> bool:
    """Return whether the service has this caller, or had."""
    return bool(call_id_of(caller))


def talks_since_ms(caller: Get, partner: Get) -> int:
    """Return since when both are answered, by the clock of the switch; 0 while one of them is not."""
    since = [_milliseconds(get("Caller-Channel-Answered-Time")) for get in (caller, partner)]
    is_answered = partner("Answer-State") == "answered" and all(since)
    return max(since) if is_answered else 0


def record(caller: Get, begun: Begun, node: str, answered_at_ms: int) -> OutgoingCall | None:
    """Return the record of the call, None where it is nobody's line that calls."""
    domain = (caller("variable_domain_name") or caller("variable_sip_from_host") or "").lower()
    line = line_of(caller, domain)
    number = callerid.number(begun.number)
    if not line or not number:
        return None
    return OutgoingCall(begun.channel_uuid, node, line, number, answered_at_ms)


def now_ms(get: Get) -> int:
    """Return when the switch said this, by its own clock; 0 where it does not say."""
    return _milliseconds(get("Event-Date-Timestamp"))


def _milliseconds(text: str | None) -> int:
    return int(text) // 1000 if text and text.isascii() and text.isdecimal() else 0
