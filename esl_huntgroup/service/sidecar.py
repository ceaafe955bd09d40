"""
A process that the supervisor keeps beside the workers: one that stores the journal, one that listens to the switch.

No call depends on it. It goes when it is let go, and also when the supervisor is killed. One that dies is started
again, less and less often.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any

from esl_huntgroup.processes.parent import ChildProcess, Restarts

log = logging.getLogger(__name__)


class Sidecar:
    """One such process: ``name`` is for the log, ``module`` is what it runs, ``config`` (a dataclass) its task."""

    def __init__(self, name: str, module: str, config: Any) -> None:
        """Start nothing yet."""
        self.name = name
        self.module = module
        self.config = config
        self._child: ChildProcess | None = None
        self._restarts = Restarts()
        self._is_stopping = False

    def __str__(self) -> str:
        """Return how the log names it."""
        return self.name

    @property
    def pid(self) -> int | None:
        """The process, None before the start and while it is dead."""
        return self._child.pid if self._child else None

    def is_as(self, other: Sidecar) -> bool:
        """Return whether two of them would run the same."""
        return (self.module, self.config) == (other.module, other.config)

    def look(self) -> None:
        """Start it if it does not run and its time has come. Raises nothing."""
        if self._is_stopping:
            return
        now = time.monotonic()
        if self._child and (status := self._child.end_status()) is not None:
            self._child.close()
            self._child = None
            self._restarts.ended(now)
            log.error("the %s has ended with status %d, and is started again", self, status)
        if not self._child and now >= self._restarts.start_at:
            self._start(now)

    def stop(self) -> None:
        """Tell it to finish what it has in hand, and to end."""
        if self._child and not self._is_stopping:
            self._child.leave()
        self._is_stopping = True

    def has_ended(self) -> bool:
        """Return whether it does not run."""
        return self._child is None or self._child.end_status() is not None

    def end(self, deadline: float) -> None:
        """Wait for the end of one that was let go, until ``time.monotonic()`` says so; then end it by force."""
        if self._child:
            self._child.wait(deadline - time.monotonic())
            self._child.close()

    def _start(self, now: float) -> None:
        self._restarts.started_at = now
        try:
            self._child = ChildProcess(self.module, self.config, is_apart=True)
        except OSError as error:
            log.error("the %s cannot be started: %s", self, error.strerror)
            self._restarts.put_off(now)


class Sidecars:
    """Those that run beside the workers of one service."""

    def __init__(self) -> None:
        """Begin without any."""
        self._kept: list[Sidecar] = []
        self._stopping: list[Sidecar] = []

    def set(self, wanted: Sequence[Sidecar]) -> None:
        """Have these from now on. One that runs with the same configuration goes on; who is not wanted is let go."""
        kept = [next((known for known in self._kept if known.is_as(new)), new) for new in wanted]
        for sidecar in self._kept:
            if sidecar not in kept:
                sidecar.stop()
                self._stopping.append(sidecar)
        self._kept = kept
        self.look()

    def look(self) -> None:
        """Start those that do not run. Raises nothing."""
        for sidecar in self._kept:
            sidecar.look()
        self._stopping = [sidecar for sidecar in self._stopping if not sidecar.has_ended()]

    def end(self, limit_s: float) -> None:
        """Let all go, and wait at most so long until they have finished what they have in hand."""
        deadline = time.monotonic() + limit_s
        for sidecar in (*self._kept, *self._stopping):
            sidecar.stop()
        for sidecar in (*self._kept, *self._stopping):
            sidecar.end(deadline)
