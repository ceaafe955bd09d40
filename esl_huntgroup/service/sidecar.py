"""
A process that the supervisor keeps beside the workers: one that stores the journal, one that listens to the switch.

No call depends on it. It is told what to do by one line on its standard input, and goes when that ends: when it is let
go, and also when the supervisor is killed. One that dies is started again, less and less often.
"""

from __future__ import annotations

import contextlib
import logging
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Final

log = logging.getLogger(__name__)

LEAVE: Final = b"leave\n"
"""What one that is let go reads; one whose supervisor was killed reads the end of its input without it."""
PAUSE_FIRST_S: Final = 0.25
PAUSE_MAX_S: Final = 30.0


class Sidecar:
    """One such process: ``name`` is for the log, ``module`` is what it runs, ``order`` the line that it is told."""

    def __init__(self, name: str, module: str, order: bytes) -> None:
        """Start nothing yet."""
        self.name = name
        self.module = module
        self.order = order
        self._process: subprocess.Popen[bytes] | None = None
        self._pause_s = PAUSE_FIRST_S
        self._started_at = self._start_at = 0.0
        self._is_stopping = False

    def __str__(self) -> str:
        """Return how the log names it."""
        return self.name

    @property
    def pid(self) -> int | None:
        """The process, None before the start and while it is dead."""
        return self._process.pid if self._process else None

    def look(self) -> None:
        """Start it if it does not run and its time has come. Raises nothing."""
        if self._is_stopping:
            return
        now = time.monotonic()
        if self._process and self._process.poll() is not None:
            self._close()
            self._pause_s = PAUSE_FIRST_S if now - self._started_at > PAUSE_MAX_S else self._pause_s * 2
            self._start_at = now + min(self._pause_s, PAUSE_MAX_S)
            log.error("the %s has ended with status %d, and is started again", self, self._process.returncode)
            self._process = None
        if not self._process and now >= self._start_at:
            self._start()

    def stop(self) -> None:
        """Tell it to finish what it has in hand, and to end."""
        self._is_stopping = True
        if self._process is not None and self._process.stdin is not None and not self._process.stdin.closed:
            with contextlib.suppress(OSError):  # it is gone already
                self._process.stdin.write(LEAVE)
        self._close()

    def has_ended(self) -> bool:
        """Return whether it does not run."""
        return self._process is None or self._process.poll() is not None

    def end(self, deadline: float) -> None:
        """Wait for the end of one that was let go, until ``time.monotonic()`` says so; then end it by force."""
        if self._process is None:
            return
        try:
            self._process.wait(max(deadline - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _start(self) -> None:
        self._started_at = time.monotonic()
        command = [sys.executable, "-P", "-m", self.module]  # -P: no module of the folder we were started in
        try:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, bufsize=0, start_new_session=True)
            if self._process.stdin is not None:
                self._process.stdin.write(self.order)
        except OSError as error:
            log.error("the %s cannot be started: %s", self, error.strerror)
            self._start_at = self._started_at + PAUSE_MAX_S

    def _close(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()


class Sidecars:
    """Those that run beside the workers of one service."""

    def __init__(self) -> None:
        """Begin without any."""
        self._kept: list[Sidecar] = []
        self._stopping: list[Sidecar] = []

    def set(self, wanted: Sequence[Sidecar]) -> None:
        """Have these from now on. One that runs with the same order goes on; one that is not wanted is let go."""
        known = {(it.module, it.order): it for it in self._kept}
        self._kept = [known.pop((it.module, it.order), it) for it in wanted]
        for sidecar in known.values():
            sidecar.stop()
            self._stopping.append(sidecar)
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
