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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from esl_huntgroup import spool
from esl_huntgroup.database import open_database
from esl_huntgroup.migrate import upgrade
from tests.bench import real_switch, scaling
from tests.bench.fake_switch import DOMAIN, FakeSwitch

Address = tuple[str, int]
ROOT = Path(__file__).parents[2]
AT_ONCE = 50


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
    numbers = [b"%d" % (700_000 + n) for n in range(groups)]
    with tempfile.TemporaryDirectory() as folder, ours(Path(folder), members, groups) as (address, process):
        with stock(Path(folder)) as (stock_address, other), silent(Path(folder)) as (silent_address, _):
            rates, silent_rates, stock_rates, costs, writer_costs, stock_costs = [], [], [], [], [], []
            for _ in range(options.rounds):
                cpu, writer_cpu = _cpu_s(*_family(process)), _cpu_s(_writer_of(process))
                switch = FakeSwitch(address, numbers)
                rates.append(switch.closed_loop(AT_ONCE, options.seconds))
                costs.append((_cpu_s(*_family(process)) - cpu) * 1000 / switch.results.ended)
                _await_empty(Path(folder) / "spool")
                writer_costs.append((_cpu_s(_writer_of(process)) - writer_cpu) * 1000 / switch.results.ended)
                silent_rates.append(FakeSwitch(silent_address, numbers).closed_loop(AT_ONCE, options.seconds))
                stock_cpu, switch = _cpu_s(other.pid), FakeSwitch(stock_address, numbers)
                stock_rates.append(switch.closed_loop(AT_ONCE, options.seconds))
                stock_costs.append((_cpu_s(other.pid) - stock_cpu) * 1000 / switch.results.ended)
        steady = FakeSwitch(address, numbers)
        steady.open_loop(100, options.seconds * 2)
        kilobytes = _waiting_kb(address, process, numbers, options.waiting)
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


def _waiting_kb(address: Address, process: subprocess.Popen[bytes], numbers: Sequence[bytes], waiting: int) -> float:
    """Return by how much the service grows for each call that waits for an answer."""
    switch = FakeSwitch(address, list(numbers[:10]))
    before = _rss_kb(process)
    switch.ring(waiting)
    time.sleep(0.5)
    grown = (_rss_kb(process) - before) / waiting
    switch.close()
    return grown


@contextmanager
def ours(folder: Path, members: int, groups: int) -> Iterator[tuple[Address, subprocess.Popen[bytes]]]:
    """Run the service, with journal rows being written, on a database with so many groups of so many members."""
    _fill(_url(folder), members, groups)
    with _served(folder, "esl_huntgroup") as (address, process):
        os.sched_setaffinity(_writer_of(process), os.sched_getaffinity(0))
        yield address, process


@contextmanager
def silent(folder: Path) -> Iterator[tuple[Address, subprocess.Popen[bytes]]]:
    """Run the same service on the same database with a journal that forgets everything."""
    with _served(folder, "tests.bench.silent") as served:
        yield served


@contextmanager
def _served(folder: Path, module: str) -> Iterator[tuple[Address, subprocess.Popen[bytes]]]:
    address = ("127.0.0.1", _free_port())
    environment = {
        **os.environ,
        "ESL_HUNTGROUP_DATABASE": _url(folder),
        "ESL_HUNTGROUP_LISTEN": f"{address[0]}:{address[1]}",
        "ESL_HUNTGROUP_SPOOL": str(folder / "spool"),
        "ESL_HUNTGROUP_MAX_CALLS": "100000",
        "ESL_HUNTGROUP_LOG_LEVEL": "info",
        "ESL_HUNTGROUP_DRAIN_TIMEOUT_S": "1",
        "PYTHONPATH": str(ROOT),  # workers look for nothing in the folder where the service was started
    }
    with (folder / f"log of {module}").open("wb") as log:
        process = _start([sys.executable, "-m", module, "serve"], environment, log.fileno())
        try:
            _await(address, process)
            yield address, process
        finally:
            process.terminate()
            process.wait(30)


def _url(folder: Path) -> str:
    return f"sqlite:///{folder / 'bench.db'}"


def _await_empty(directory: Path) -> None:
    """Wait until everything is stored, so that the writer's work is counted whole."""
    while spool.waiting_bytes(directory):
        time.sleep(0.05)


@contextmanager
def stock(folder: Path) -> Iterator[tuple[Address, subprocess.Popen[bytes]]]:
    """Run stock greenswitch with the same call flow, on the same database."""
    address = ("127.0.0.1", _free_port())
    command = [sys.executable, "-m", "tests.bench.stock", str(address[1]), _url(folder)]
    process = _start(command, dict(os.environ), subprocess.DEVNULL)
    try:
        _await(address, process)
        yield address, process
    finally:
        process.kill()
        process.wait(30)


def _start(command: list[str], environment: dict[str, str], output: int) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, cwd=ROOT)
    os.sched_setaffinity(process.pid, {0})
    return process


def _await(address: Address, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        try:
            socket.create_connection(address, timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"nobody answers on {address[0]} port {address[1]}; the process is {process.pid}")


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def _cpu_s(*pids: int) -> float:
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _rss_kb(process: subprocess.Popen[bytes]) -> int:
    kilobytes = 0
    for pid in _family(process):
        status = Path(f"/proc/{pid}/status").read_text()
        kilobytes += int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))
    return kilobytes


def _family(process: subprocess.Popen[bytes]) -> list[int]:
    """Return the supervisor and its workers, without the process that stores the journal."""
    return [process.pid, *(pid for pid in _children(process) if "journal_writer" not in _command(pid))]


def _writer_of(process: subprocess.Popen[bytes]) -> int:
    """Return the process that stores the journal of a service."""
    return next(pid for pid in _children(process) if "journal_writer" in _command(pid))


def _children(process: subprocess.Popen[bytes]) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode()


def _fill(url: str, members: int, groups: int) -> None:
    database = open_database(url)
    upgrade(database)
    with database.atomic():
        cursor = database.connection().cursor()  # type: ignore[no-untyped-call]  # the stubs leave this one out
        users = range(1, members + 1)
        cursor.executemany(
            "INSERT INTO users (id, name, display_name) VALUES (?, ?, ?)", [(n, f"u{n}", f"User {n}") for n in users]
        )
        cursor.executemany(
            "INSERT INTO lines (user_id, domain, number, kind, account) VALUES (?, ?, ?, 'softphone', ?)",
            [(n, DOMAIN, str(99_999 + n), str(99_999 + n)) for n in users],
        )
        cursor.executemany(
            "INSERT INTO groups (id, name, domain, number, hunt_mode) VALUES (?, ?, ?, ?, 'softphone')",
            [(n + 1, f"Group {n}", DOMAIN, str(700_000 + n)) for n in range(groups)],
        )
        cursor.executemany(
            "INSERT INTO members (group_id, position, user_id) VALUES (?, ?, ?)",
            [(group + 1, n, n) for group in range(groups) for n in users],
        )
    database.close()


if __name__ == "__main__":
    main()
