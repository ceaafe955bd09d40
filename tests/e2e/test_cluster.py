"""Two switches, two hosts with a service each, one PostgreSQL: one of each is killed under load, no call is lost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.database import servers

from . import sip, sipp
from .conftest import FIRM
from .freeswitch import DOMAIN, FreeSwitch
from .journal import Call, assert_whole
from .lab import WITNESS_WITHIN_S
from .service import Service
from .sipp import Endpoint

CALLS_PER_S = 4
CALLS = 60
TALK_MS = 3000
ANSWERS_AFTER_MS = 1500
LOAD_S = CALLS / CALLS_PER_S
UNLUCKY_S = 1.0
"""So close to the end of a service, a call may reach it and not be rung: then the fallback of the dialplan has it."""
UNANSWERED = 0
"""What a caller has seen whose switch died."""


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """Run a PostgreSQL server, and give the URL of its database."""
    with servers.own_postgresql() as server:
        server.sql("CREATE DATABASE huntgroup")
        yield server.url("huntgroup")


class Cluster:
    """Switches ``switch1`` and ``switch2``; each hands its calls to its own host first, and to the other one else."""

    def __init__(self, folder: Path, database: str, binary: str) -> None:
        self._folder = folder
        self._endpoints: list[Endpoint] = []
        self.hosts: list[set[str]] = []
        """The process ids of the workers of each host, as they were at first."""
        self.services = [Service(folder / name, database) for name in ("host1", "host2")]
        for service in self.services:
            service.folder.mkdir()
        ports = [service.port for service in self.services]
        self.switches = [
            FreeSwitch(folder / "switch1", *ports, name="switch1", binary=binary),
            FreeSwitch(folder / "switch2", *reversed(ports), name="switch2", binary=binary),
        ]
        self.services[0].load(FIRM)

    def start(self) -> None:
        """Start everything; both services are witnesses of both switches."""
        for switch in self.switches:
            switch.start()
        for workers, service in enumerate(self.services, start=1):
            service.witness(*(switch.esl_port for switch in self.switches))
            service.start({"ESL_HUNTGROUP_WORKERS": str(workers), "ESL_HUNTGROUP_LOG_LEVEL": "info"})
            self.hosts.append({str(worker) for worker in service.workers()})

    def close(self) -> None:
        """End everything that still runs."""
        for endpoint in self._endpoints:
            endpoint.stop()
        for switch in self.switches:
            switch.stop()
        for service in self.services:
            service.stop()

    def phones(self) -> None:
        """Register one phone that answers and one that only rings, at both switches."""
        for account, scenario in (("1001", sipp.answers(ANSWERS_AFTER_MS)), ("1002", sipp.rings())):
            for switch in self.switches:
                phone = self._endpoint(f"{account}-{switch.name}", scenario)
                sip.register(switch.address, account, DOMAIN, f"<sip:{account}@127.0.0.1:{phone.port}>")

    def load(self, switch: FreeSwitch, prefix: str) -> Endpoint:
        """Begin to call the group at one switch, so many times a second; each caller has a number of its own."""
        scenario = sipp.calls("700", f"{prefix}[call_number]", domain=DOMAIN, talk_ms=TALK_MS)
        name = f"callers{prefix}-{switch.name}"
        return self._endpoint(name, scenario, switch.address, calls=CALLS, calls_per_s=CALLS_PER_S)

    def journal(self, prefix: str) -> list[Call]:
        """Return the calls of all callers whose number begins like this, once none is open."""
        deadline = time.monotonic() + WITNESS_WITHIN_S
        while True:
            calls = self.services[0].calls_of(f"{prefix}%")
            left = [call for call in calls if not call.outcome]
            if not left:
                return calls
            assert time.monotonic() < deadline, left
            time.sleep(0.5)

    def _endpoint(
        self, name: str, scenario: str, remote: tuple[str, int] | None = None, calls: int = 1, calls_per_s: int = 1
    ) -> Endpoint:
        endpoint = Endpoint(self._folder, name, scenario, remote, calls=calls, calls_per_s=calls_per_s)
        self._endpoints.append(endpoint)
        return endpoint


@pytest.fixture
def cluster(tmp_path: Path, database: str, binary: str) -> Iterator[Cluster]:
    """Give a test a cluster that runs, with phones."""
    cluster = Cluster(tmp_path, database, binary)
    try:
        cluster.start()
        cluster.phones()
        yield cluster
    finally:
        cluster.close()


def fates(callers: Endpoint) -> dict[str, tuple[float, int]]:
    """Return caller's number → when the call began, and its final status."""
    numbers, found = {}, {}
    for message in callers.messages:
        if message.sent and message.method == "INVITE" and message.call_id not in numbers:
            number = message.header("From").partition("sip:")[2].partition("@")[0]
            numbers[message.call_id] = number
            found[number] = (message.at, UNANSWERED)
        elif not message.sent and message.status >= 200 and message.header("CSeq").endswith("INVITE"):
            number = numbers[message.call_id]
            found[number] = (found[number][0], message.status)
    return found


@pytest.mark.parametrize("dead", [0, 1], ids=["its own switch", "the other host's switch"])
def test_a_service_and_a_switch_killed_under_load_lose_no_call(cluster: Cluster, dead: int) -> None:
    prefixes = [f"{4 + dead}{number}" for number in (1, 2)]
    callers = [cluster.load(switch, prefix) for switch, prefix in zip(cluster.switches, prefixes, strict=True)]
    time.sleep(LOAD_S / 3)
    service_died_at = time.time()
    cluster.services[0].kill()
    time.sleep(UNLUCKY_S + ANSWERS_AFTER_MS / 1000)
    cluster.switches[dead].kill()
    callers[1 - dead].wait_ended(LOAD_S * 3)
    callers[dead].stop()
    cluster.switches[dead].start()
    cluster.services[0].start()

    living = fates(callers[1 - dead])
    assert len(living) == CALLS
    unlucky = {number for number, (at, _) in living.items() if abs(at - service_died_at) < UNLUCKY_S}
    assert {living[number][1] for number in living.keys() - unlucky} == {200}
    assert {living[number][1] for number in unlucky} <= {200, 503}
    for prefix, switch, its in zip(prefixes, cluster.switches, map(fates, callers), strict=True):
        check_journal(cluster.journal(prefix), switch.name, its)
    first, second = (cluster.journal(prefix) for prefix in prefixes)
    assert {host(call, cluster) for call in second} == {1}
    assert {host(call, cluster) for call in first if call.arrived_at_ms < (service_died_at - UNLUCKY_S) * 1000} == {0}
    assert {host(call, cluster) for call in first if call.arrived_at_ms > (service_died_at + UNLUCKY_S) * 1000} == {1}
    if dead == 0:  # neither the service nor the switch of some calls lived to tell of their end
        assert [call for call in first if call.cause == "INTERRUPTED"]


def host(call: Call, cluster: Cluster) -> int:
    """Return which host carried a call: the last part of its worker's name is the process id."""
    (found,) = (number for number, workers in enumerate(cluster.hosts) if call.worker.rpartition(":")[2] in workers)
    return found


def check_journal(calls: list[Call], node: str, callers: dict[str, tuple[float, int]]) -> None:
    """Assert that everybody who talked has one whole set of rows, that names the switch, and nobody has two."""
    assert {call.node for call in calls} == {node}
    numbers = [call.caller_number for call in calls]
    assert len(numbers) == len(set(numbers))
    assert {number for number, (_, status) in callers.items() if status == 200} <= set(numbers)
    for call in calls:
        assert_whole(call)
        if callers[call.caller_number][1] == 200 and call.cause == "NORMAL_CLEARING":
            assert (call.outcome, call.answered_by) == ("answered", "Anna Berg")
