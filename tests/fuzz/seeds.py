"""Where fuzzing begins: the streams of a real FreeSWITCH, and what has once been an attack."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from tests.fuzz.targets import BRIDGE_UUID, MARKER
from tests.unit.examples import CALL_ID, DOMAIN

WIRE: Final = Path(__file__).parents[1] / "data" / "wire"
OK: Final = b"Content-Type: command/reply\nReply-Text: +OK\n\n"
_EVENT = re.compile(rb"Content-Length: (\d+)\nContent-Type: text/event-plain\n\n")
_APPLICATION = re.compile(rb"(?<=\nApplication-UUID: )[0-9a-f-]{36}")
_LEG = re.compile(rb"00000000-0000-4000-8000-00000000100([1-9])")


def seeds(target: str) -> dict[str, bytes]:
    """Return the inputs with which a target begins, by name."""
    streams = {folder.name: (folder / "from_switch.esl").read_bytes() for folder in sorted(WIRE.glob("*/"))}
    match target:
        case "framing":
            return streams
        case "arriving":
            return {name: _channel_data(stream) for name, stream in streams.items()}
        case "serving":
            return {name: conversation(stream) for name, stream in streams.items()}
        case "dialling":
            return {f"attack-{number}": "\0".join(texts).encode() for number, texts in enumerate(ATTACKS)}
        case "lighting":
            found = {f"caller-{number}": "\0".join(texts).encode() for number, texts in enumerate(CALLERS)}
            return found | {"answer": PUBLISHED}
        case "looking_up":
            return {f"answer-{number}": _http(body) for number, body in enumerate(ANSWERS)} | {"options": OPTIONS}
        case "noticing":
            return {"two": b"31:registered 1001@pbx.example.org,2:{},", "broken": b"3:abcd", "page": b"HTTP/1.1 200 OK"}
    return {f"text-{number}": text.encode() for number, texts in enumerate(ATTACKS) for text in [texts[0]]}


ATTACKS: Final = (
    ("Karl", "0301", '"A" <sip:1@h>;reason=busy', "<sip:1@h>;index=1", "sofia/internal/sip:1@h:5060", "Vertrieb"),
    ("${system(id)}", "a@b", "<sip:1@h>,<sip:2@h>", "<sip:1@h>;index=1.1,<sip:2@h>;index=1.2", "loopback/9", "a,b|c"),
    ("a:_:b", "^^,x", "<sip:1@h>;x=':_:'", "", f"sofia/i/sip:1@h,{MARKER}sofia/i/sip:2@h;x=y", "[x]{y}<z>"),
    ("ARRAY::a|:b", "1~2", "~x=y", "~", "sofia/i/sip:1@[::1]:5;fs_path=sip%3A1%402", "Größe ''\\"),
)


ANSWERS: Final = (
    rb'{"jsonrpc":"2.0","result":{"AoR":"1001@example.org","Contacts":[{"Contact":{"Address":"sip:x${uptime()},[a=b]@h",'
    rb'"Expires":600,"User-Agent":"a\u0007 ~ phone","Received":"[not set]","Path":"[not set]",'
    rb'"Socket":"udp:127.0.0.1:5460","Ruid":"uloc-6b076cc6-678b-1"}}]},"id":1}',
    b'{"jsonrpc":"2.0","error":{"code":500,"message":"AOR not found in location table"},"id":1}',
    b'{"jsonrpc":"2.0","result":{}}',
)
"""What Kamailio says of a hostile phone, of nobody, and to what it does not understand."""


OPTIONS: Final = (
    b"SIP/2.0 100 trying\r\n\r\nSIP/2.0 404 Not Found\r\nVia: SIP/2.0/UDP 10.0.0.5:4;rport=4\r\n"
    b"server: \x1b[31mkama\xffilio\r\nContent-Length: 0\r\n\r\n"
)
"""What Kamailio says of a number that it does not pass on."""
CALLERS: Final = (
    ("Anna & <b>Berg</b>", "+49 30 1", "4f@10.0.0.7", "700@pbx.example"),
    ("\"x\" onload='y' ]]>\r\nunique-id: z", "*9#", "4f\nunique-id: z", "700@10.0.0.5:5080"),
    ("\ufffe\u202e\x1b[0m&#0;", "", "", "sip:+@@[::1]"),
)
"""Names and numbers of callers; Call-ID and number of a phone that watches."""
PUBLISHED: Final = b"SIP/2.0 200 OK\r\nCall-ID: 4f\r\nCSeq: 3 PUBLISH\r\nSIP-ETag: a.1795.2.0\r\n\r\n"


def _http(body: bytes) -> bytes:
    return b"HTTP/1.1 500 AOR\r\nSia: SIP/2.0/TCP 127.0.0.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def _channel_data(stream: bytes) -> bytes:
    return stream[: stream.index(b"\n\n") + 2]


def conversation(stream: bytes) -> bytes:
    """Return what the switch of a recorded call would say to the service of today, with its uuids."""
    extra = f"variable_huntgroup_domain: {DOMAIN}\nvariable_park_timeout: -1\n".encode()
    arrived = re.sub(rb"(?=variable_sip_from_user:)", extra, _channel_data(stream), count=1)
    contacts = b"".join(_api(f"{MARKER}sofia/internal/sip:{n}@127.0.0.1:5060".encode()) for n in (1, 2))
    events = b"".join(_events(stream))
    return arrived + OK * 3 + _api(b"_undef_") + _api(b"+OK") + contacts + OK + _api(b"+OK") + events


def _events(stream: bytes) -> list[bytes]:
    found = []
    for match in _EVENT.finditer(stream):
        event = stream[match.start() : match.end() + int(match[1])]
        event = _APPLICATION.sub(BRIDGE_UUID.encode(), event)
        found.append(_LEG.sub(rf"{CALL_ID[:-4]}000\1".encode(), event))
    return found


def _api(body: bytes) -> bytes:
    return b"Content-Type: api/response\nContent-Length: %d\n\n%b" % (len(body), body)
