"""
The workers of a service: who is there, who is missing, who is replaced, and who only waits for the last calls.

Each worker has a place. One that ends is replaced after a pause, which doubles each time that it ends early. After a
reload each gets a successor, one after the other: the old worker leaves when the new one serves.
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass

from esl_huntgroup.calls.counters import Snapshot, total
from esl_huntgroup.errors import HuntgroupError
from esl_huntgroup.model.text import counted
from esl_huntgroup.processes.parent import PAUSE_FIRST_S, Restarts
from esl_huntgroup.service.process import WorkerConfig, WorkerProcess
from esl_huntgroup.service.usage import NUMBERS_MAX, SharedUsage
from esl_huntgroup.settings import Settings

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Slot(Restarts):
    """The place of one worker. ``successor`` is the next one, which has not yet said that it serves."""

    child: WorkerProcess | None = None
    successor: WorkerProcess | None = None

    def processes(self) -> Iterator[WorkerProcess]:
        """Return those who are there."""
        yield from (child for child in (self.child, self.successor) if child)

    def lose(self, child: WorkerProcess, now: float) -> None:
        """Take out a worker that has ended. Whoever was told to leave is replaced at once."""
        self.child, self.successor = (None if it is child else it for it in (self.child, self.successor))
        if child.is_leaving:
            self.pause_s, self.start_at = PAUSE_FIRST_S, now
        else:
            self.ended(now)


class WorkerPool:
    """
    All workers. ``restarts`` counts those that had to be replaced; ``has_served`` is whether one ever did.

    The selector returns a Child when it has said something or has ended: ``hear`` is to be called with it.
    """

    def __init__(self, settings: Settings, selector: selectors.BaseSelector) -> None:
        """Take the settings of the start; ``fill`` starts the workers."""
        self._settings = settings
        self._selector = selector
        self._usage = SharedUsage()
        self._generation = 1
        self._slots = [Slot() for _ in range(settings.workers)]
        self._leaving: list[WorkerProcess] = []
        self._gone = Snapshot()
        self._is_leaving = False
        self.restarts = 0
        self.has_served = False

    # -- coming -------------------------------------------------------------------------------------------------------

    def fill(self, listeners: tuple[int, ...]) -> None:
        """Start who is missing at once, and of those that a reload replaces one after the other."""
        now = time.monotonic()
        for slot in self._slots:
            if slot.child and slot.child.is_leaving:
                self._leaving.append(slot.child)  # somebody told it to, not we
                slot.child = None
            if not slot.child and not slot.successor and now >= slot.start_at:
                slot.child = self._start(slot, listeners)
        outdated = [slot for slot in self._slots if slot.child and slot.child.generation < self._generation]
        if outdated and not any(slot.successor for slot in self._slots) and now >= outdated[0].start_at:
            outdated[0].successor = self._start(outdated[0], listeners)

    def _start(self, slot: Slot, listeners: tuple[int, ...]) -> WorkerProcess | None:
        slot.started_at = time.monotonic()
        config = WorkerConfig(self._free_number(), self._settings, listeners, self._usage.descriptor)
        try:
            child = WorkerProcess(config, self._generation)
        except OSError as error:
            log.error("no worker can be started: %s", error.strerror)
            slot.put_off(slot.started_at)
            return None
        self._selector.register(child, selectors.EVENT_READ, child)
        return child

    def _free_number(self) -> int:
        """Return the lowest number that no living worker has: numbers, and so spools, come back after a reload."""
        taken = {child.number for child in self}
        return next(number for number in range(1, NUMBERS_MAX) if number not in taken)

    def require_room(self, workers: int) -> None:
        """Raise HuntgroupError if so many new workers could not live beside those that are there."""
        if len(list(self)) + workers >= NUMBERS_MAX:
            raise HuntgroupError(
                f"{counted(len(self._leaving), 'worker still waits', 'workers still wait')} for calls of before "
                "earlier reloads, no more are accepted; reload when some have ended"
            )

    def renew(self, settings: Settings) -> None:
        """Replace everybody, from now on, by workers with these settings."""
        self._settings = settings
        self._generation += 1
        self._slots += [Slot() for _ in range(settings.workers - len(self._slots))]
        for slot in self._slots[settings.workers :]:
            for child in slot.processes():
                self._dismiss(child)
        del self._slots[settings.workers :]

    # -- serving ------------------------------------------------------------------------------------------------------

    def on_message(self, child: WorkerProcess) -> None:
        """Take in what a worker says. If it is a successor and serves, its predecessor may leave."""
        if not child.receive():
            self._selector.unregister(child)
        if child.is_ready:
            self.has_served = True
            for slot in self._slots:
                if slot.successor is child:
                    if slot.child:
                        self._dismiss(slot.child)
                    slot.child, slot.successor = child, None

    def check_heartbeats(self) -> None:
        """Note that each worker owes one more heartbeat, and end those that hang."""
        for child in self:
            if what := child.missed_beat():
                log.error("%s %s: it has not been heard for too long", child, what)

    def __iter__(self) -> Iterator[WorkerProcess]:
        """Return everybody who lives."""
        return iter([*(child for slot in self._slots for child in slot.processes()), *self._leaving])

    def reading(self) -> Snapshot:
        """Return what all of them have counted, those that are gone included."""
        return total([self._gone, *(child.reading for child in self)])

    # -- going --------------------------------------------------------------------------------------------------------

    def leave(self, limit_s: float) -> None:
        """Let everybody end, at the limit at the latest; nobody is replaced any more."""
        self._is_leaving = True
        for child in self:
            child.leave(limit_s)

    def _dismiss(self, child: WorkerProcess) -> None:
        child.leave(self._settings.reload_drain_timeout_s)
        self._leaving.append(child)

    def reap(self) -> None:
        """Look who has ended, and why. Raises HuntgroupError for one that ended before any has served."""
        for child in self:
            status = child.end_status()
            if status is not None:
                self._hear_out(child)
                self._forget(child)
                self._judge(child, status)

    def _hear_out(self, child: WorkerProcess) -> None:
        with contextlib.suppress(KeyError):  # it has said already that it will say no more
            self._selector.get_key(child)
            child.receive()
            self._selector.unregister(child)
        child.close()

    def _forget(self, child: WorkerProcess) -> None:
        self._usage.forget(child.number)
        self._gone = total([self._gone, child.reading.without_gauges()])
        if child in self._leaving:
            self._leaving.remove(child)
        for slot in self._slots:
            if child in slot.processes():
                slot.lose(child, time.monotonic())

    def _judge(self, child: WorkerProcess, status: int) -> None:
        if child.is_leaving and status == 0:
            log.info("%s has ended", child)
            return
        if not self.has_served and not self._is_leaving:
            raise HuntgroupError(child.refusal or f"{child} {_how(status)} before it could serve")
        if child.refusal:
            log.error("%s cannot start: %s", child, child.refusal)
        else:
            log.error("%s %s; its calls live on without it, and it is replaced", child, _how(status))
        self.restarts += not self._is_leaving

    def kill(self) -> None:
        """End everybody at once."""
        for child in self:
            child.kill()


def _how(status: int) -> str:
    return f"ended with {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
