"""More than is good for a service: too many calls, too few descriptors, and peers that want nothing but to be there."""

from __future__ import annotations

import contextlib
import resource
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest

from esl_huntgroup.esl.server import Server
from esl_huntgroup.esl.session import CallSession
from esl_huntgroup.simulator.sipvars import Caller
from tests.bench.fake_switch import DOMAIN as FAKE_DOMAIN
from tests.bench.fake_switch import FakeSwitch
from tests.database.servers import free_port
from tests.protocol.test_service import LIMIT_S, Installation, Office
from tests.protocol.test_workers import Service, asked, until

RINGING = 2000
BURST = 500


@pytest.fixture(autouse=True)
def nothing_hangs() -> Iterator[None]:
    with gevent.Timeout(6 * LIMIT_S, AssertionError("it hangs")):
        yield


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path)
    yield service
    service.end()


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """Allow as many as there may be: the fake switch needs one for each call, like the service."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2 * (RINGING + BURST):
        pytest.skip(f"at most {hard} open files are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def fake_switch(service: Installation, **settings: str) -> tuple[tuple[str, int], FakeSwitch]:
    """Start the service for the groups of the fake switch, which has calls that ring for ever."""
    service.environment["ESL_HUNTGROUP_DEFAULT_DOMAIN"] = FAKE_DOMAIN
    service.set_up()
    address = service.start(**settings)
    return address, FakeSwitch(address, [b"700"], answers=False)


def turn_until_over(switch: FakeSwitch) -> None:
    deadline = time.monotonic() + 2 * LIMIT_S
    while switch.open:
        assert time.monotonic() < deadline, f"{switch.open} calls are not over"
        switch.turn(0.1)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_two_thousand_calls_ring_at_once_and_a_burst_on_top_is_served(
    service: Service, many_descriptors: None, workers: str
) -> None:
    port = free_port()
    limit = RINGING + BURST
    address, switch = fake_switch(
        service, workers=workers, max_calls=str(limit), metrics_listen=f"127.0.0.1:{port}", reply_timeout_s="20"
    )
    switch.ring(RINGING)
    until(lambda: f"huntgroup_ringing_calls {RINGING}.0" in asked(port, "/metrics")[1])
    burst = FakeSwitch(address, [b"700"], answers=False)
    for _ in range(BURST):
        burst.start_call()  # all of them before a single one is answered
    while burst.ringing < BURST:
        burst.turn(1)
    over_the_limit = FakeSwitch(address, [b"700"])
    for _ in range(50):
        over_the_limit.start_call()
    turn_until_over(over_the_limit)
    assert (over_the_limit.ringing, switch.open, burst.open) == (0, RINGING, BURST)
    until(lambda: 'huntgroup_refused_calls_total{reason="limit"} 50.0' in asked(port, "/metrics")[1])
    switch.close()
    burst.close()
    until(lambda: "huntgroup_open_calls 0.0" in asked(port, "/metrics")[1])
    again = FakeSwitch(address, [b"700"])
    again.start_call()
    turn_until_over(again)
    assert again.ringing == 1
    assert "Traceback" not in service.log.read_text()


class Peer:
    """Somebody who connects and is no switch."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.sock = socket.create_connection(address)

    def drip(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self.sock.sendall(data)

    def close(self) -> None:
        self.sock.close()


DRIP = b"Content-Type: command/reply\nReply-Text: +OK and so on, and never an end"


def test_slow_and_silent_peers_cost_one_slot_each_and_end_by_deadline(service: Service) -> None:
    service.set_up()
    port = free_port()
    address = service.start(max_calls="30", reply_timeout_s="1.5", metrics_listen=f"127.0.0.1:{port}")
    slow, silent = ([Peer(address) for _ in range(10)] for _ in range(2))
    until(lambda: "huntgroup_open_calls 20.0" in asked(port, "/metrics")[1])
    assert Office(address).call(talks_s=0.1).get().spoken_with == "Anna Berg"  # there are slots for others
    deadline = time.monotonic() + LIMIT_S
    at = 0
    while "huntgroup_open_calls 0.0" not in asked(port, "/metrics")[1]:
        assert time.monotonic() < deadline
        for peer in slow:
            peer.drip(DRIP[at % len(DRIP) :][:1])
        at += 1
        gevent.sleep(0.05)
    assert service.log.read_text().count("no call from 127.0.0.1:") == 20
    for peer in [*slow, *silent]:
        peer.close()


def test_a_peer_that_never_reads_and_floods_with_events_ends(service: Service) -> None:
    service.set_up()
    port = free_port()
    address = service.start(reply_timeout_s="1", metrics_listen=f"127.0.0.1:{port}")
    peer = Peer(address)
    peer.sock.setblocking(False)
    event = b"Content-Length: 18\nContent-Type: text/event-plain\n\nEvent-Name: NOISE\n"
    with contextlib.suppress(ConnectionError):
        for _ in range(20_000):
            with contextlib.suppress(BlockingIOError):
                peer.sock.send(event)
                continue
            gevent.sleep(0.001)
    until(lambda: "huntgroup_open_calls 0.0" in asked(port, "/metrics")[1])
    assert "events while a reply was awaited" in service.await_log("no call from 127.0.0.1:")
    peer.close()


FEW_DESCRIPTORS = (
    "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (90, 90)); "
    "import sys; sys.argv[1:] = ['serve']; from esl_huntgroup.cli import main; main()"
)


def test_a_service_without_descriptors_survives_and_serves_again(service: Service) -> None:
    service.set_up()
    service.start_as(FEW_DESCRIPTORS, listen=f"127.0.0.1:{free_port()}", reply_timeout_s="20")
    log = service.await_log("serving on 127.0.0.1:")
    assert "max_calls is 1000, but 90 open files are enough for 1 call only" in log
    address = ("127.0.0.1", int(log.partition("serving on 127.0.0.1:")[2].partition(" ")[0]))
    peers = [Peer(address) for _ in range(150)]
    service.await_log("no file descriptor is left for a call, which is refused")
    for peer in peers:
        peer.close()
    until(lambda: Office(address).call(talks_s=0.1).get().spoken_with == "Anna Berg")
    assert service.process is not None
    assert service.process.poll() is None
    log = service.log.read_text()
    assert "ended with" not in log
    assert "Traceback" not in log


def test_over_the_limit_the_caller_goes_to_the_fallback_and_nobody_else_notices(service: Service) -> None:
    service.set_up()
    office = Office(service.start(max_calls="1"))
    talking = office.call(talks_s=1)
    office.answered.wait()
    late = office.switch.call(Caller("030222"), "700")
    assert (late.connected, late.fallback, late.status) == (True, "", 503)
    assert talking.get().spoken_with == "Anna Berg"


def test_whoever_waits_in_the_queue_when_the_service_stops_is_still_served() -> None:
    served: list[object] = []
    server = Server([("127.0.0.1", 0)], lambda session: served.append(session.client_address), CallSession.stop, 10)
    server.listen()
    address = server.bound_addresses[0]
    with socket.create_connection(address) as first, socket.create_connection(address) as second:
        assert served == []  # nobody has had time to accept
        assert server.stop(LIMIT_S) == 0
        assert served == [first.getsockname(), second.getsockname()]


# -- who may connect --------------------------------------------------------------------------------------------------


def test_a_peer_from_elsewhere_is_closed_at_once_and_counted_and_said_once(service: Service) -> None:
    service.set_up()
    port = free_port()
    address = service.start(allowed_peers="192.0.2.0/24,2001:db8::/32", metrics_listen=f"127.0.0.1:{port}")
    for _ in range(20):
        with socket.create_connection(address, timeout=LIMIT_S) as refused:
            assert refused.recv(100) == b""
    until(lambda: "huntgroup_refused_peers_total 20.0" in asked(port, "/metrics")[1])
    assert service.log.read_text().count("refused, the last from 127.0.0.1: allowed_peers") == 1


SECRET = "Zk3nO1q7Xw9Rt5Yb"


def test_a_call_that_knows_the_secret_is_served_and_the_secret_is_seen_nowhere(service: Service) -> None:
    service.set_up()
    office = Office(service.start(secret=SECRET, log_level="debug"))
    result = office.switch.call(
        Caller("030111", "Karl"), "700", hangs_up_after_talk_s=0.2, variables={"huntgroup_secret": SECRET}
    )
    assert result.spoken_with == "Anna Berg"
    assert "huntgroup_secret" not in result.variables
    assert not any(SECRET in dial_string for dial_string in result.bridges)
    assert not [line for line in command_lines() if SECRET in line]
    assert SECRET not in service.log.read_text()


def command_lines() -> list[str]:
    """Return what everybody on this machine can read of every process, as ``ps -ef`` shows it."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    assert any("esl_huntgroup" in line for line in lines), "the service itself is not seen"
    return lines


@pytest.mark.parametrize("told", [None, "", "wrong", SECRET + "x", SECRET[:-1], SECRET.lower()])
def test_a_call_without_the_secret_is_given_back_with_one_warning(service: Service, told: str | None) -> None:
    service.set_up()
    office = Office(service.start(secret=SECRET))
    variables = {} if told is None else {"huntgroup_secret": told}
    late = office.switch.call(Caller("030222"), "700", variables=variables)
    assert (late.connected, late.fallback, late.status, late.bridges) == (True, "", 503, ())
    assert "huntgroup_secret" not in late.variables
    log = service.log.read_text()
    no_event_socket, given_back = [line for line in log.splitlines() if "WARNING" in line]
    assert " main esl_address is not set" in no_event_socket
    assert "a call is given back, it does not bring the right huntgroup_secret: peer=127.0.0.1:" in given_back
    assert SECRET not in log
    assert not told or told not in log
    assert service.journal() == []


def test_a_secret_that_is_refused_is_not_repeated(service: Service) -> None:
    done = service.run("serve", secret="too short")
    assert done.returncode == 1
    assert done.stderr == (
        "esl-huntgroup: ESL_HUNTGROUP_SECRET: 16 or more letters and digits (a-z, A-Z, 0-9) are accepted, or nothing\n"
    )
