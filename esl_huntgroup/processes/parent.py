"""
A process of the service, seen by who started it: how it is started and told, what it says, and how it is ended.

It is started as a new program, not forked: neither threads nor a gevent loop of the parent get in its way. It imports
nothing from the folder in which the service was started (``-P``). Its configuration travels by a socket, since ``ps``
shows a command line; when that socket ends, the process knows that the service is gone.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from esl_huntgroup.processes.messages import BYTES_MAX, Leave, encode

PAUSE_FIRST_S: Final = 0.5
PAUSE_MAX_S: Final = 30.0
PAUSE_FORGOTTEN_S: Final = 60.0
"""A process that has lived for so long did not die of its start."""


class ChildProcess:
    """One process. ``module`` is what it runs, ``config`` (a dataclass) the first message that it gets."""

    def __init__(
        self,
        module: str,
        config: Any,
        *,
        arguments: Sequence[str] = (),
        pass_fds: Sequence[int] = (),
        is_apart: bool = False,
    ) -> None:
        """
        Start the process, which inherits the descriptors ``pass_fds``. Raises OSError when the machine cannot.

        One that ``is_apart`` has a session of its own: a signal to all processes of the service does not reach it.
        """
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                self.process: subprocess.Popen[bytes] = subprocess.Popen(
                    [sys.executable, "-P", "-m", module, *arguments],
                    stdin=theirs.fileno(),
                    pass_fds=pass_fds,
                    start_new_session=is_apart,
                )
            except OSError:
                self._line.close()
                raise
        self._line.setblocking(False)
        self._send(config)

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    def fileno(self) -> int:
        """Return what a selector waits for: the process says something, or is gone."""
        return self._line.fileno()

    def receive(self) -> bool:
        """Take in all that the process has said; return False once it will say no more."""
        try:
            while data := self._line.recv(BYTES_MAX):
                self._understand(data)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def _understand(self, data: bytes) -> None:
        """Take in one message. Most processes say nothing."""

    def leave(self, limit_s: float | None = None) -> None:
        """Let it finish what it has in hand, and end; at the limit at the latest, else when it thinks fit."""
        self._send(Leave(limit_s))

    def end_status(self) -> int | None:
        """Return the exit status (negative: the signal that ended it), None while it lives."""
        return self.process.poll()

    def close(self) -> None:
        """Let go of the line; a process that still lives takes it for the end of the service."""
        self._line.close()

    def kill(self) -> None:
        """End it at once, and wait until it is gone."""
        self.process.kill()
        self.process.wait()

    def wait(self, limit_s: float) -> None:
        """Wait for its end, so long at most; then end it by force."""
        try:
            self.process.wait(max(limit_s, 0))
        except subprocess.TimeoutExpired:
            self.kill()

    def _send(self, message: Any) -> None:
        with contextlib.suppress(OSError):  # it is gone, which its exit status will tell
            self._line.send(encode(message))


@dataclass(slots=True)
class Restarts:
    """When a process that has ended is started again: after a pause that doubles each time that it ends early."""

    started_at: float = 0.0
    start_at: float = 0.0
    pause_s: float = PAUSE_FIRST_S

    def put_off(self, now: float) -> None:
        """Start the next one after a pause, and the one after that after a longer one."""
        self.start_at = now + self.pause_s
        self.pause_s = min(self.pause_s * 2, PAUSE_MAX_S)

    def ended(self, now: float) -> None:
        """Start the next one after a pause, a short one if this one has lived for long."""
        if now - self.started_at > PAUSE_FORGOTTEN_S:
            self.pause_s = PAUSE_FIRST_S
        self.put_off(now)
