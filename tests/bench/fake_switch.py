"""
A switch that is no bottleneck: it answers every command from bytes prepared before, and plays many calls at once.

The events are those of a recorded call (tests/data/wire/answered), of which only the uuids are replaced; so they have
the length and the headers of real ones. Runs in a process of its own, on another core than the service.
"""

from __future__ import annotations

import re
import selectors
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

RECORDING: Final = Path(__file__).parents[1] / "data" / "wire" / "answered" / "from_switch.esl"
DOMAIN: Final = "bench.local"
ARRIVED_AT_US: Final = b"1795372358914435"
"""When the recorded call arrived."""
OK: Final = b"Content-Type: command/reply\nReply-Text: +OK\n\n"
GOODBYE: Final = b"Content-Type: text/disconnect-notice\nContent-Disposition: disconnect\nContent-Length: 0\n\n"
BYE: Final = b"Content-Type: command/reply\nReply-Text: +OK bye\n\n" + GOODBYE
LINGER: Final = b"Content-Type: text/disconnect-notice\nContent-Disposition: linger\nContent-Length: 0\n\n"

_HAPPENED_AT = re.compile(rb"(?<=Event-Date-Timestamp: )\d{16}")
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_LEG = re.compile(rb"origination_uuid=([0-9a-f-]{36})")
_APPLICATION = re.compile(rb"Event-UUID: (\S+)")


def api(body: bytes) -> bytes:
    return b"Content-Type: api/response\nContent-Length: %d\n\n%b" % (len(body), body)


@dataclass(slots=True)
class Script:
    """What this switch says, with ``{leg}`` and ``{application}`` where the uuids of a call belong."""

    channel_data: bytes
    bridged: bytes
    ended: bytes
    leg: bytes
    application: bytes

    @classmethod
    def read(cls) -> Script:
        """Read the recording: the answer to connect, CHANNEL_BRIDGE, and the three events of the end."""
        raw = RECORDING.read_bytes()
        channel_data = raw[: raw.index(b"\n\n") + 2]
        events = [
            raw[found.start() :] for found in re.finditer(rb"Content-Length: \d+\nContent-Type: text/event-plain", raw)
        ]
        lengths = [int(_LENGTH.search(event)[1]) for event in events]  # type: ignore[index]
        whole = [event[: event.index(b"\n\n") + 2 + length] for event, length in zip(events, lengths, strict=True)]
        whole = [_HAPPENED_AT.sub(ARRIVED_AT_US, event) for event in whole]
        application = re.search(rb"Application: bridge\n(?:.*\n)*?Application-UUID: (\S+)", whole[1])
        assert application
        return cls(
            channel_data=channel_data.replace(b"variable_sip_from_user:", b"variable_huntgroup_domain: bench.local\n"
                b"variable_continue_on_fail: true\nvariable_hangup_after_bridge: true\n"
                b"variable_sip_ignore_remote_cause: true\nvariable_park_timeout: -1\nvariable_sip_from_user:"),
            bridged=whole[0],
            ended=b"".join(whole[1:]),
            leg=b"00000000-0000-4000-8000-000000001001",
            application=application[1],
        )  # fmt: skip

    def for_number(self, number: bytes) -> bytes:
        """
        Return the channel data of a call to this number, arriving now.

        The ids of calls begin with the time. With that of the recording they would all fall into one millisecond, and
        the rows of the journal into random places of its tables.
        """
        now = b"%d" % int(time.time() * 1_000_000)
        answer = self.channel_data.replace(b"Caller-Destination-Number: 700", b"Caller-Destination-Number: " + number)
        return answer.replace(ARRIVED_AT_US, now)


@dataclass(slots=True)
class Call:
    """One call in progress. ``rang_s`` is from connecting to the bridge, None before."""

    sock: socket.socket
    number: bytes
    started: float
    buffer: bytes = b""
    rang_s: float | None = None
    received: int = 0
    sent: int = 0


@dataclass(slots=True)
class Results:
    """What was measured: seconds from connect to bridge for each call, and bytes both ways."""

    rang_s: list[float] = field(default_factory=list)
    bytes_both_ways: int = 0
    ended: int = 0


class FakeSwitch:
    """Calls the service at ``address``; ``answers`` says whether phones answer at once or ring for ever."""

    def __init__(self, address: tuple[str, int], numbers: list[bytes], *, answers: bool = True) -> None:
        self.address = address
        self.script = Script.read()
        self.selector = selectors.DefaultSelector()
        self.numbers = numbers
        self.answers = answers
        self.results = Results()
        self.calls = 0
        self.open = 0
        self.ringing = 0
        self.contacts: dict[bytes, bytes] = {}

    def start_call(self) -> None:
        sock = socket.socket()
        number = self.numbers[self.calls % len(self.numbers)]
        self.calls += 1
        self.open += 1
        call = Call(sock, number, time.perf_counter())
        sock.connect(self.address)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.selector.register(sock, selectors.EVENT_READ, call)

    def closed_loop(self, at_once: int, seconds: float) -> float:
        """Keep ``at_once`` calls going for so long; return the calls per second that ended."""
        started = time.perf_counter()
        until = started + seconds
        while time.perf_counter() < until:
            while self.open < at_once:
                self.start_call()
            self.turn(0.1)
        took = time.perf_counter() - started
        ended = self.results.ended
        self.drain()
        return ended / took

    def open_loop(self, per_second: float, seconds: float) -> None:
        """Start calls at a steady rate, whatever the service does."""
        started = time.perf_counter()
        begun = 0
        while (now := time.perf_counter() - started) < seconds:
            if begun <= now * per_second:
                self.start_call()
                begun += 1
            else:
                self.turn(max(begun / per_second - now, 0))
        self.drain()

    def ring(self, calls: int) -> None:
        """Start so many calls and return when all are ringing."""
        self.answers = False
        for _ in range(calls):
            self.start_call()
            self.turn(0)
        while self.ringing < calls:
            self.turn(1)

    def drain(self, seconds: float = 10) -> None:
        """Let the calls that are going on come to their end."""
        until = time.perf_counter() + seconds
        while self.open and time.perf_counter() < until:
            self.turn(0.1)

    def close(self) -> None:
        """Hang up everything."""
        for key in list(self.selector.get_map().values()):
            self.finish(key.data)

    def turn(self, timeout: float) -> None:
        for key, _ in self.selector.select(timeout):
            self.read(key.data)

    def read(self, call: Call) -> None:
        data = call.sock.recv(1 << 18)
        if not data:
            self.finish(call)
            return
        call.received += len(data)
        call.buffer += data
        answers = b"".join(self.replies(call))
        if answers:
            call.sent += len(answers)
            call.sock.sendall(answers)
            if answers.endswith(GOODBYE):
                self.finish(call)

    def replies(self, call: Call) -> list[bytes]:
        """Return the answers to every command that is complete in the buffer."""
        replies = []
        buffer, start = call.buffer, 0
        while (end := buffer.find(b"\n\n", start)) >= 0:
            head, body = buffer[start:end], b""
            length = None if head.startswith(b"api ") else _LENGTH.search(head)
            if length:
                if len(buffer) < end + 2 + int(length[1]):
                    break
                body = buffer[end + 2 : end + 2 + int(length[1])]
            start = end + 2 + len(body)
            replies.append(self.reply(call, head, body))
        call.buffer = buffer[start:]
        return replies

    def reply(self, call: Call, head: bytes, body: bytes) -> bytes:
        if head.startswith(b"api sofia_contact "):
            answer = self.contacts.get(head)
            if answer is None:
                account, _, marker = head[len(b"api sofia_contact */") :].partition(b"/")
                user = account.partition(b"@")[0]
                answer = api(marker + b"sofia/internal/sip:" + user + b"@127.0.0.1:5060;transport=udp")
                self.contacts[head] = answer
            return answer
        if head.startswith(b"api uuid_getvar"):
            return api(b"_undef_")
        if head.startswith(b"api "):
            return api(b"+OK\n")
        if head == b"connect":
            return self.script.for_number(call.number)
        if head == b"exit":
            return BYE
        if head.startswith(b"sendmsg") and b"execute-app-name: bridge" in head:
            return self.bridge(call, head, body or head)
        return OK

    def bridge(self, call: Call, head: bytes, dial_string: bytes) -> bytes:
        call.rang_s = time.perf_counter() - call.started
        self.results.rang_s.append(call.rang_s)
        self.ringing += 1
        if not self.answers:
            return OK
        leg = _LEG.search(dial_string)
        application = _APPLICATION.search(head)
        now = b"%d" % int(time.time() * 1_000_000)
        events = (self.script.bridged + self.script.ended).replace(ARRIVED_AT_US, now)
        if leg:
            events = events.replace(self.script.leg, leg[1])
        if application:
            events = events.replace(self.script.application, application[1])
        return OK + events + LINGER

    def finish(self, call: Call) -> None:
        self.selector.unregister(call.sock)
        call.sock.close()
        self.open -= 1
        self.results.ended += 1
        self.results.bytes_both_ways += call.received + call.sent
