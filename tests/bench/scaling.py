"""
``python -m tests.bench.scaling``: what a second worker brings, and what a dead database costs. Ratios of one run.

*Workers.* What one worker carries on one core is compared with what two carry on two cores. A core has to do everything
for its calls: one worker, one fake switch, and its share of supervisor and journal writer, which may use every core of
their service. So the hardware for each pair of worker and switch is the same, and the ratio of all calls per second is
how the service scales, with everything in it that workers share: the queue of callers, the spool, the writer, the
database (SQLite). Where calls go is the kernel's choice: both switches call the same port, and half of the calls are
between a switch and a worker of different cores. What the machine itself gives for a second core is shown beside it, by
two services that share nothing, each on a core of its own, which both switches call in turn: "of the machine" is two
workers against those. "By CPU" is what the processor time of the workers for each call says of the same: it hardly
feels what else the machine does, but sees nothing of the time in which a worker waits.

*Dead database.* The same service on PostgreSQL, in rounds that alternate: the server answers; it is stopped and
refuses connections; it answers again; it is frozen (SIGSTOP), so that it accepts connections and says nothing. Ratios
are to the round in which it answered just before, with the quartiles in brackets; what ``again`` shows is how much of
them is this machine. Rounds begin three seconds after the change: what the first look-up waits for
(``lookup_timeout_s``) happens once and is not in them. The service has a core of its own. Switch, journal writer and
server share the other, so that a round in which the server answers also has their work; above 1 a ratio says no more
than that nothing is lost.
"""

from __future__ import annotations

import argparse
import itertools
import operator
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from esl_huntgroup.journal import spool
from tests.bench.fake_switch import FakeSwitch
from tests.bench.service import Address, Cores, Running, cpu_s, fill, numbers, serving
from tests.database import servers

AT_ONCE: Final = 50
GROUPS: Final = 10
SETTLE_S: Final = 3.0
"""After the database has died or is back: longer than a look-up may take, and than one is put off."""
STEADY_PER_S: Final = 100
WORKERS_AIM: Final = 1.7

Change = Callable[[servers.Server], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Round:
    """What one round has shown: of the closed loop calls per second, of the open one the time to the bridge."""

    rate: float
    cpu_ms: float
    rang_ms: tuple[float, ...] = ()

    @property
    def p50_ms(self) -> float:
        """Return the median time to the bridge."""
        return statistics.median(self.rang_ms)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure both and print. With one core say so, and do without the workers; without PostgreSQL likewise."""
    parser = argparse.ArgumentParser(prog="tests.bench.scaling", description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one round")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each, alternating")
    parser.add_argument("--members", type=int, nargs="+", default=[1, 10, 50])
    parser.add_argument("--only", choices=["workers", "database"], help="measure one of the two alone")
    options = parser.parse_args(argv)
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        print("scaling: not measured, it takes two cores")
        return
    if options.only != "database":
        _print_workers(cores[:2], options)
    if options.only != "workers":
        _print_dead_database(cores[:2], options)


# -- workers ----------------------------------------------------------------------------------------------------------


def _print_workers(cores: Sequence[int], options: argparse.Namespace) -> None:
    print(
        f"workers: {AT_ONCE} calls at once from each switch; median of {options.rounds} rounds of {options.seconds:g} s"
    )
    print(
        "members | 1 worker, 1 core | 2 workers, 2 cores | ratio | 2 services | of the machine | "
        "worker's CPU ms/call 1, 2 | ratio by CPU"
    )
    with ProcessPoolExecutor(len(cores), mp_context=get_context("spawn")) as switches:
        for members in options.members:
            print(_workers_row(switches, members, cores, options), flush=True)


class _Spreading(FakeSwitch):
    """A switch that calls several services in turn."""

    def __init__(self, addresses: Sequence[Address], numbers: list[bytes]) -> None:
        super().__init__(addresses[0], numbers)
        self._addresses = itertools.cycle(addresses)

    def start_call(self) -> None:
        self.address = next(self._addresses)
        super().start_call()


def _workers_row(switches: ProcessPoolExecutor, members: int, cores: Sequence[int], options: argparse.Namespace) -> str:
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)

        def start(what: str, workers: int, on: Sequence[int]) -> Running:
            url = f"sqlite:///{folder / what}.db"
            fill(url, members, GROUPS)
            service = stack.enter_context(serving(folder / what, url, workers))
            service.pin(Cores(on))
            return service

        one, other = start("one", 1, cores[:1]), start("other", 1, cores[1:])
        two = start("two", 2, cores)
        alone, both, separate = [], [], []
        for _ in range(options.rounds):
            _await_stored([one, other, two])
            alone.append(_carry(switches, [one], cores[:1], options.seconds))
            _await_stored([one])
            both.append(_carry(switches, [two], cores, options.seconds))
            _await_stored([two])
            separate.append(_carry(switches, [one, other], cores, options.seconds))
    ratio = _ratio(both, alone)
    machine = _ratio(both, separate)
    return (
        f"{members:7} | {_median(alone):16.0f} | {_median(both):18.0f} | {ratio:5.2f} | {_median(separate):10.0f} | "
        f"{machine:14.2f} | {_cpu(alone):18.2f}, {_cpu(both):.2f} | "
        f"{2 * _cpu(alone) / _cpu(both):6.2f}  "
        f"({'reached' if ratio >= WORKERS_AIM else 'NOT reached'}: {WORKERS_AIM:g})"
    )


def _carry(switches: ProcessPoolExecutor, services: Sequence[Running], cores: Sequence[int], seconds: float) -> Round:
    """Let one switch on each core call the services, all at the same time."""
    pids = [pid for service in services for pid in service.workers]
    before = cpu_s(pids)
    asked = [switches.submit(_closed_loop, core, [service.address for service in services], seconds) for core in cores]
    results = [future.result() for future in asked]
    ended = sum(ended for _, ended in results)
    return Round(sum(rate for rate, _ in results), (cpu_s(pids) - before) * 1000 / ended)


def _closed_loop(core: int, addresses: Sequence[Address], seconds: float) -> tuple[float, int]:
    """Be a switch on this core, in a process of the pool; return calls per second, and all calls."""
    os.sched_setaffinity(0, {core})
    switch = _Spreading(addresses, numbers(GROUPS))
    return switch.closed_loop(AT_ONCE, seconds), switch.results.ended


# -- a dead database --------------------------------------------------------------------------------------------------


def _print_dead_database(cores: Sequence[int], options: argparse.Namespace) -> None:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cores[1]})  # this process is the switch; the server, which it starts, inherits the core
    try:
        with servers.postgresql() as server:
            print("dead database (PostgreSQL), ratios to the rounds in which it answers; latency at 100 calls/s")
            print("members  database | calls/s, ratio | p50 / p99 ms to the bridge, ratio of p50 | CPU ms/call, ratio")
            for members in options.members:
                for line in _database_rows(server, members, cores, options):
                    print(line, flush=True)
    except servers.NotInstalled as error:
        print(f"dead database: not measured, {error}")
    finally:
        os.sched_setaffinity(0, before)


def _database_rows(
    server: servers.Server, members: int, cores: Sequence[int], options: argparse.Namespace
) -> Iterator[str]:
    name = f"bench_{members}"
    server.sql(f"CREATE DATABASE {name}")
    fill(server.url(name), members, GROUPS)
    rounds: dict[str, list[Round]] = {state: [] for state, _ in STATES}
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), server.url(name)) as service:
        service.pin(Cores(cores[1:]))
        os.sched_setaffinity(service.workers[0], cores[:1])
        for _ in range(options.rounds):
            for state, change in STATES:
                rounds[state].append(_database_round(service, server, change, options.seconds))
    alive = rounds[STATES[0][0]]
    for state, found in rounds.items():
        latency = [ms for it in found for ms in it.rang_ms]
        p50, p99 = statistics.median(latency), statistics.quantiles(latency, n=100)[98]
        yield (
            f"{members:7}  {state:8} | {_median(found):7.0f} {_spread(found, alive, 'rate')} | "
            f"{p50:7.2f} / {p99:<7.2f} {_spread(found, alive, 'p50_ms')} | "
            f"{_cpu(found):5.2f} {_spread(found, alive, 'cpu_ms')}"
        )


def _database_round(service: Running, server: servers.Server, change: Change, seconds: float) -> Round:
    with change(server):
        _settle(service, answers=change is _answering)
        before = cpu_s(service.workers)
        busy = FakeSwitch(service.address, numbers(GROUPS))
        rate = busy.closed_loop(AT_ONCE, seconds)
        cpu_ms = (cpu_s(service.workers) - before) * 1000 / busy.results.ended
        steady = FakeSwitch(service.address, numbers(GROUPS))
        steady.open_loop(STEADY_PER_S, seconds)
    return Round(rate, cpu_ms, tuple(1000 * rang_s for rang_s in steady.results.rang_s))


def _await_stored(services: Sequence[Running]) -> None:
    """Wait until the journals are in the database, so that nobody has work left over from the round before."""
    while any(spool.waiting_bytes(service.spool) for service in services):
        time.sleep(0.1)


def _settle(service: Running, *, answers: bool) -> None:
    """Let some calls find out how the database is; when it answers, wait until the journal is stored."""
    FakeSwitch(service.address, numbers(GROUPS)).open_loop(STEADY_PER_S, SETTLE_S)
    if answers:
        _await_stored([service])


@contextmanager
def _answering(_server: servers.Server) -> Iterator[None]:
    yield


@contextmanager
def _stopped(server: servers.Server) -> Iterator[None]:
    server.stop()
    try:
        yield
    finally:
        server.start()


STATES: Final[tuple[tuple[str, Change], ...]] = (
    ("answers", _answering),
    ("stopped", _stopped),
    ("again", _answering),
    ("frozen", servers.frozen),
)


# -- figures ----------------------------------------------------------------------------------------------------------


def _median(rounds: Sequence[Round]) -> float:
    return statistics.median(it.rate for it in rounds)


def _ratio(ours: Sequence[Round], theirs: Sequence[Round]) -> float:
    """Return the median of the ratios of calls per second."""
    return statistics.median(_ratios(ours, theirs, "rate"))


def _spread(ours: Sequence[Round], theirs: Sequence[Round], figure: str) -> str:
    """Return the median and the quartiles of the ratios of this figure."""
    ratios = _ratios(ours, theirs, figure)
    low, median, high = statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
    return f"{median:.2f} ({low:.2f}-{high:.2f})"


def _ratios(ours: Sequence[Round], theirs: Sequence[Round], figure: str) -> list[float]:
    """Return the ratio of this figure for each two rounds that were next to each other."""
    its = operator.attrgetter(figure)
    return [its(one) / its(other) for one, other in zip(ours, theirs, strict=True)]


def _cpu(rounds: Sequence[Round]) -> float:
    return statistics.median(it.cpu_ms for it in rounds)


if __name__ == "__main__":
    main()
