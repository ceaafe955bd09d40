"""
The simulated switch against recorded streams of FreeSWITCH 1.10.12 (tests/data/wire).

The recorded commands are sent to the simulator, with phones scripted like those of the recording; what it answers must
be the recorded stream: the same messages in the same order, the same header names in each event, the same values where
the service decides by them. Not replayed: ``pickup``, whose endpoint the simulator does not have.

- The linger notice may come before or behind the final events; its place is not compared.
- The recordings dial ``user/1001@lab.local``, which is an originate within the originate: in a fork every entry of
  ``originated_legs`` is there twice. The simulator does the same for ``user/``; nothing is normalised here.
- The recorded header ``Event-<uuid>:`` was meant to be ``Event-UUID:``, so Application-UUID is random there and here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import gevent
import pytest
from gevent import socket
from gevent.server import StreamServer

from esl_huntgroup.simulator import dialplan, phones
from esl_huntgroup.simulator.clock import Clock
from esl_huntgroup.simulator.phones import Phone, Script
from esl_huntgroup.simulator.sipvars import Caller
from esl_huntgroup.simulator.switch import CallResult, Switch

WIRE = Path(__file__).parent.parent / "data" / "wire"
SPEED = 10.0
DOMAIN = "lab.local"

HOSTILE_NAME = "Müller, A\nUnique-ID: evil\nvariable_huntgroup_member: 99, ${system(touch pwned)} 'q'"

DECISIVE = (
    "Event-Name",
    "Channel-State",
    "Channel-State-Number",
    "Channel-Call-State",
    "Answer-State",
    "Hangup-Cause",
    "Call-Direction",
    "Socket-Mode",
    "Control",
    "Unique-ID",
    "Bridge-A-Unique-ID",
    "Bridge-B-Unique-ID",
    "Caller-Caller-ID-Name",
    "Caller-Caller-ID-Number",
    "Caller-Destination-Number",
    "Caller-Context",
    "Caller-RDNIS",
    "Other-Type",
    "Other-Leg-Unique-ID",
    "Other-Leg-Destination-Number",
    "Application",
    "Application-Data",
    "Application-Response",
    "variable_originated_legs",
    "variable_originate_causes",
    "variable_originate_disposition",
    "variable_originate_failed_cause",
    "variable_DIALSTATUS",
    "variable_bridge_uuid",
    "variable_bridge_hangup_cause",
    "variable_last_bridge_to",
    "variable_last_bridge_hangup_cause",
    "variable_last_bridge_proto_specific_hangup_cause",
    "variable_last_bridge_role",
    "variable_signal_bond",
    "variable_originate_signal_bond",
    "variable_continue_on_fail",
    "variable_hangup_after_bridge",
    "variable_hangup_cause",
    "variable_hangup_cause_q850",
    "variable_sip_hangup_disposition",
    "variable_sip_term_status",
    "variable_endpoint_disposition",
    "variable_max_forwards",
)


@dataclass(frozen=True)
class Scene:
    """How the phones and the caller of one recording behaved."""

    phones: tuple[Phone, ...]
    talks_s: float | None = None
    gives_up_s: float | None = None
    caller: Caller = Caller()


def phone(number: int, script: Script) -> Phone:
    return phones.registered(f"Phone {number}", f"{number}@{DOMAIN}", script, port=4100 + number)


def absent(number: int) -> Phone:
    return phones.unregistered(f"Phone {number}", f"{number}@{DOMAIN}")


def scenes() -> dict[str, Scene]:
    ringing, answering = phones.RINGING, phones.answering
    return {
        "answered": Scene(
            (
                phone(1001, answering(1.2)),
                phone(1002, ringing),
                phone(1003, phones.BUSY),
                phone(1004, phones.UNREACHABLE),
                absent(1015),
            ),
            talks_s=1.5,
        ),
        "both_answer_at_once": Scene((phone(1001, answering(0.8)), phone(1002, answering(0.8))), talks_s=1.5),
        "rejected_then_answered": Scene((phone(1001, phones.rejecting(0.5)), phone(1002, answering(1.5))), talks_s=1.5),
        "member_hangs_up": Scene((phone(1001, answering(0.5, talks_s=1.5)), phone(1002, ringing))),
        "no_answer": Scene((phone(1001, ringing), phone(1002, ringing))),
        "caller_gone": Scene((phone(1001, ringing), phone(1002, ringing)), gives_up_s=1.5),
        "all_busy": Scene((phone(1001, phones.BUSY), phone(1002, phones.BUSY))),
        "nobody_registered": Scene((absent(1018), absent(1019))),
        "two_rounds": Scene((phone(1001, ringing), phone(1002, answering(0.8))), talks_s=1.2),
        "overflow_transfer": Scene((phone(1001, ringing),), talks_s=1.5),
        "hostile_caller": Scene(
            (phone(1001, answering(0.5)), phone(1002, ringing)),
            talks_s=1.0,
            caller=Caller(name=HOSTILE_NAME, headers={"X-Evil": "a%0A%0Aapi status"}),
        ),
    }


FROM_THE_CALLERS_PHONE = {
    "variable_sip_allow",  # the INVITE of caller_gone and hostile_caller had no Allow
    "variable_sip_cseq",  # set by the caller's ACK, which once (two_rounds) came before the event of the bridge
}


@dataclass(frozen=True)
class Message:
    content_type: str
    headers: tuple[tuple[str, str], ...]
    body: str = ""

    @property
    def values(self) -> dict[str, str]:
        return dict(self.headers)


def split(stream: bytes) -> list[Message]:
    messages = []
    while stream:
        head, end, stream = stream.partition(b"\n\n")
        assert end, f"an incomplete message: {head[:80]!r}"
        fields = _fields(head)
        length = int(dict(fields).get("Content-Length", "0"))
        body, stream = stream[:length], stream[length:]
        assert len(body) == length
        content_type = dict(fields)["Content-Type"]
        if content_type == "text/event-plain":
            fields, body = _fields(body.removesuffix(b"\n\n")), b""
        messages.append(Message(content_type, fields, body.decode()))
    return messages


def _fields(block: bytes) -> tuple[tuple[str, str], ...]:
    lines = [line.partition(": ") for line in block.decode().split("\n")]
    return tuple((name, value) for name, _, value in lines)


def found_in(stream: bytes, pattern: bytes) -> bytes:
    match = re.search(pattern, stream)
    assert match is not None
    return match[1]


def uuid_in(stream: bytes) -> bytes:
    return found_in(stream, rb"\nUnique-ID: (\S+)")


class Replay:
    """A service that sends recorded bytes, each piece as soon as as many messages are there as were then."""

    def __init__(self, folder: Path) -> None:
        self.received = b""
        self._recorded = (folder / "from_switch.esl").read_bytes()
        self._commands = (folder / "to_switch.esl").read_bytes()
        self._timeline = [line.split() for line in (folder / "timeline.txt").read_text().splitlines()]
        self._recorded_uuid = uuid_in(self._recorded)
        self._uuid = self._recorded_uuid
        self.server = StreamServer(("127.0.0.1", 0), self._serve)
        self.server.start()

    def _serve(self, sock: socket.socket, _address: object) -> None:
        with gevent.Timeout(10):
            for _, direction, *offsets in (entry for entry in self._timeline if len(entry) == 4):
                if direction == ">":
                    self._send(sock, int(offsets[0]), int(offsets[1]))
                else:
                    self._await(sock, int(offsets[0]) + int(offsets[1]))
            while data := sock.recv(65536):
                self.received += data

    def _send(self, sock: socket.socket, start: int, length: int) -> None:
        piece = self._commands[start : start + length]
        sock.sendall(piece.replace(self._recorded_uuid, self._uuid))

    def _await(self, sock: socket.socket, recorded: int) -> None:
        wanted = _complete(self._recorded[:recorded])
        while _complete(self.received) < wanted and (data := sock.recv(65536)):
            self.received += data
        self._uuid = uuid_in(self.received)


def _complete(stream: bytes) -> int:
    count = 0
    while (end := stream.find(b"\n\n")) >= 0:
        length = re.search(rb"(?:^|\n)Content-Length: (\d+)", stream[: end + 1])
        end += 2 + (int(length[1]) if length else 0)
        if end > len(stream):
            break
        stream, count = stream[end:], count + 1
    return count


def play(name: str) -> tuple[CallResult, list[Message], list[Message]]:
    scene, replay = scenes()[name], Replay(WIRE / name)
    address = ("127.0.0.1", replay.server.server_port)
    extension = dialplan.bare(f"{address[0]}:{address[1]}")
    switch = Switch(address, scene.phones, domain=DOMAIN, clock=Clock(SPEED), extension=extension)
    with gevent.Timeout(15):
        result = switch.call(
            scene.caller, "700", gives_up_after_s=scene.gives_up_s, hangs_up_after_talk_s=scene.talks_s
        )
    gevent.sleep(0.05)
    replay.server.stop()
    recorded = (WIRE / name / "from_switch.esl").read_bytes()
    return result, normalised(replay.received), normalised(recorded)


def normalised(stream: bytes) -> list[Message]:
    """Return the messages with what differs from run to run replaced, and the linger notice at the end."""
    own = {
        uuid_in(stream).decode(): "A",
        found_in(stream, rb"\nvariable_current_application_data: (\S+?)%20async").decode(): "SERVICE",
    }
    messages = [_without(own, message) for message in split(stream)]
    return sorted(messages, key=lambda message: message.values.get("Content-Disposition") == "linger")


def _without(own: dict[str, str], message: Message) -> Message:
    headers = list(message.headers)
    for text, name in own.items():
        headers = [(key, value.replace(text, name)) for key, value in headers]
    return Message(message.content_type, tuple(headers), message.body)


def essence(message: Message) -> tuple[str, ...]:
    values = message.values
    if message.content_type in ("command/reply", "api/response") and "Event-Name" not in values:
        return message.content_type, values.get("Reply-Text", ""), message.body
    if message.content_type == "text/disconnect-notice":
        return message.content_type, values["Content-Disposition"], message.body, *(name for name, _ in message.headers)
    return message.content_type, values["Event-Name"], unquote(values.get("Application", ""))


Played = tuple[CallResult, list[Message], list[Message]]


@pytest.fixture(scope="module", params=sorted(scenes()))
def played(request: pytest.FixtureRequest) -> Played:
    return play(request.param)


def test_the_messages_are_the_recorded_ones_in_the_recorded_order(played: Played) -> None:
    _, simulated, recorded = played
    assert [essence(message) for message in simulated] == [essence(message) for message in recorded]


def test_every_event_has_the_recorded_header_names(played: Played) -> None:
    _, simulated, recorded = played
    for ours, theirs in zip(simulated, recorded, strict=True):
        differing = {name for name, _ in ours.headers} ^ {name for name, _ in theirs.headers}
        assert differing <= FROM_THE_CALLERS_PHONE, essence(ours)


def test_the_headers_before_the_variables_come_in_the_recorded_order(played: Played) -> None:
    _, simulated, recorded = played
    for ours, theirs in zip(simulated, recorded, strict=True):
        fixed = [[name for name, _ in each.headers if not name.startswith("variable_")] for each in (ours, theirs)]
        assert fixed[0] == fixed[1], essence(ours)


def test_what_the_service_decides_by_has_the_recorded_values(played: Played) -> None:
    _, simulated, recorded = played
    for ours, theirs in zip(simulated, recorded, strict=True):
        for name in DECISIVE:
            if name in theirs.values:
                assert ours.values.get(name) == theirs.values[name], (essence(ours), name)
