"""
``python -m tests.bench``: calls per second, latency, bytes and memory, side by side with stock greenswitch.

The service runs on one core, the fake switch on another, and the service's journal writer on that of the switch. Rounds
of all alternate, so that whatever else the machine does hits all; the ratio is what counts. "journal" is the ratio of
calls per second with the journal to those of the same service when nothing is recorded (``tests.bench.silent``).

"by CPU" is the ratio of the processor time that a call costs stock greenswitch to what it costs the service. Both keep
their core busy all the time, so it says the same as the ratio of calls per second, but for what else the machine does.
"""

from __future__ import annotations

import argparse
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from esl_huntgroup.db.engine import execute, open_database
from esl_huntgroup.journal import spool
from tests.bench import real_switch, scaling
from tests.bench.fake_switch import FakeSwitch
from tests.bench.service import ROOT, Address, Cores, Running, cpu_s, fill, free_port, numbers, serving

AT_ONCE = 50
"""Here stock greenswitch does best: with more at once its calls wait for one another."""
SERVICE_CORES: Cores = frozenset({0})


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one round")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each, alternating")
    parser.add_argument("--members", type=int, nargs="+", default=[1, 10, 50, 120])
    parser.add_argument("--groups", type=int, nargs="+", default=[10, 10_000])
    parser.add_argument("--waiting", type=int, default=1000, help="calls that wait at one time, for memory")
    parser.add_argument("--real-calls", type=int, default=60, help="calls on a real FreeSWITCH, if there is one")
    parser.add_argument("--no-scaling", action="store_true", help="leave out tests.bench.scaling")
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    every_core = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(every_core)})
    print(
        f"{AT_ONCE} calls at once; median of {options.rounds} rounds of {options.seconds:g} s; one core for each side; "
        "the journal writer is a process of its own on the core of the fake switch"
    )
    print(
        "members  groups | calls/s  stock  ratio | CPU ms/call  stock  by CPU | writer's | journal | "
        "bridge p50 / p99 ms at 100/s | bytes/call | kB/waiting"
    )
    for groups in options.groups:
        for members in options.members:
            print(_row(members, groups, options), flush=True)
    if options.real_calls:
        real_switch.main(["--calls", str(options.real_calls)])
    if not options.no_scaling:
        os.sched_setaffinity(0, every_core)
        scaling.main(["--seconds", str(options.seconds), "--rounds", str(options.rounds)])


def _row(members: int, groups: int, options: argparse.Namespace) -> str:
    called = numbers(groups)
    rates, silent_rates, stock_rates, costs, writer_costs, stock_costs = [], [], [], [], [], []
    with tempfile.TemporaryDirectory() as name, ours(folder := Path(name), members, groups) as service:
        with stock(folder) as (stock_address, stock_process), silent(folder) as without_journal:
            for _ in range(options.rounds):
                before, writer_before = cpu_s(service.serving), cpu_s([service.writer])
                switch = FakeSwitch(service.address, called)
                rates.append(switch.closed_loop(AT_ONCE, options.seconds))
                costs.append((cpu_s(service.serving) - before) * 1000 / switch.results.ended)
                _await_empty(service.spool)
                writer_costs.append((cpu_s([service.writer]) - writer_before) * 1000 / switch.results.ended)
                silent_rates.append(FakeSwitch(without_journal.address, called).closed_loop(AT_ONCE, options.seconds))
                before, switch = cpu_s([stock_process]), FakeSwitch(stock_address, called)
                stock_rates.append(switch.closed_loop(AT_ONCE, options.seconds))
                stock_costs.append((cpu_s([stock_process]) - before) * 1000 / switch.results.ended)
        steady = FakeSwitch(service.address, called)
        steady.open_loop(100, options.seconds * 2)
        _await_empty(service.spool)
        _require_answered(_url(folder))
        kilobytes = _waiting_kb(service, options.waiting)
    rate, stock_rate = statistics.median(rates), statistics.median(stock_rates)
    cost, stock_cost = statistics.median(costs), statistics.median(stock_costs)
    journal = statistics.median(ours / without for ours, without in zip(rates, silent_rates, strict=True))
    latency = [seconds * 1000 for seconds in steady.results.rang_s]
    p50, p99 = statistics.median(latency), statistics.quantiles(latency, n=100)[98]
    per_call = steady.results.bytes_both_ways / steady.results.ended
    return (
        f"{members:7} {groups:7} | {rate:7.0f} {stock_rate:6.0f} {rate / stock_rate:6.2f} | "
        f"{cost:11.2f} {stock_cost:6.2f} {stock_cost / cost:7.2f} | "
        f"{statistics.median(writer_costs):8.2f} | {journal:7.2f} | "
        f"{p50:13.2f} / {p99:<12.2f} | {per_call:10.0f} | {kilobytes:10.1f}"
    )


def _require_answered(url: str) -> None:
    """See that what was measured were answered calls. Raises SystemExit for any other outcome."""
    with closing(open_database(url)) as db:
        found = dict(execute(db, "SELECT COALESCE(outcome, ''), COUNT(*) FROM calls GROUP BY 1").fetchall())
    if set(found) != {"answered"}:
        raise SystemExit(f"not every call was answered: {found}")


def _waiting_kb(service: Running, waiting: int) -> float:
    """Return by how much the service grows for each call that waits for an answer."""
    switch = FakeSwitch(service.address, numbers(10))
    before = service.rss_kb()
    switch.ring(waiting)
    time.sleep(0.5)
    grown = (service.rss_kb() - before) / waiting
    switch.close()
    return grown


@contextmanager
def ours(folder: Path, members: int, groups: int) -> Iterator[Running]:
    """Run the service, with journal rows being written, on a database with so many groups of so many members."""
    fill(_url(folder), members, groups)
    with _pinned(folder / "ours", _url(folder), "esl_huntgroup") as service:
        os.sched_setaffinity(service.writer, os.sched_getaffinity(0))
        yield service


@contextmanager
def silent(folder: Path) -> Iterator[Running]:
    """Run the same service on the same database with a journal that forgets everything."""
    with _pinned(folder / "silent", _url(folder), "tests.bench.silent") as service:
        yield service


@contextmanager
def _pinned(folder: Path, url: str, module: str) -> Iterator[Running]:
    with serving(folder, url, module=module) as service:
        service.pin(SERVICE_CORES)
        yield service


@contextmanager
def stock(folder: Path) -> Iterator[tuple[Address, int]]:
    """Run stock greenswitch with the same call flow, on the same database; give its address and process id."""
    address = ("127.0.0.1", free_port())
    command = [sys.executable, "-m", "tests.bench.stock", str(address[1]), _url(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT)
    os.sched_setaffinity(process.pid, SERVICE_CORES)
    try:
        _await(address)
        yield address, process.pid
    finally:
        process.kill()
        process.wait(30)


def _url(folder: Path) -> str:
    return f"sqlite:///{folder / 'bench.db'}"


def _await_empty(directory: Path) -> None:
    """Wait until everything is stored, so that the writer's work is counted whole."""
    while spool.waiting_bytes(directory):
        time.sleep(0.05)


def _await(address: Address) -> None:
    for _ in range(300):
        try:
            socket.create_connection(address, timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"nobody answers on {address[0]} port {address[1]}")


if __name__ == "__main__":
    main()
