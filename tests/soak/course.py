"""
The course of a soak: calls of every kind at random moments, and faults among them.

In the first part processes are killed and replaced. Those that are there then live to the end, through faults that
kill nobody: what they hold is measured in two quiet moments, after they have warmed up and at the end.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterator

import gevent

from tests.faults.calls import Made, make
from tests.faults.firm import KINDS
from tests.faults.injections import FAULTS, Fault
from tests.faults.installed import SETTLES_WITHIN_S, until
from tests.faults.stage import Stage
from tests.faults.truth import Examined
from tests.soak.processes import Holding, look

CALLS_PER_S = 45.0
AT_ONCE_MAX = 400
DEADLY_SHARE = 0.35
WARM_SHARE = 0.2
FAULT_EVERY_S = 3.0
DEADLY = tuple(
    FAULTS[name]
    for name in (
        "worker killed",
        "all workers killed",
        "all processes killed, restarted",
        "SIGHUP",
        "journal writer killed",
        "journal follower killed",
        "witness killed",
        "lamps killed",
        "worker and witness killed",
        "worker killed, inbound cut",
    )
)
HARMLESS = tuple(
    FAULTS[name]
    for name in (
        "worker frozen for 3 s",
        "all frozen for 3 s",
        "database locked for 4 s",
        "spool full for 3 s",
        "event sockets cut",
        "network stalls for 4 s",
        "inbound connection cut",
        "hostile peers",
    )
)


class Course:
    """One soak on a stage with a relay. ``seed`` decides which calls and faults come, and when."""

    def __init__(self, stage: Stage, calls: int, seed: int) -> None:
        self.faults: Counter[str] = Counter()
        self.before: dict[int, Holding] = {}
        self.after: dict[int, Holding] = {}
        self.measured_calls = 0
        self._stage = stage
        self._calls = calls
        self._calls_chance, self._faults_chance = random.Random(seed), random.Random(seed + 1)
        self._made: list[Made] = []

    def go(self) -> list[Examined]:
        """Run to the end, and return every call after the check. Raises AssertionError when something never ends."""
        self._stage.serve()
        deadly, warm = int(self._calls * DEADLY_SHARE), int(self._calls * WARM_SHARE)
        self._part(deadly, DEADLY)
        self._part(warm, HARMLESS)
        self.before = look(self._stage.everybody())
        self.measured_calls = self._calls - deadly - warm
        self._part(self.measured_calls, HARMLESS)
        self.after = look(self._stage.everybody())
        return self._stage.examine(self._made)

    def _part(self, calls: int, faults: tuple[Fault, ...]) -> None:
        """Make so many calls while faults happen; then be quiet until all is over and written."""
        failing = gevent.spawn(self._fail, self._shuffled(faults))
        until_there_are = len(self._made) + calls
        while len(self._made) < until_there_are:
            failing.ready() and failing.get()  # a fault that could not be mended ends the soak
            if sum(not made.is_over for made in self._made[-2 * AT_ONCE_MAX :]) < AT_ONCE_MAX:
                self._made.append(make(self._stage.board, self._calls_chance.choice(KINDS)))
            gevent.sleep(self._calls_chance.uniform(0, 2 / CALLS_PER_S))
        self._is_over = True
        failing.get()
        until(lambda: all(made.is_over for made in self._made), SETTLES_WITHIN_S, "calls are not over")
        self._stage.settle()
        for phone in itertools.chain(*self._stage.phones.values()):
            phone.heard.clear()

    def _fail(self, faults: Iterator[Fault]) -> None:
        """Let one fault after the other happen, each mended before the next, as long as calls are begun."""
        self._is_over = False
        while True:
            self._pause(self._faults_chance.uniform(FAULT_EVERY_S / 2, FAULT_EVERY_S * 1.5))
            if self._is_over:
                return
            fault = next(faults)
            injection = fault.injection(self._stage, self._stage.board, self._stage.relay)
            injection.inject()
            gevent.sleep(fault.lasts_s)
            injection.mend()
            self._stage.await_whole()
            self.faults[fault.name] += 1

    def _pause(self, pause_s: float) -> None:
        while pause_s > 0 and not self._is_over:
            gevent.sleep(0.1)
            pause_s -= 0.1

    def _shuffled(self, faults: tuple[Fault, ...]) -> Iterator[Fault]:
        """Return all of them in a random order, again and again."""
        while True:
            yield from self._faults_chance.sample(faults, len(faults))
