"""
``python -m tests.bench.real_switch``: how much later phones ring by a group call than by a static ``bridge``.

A real FreeSWITCH, the dialplan as it is shipped and the service as a process; callers and phones are two UDP sockets of
this process, so that one clock sees the caller's INVITE leave and the first INVITE to a phone arrive. Calls to the
group and to an extension that bridges the same contacts alternate, so that whatever else the machine does hits both.
Every phone is busy: the call is over as soon as it has been measured. Then the same with the fast variant of the
dialplan, which parks nobody: it has no turn to wait for.

What is to be expected: a parked channel sleeps 20 ms before it looks at its queue for the first time, and the switch
parks the channel when the service has said ``connect``. The sleep begins with the parking and follows no common clock
of the switch, so a group call takes one whole turn, neither a fraction nor a random part of one, as long as the
``bridge`` of the service comes within it. What the service does in the meantime costs the caller nothing; what can be
felt is the way to ``connect`` before the turn (the actions of the dialplan are most of it, and a session thread that
looks for ``connect`` once a millisecond), and the dial string after it. A ``bridge`` that comes later costs a second
turn, and is counted here.

The switch has a sleep of 20 ms of its own before all that: a session thread that starts before the SIP thread has
handed it the INVITE finds nothing and sleeps (CS_NEW in switch_core_state_machine.c). It is a race that any call can
lose, and a busy switch loses it half the time, so a median of all calls would say who was lucky. ``100 Trying`` comes
after the race and before the dialplan, and shows it: calls that lost are set aside, and have rows of their own.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import select
import socket
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

from tests.e2e import freeswitch, sip
from tests.e2e.freeswitch import DOMAIN, FreeSwitch
from tests.e2e.service import Service

FIRM = Path(sip.__file__).parent / "firm.yaml"
GROUP = "700"
STATIC = "600"
ACCOUNTS = ("1001", "1002", "1003", "1004", "1005")
"""The softphones of group 700, in the order of its members."""
CALLER = "3001"

TURN_MS = 20.0
"""How long a parked channel without media sleeps between two looks at its queue (switch_ivr_park)."""
TARGET_MS = 3.0
"""What the service may add to that turn."""

LATE_MS = 10.0
"""``100 Trying`` after this time means that the switch slept before it looked at the INVITE."""

WARM_UP = 3
CALLS_WITHIN_S = 60.0
CALL_WITHIN_S = 5.0
PAUSE_S = (0.15, 0.2)
"""Between two calls: the switch clears up. Of random length, so that calls do not keep step with any timer."""

_VARIABLES = {
    "ignore_early_media": "true",
    "originate_timeout": "6",
    "no_throttle_limits": "true",
    "outbound_redirect_fatal": "true",
    "local_var_clobber": "true",
    "sip_h_Diversion": f'"Vertrieb" <sip:{GROUP}@{DOMAIN}>;reason=unconditional;privacy=off;screen=no',
    "sip_h_History-Info": f"<sip:{GROUP}@{DOMAIN}>;index=1",
    "origination_caller_id_name": CALLER,
    "origination_caller_id_number": CALLER,
}
"""What the service sets on every leg, for the static bridge."""

_SDP = (
    "v=0\r\no=bench 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 6000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)
_COPIED = ("via", "from", "to", "call-id", "cseq")
_sequence = itertools.count(1)


class CallFailed(Exception):
    """A call that did not go as every call of this bench has to."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds from the caller's INVITE: to ``100 Trying``, and to the first INVITE at a phone."""

    trying_ms: float
    phone_ms: float

    @property
    def is_late(self) -> bool:
        """Whether the switch slept before it looked at the INVITE."""
        return self.trying_ms > LATE_MS


@dataclass(frozen=True, slots=True)
class Packet:
    """What this bench reads of a SIP message. ``copied`` are the header lines that an answer repeats."""

    start_line: str
    copied: tuple[str, ...]

    @property
    def status(self) -> int:
        """The status of a response, 0 for a request."""
        return int(self.start_line.split()[1]) if self.start_line.startswith("SIP/2.0 ") else 0

    def line(self, name: str) -> str:
        """Return the header line of that name."""
        return next(line for line in self.copied if line.lower().startswith(f"{name}:"))


def read_packet(data: bytes) -> Packet:
    """Read one datagram."""
    start_line, *lines = data.decode("utf-8", "replace").partition("\r\n\r\n")[0].split("\r\n")
    return Packet(start_line, tuple(line for line in lines if line.partition(":")[0].strip().lower() in _COPIED))


class Phones:
    """All phones of the group on one socket. Each is busy."""

    def __init__(self) -> None:
        self.socket = _udp_socket()
        self._port: int = self.socket.getsockname()[1]
        self._invited: set[str] = set()

    def contact(self, account: str) -> str:
        """Return the address at which a phone can be reached."""
        return f"sip:{account}@127.0.0.1:{self._port}"

    def register(self, switch: FreeSwitch) -> None:
        """Register every phone."""
        for account in ACCOUNTS:
            sip.register(switch.address, account, DOMAIN, f"<{self.contact(account)}>")

    def forget(self) -> None:
        """Make ready for the next call: what is still on its way belongs to the last one."""
        self._invited.clear()
        with suppress(BlockingIOError):
            while True:
                self.socket.recv(65536)

    @property
    def rung(self) -> int:
        """How many phones this call has rung."""
        return len(self._invited)

    def answer(self) -> None:
        """Take one datagram; if it is an INVITE, be busy."""
        data, switch = self.socket.recvfrom(65536)
        packet = read_packet(data)
        if not packet.start_line.startswith("INVITE "):
            return
        self._invited.add(packet.start_line)
        lines = [f"{line};tag=busy" if line.lower().startswith("to:") else line for line in packet.copied]
        self.socket.sendto(_message("SIP/2.0 486 Busy Here", lines), switch)


class Caller:
    """Somebody who calls the switch."""

    def __init__(self, switch: FreeSwitch) -> None:
        self.socket = _udp_socket()
        self.socket.connect(switch.address)
        self._port: int = self.socket.getsockname()[1]
        self._uri = ""
        self._lines: list[str] = []

    def invite(self, number: str) -> float:
        """Call a number; return when."""
        call = next(_sequence)
        self._uri = f"sip:{number}@{DOMAIN}"
        self._lines = [
            f"Via: SIP/2.0/UDP 127.0.0.1:{self._port};rport;branch=z9hG4bK-bench-{self._port}-{call}",
            "Max-Forwards: 70",
            f"From: <sip:{CALLER}@{DOMAIN}>;tag=bench{call}",
            f"Call-ID: bench-{self._port}-{call}@127.0.0.1",
        ]
        contact = f"Contact: <sip:{CALLER}@127.0.0.1:{self._port}>"
        more = [f"To: <{self._uri}>", "CSeq: 1 INVITE", contact, "Content-Type: application/sdp"]
        request = _message(f"INVITE {self._uri} SIP/2.0", [*self._lines, *more], _SDP)
        at = time.perf_counter()
        self.socket.send(request)
        return at

    def read(self) -> int:
        """Take one datagram; return its status, having acknowledged a final one."""
        packet = read_packet(self.socket.recv(65536))
        if packet.status >= 200:
            self.socket.send(_message(f"ACK {self._uri} SIP/2.0", [*self._lines, packet.line("to"), "CSeq: 1 ACK"]))
        return packet.status


def call(caller: Caller, phones: Phones, number: str) -> Timing:
    """Make one call, from the INVITE to its end. Raises CallFailed unless each phone rang and was busy."""
    phones.forget()
    began = caller.invite(number)
    status = 0
    trying_ms = phone_ms = 0.0
    while status < 200:
        ready, _, _ = select.select([phones.socket, caller.socket], [], [], CALL_WITHIN_S)
        elapsed_ms = (time.perf_counter() - began) * 1000
        if not ready:
            raise CallFailed(f"the call to {number} has no end; {phones.rung} phones rang")
        if phones.socket in ready:
            phones.answer()
            phone_ms = phone_ms or (elapsed_ms if phones.rung else 0.0)
        if caller.socket in ready:
            status = caller.read()
            trying_ms = trying_ms or elapsed_ms
    if status != 486 or phones.rung != len(ACCOUNTS):
        raise CallFailed(f"the call to {number} ended with {status} and rang {phones.rung} phones of {len(ACCOUNTS)}")
    return Timing(trying_ms, phone_ms)


def measure(caller: Caller, phones: Phones, calls: int) -> dict[str, list[Timing]]:
    """Call both numbers in turn until each has so many calls that were not late, or time is up; return all calls."""
    timings: dict[str, list[Timing]] = {STATIC: [], GROUP: []}
    deadline = time.monotonic() + CALLS_WITHIN_S
    for turn in itertools.count():
        if time.monotonic() > deadline or min(len(_on_time(found)) for found in timings.values()) >= calls:
            break
        for number, found in timings.items():
            time.sleep(random.uniform(*PAUSE_S))
            timing = call(caller, phones, number)
            if turn >= WARM_UP:
                found.append(timing)
    return timings


@contextmanager
def running(folder: Path, phones: Phones, *, is_fast: bool) -> Iterator[FreeSwitch]:
    """Run the service and a switch that has the phones, the group and the static extension."""
    service = Service(folder / "service")
    service.folder.mkdir(parents=True)
    service.load(FIRM)
    try:
        switch = FreeSwitch(folder / "switch", service.port, is_fast=is_fast)
        extension = folder / "switch" / "conf" / "dialplan" / "static.xml"
        extension.write_text(static_extension(phones), encoding="utf-8")
        switch.start()
        service.witness(switch.esl_port)
        service.start({"ESL_HUNTGROUP_LOG_LEVEL": "info"})
        try:
            phones.register(switch)
            yield switch
        finally:
            switch.stop()
    finally:
        service.stop()


def static_extension(phones: Phones) -> str:
    """Return the dialplan that bridges what the service bridges, with the same variables."""
    common = "~".join(f"{name}={value}" for name, value in _VARIABLES.items())
    legs = (f"[presence_id={account}@{DOMAIN}]sofia/internal/{phones.contact(account)}" for account in ACCOUNTS)
    bridge = quoteattr(f"{{^^~{common}}}{','.join(legs)}")
    return (
        '<include>\n  <extension name="static">\n'
        f'    <condition field="destination_number" expression="^{STATIC}$">\n'
        f'      <action application="bridge" data={bridge}/>\n'
        "    </condition>\n  </extension>\n</include>\n"
    )


def report(timings: dict[str, list[Timing]], *, is_fast: bool) -> str:
    """
    Return the table, and the line that compares the group call with what is to be reached.

    The fast variant is compared with the static bridge itself: it has no turn to wait for.

    Raises CallFailed when there are too few calls to say anything.
    """
    static = [timing.phone_ms for timing in _on_time(timings[STATIC])]
    group = [timing.phone_ms for timing in _on_time(timings[GROUP])]
    if min(len(static), len(group)) < 2:
        raise CallFailed("nearly all calls were late")
    turn_ms = 0.0 if is_fast else TURN_MS
    above = [ms - statistics.median(static) - turn_ms for ms in group]
    over = statistics.median(above)
    rows = [
        ("static bridge: INVITE to first phone", static),
        ("group call: INVITE to first phone", group),
        ("  above static" if is_fast else f"  above static and the {TURN_MS:g} ms turn", above),
        ("static bridge: INVITE to 100 Trying", [timing.trying_ms for timing in _on_time(timings[STATIC])]),
        ("group call: INVITE to 100 Trying", [timing.trying_ms for timing in _on_time(timings[GROUP])]),
        ("set aside: static bridge, late itself", _late_ms(timings[STATIC])),
        ("set aside: group call, late itself", _late_ms(timings[GROUP])),
    ]
    verdict = "reached" if over <= TARGET_MS else "NOT reached"
    verdicts = [
        f"difference of medians {TURN_MS + over:.1f} ms; group calls that took a second turn: "
        f"{sum(ms > TURN_MS for ms in above)}",
        f"{verdict}: {over:.1f} ms above the {TURN_MS:g} ms turn of a parked channel; at most {TARGET_MS:g} asked",
    ]
    title = "real switch, fast variant, ms" if is_fast else "real switch, ms"
    return "\n".join(
        [
            f"{title:40} {'calls':>5} {'min':>7} {'p10':>7} {'median':>7} {'p90':>7} {'max':>7}",
            *(_row(name, values) for name, values in rows if len(values) > 1),
            *([f"fast variant: phones ring {over:.1f} ms after those of the static bridge"] if is_fast else verdicts),
        ]
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print. Without FreeSWITCH say so, and do nothing."""
    parser = argparse.ArgumentParser(prog="tests.bench.real_switch", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--calls", type=_calls, default=60, help="calls to each number")
    options = parser.parse_args(argv)
    if not freeswitch.BINARY:
        print("real switch: not measured, freeswitch is neither in PATH nor in HUNTGROUP_FREESWITCH")
        return
    with tempfile.TemporaryDirectory() as folder, _every_core():
        for name, is_fast in (("async", False), ("fast", True)):
            phones = Phones()
            with running(Path(folder) / name, phones, is_fast=is_fast) as switch:
                try:
                    timings = measure(Caller(switch), phones, options.calls)
                    print(report(timings, is_fast=is_fast), flush=True)
                except CallFailed as error:
                    raise SystemExit(f"real switch: {error}") from error


def _on_time(timings: Sequence[Timing]) -> list[Timing]:
    return [timing for timing in timings if not timing.is_late]


def _late_ms(timings: Sequence[Timing]) -> list[float]:
    return [timing.phone_ms for timing in timings if timing.is_late]


def _calls(text: str) -> int:
    number = int(text)
    if number < 2:
        raise argparse.ArgumentTypeError("a median needs two")
    return number


def _row(name: str, values: list[float]) -> str:
    tenths = statistics.quantiles(values, n=10, method="inclusive")
    columns = (min(values), tenths[0], statistics.median(values), tenths[8], max(values))
    return f"{name:40} {len(values):5}" + "".join(f" {value:7.2f}" for value in columns)


@contextmanager
def _every_core() -> Iterator[None]:
    """Let the switch and the service have all cores, even if the other bench has pinned this process to one."""
    pinned = os.sched_getaffinity(0)
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    try:
        yield
    finally:
        os.sched_setaffinity(0, pinned)


def _message(start_line: str, lines: Sequence[str], body: str = "") -> bytes:
    head = "\r\n".join([start_line, *lines, f"Content-Length: {len(body)}"])
    return f"{head}\r\n\r\n{body}".encode()


def _udp_socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock


if __name__ == "__main__":
    main()
