"""One worker process as its supervisor sees it: how it is started, what it says, and how it is ended."""

from __future__ import annotations

import contextlib
import pickle
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import Final

from esl_huntgroup.calls.counters import Snapshot
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

    BYTES_MAX = 1 << 16

    number: int
    settings: Settings
    listeners: tuple[int, ...]
    usage: int


@dataclass(frozen=True, slots=True)
class Beat:
    """A heartbeat: the worker serves calls, or waits for its last ones, and this is what it has counted."""

    is_draining: bool
    reading: Snapshot


@dataclass(frozen=True, slots=True)
class Refusal:
    """A worker cannot start, and says why."""

    why: str


class WorkerProcess:
    """
    A worker process. ``reading`` is the last one it sent; ``is_ready`` becomes true with its first heartbeat.

    It is started as a new program, not forked: neither threads nor a gevent loop of the parent get in its way. It
    imports nothing from the folder in which the service was started (``-P``). Its settings travel by a socket, since
    ``ps`` shows a command line.
    """

    def __init__(self, config: WorkerConfig, generation: int) -> None:
        """Start the process. Raises OSError when the machine does not."""
        self.number = config.number
        self.generation = generation
        self.is_ready = False
        self.is_leaving = False
        self.refusal = ""
        self.reading = Snapshot()
        self._owed_beats = 0
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                self.process: subprocess.Popen[bytes] = subprocess.Popen(
                    [sys.executable, "-P", "-m", MODULE, str(config.number)],
                    stdin=theirs.fileno(),
                    pass_fds=(*config.listeners, config.usage),
                )
            except OSError:
                self._line.close()
                raise
        self._line.setblocking(False)
        self._send(pickle.dumps(config))

    def __str__(self) -> str:
        """Return how the log names it."""
        return f"worker-{self.number} (process {self.process.pid})"

    def fileno(self) -> int:
        """Return what a selector waits for: the worker says something, or is gone."""
        return self._line.fileno()

    def receive(self) -> bool:
        """Take in all that the worker has said; return False once it will say no more."""
        try:
            while data := self._line.recv(WorkerConfig.BYTES_MAX):
                self._understand(pickle.loads(data))  # noqa: S301  # our own child wrote it, on a socket of ours
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def _understand(self, said: Beat | Refusal) -> None:
        match said:
            case Beat(is_draining, reading):
                self.is_ready = not is_draining
                self.is_leaving = self.is_leaving or is_draining
                self.reading = reading
                self._owed_beats = 0
            case Refusal(why):
                self.refusal = why

    def leave(self, limit_s: float) -> None:
        """Let it take no new calls and end when those it has are over, or at the limit."""
        self.is_leaving = True
        self._send(str(limit_s).encode())

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

    def end_status(self) -> int | None:
        """Return the exit status (negative: the signal that ended it), None while it lives."""
        return self.process.poll()

    def close(self) -> None:
        """Let go of the line to a worker that is gone."""
        self._line.close()

    def kill(self) -> None:
        """End it at once, and wait until it is gone."""
        self.process.kill()
        self.process.wait()

    def _send(self, data: bytes) -> None:
        with contextlib.suppress(OSError):  # it is gone, which its exit status will tell
            self._line.send(data)
