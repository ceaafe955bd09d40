"""Tasks for later, each with a number and in a group (switch_scheduler.c)."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import gevent

from esl_huntgroup.simulator.clock import Clock


class Scheduler:
    """The one scheduler of a switch: channels use their uuid as group, ``sched_api`` any word."""

    def __init__(self, clock: Clock) -> None:
        """Begin without tasks."""
        self._clock = clock
        self._numbers = itertools.count(1)
        self._tasks: dict[int, tuple[str, gevent.Greenlet]] = {}

    def add(self, after_s: float, group: str, action: Callable[[], object]) -> int:
        """Have something done later; return the number of the task."""
        number = next(self._numbers)

        def run() -> None:
            del self._tasks[number]
            action()

        self._tasks[number] = (group, self._clock.later(after_s, run))
        return number

    def cancel(self, which: str) -> int:
        """Forget the task of this number, or all of this group; return how many there were."""
        chosen = [number for number, (group, _) in self._tasks.items() if which in (group, str(number))]
        for number in chosen:
            _, greenlet = self._tasks.pop(number)
            greenlet.kill(block=False)
        return len(chosen)
