"""
Keeps the workers alive: starts them, listens to their hearts, replaces those that die or hang, and ends them in order.

There is always a supervisor, for one worker too: whoever serves calls can die or hang, and the one who notices must be
somebody else. It has the listening sockets, so that callers wait in a queue while a worker is replaced; it never
accepts, asks the database only before it starts or reloads, and uses no gevent.

    SIGHUP           new settings; each worker is replaced once its successor serves, and ends with its last call
    SIGTERM, SIGINT  no new calls; the end, once the calls are over or ``drain_timeout_s`` is; a second one: at once
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from esl_huntgroup import logs
from esl_huntgroup.child import Child, Order
from esl_huntgroup.companion import Companion, Companions
from esl_huntgroup.database import safe_url
from esl_huntgroup.errors import HuntgroupError
from esl_huntgroup.listeners import Listeners
from esl_huntgroup.meter import Lag, Reading, total
from esl_huntgroup.metrics import Status, journal_status
from esl_huntgroup.notify import Notifier
from esl_huntgroup.settings import Settings
from esl_huntgroup.signals import signals_wake
from esl_huntgroup.status import StatusServer
from esl_huntgroup.usage import NUMBERS_MAX, SharedUsage

log = logging.getLogger(__name__)

TICK_S: Final = 1.0
PAUSE_FIRST_S: Final = 0.5
PAUSE_MAX_S: Final = 30.0
FINISH_S: Final = 12.0
"""How long the journal may take to reach the database once the workers have ended; the rest stays in the spool."""
PAUSE_FORGOTTEN_S: Final = 60.0
"""A worker that has served for so long did not die of its start."""


@dataclass(slots=True)
class _Slot:
    """The place of one worker. ``successor`` is the next one, which has not yet said that it serves."""

    child: Child | None = None
    successor: Child | None = None
    started_at: float = 0.0
    start_at: float = 0.0
    pause_s: float = PAUSE_FIRST_S

    def children(self) -> Iterator[Child]:
        yield from (child for child in (self.child, self.successor) if child)


class Supervisor:
    """The workers of one service. ``status`` is what others may know; it is replaced as a whole, each second."""

    def __init__(
        self,
        settings: Settings,
        listeners: Listeners,
        notifier: Notifier,
        *,
        load: Callable[[], Settings],
        prepare: Callable[[Settings], None],
        companions: Callable[[Settings], list[Companion]],
    ) -> None:
        """
        Take the settings of the start; nothing is started yet.

        ``load`` returns those of a reload, ``prepare`` looks whether the service could work with them; both raise
        HuntgroupError. ``companions`` returns the processes that are to run beside the workers.
        """
        self._settings = settings
        self._listeners = listeners
        self._notifier = notifier
        self._load, self._prepare, self._wanted_companions = load, prepare, companions
        self._companions = Companions()
        self._lag = Lag()
        self._usage = SharedUsage()
        self._generation = 1
        self._slots: list[_Slot] = []
        self._leaving: list[Child] = []
        self._gone = Reading()
        self._restarts = self._reloads = self._refused_reloads = 0
        self._was_ready = self._is_stopping = False
        self._signals: list[int] = []
        self._selector = selectors.DefaultSelector()
        self._next_tick = time.monotonic()
        self.status = Status()

    # -- the loop -----------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Start the workers and return when the last has ended. Raises HuntgroupError when none can serve at first."""
        with signals_wake(self._selector, self._signals), self._serve_status() as self._status_server:
            try:
                self._set_slots()
                self._companions.set(self._wanted_companions(self._settings))
                while self._children() or not self._is_stopping:
                    self._turn()
            finally:
                for child in self._children():
                    child.kill()
                self._companions.end(FINISH_S)

    def _turn(self) -> None:
        self._fill()
        for key, _ in self._selector.select(max(self._next_tick - time.monotonic(), 0)):
            if isinstance(key.data, Child):
                self._hear(key.data)
            else:
                key.data()
        while self._signals:
            self._received(self._signals.pop(0))
        if time.monotonic() >= self._next_tick:
            self._tick()
        self._bury()

    def _tick(self) -> None:
        self._next_tick = time.monotonic() + TICK_S
        for child in self._children():
            if what := child.missed_beat():
                log.error("%s %s: it has not been heard for too long", child, what)
        self._companions.look()
        self._publish()
        if any(not child.is_silent for child in self._children()):
            self._notifier.tell("WATCHDOG=1", f"STATUS={self.status}")

    def _received(self, number: int) -> None:
        match number:
            case signal.SIGHUP if not self._is_stopping:
                self._reload()
            case signal.SIGTERM | signal.SIGINT:
                self._stop()

    # -- what workers say and do --------------------------------------------------------------------------------------

    def _hear(self, child: Child) -> None:
        if not child.receive():
            self._selector.unregister(child)
        if child.is_ready:
            self._is_serving(child)

    def _is_serving(self, child: Child) -> None:
        """Take note that a worker serves: its predecessor, if there is one, may leave."""
        for slot in self._slots:
            if slot.successor is child:
                self._dismiss(slot.child, self._settings.reload_drain_timeout_s)
                slot.child, slot.successor = child, None
        if not self._was_ready:
            self._was_ready = True
            self._say_ready()

    def _say_ready(self) -> None:
        log.info("serving on %s with %s", self._listeners, safe_url(self._settings.database))
        self._publish()
        self._notifier.tell("READY=1", f"STATUS={self.status}")

    def _dismiss(self, child: Child | None, limit_s: float) -> None:
        if child:
            child.leave(limit_s)
            self._leaving.append(child)

    def _bury(self) -> None:
        """Look who has ended, and why."""
        for child in self._children():
            status = child.end_status()
            if status is not None:
                self._hear_out(child)
                self._forget(child)
                self._judge(child, status)

    def _hear_out(self, child: Child) -> None:
        if child in [key.data for key in self._selector.get_map().values()]:
            child.receive()
            self._selector.unregister(child)
        child.close()

    def _forget(self, child: Child) -> None:
        self._usage.forget(child.number)
        self._gone = total([self._gone, child.reading.without_gauges()])
        if child in self._leaving:
            self._leaving.remove(child)
        for slot in self._slots:
            if child in slot.children():
                self._empty(slot, child)

    def _empty(self, slot: _Slot, child: Child) -> None:
        """Take a worker out of its place, and decide when the next one is started there."""
        now = time.monotonic()
        slot.child, slot.successor = (None if it is child else it for it in (slot.child, slot.successor))
        if child.is_leaving or now - slot.started_at > PAUSE_FORGOTTEN_S:
            slot.pause_s = PAUSE_FIRST_S
        slot.start_at = now if child.is_leaving else now + slot.pause_s
        slot.pause_s = min(slot.pause_s * 2, PAUSE_MAX_S)

    def _judge(self, child: Child, status: int) -> None:
        if not self._was_ready and not self._is_stopping:
            raise HuntgroupError(child.refusal or f"{child} {_how(status)} before it could serve")
        if child.is_leaving and status == 0:
            log.info("%s has ended", child)
        elif child.refusal:
            log.error("%s cannot start: %s", child, child.refusal)
        else:
            log.error("%s %s; its calls live on without it, and it is replaced", child, _how(status))
        if not self._is_stopping and not (child.is_leaving and status == 0):
            self._restarts += 1

    # -- starting, reloading, stopping --------------------------------------------------------------------------------

    def _set_slots(self) -> None:
        """Have as many places as the settings say; whoever has none any more, leaves."""
        self._slots += [_Slot() for _ in range(self._settings.workers - len(self._slots))]
        for slot in self._slots[self._settings.workers :]:
            for child in slot.children():
                self._dismiss(child, self._settings.reload_drain_timeout_s)
        del self._slots[self._settings.workers :]

    def _fill(self) -> None:
        """Start who is missing at once, and of those that a reload replaces one after the other."""
        if self._is_stopping:
            return
        now = time.monotonic()
        for slot in self._slots:
            if slot.child and slot.child.is_leaving:
                self._leaving.append(slot.child)  # somebody told it to, not we
                slot.child = None
            if not slot.child and not slot.successor and now >= slot.start_at:
                slot.child = self._start(slot)
        outdated = [slot for slot in self._slots if slot.child and slot.child.generation < self._generation]
        if outdated and not any(slot.successor for slot in self._slots) and now >= outdated[0].start_at:
            outdated[0].successor = self._start(outdated[0])

    def _start(self, slot: _Slot) -> Child | None:
        slot.started_at = time.monotonic()
        order = Order(self._free_number(), self._settings, self._listeners.descriptors, self._usage.descriptor)
        try:
            child = Child(order, self._generation)
        except OSError as error:
            log.error("no worker can be started: %s", error.strerror)
            slot.start_at, slot.pause_s = slot.started_at + slot.pause_s, min(slot.pause_s * 2, PAUSE_MAX_S)
            return None
        self._selector.register(child, selectors.EVENT_READ, child)
        return child

    def _free_number(self) -> int:
        """Return the lowest number that no living worker has: numbers, and so spools, come back after a reload."""
        taken = {child.number for child in self._children()}
        return next(number for number in range(1, NUMBERS_MAX) if number not in taken)

    def _reload(self) -> None:
        self._notifier.tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            settings = self._load()
            self._require_room(settings)
            self._require_the_same_journal(settings)
            self._prepare(settings)
            self._status_server.move(settings.metrics_listen)
            self._listeners.move(settings.listen)
        except HuntgroupError as error:
            self._status_server.move(self._settings.metrics_listen)
            self._refused_reloads += 1
            log.error("the reload is refused, everything stays as it was: %s", " ".join(str(error).splitlines()))
        else:
            self._apply(settings)
        self._notifier.tell("READY=1")

    def _require_room(self, settings: Settings) -> None:
        if len(self._children()) + settings.workers >= NUMBERS_MAX:
            raise HuntgroupError(
                f"{len(self._leaving)} workers still wait for calls of before earlier reloads, no more are accepted; "
                "reload when some have ended"
            )

    def _require_the_same_journal(self, settings: Settings) -> None:
        """Refuse another database or spool: calls of before the reload are told there until they are over."""
        for name in ("database", "spool"):
            if getattr(settings, name) != getattr(self._settings, name):
                raise HuntgroupError(f"the setting {name} cannot be changed by a reload: stop the service and start it")

    def _apply(self, settings: Settings) -> None:
        self._settings = settings
        self._generation += 1
        self._reloads += 1
        logs.set_up(settings.log_level, settings.log_format, "main")
        self._set_slots()
        self._companions.set(self._wanted_companions(settings))
        log.info("reloaded: serving on %s with %s", self._listeners, safe_url(settings.database))

    def _stop(self) -> None:
        """End: the listening sockets first, so that callers who come now are refused at once, and served elsewhere."""
        limit_s = 0.0 if self._is_stopping else self._settings.drain_timeout_s
        self._is_stopping = True
        self._notifier.tell("STOPPING=1")
        self._listeners.close()
        for child in self._children():
            child.leave(limit_s)

    def _children(self) -> list[Child]:
        return [*(child for slot in self._slots for child in slot.children()), *self._leaving]

    # -- what others may know -----------------------------------------------------------------------------------------

    def _publish(self) -> None:
        children = self._children()
        reading = total([self._gone, *(child.reading for child in children)])
        journal = journal_status(Path(self._settings.spool))
        lag_s = self._lag.look(time.monotonic(), reading.counters["journal_bytes"], journal.waiting_bytes)
        self.status = Status(
            at_s=time.monotonic(),
            is_stopping=self._is_stopping,
            workers_wanted=self._settings.workers,
            workers_serving=sum(child.is_ready and not child.is_leaving and not child.is_silent for child in children),
            workers_leaving=sum(child.is_leaving for child in children),
            max_calls=self._settings.max_calls,
            reading=reading,
            restarts=self._restarts,
            reloads=self._reloads,
            refused_reloads=self._refused_reloads,
            journal=journal,
            journal_lag_s=lag_s,
        )

    @contextlib.contextmanager
    def _serve_status(self) -> Iterator[StatusServer]:
        server = StatusServer(lambda: self.status)
        server.move(self._settings.metrics_listen)
        try:
            yield server
        finally:
            server.move(None)


def _how(status: int) -> str:
    return f"ended with {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
