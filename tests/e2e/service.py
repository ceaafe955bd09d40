"""The real service as a process of its own, with an SQLite database, driven by its own command line."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from .freeswitch import DOMAIN, PASSWORD
from .journal import Call, calls_of
from .sip import free_port

START_WITHIN_S = 15.0
SERVES = "serving on "
"""What the service logs at level info when its first worker takes calls."""
STOP_WITHIN_S = 15.0
PROJECT = Path(__file__).parents[2]


class Service:
    """
    One installation: a database, a port, and the processes that are sometimes frozen or killed.

    ``database`` is a URL; without one it is an SQLite file in the folder.
    """

    def __init__(self, folder: Path, database: str = "", port: int = 0) -> None:
        self.folder = folder
        self.port = port or free_port(socket.SOCK_STREAM)
        self.log_file = folder / "service.log"
        self.database = database or f"sqlite:///{folder / 'huntgroup.db'}"
        self._process: subprocess.Popen[bytes] | None = None
        self._environment = {name: value for name, value in os.environ.items() if "ESL_HUNTGROUP" not in name} | {
            "PYTHONPATH": str(PROJECT),
            "ESL_HUNTGROUP_DATABASE": self.database,
            "ESL_HUNTGROUP_SPOOL": str(folder / "huntgroup.spool"),
            "ESL_HUNTGROUP_LISTEN": f"127.0.0.1:{self.port}",
            "ESL_HUNTGROUP_DEFAULT_DOMAIN": DOMAIN,
            "ESL_HUNTGROUP_LOG_LEVEL": "debug",
        }

    def witness(self, *event_sockets: int) -> None:
        """Have the second witness listen to the switches with these event sockets, from the next start on."""
        self._environment["ESL_HUNTGROUP_ESL_ADDRESS"] = ",".join(f"127.0.0.1:{port}" for port in event_sockets)
        self._environment["ESL_HUNTGROUP_ESL_PASSWORD"] = PASSWORD

    def run(self, *arguments: str, settings: Mapping[str, str] | None = None, status: int = 0) -> str:
        """
        Run one command of the command line to its end; return its output.

        ``settings`` are environment variables for this run. Raises AssertionError if it ends with another status.
        """
        done = subprocess.run(
            self._command(*arguments),
            env=self._environment | dict(settings or {}),
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, f"esl-huntgroup {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def load(self, firm: Path) -> None:
        """Bring the database up to date and load a file of users, lines and groups."""
        self.run("db", "upgrade")
        self.run("load", str(firm))

    def calls_of(self, caller_number: str) -> list[Call]:
        """Return what the journal holds of one caller's calls."""
        return calls_of(self.database, caller_number)

    def start(self, settings: Mapping[str, str] | None = None) -> None:
        """Start serving; ``settings`` are environment variables for this run. Returns once a worker serves."""
        offset = self.log_size()
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                self._command("serve"),
                env=self._environment | dict(settings or {}),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait_until_serving(offset)

    @property
    def is_running(self) -> bool:
        """Whether the process is there, be it frozen."""
        return self._process is not None and self._process.poll() is None

    def freeze(self) -> None:
        """Stop the process without ending it: the kernel goes on accepting connections for it."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen process go on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End all processes as a crash of the machine does."""
        sidecars = self._sidecars()
        self._signal(signal.SIGKILL)
        for sidecar in sidecars:
            with contextlib.suppress(ProcessLookupError):
                os.kill(sidecar, signal.SIGKILL)
        self._wait()

    def workers(self) -> list[int]:
        """Return the process ids of the workers, the oldest first."""
        return [child for child in self._children() if _runs(child, "esl_huntgroup.service.worker")]

    def _sidecars(self) -> list[int]:
        """Return the processes beside the workers: they have sessions of their own."""
        return [child for child in self._children() if not _runs(child, "esl_huntgroup.service.worker")]

    def _children(self) -> list[int]:
        if not self.is_running or self._process is None:
            return []
        pid = self._process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def stop(self) -> int:
        """End the process as an administrator does, and return its exit status."""
        self._signal(signal.SIGCONT)
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
        return self._wait()

    def log_size(self) -> int:
        """Return how long the log is now."""
        return self.log_file.stat().st_size if self.log_file.exists() else 0

    def log_since(self, offset: int) -> str:
        """Return the log from ``offset`` on."""
        return self.log_file.read_bytes()[offset:].decode("utf-8", "replace")

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "esl_huntgroup", *arguments]

    def _signal(self, number: signal.Signals) -> None:
        """Send a signal to the supervisor and its workers, as a crash or a freeze of the machine would hit them all."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, number)

    def _wait(self) -> int:
        if self._process is None:
            return 0
        try:
            return self._process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _wait_until_serving(self, offset: int) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_WITHIN_S
        while SERVES not in (said := self.log_since(offset)):
            assert self._process.poll() is None, "the service does not start:\n" + said[-3000:]
            assert time.monotonic() < deadline, f"the service does not serve after {START_WITHIN_S} s"
            time.sleep(0.05)


def _runs(pid: int, module: str) -> bool:
    """Whether the process was started with ``python -m module``."""
    with contextlib.suppress(OSError):
        return module.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return False
