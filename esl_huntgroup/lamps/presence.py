"""
PURE: what a switch is told of a lamp, and what it says of a phone that begins to watch.

FreeSWITCH writes the documents for the phones (sofia_presence.c). It stores nothing of a PRESENCE_IN that is fired:
each is one NOTIFY to every phone that watches then, and

- the document it writes has one dialog, so a lamp has one constant id, whatever number of calls is behind it;
- names are written into it as they are, so they are escaped here for XML;
- ``Caller-Callee-ID-Number`` is whom the status of presence names: "Ring 3001";
- ``call-id``, the Call-ID of a SUBSCRIBE, has only that phone told;
- the id must have no ``-``, or FreeSWITCH looks for a channel of that id in its tables as well;
- a phone that begins to watch, or goes on, is told by FreeSWITCH that there is no dialog, beside a PRESENCE_PROBE;
- one that begins to watch presence has FreeSWITCH fire a PRESENCE_IN "Unregistered" behind that, for nobody is
  registered as a group: it puts out the lamp on every phone that watches the number, in whatever way.

Nobody puts out a lamp whose service has died: each that is lit has a task in the switch that does so, by ``presence``,
unless it is put off in time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from esl_huntgroup.calls import callerid
from esl_huntgroup.esl.wire import api, command
from esl_huntgroup.lamps.lamp import Lamp, LampState

PROBE: Final = "PRESENCE_PROBE"
PUT_OUT: Final = "PRESENCE_IN"
UNREGISTERED: Final = "Unregistered"
EVENTS: Final = f"{PROBE} {PUT_OUT}"
FILTERS: Final = (f"Event-Name {PROBE}", f"status {UNREGISTERED}")
"""What is on the switch's side: of PRESENCE_IN, which tells of every call, only what puts out a lamp."""
LEASE_S: Final = 60
"""After so many seconds a switch puts out a lamp of which no service has said anything."""
CALL_ID_MAX_CHARS: Final = 256
"""Phones have Call-IDs of 20 to 80 characters; one that is longer is no phone's."""

_TASK: Final = "huntgroup-lamp"
_CHANNEL_STATES: Final[Mapping[LampState, str]] = {
    LampState.IDLE: "CS_HANGUP",
    LampState.RINGING: "CS_ROUTING",
    LampState.TALKING: "CS_EXECUTE",
}
_QUOTES: Final = {'"': "&quot;", "'": "&apos;"}


@dataclass(frozen=True, slots=True)
class Misled:
    """
    Phones have just been told by the switch that a number is idle, or that it is not there.

    ``address`` (in lower case) is what they watch. It is one phone, that of the SUBSCRIBE with this ``call_id``, or
    without one everybody. With ``only_idle``, what they were told is the truth of a lamp that is not lit.
    """

    address: str
    call_id: str
    only_idle: bool


def misled(get: Callable[[str], str | None]) -> Misled | None:
    """Return what an event says; None where nobody is to be put right. What a phone wrote may be anything."""
    match get("Event-Name"):
        case "PRESENCE_PROBE":
            address, call_id = get("to") or "", get("sub-call-id") or ""
            if not call_id or len(call_id) > CALL_ID_MAX_CHARS or not call_id.isprintable():
                return None
        case "PRESENCE_IN" if get("status") == UNREGISTERED:
            address, call_id = get("from") or "", ""
        case _:
            return None
    return Misled(address.lower(), call_id, get("probe-type") == "dialog")


def told(address: str, lamp: Lamp, call_id: str = "") -> bytes:
    """Return the command that has a switch tell the phones of a lamp; all who watch it, or the one of this Call-ID."""
    number = callerid.number(lamp.number)
    headers = {
        "proto": "sip",
        "login": address,
        "from": address,
        "rpid": "unknown",
        "event_type": "presence",
        "alt_event_type": "dialog",
        "unique-id": dialog_id(address),
        "channel-state": _CHANNEL_STATES[lamp.state],
        "answer-state": lamp.state.value,
        "presence-call-direction": "outbound",
    }
    if lamp.is_lit:
        shown = number or callerid.NOBODY
        headers["Caller-Caller-ID-Number"] = headers["Caller-Callee-ID-Number"] = shown.replace("#", "%23")
        headers["Caller-Caller-ID-Name"] = escape(callerid.name(lamp.name) or shown, _QUOTES)
    if lamp.is_lit and not number:
        headers["Presence-Privacy"] = "true"
    if call_id:
        headers["call-id"] = call_id
    return command("sendevent PRESENCE_IN", headers)


def dialog_id(address: str) -> str:
    """Return the id of the one dialog of a lamp."""
    return "hunt" + address.replace("-", "_").replace("@", "_")


def lease(address: str) -> tuple[bytes, bytes]:
    """Return the commands that have the switch put out a lamp in ``LEASE_S``, and not before."""
    return no_lease(address), api(f"sched_api +{LEASE_S} {_TASK}-{address} presence in {address} unknown CS_HANGUP")


def no_lease(address: str) -> bytes:
    """Return the command after which the switch puts out a lamp no more by itself."""
    return api(f"sched_del {_TASK}-{address}")
