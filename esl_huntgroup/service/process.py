"""One worker process as its supervisor sees it: what it is told, what it says, and whether it still says anything."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Final

import msgspec

from esl_huntgroup.calls.counters import Snapshot
from esl_huntgroup.processes.messages import decode
from esl_huntgroup.processes.parent import ChildProcess
from esl_huntgroup.settings import Settings

MODULE: Final = "esl_huntgroup.service.worker"
START_BEATS_MAX: Final = 30
"""Heartbeats that a starting worker may owe: it imports, and opens the spool, on a machine that is busy."""
SILENT_BEATS_MAX: Final = 10
"""Heartbeats that a serving worker may owe before it counts as hanging. Nothing in it may block the loop for a tenth
of that, and calls that it cannot answer are lost to the watchdog of the dialplan at about this age."""
KILL_AFTER_BEATS: Final = 3
"""After SIGABRT, which makes a hanging worker say where it hangs."""


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """What a worker has to know to start. ``listeners`` and ``usage`` are descriptors that it inherits."""

    number: int
    settings: Settings
    listeners: tuple[int, ...]
    usage: int


class Beat(msgspec.Struct, frozen=True, tag=True):
    """A heartbeat: the worker serves calls, or waits for its last ones, and this is what it has counted."""

    is_draining: bool
    reading: Snapshot


class Refusal(msgspec.Struct, frozen=True, tag=True):
    """A worker cannot start, and says why."""

    why: str


class WorkerProcess(ChildProcess):
    """A worker process. ``reading`` is the last one it sent; ``is_ready`` becomes true with its first heartbeat."""

    def __init__(self, config: WorkerConfig, generation: int) -> None:
        """Start the process. Raises OSError when the machine does not."""
        self.number = config.number
        self.generation = generation
        self.is_ready = False
        self.is_leaving = False
        self.refusal = ""
        self.reading = Snapshot()
        self._owed_beats = 0
        super().__init__(MODULE, config, arguments=[str(config.number)], pass_fds=[*config.listeners, config.usage])

    def __str__(self) -> str:
        """Return how the log names it."""
        return f"worker-{self.number} (process {self.pid})"

    def _understand(self, data: bytes) -> None:
        said: Beat | Refusal = decode(data, Beat | Refusal)  # type: ignore[arg-type]  # a union is no type to mypy
        match said:
            case Beat():
                self.is_ready = not said.is_draining
                self.is_leaving = self.is_leaving or said.is_draining
                self.reading = said.reading
                self._owed_beats = 0
            case Refusal():
                self.refusal = said.why

    def leave(self, limit_s: float | None = None) -> None:
        """Let it take no new calls and end when those it has are over, or at the limit (else at that of the stop)."""
        self.is_leaving = True
        super().leave(limit_s)

    def missed_beat(self) -> str:
        """
        Note that one more heartbeat is due. One that hangs is ended; return what was done then, in words.

        Heartbeats are counted, not seconds: a supervisor that was itself stopped for a while accuses nobody.
        """
        self._owed_beats += 1
        is_started = self.is_ready or self.is_leaving
        limit = SILENT_BEATS_MAX if is_started else START_BEATS_MAX
        if self._owed_beats == limit:
            self.process.send_signal(signal.SIGABRT)
            return "hangs and is ended"
        if self._owed_beats == limit + KILL_AFTER_BEATS:
            self.process.kill()
        return ""

    @property
    def is_silent(self) -> bool:
        """Whether heartbeats are missing, so that nothing good can be said of it."""
        return self._owed_beats > KILL_AFTER_BEATS
