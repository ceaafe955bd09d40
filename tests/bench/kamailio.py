"""
``python -m tests.bench.kamailio``: what it costs that phones register at Kamailio, and not at FreeSWITCH.

Three things, each beside what it is to be compared with, and turn by turn, so that whatever else the machine does hits
both:

- A real FreeSWITCH, the shipped dialplan, the service: from a caller's INVITE to the first phone's. The phones of one
  group are registered at FreeSWITCH, those of the other at Kamailio, which is asked for each; callers of both speak to
  FreeSWITCH. Calls for which the switch slept before it looked at the INVITE are set aside (``tests.bench.real_switch``
  says why, and how it shows). Then the same with a caller who comes by Kamailio, too: whether the switch slept cannot
  be seen then, so that its least and its first tenth say most.
- So many lines are registered at Kamailio, and groups of 50 are looked up: by the client of the service, and by a plain
  socket that asks the same in one write and only counts the answers. What the second takes, Kamailio takes.
- The processes of Kamailio that answer are stopped: what the calls of that moment wait.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import socket
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from esl_huntgroup.model.group import Line
from esl_huntgroup.registrars.kamailio import Kamailio
from esl_huntgroup.registrars.kamailio_client import TIMEOUT_S, KamailioClient
from esl_huntgroup.registrars.lookups import Rpc, request_body
from tests.bench.real_switch import ACCOUNTS, PAUSE_S, WARM_UP, Caller, CallFailed, Phones, call
from tests.e2e import freeswitch, sip
from tests.e2e.freeswitch import DOMAIN
from tests.e2e.service import Service
from tests.e2e.test_domains import SwitchOfTenants
from tests.kamailio.registrar import Registrar

PBX = "pbx.example"
AT_FREESWITCH, AT_KAMAILIO = "700", "701"
DIRECT, EDGE, BY_EDGE = "phones at FreeSWITCH", "phones at Kamailio", "phones at Kamailio, caller by it"
TARGET_MS = 3.0
LOOKUP_TARGET_MS = 10.0
GROUP = 50
PATIENCE_S = 5.0
WAITS = 20
"""Calls that come to a dead RPC, one behind the other."""


# -- the whole call ----------------------------------------------------------------------------------------------------


def firm() -> str:
    """Return two groups of as many members: whose lines are at the switch, and whose are at Kamailio."""
    users, groups = [], []
    for number, domain in ((AT_FREESWITCH, PBX), (AT_KAMAILIO, DOMAIN)):
        names = [f"u{number}-{account}" for account in ACCOUNTS]
        users += [
            f"  - {{name: {name}, lines: [{{number: '{number}{account}', account: '{account}', domain: {domain}}}]}}"
            for name, account in zip(names, ACCOUNTS, strict=True)
        ]
        options = f"number: '{number}', domain: {DOMAIN}, hunt_mode: softphone, members: [{', '.join(names)}]"
        groups.append(f"  - {{name: G{number}, {options}}}")
    return "\n".join(["users:", *users, "groups:", *groups, ""])


@contextmanager
def running(folder: Path, *, is_fast: bool) -> Iterator[tuple[SwitchOfTenants, Registrar]]:
    """Run the service, a switch and a Kamailio, which is the registrar of the domain DOMAIN."""
    service = Service(folder / "service")
    service.folder.mkdir(parents=True)
    (folder / "firm.yaml").write_text(firm())
    service.load(folder / "firm.yaml")
    switch = SwitchOfTenants(folder / "switch", service.port, is_fast=is_fast)
    switch.start()
    try:
        edge = Registrar(folder / "kamailio", DOMAIN, switch.sip_port)
        edge.start()
        try:
            service.witness(switch.esl_port)
            service.start({"ESL_HUNTGROUP_LOG_LEVEL": "info", "ESL_HUNTGROUP_KAMAILIO": edge.setting})
            yield switch, edge
        finally:
            service.stop()
            edge.stop()
    finally:
        switch.stop()


def measure(folder: Path, calls: int, *, is_fast: bool) -> dict[str, list[float]]:
    """Call both groups in turn; return the milliseconds from INVITE to INVITE. Raises CallFailed."""
    with running(folder, is_fast=is_fast) as (switch, edge):
        direct, by_edge = Caller(switch), Caller(edge)  # type: ignore[arg-type]  # it speaks to an address
        pbx, at_edge = Phones(), Phones()
        for phones, domain, at in ((pbx, PBX, switch), (at_edge, DOMAIN, edge)):
            for account in ACCOUNTS:
                sip.register(at.address, account, domain, f"<{phones.contact(account)}>")
        sides = {
            DIRECT: (direct, pbx, AT_FREESWITCH),
            EDGE: (direct, at_edge, AT_KAMAILIO),
            BY_EDGE: (by_edge, at_edge, AT_KAMAILIO),
        }
        found: dict[str, list[float]] = {side: [] for side in sides}
        for turn in range(calls + WARM_UP):
            for side, (caller, phones, number) in sides.items():
                time.sleep(random.uniform(*PAUSE_S))
                timing = call(caller, phones, number)
                if turn >= WARM_UP and not timing.is_late:
                    found[side].append(timing.phone_ms)
    if min(map(len, found.values())) < 2:
        raise CallFailed("nearly all calls were late")
    return found


def report(title: str, found: dict[str, list[float]]) -> str:
    """Return the table, and the line that says what it costs that the phones are at Kamailio."""
    more = _tenth(found[EDGE]) - _tenth(found[DIRECT])
    verdict = "reached" if more <= TARGET_MS else "NOT reached"
    return "\n".join(
        [
            f"{title:40} {'calls':>5} {'min':>7} {'p10':>7} {'median':>7} {'p90':>7}",
            *(_row(side, values) for side, values in found.items()),
            f"{verdict}: {more:.1f} ms more at p10; at most {TARGET_MS:g} asked",
        ]
    )


def _tenth(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=10, method="inclusive")[0]


def _row(name: str, values: Sequence[float]) -> str:
    tenths = statistics.quantiles(values, n=10, method="inclusive")
    columns = (min(values), tenths[0], statistics.median(values), tenths[8])
    return f"{name:40} {len(values):5}" + "".join(f" {value:7.2f}" for value in columns)


# -- the look-up -------------------------------------------------------------------------------------------------------


class Plain:
    """A socket that asks what the client asks, in one write, and counts the answers."""

    def __init__(self, rpc: Rpc) -> None:
        self._head = f"POST {rpc.path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
        self._socket = socket.create_connection(rpc[:2])
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.settimeout(PATIENCE_S)

    def ask(self, lines: Sequence[Line]) -> None:
        bodies = [request_body(number, line.address) for number, line in enumerate(lines, start=1)]
        self._socket.sendall(b"".join(f"{self._head}{len(body)}\r\n\r\n".encode() + body for body in bodies))
        data = b""
        while data.count(b'"jsonrpc"') < len(lines):
            data += self._socket.recv(65536)

    def close(self) -> None:
        self._socket.close()


def look_up(edge: Registrar, aors: int, groups: int) -> tuple[list[float], list[float], float]:
    """Return the milliseconds of the client, and of a plain socket, for each group; and the client's own ones."""
    for at in range(aors):
        edge.register(str(100_000 + at), f"<sip:{100_000 + at}@127.0.0.1:9>")
    rpc = Rpc("127.0.0.1", edge.rpc_port, "/huntgroup")
    registrar, client, plain = Kamailio(rpc, f"127.0.0.1:{edge.port}"), KamailioClient(timeout_s=PATIENCE_S), Plain(rpc)
    by_client, by_socket, cost_s = [], [], 0.0
    for turn in range(groups + WARM_UP):
        lines = [Line(str(it), DOMAIN, str(it)) for it in random.sample(range(100_000, 100_000 + aors), GROUP)]
        began, cpu = time.perf_counter(), time.process_time()
        found = registrar.contacts(lines, (), "", client.ask(registrar.lookups(lines)).answers())
        took, cost = time.perf_counter() - began, time.process_time() - cpu
        if not all(len(it.dialable) == 1 and not it.fault for it in found.values()):
            raise CallFailed(f"a look-up found something else: {found}")
        began = time.perf_counter()
        plain.ask(lines)
        if turn >= WARM_UP:
            by_client.append(took * 1000)
            by_socket.append((time.perf_counter() - began) * 1000)
            cost_s += cost
    client.stop()
    plain.close()
    return by_client, by_socket, cost_s * 1000 / groups


def dead_rpc(edge: Registrar) -> list[float]:
    """Stop the processes that answer; return the milliseconds that each of some calls waits, one behind the other."""
    rpc = Rpc("127.0.0.1", edge.rpc_port, "/huntgroup")
    registrar, client = Kamailio(rpc, f"127.0.0.1:{edge.port}"), KamailioClient()
    lines = [Line(str(it), DOMAIN, str(it)) for it in range(100_000, 100_000 + GROUP)]
    client.ask(registrar.lookups(lines)).answers()
    stopped = edge.tcp_processes()
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        waited = []
        for _ in range(WAITS):
            began = time.perf_counter()
            client.ask(registrar.lookups(lines)).answers()
            waited.append((time.perf_counter() - began) * 1000)
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    client.stop()
    return waited


def lookups(options: argparse.Namespace, folder: Path) -> None:
    """Measure look-ups alone, and print."""
    edge = Registrar(folder / "kamailio", DOMAIN, sip.free_port())
    edge.start()
    try:
        client, plain, cost_ms = look_up(edge, options.aors, options.groups)
        waited = dead_rpc(edge)
    finally:
        edge.stop()
    p99 = _hundredth(client)
    print(f"{options.aors} lines at Kamailio, {options.groups} groups of {GROUP}, ms: p50 / p90 / p99")
    for name, values in (("the service's client", client), ("a plain socket: what Kamailio takes", plain)):
        p50, p90 = statistics.median(values), statistics.quantiles(values, n=10)[8]
        print(f"{name:40} {p50:7.2f} {p90:7.2f} {_hundredth(values):7.2f}")
    ratio = statistics.median(ours / bare for ours, bare in zip(client, plain, strict=True))
    print(
        f"client / plain socket, median of pairs: {ratio:.2f}; processor time of the client: {cost_ms:.2f} ms a group"
    )
    print(f"{'reached' if p99 <= LOOKUP_TARGET_MS else 'NOT reached'}: p99 {p99:.1f} ms, {LOOKUP_TARGET_MS:g} asked")
    first, *others = waited
    print(
        f"a dead RPC: the first call waits {first:.0f} ms (deadline {TIMEOUT_S * 1000:.0f}), "
        f"the next {len(others)} at most {max(others):.2f} ms"
    )


def _hundredth(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print. Without FreeSWITCH the whole call is left out."""
    parser = argparse.ArgumentParser(prog="tests.bench.kamailio", description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--calls", type=int, default=60, help="whole calls of each kind; 0: none")
    parser.add_argument("--aors", type=int, default=10_000, help="lines that are registered at Kamailio")
    parser.add_argument("--groups", type=int, default=1000, help="groups that are looked up; 0: none")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.groups:
            lookups(options, folder)
        if not options.calls:
            return
        if not freeswitch.BINARY:
            print("whole calls: not measured, freeswitch is neither in PATH nor in HUNTGROUP_FREESWITCH")
            return
        for title, is_fast in (("async, ms", False), ("fast variant, ms", True)):
            print(report(title, measure(folder / title.split(",")[0], options.calls, is_fast=is_fast)), flush=True)


if __name__ == "__main__":
    main()
