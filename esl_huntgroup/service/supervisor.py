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
from pathlib import Path
from typing import Final

from esl_huntgroup import logs
from esl_huntgroup.calls.counters import Lag
from esl_huntgroup.db.engine import safe_url
from esl_huntgroup.errors import HuntgroupError
from esl_huntgroup.journal.followed import Followed
from esl_huntgroup.service.health_server import StatusServer
from esl_huntgroup.service.metrics import Status, journal_status
from esl_huntgroup.service.process import WorkerProcess
from esl_huntgroup.service.sd_notify import Notifier
from esl_huntgroup.service.sidecar import Sidecar, Sidecars
from esl_huntgroup.service.signals import signals_wake
from esl_huntgroup.service.sockets import Listeners
from esl_huntgroup.service.worker_pool import WorkerPool
from esl_huntgroup.settings import Settings

log = logging.getLogger(__name__)

TICK_S: Final = 1.0
FINISH_S: Final = 12.0
"""How long the journal may take to reach the database once the workers have ended; the rest stays in the spool."""


class Supervisor:
    """The one process that systemd knows. ``status`` is what others may know; it is replaced as a whole each second."""

    def __init__(
        self,
        settings: Settings,
        listeners: Listeners,
        notifier: Notifier,
        *,
        load: Callable[[], Settings],
        prepare: Callable[[Settings], None],
        sidecars: Callable[[Settings], list[Sidecar]],
    ) -> None:
        """
        Take the settings of the start; nothing is started yet.

        ``load`` returns those of a reload, ``prepare`` looks whether the service could work with them; both raise
        HuntgroupError. ``companions`` returns the processes that are to run beside the workers.
        """
        self._settings = settings
        self._listeners = listeners
        self._notifier = notifier
        self._load, self._prepare, self._wanted_sidecars = load, prepare, sidecars
        self._sidecars = Sidecars()
        self._lag = Lag()
        self._selector = selectors.DefaultSelector()
        self._pool = WorkerPool(settings, self._selector)
        self._status_server = StatusServer(lambda: self.status)
        self._reloads = self._refused_reloads = 0
        self._is_ready = self._is_stopping = False
        self._signals: list[int] = []
        self._next_tick = time.monotonic()
        self.status = Status()

    # -- the loop -----------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Start the workers and return when the last has ended. Raises HuntgroupError when none can serve at first."""
        with signals_wake(self._selector, self._signals), self._serve_status():
            try:
                self._sidecars.set(self._wanted_sidecars(self._settings))
                while list(self._pool) or not self._is_stopping:
                    self._turn()
            finally:
                self._pool.kill()
                self._sidecars.end(FINISH_S)

    def _turn(self) -> None:
        if not self._is_stopping:
            self._pool.fill(self._listeners.descriptors)
        for key, _ in self._selector.select(max(self._next_tick - time.monotonic(), 0)):
            if isinstance(key.data, WorkerProcess):
                self._pool.on_message(key.data)
            else:
                key.data()
        if self._pool.has_served and not self._is_ready:
            self._say_ready()
        while self._signals:
            self._received(self._signals.pop(0))
        if time.monotonic() >= self._next_tick:
            self._tick()
        self._pool.reap()

    def _say_ready(self) -> None:
        self._is_ready = True
        log.info("serving on %s with %s", self._listeners, safe_url(self._settings.database))
        self._publish()
        self._notifier.tell("READY=1", f"STATUS={self.status}")

    def _tick(self) -> None:
        self._next_tick = time.monotonic() + TICK_S
        self._pool.check_heartbeats()
        self._sidecars.look()
        self._publish()
        if any(not child.is_silent for child in self._pool):
            self._notifier.tell("WATCHDOG=1", f"STATUS={self.status}")

    # -- what it is told to do ----------------------------------------------------------------------------------------

    def _received(self, number: int) -> None:
        match number:
            case signal.SIGHUP if not self._is_stopping:
                self._reload()
            case signal.SIGTERM | signal.SIGINT:
                self._stop()

    def _reload(self) -> None:
        self._notifier.tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            settings = self._load()
            self._pool.require_room(settings.workers)
            self._require_the_same_journal(settings)
            self._prepare(settings)
            with self._status_server.moving(settings.metrics_listen):
                self._listeners.move(settings.listen)
        except HuntgroupError as error:
            self._refused_reloads += 1
            log.error("the reload is refused, everything stays as it was: %s", " ".join(str(error).splitlines()))
        except Exception:
            self._refused_reloads += 1
            log.exception("the reload is refused, everything stays as it was: a fault of this program")
        else:
            self._apply(settings)
        self._notifier.tell("READY=1")

    def _require_the_same_journal(self, settings: Settings) -> None:
        """Refuse another database or spool: calls of before the reload are told there until they are over."""
        for name in ("database", "spool"):
            if getattr(settings, name) != getattr(self._settings, name):
                raise HuntgroupError(f"the setting {name} cannot be changed by a reload: stop the service and start it")

    def _apply(self, settings: Settings) -> None:
        self._settings = settings
        self._reloads += 1
        self._pool.renew(settings)
        self._sidecars.set(self._wanted_sidecars(settings))
        logs.set_up(settings.log_level, settings.log_format, "main")
        log.info("reloaded: serving on %s with %s", self._listeners, safe_url(settings.database))

    def _stop(self) -> None:
        """End: the listening sockets first, so that callers who come now are refused at once, and served elsewhere."""
        limit_s = 0.0 if self._is_stopping else self._settings.drain_timeout_s
        self._is_stopping = True
        self._notifier.tell("STOPPING=1")
        self._listeners.close()
        self._pool.leave(limit_s)

    # -- what others may know -----------------------------------------------------------------------------------------

    def _publish(self) -> None:
        children = list(self._pool)
        reading = self._pool.reading()
        journal = journal_status(Path(self._settings.spool))
        lag_s = self._lag.look(time.monotonic(), reading.counters["journal_bytes"], journal.waiting_bytes)
        followed, told_s = self._sidecars.latest(Followed)
        self.status = Status(
            at_s=time.monotonic(),
            is_stopping=self._is_stopping,
            workers_wanted=self._settings.workers,
            workers_serving=sum(child.is_ready and not child.is_leaving and not child.is_silent for child in children),
            workers_leaving=sum(child.is_leaving for child in children),
            max_calls=self._settings.max_calls,
            reading=reading,
            restarts=self._pool.restarts,
            reloads=self._reloads,
            refused_reloads=self._refused_reloads,
            journal=journal,
            journal_lag_s=lag_s,
            followed=followed or Followed(),
            follower_lag_s=told_s + (followed.behind_s if followed else 0.0),
        )

    @contextlib.contextmanager
    def _serve_status(self) -> Iterator[None]:
        self._status_server.move(self._settings.metrics_listen)
        try:
            yield
        finally:
            self._status_server.move(None)
