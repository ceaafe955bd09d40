"""
A process that the supervisor keeps beside the workers: one that stores the journal, one that listens to the switch.

No call depends on it. It goes when it is let go, and also when the supervisor is killed. One that dies is started
again, less and less often.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any, TypeVar

from esl_huntgroup.processes.messages import decode
from esl_huntgroup.processes.parent import ChildProcess, Restarts

T = TypeVar("T")

log = logging.getLogger(__name__)


class Sidecar:
    """
    One such process: ``name`` is for the log, ``module`` is what it runs, ``config`` (a dataclass) its task.

    ``says`` is the dataclass in which it tells of itself, None for one that tells nothing.
    """

    def __init__(self, name: str, module: str, config: Any, says: type[Any] | None = None) -> None:
        """Start nothing yet."""
        self.name = name
        self.module = module
        self.config = config
        self.says = says
        self.said: Any = None
        """The last that it has told, also by one that has died since."""
        self.said_at = time.monotonic()
        self._child: _Child | None = None
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
        if self._child:
            self._child.receive()
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
            self._child = _Child(self)
        except OSError as error:
            log.error("the %s cannot be started: %s", self, error.strerror)
            self._restarts.put_off(now)


class _Child(ChildProcess):
    """Such a process while it runs."""

    def __init__(self, sidecar: Sidecar) -> None:
        super().__init__(sidecar.module, sidecar.config, is_apart=True)
        self._sidecar = sidecar

    def _understand(self, data: bytes) -> None:
        if self._sidecar.says is not None:
            self._sidecar.said, self._sidecar.said_at = decode(data, self._sidecar.says), time.monotonic()


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

    def latest(self, kind: type[T]) -> tuple[T | None, float]:
        """
        Return the last that a process has told in this way, and how many seconds ago.

        It is None where it has told nothing yet, then the seconds are those since it should have been started; where
        there is no such process they are 0.
        """
        for sidecar in self._kept:
            if sidecar.says is kind:
                return sidecar.said, time.monotonic() - sidecar.said_at
        return None, 0.0

    def end(self, limit_s: float) -> None:
        """Let all go, and wait at most so long until they have finished what they have in hand."""
        deadline = time.monotonic() + limit_s
        for sidecar in (*self._kept, *self._stopping):
            sidecar.stop()
        for sidecar in (*self._kept, *self._stopping):
            sidecar.end(deadline)
