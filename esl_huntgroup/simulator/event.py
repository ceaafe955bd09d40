"""
PURE: the text of events and of the answer to ``connect``.

Which headers exist, in which order and on which condition is switch_channel_event_set_data and
switch_caller_profile_event_set_data; the recordings in tests/data/wire are the proof.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

Header = tuple[str, str]

_UNSAFE: Final = frozenset(b'\r\n #%&+:;<=>?@[\\]^`{|}"')
_HEX: Final = b"0123456789ABCDEF"

_SOURCES: Final = {
    "CHANNEL_DATA": ("mod_event_socket.c", "parse_command", "2021"),
    "CHANNEL_BRIDGE": ("switch_ivr_bridge.c", "switch_ivr_multi_threaded_bridge", "1689"),
    "CHANNEL_UNBRIDGE": ("switch_ivr_bridge.c", "switch_ivr_multi_threaded_bridge", "1880"),
    "CHANNEL_EXECUTE": ("switch_core_session.c", "switch_core_session_exec", "2924"),
    "CHANNEL_EXECUTE_COMPLETE": ("switch_core_session.c", "switch_core_session_exec", "2967"),
    "CHANNEL_HANGUP": ("switch_channel.c", "switch_channel_perform_hangup", "3462"),
    "CHANNEL_HANGUP_COMPLETE": ("switch_core_state_machine.c", "switch_core_session_reporting_state", "943"),
    "CHANNEL_PARK": ("switch_ivr.c", "switch_ivr_park", "1006"),
}


@dataclass(frozen=True, slots=True)
class Node:
    """The switch itself, as it presents itself in every event."""

    core_uuid: str
    hostname: str = "simulator"
    switchname: str = "simulator"
    ipv4: str = "192.0.2.2"
    ipv6: str = "fd00::2"

    def headers(self) -> list[Header]:
        """Return the headers that name the switch."""
        return [
            ("Core-UUID", self.core_uuid),
            ("FreeSWITCH-Hostname", self.hostname),
            ("FreeSWITCH-Switchname", self.switchname),
            ("FreeSWITCH-IPv4", self.ipv4),
            ("FreeSWITCH-IPv6", self.ipv6),
        ]


@dataclass(slots=True)
class Times:
    """The stamps in a caller profile, microseconds since the epoch, 0 for never."""

    profile_created: int
    created: int
    answered: int = 0
    progress: int = 0
    progress_media: int = 0
    hangup: int = 0
    bridged: int = 0


@dataclass(slots=True)
class Profile:
    """A caller profile (switch_caller_profile_t): who calls whom, seen from one channel."""

    uuid: str
    direction: str
    caller_name: str
    caller_number: str
    destination: str
    channel_name: str
    times: Times
    logical_direction: str = "inbound"
    context: str = "public"
    network_address: str = "127.0.0.1"
    callee_name: str = ""
    callee_number: str = ""
    transfer_source: str = ""
    rdnis: str = ""
    index: int = 1


def encode(value: str) -> bytes:
    """
    switch_url_encode: percent-encode what a header value must not hold.

    A literal ``%0A`` in the value is *not* encoded once more: it leaves the switch as it came. Some real values
    are therefore indistinguishable from an encoded line break.
    """
    raw = value.encode("utf-8", "surrogateescape")
    encoded = bytearray()
    for at, byte in enumerate(raw):
        if byte == ord("%") and len(raw) - at > 2 and raw[at + 1] in _HEX and raw[at + 2] in _HEX:
            encoded.append(byte)
        elif byte < 32 or byte > 126 or byte in _UNSAFE:
            encoded += b"%%%02X" % byte
        else:
            encoded.append(byte)
    return bytes(encoded)


def serialize(headers: Iterable[Header]) -> bytes:
    """switch_event_serialize: one encoded line per header and the empty line."""
    return b"".join(name.encode() + b": " + encode(value) + b"\n" for name, value in headers) + b"\n"


def preamble(name: str, node: Node, now_s: float, sequence: int) -> list[Header]:
    """Return what every event begins with."""
    at = datetime.datetime.fromtimestamp(now_s, datetime.UTC)
    source_file, function, line = _SOURCES[name]
    return [
        ("Event-Name", name),
        *node.headers(),
        ("Event-Date-Local", at.astimezone().strftime("%Y-%m-%d %H:%M:%S")),
        ("Event-Date-GMT", at.strftime("%a, %d %b %Y %H:%M:%S GMT")),
        ("Event-Date-Timestamp", str(int(now_s * 1_000_000))),
        ("Event-Calling-File", source_file),
        ("Event-Calling-Function", function),
        ("Event-Calling-Line-Number", line),
        ("Event-Sequence", str(sequence)),
    ]


def profile_headers(profile: Profile, prefix: str) -> list[Header]:
    """Return a caller profile as ``Caller-…``, ``Channel-…`` or ``Other-Leg-…``."""
    times = profile.times
    optional = [
        ("Callee-ID-Name", profile.callee_name),
        ("Callee-ID-Number", profile.callee_number),
    ]
    fields = [
        ("Direction", profile.direction),
        ("Logical-Direction", profile.logical_direction),
        ("Username", profile.caller_number),
        ("Dialplan", "XML"),
        ("Caller-ID-Name", profile.caller_name),
        ("Caller-ID-Number", profile.caller_number),
        ("Orig-Caller-ID-Name", profile.caller_name),
        ("Orig-Caller-ID-Number", profile.caller_number),
        *optional,
        ("Network-Addr", profile.network_address),
        ("ANI", profile.caller_number),
        ("Destination-Number", profile.destination),
        ("Unique-ID", profile.uuid),
        ("Source", "mod_sofia"),
        ("Transfer-Source", profile.transfer_source),
        ("Context", profile.context),
        ("RDNIS", profile.rdnis),
        ("Channel-Name", profile.channel_name),
        ("Profile-Index", "" if prefix == "Other-Leg" else str(profile.index)),
        ("Profile-Created-Time", str(times.profile_created)),
        ("Channel-Created-Time", str(times.created)),
        ("Channel-Answered-Time", str(times.answered)),
        ("Channel-Progress-Time", str(times.progress)),
        ("Channel-Progress-Media-Time", str(times.progress_media)),
        ("Channel-Hangup-Time", str(times.hangup)),
        ("Channel-Transfer-Time", "0"),
        ("Channel-Resurrect-Time", "0"),
        ("Channel-Bridged-Time", str(times.bridged)),
        ("Channel-Last-Hold", "0"),
        ("Channel-Hold-Accum", "0"),
        ("Screen-Bit", "true"),
        ("Privacy-Hide-Name", "false"),
        ("Privacy-Hide-Number", "false"),
    ]
    return [(f"{prefix}-{name}", value) for name, value in fields if value]
