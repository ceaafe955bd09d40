"""The service as processes of its own: started, hit, and started again, while the switch in this process goes on."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent

from esl_huntgroup.db.engine import execute, open_database
from esl_huntgroup.journal import spool
from tests.database.servers import free_port
from tests.e2e.journal import Call, calls_of
from tests.faults.edge import Edge
from tests.protocol.test_service import LIMIT_S
from tests.protocol.test_workers import Service, is_alive

POLL_S = 0.02
SETTLES_WITHIN_S = 60.0
"""Two rounds of a witness that gives the first one 8 s, after a reconnection and a database that was away."""


def until(is_so: Callable[[], object], within_s: float, what: str, tell: Callable[[], object] = str) -> None:
    """
    Wait for something while the switch goes on.

    Raises AssertionError when it does not come, saying ``what`` and whatever ``tell`` has to add by then.
    """
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, f"after {within_s:g} s: {what} {tell()}"
        gevent.sleep(POLL_S)


def template(folder: Path, firm: dict[str, Any] | Path, database: str = "") -> Path:
    """Set up the firm's database; return the file that each installation copies (of an SQLite database)."""
    installation = Service(folder)
    if database:
        installation.environment["ESL_HUNTGROUP_DATABASE"] = database
    file = firm if isinstance(firm, Path) else folder / "firm.yaml"
    if not isinstance(firm, Path):
        file.write_text(json.dumps(firm), encoding="utf-8")  # JSON is YAML
    for arguments in (["db", "upgrade"], ["load", str(file)]):
        done = installation.run(*arguments)
        assert done.returncode == 0, done.stderr
    return folder / "huntgroup.db"


MODULES = {
    "journal writer": "esl_huntgroup.journal.writer",
    "journal follower": "esl_huntgroup.journal.follower",
    "witness": "esl_huntgroup.recovery.reconciler",
    "lamp process": "esl_huntgroup.lamps.process",
}
"""The processes that are always beside the workers, and what each runs."""
WEB = {"web process": "esl_huntgroup.web.server"}


class Installed(Service):
    """
    One installation with two workers, a journal writer and a second witness.

    ``killed`` has the processes that a test has ended, ``first_callers`` the numbers of a few callers; with
    ``spares_callers``, what is done to it leaves its workers alone; ``was_without_database`` is set by who stops that.
    """

    def __init__(self, folder: Path, database: Path | str, address: tuple[str, int], event_socket: int) -> None:
        super().__init__(folder)
        self.spool = folder / "journal.spool"
        self.killed: set[int] = set()
        self.first_callers: list[str] = []
        self.spares_callers = self.was_without_database = False
        self.address = address
        self.web_address: tuple[str, int] | None = None
        self.edge: Edge | None = None
        self.database_url = self._place(database)
        self.environment |= {
            "ESL_HUNTGROUP_DATABASE": self.database_url,
            "ESL_HUNTGROUP_LISTEN": f"127.0.0.1:{address[1]}",
            "ESL_HUNTGROUP_WORKERS": "2",
            "ESL_HUNTGROUP_ESL_ADDRESS": f"127.0.0.1:{event_socket}",
        }

    def _place(self, database: Path | str) -> str:
        if isinstance(database, str):
            return database
        mine = self.folder / "huntgroup.db"
        if mine != database:
            shutil.copy(database, mine)
        return f"sqlite:///{mine}"

    def open_web(self) -> None:
        """Have the service keep a web process, where a proxy says in X-User who asks."""
        self.web_address = "127.0.0.1", free_port()
        self.environment |= {
            "ESL_HUNTGROUP_WEB_LISTEN": f"127.0.0.1:{self.web_address[1]}",
            "ESL_HUNTGROUP_WEB_USER_HEADER": "X-User",
            "ESL_HUNTGROUP_WEB_TRUSTED_PROXIES": "127.0.0.1",
        }

    # -- the processes ------------------------------------------------------------------------------------------------

    def serve(self) -> None:
        """Start, and wait until all workers, the writer and the witness are there."""
        offset = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "esl_huntgroup", "serve"]
            self.process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        until(lambda: b"serving on " in self.log.read_bytes()[offset:], LIMIT_S, "not serving:", self.log_text)
        until(lambda: b"watches the calls of" in self.log.read_bytes()[offset:], LIMIT_S, "no witness has come")
        self.await_whole()

    def await_whole(self) -> None:
        """Wait until both workers, the writer and the witness are there."""
        until(lambda: len(self.workers()) == 2, SETTLES_WITHIN_S, "there are no two workers")
        for name in MODULES:
            until(lambda name=name: self._running(name), SETTLES_WITHIN_S, f"there is no {name}")  # type: ignore[misc]

    def sidecar(self, name: str) -> int:
        """Return the process id of the ``journal writer`` or the ``witness``. Raises AssertionError without one."""
        found = self._running(name)
        assert found, f"no {name} is running"
        return found[0]

    def everybody(self) -> list[int]:
        """Return every process of the service, the supervisor first."""
        assert self.process is not None
        return [self.process.pid, *self._children()]

    def kill_processes(self, pids: list[int]) -> None:
        """End processes as a crash does."""
        self.killed |= set(pids)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def await_exit(self, within_s: float) -> None:
        """Wait for the end of the supervisor while the switch goes on."""
        process = self.process
        assert process is not None
        until(lambda: process.poll() is not None, within_s, "the service does not end")

    def await_gone(self, pids: list[int]) -> None:
        """Wait for the end of these processes while the switch goes on."""
        until(lambda: not any(map(is_alive, pids)), SETTLES_WITHIN_S, f"of {pids} some do not end")

    def close(self) -> None:
        """End everything."""
        if self.process is not None and self.process.poll() is None:
            for pid in self.everybody():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait()

    def log_text(self) -> str:
        """Return what the service has logged."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def _running(self, name: str) -> list[int]:
        return [pid for pid in self._children() if _runs(pid, (MODULES | WEB)[name])]

    def _children(self) -> list[int]:
        if self.process is None or self.process.poll() is not None:
            return []
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        with contextlib.suppress(OSError):
            return [int(pid) for pid in path.read_text().split()]
        return []

    # -- the journal --------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Wait until no call is open and nothing waits in the spool."""
        until(self._is_settled, SETTLES_WITHIN_S, "open calls or records are left:", self.log_text)

    def journal_calls(self) -> list[Call]:
        """Return every call of the journal."""
        return calls_of(self.database_url, "%")

    def was_killed(self, call: Call) -> bool:
        """Whether the process that carried a call was ended by the test."""
        return int(call.worker.rpartition(":")[2] or 0) in self.killed

    def _is_settled(self) -> bool:
        return spool.waiting_bytes(self.spool) == 0 and not self._open_calls()

    def _open_calls(self) -> int:
        db = open_database(self.database_url)
        try:
            (count,) = execute(db, "SELECT COUNT(*) FROM calls WHERE outcome IS NULL").fetchone()
        finally:
            db.close()
        return int(count)


def _runs(pid: int, module: str) -> bool:
    with contextlib.suppress(OSError):
        return module.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return False
