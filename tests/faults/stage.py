"""The service as processes of its own, between the simulated switch and a database: started, hit, and looked at."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import gevent

from esl_huntgroup import spool
from esl_huntgroup.database import execute, open_database
from tests.e2e.journal import Call, calls_of
from tests.faults import firm
from tests.faults.board import Board
from tests.faults.calls import Made, lived
from tests.faults.relay import Relay
from tests.faults.truth import Examined, problems
from tests.protocol.test_service import LIMIT_S
from tests.protocol.test_workers import Service, free_port, is_alive

POLL_S = 0.05
SETTLES_WITHIN_S = 60.0
"""Two rounds of a witness that gives the first one 8 s, after a reconnection and a database that was away."""


def until(is_so: Callable[[], object], within_s: float, what: str) -> None:
    """Wait for something while the switch goes on. Raises AssertionError, saying ``what``, when it does not come."""
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, f"after {within_s:g} s: {what}"
        gevent.sleep(POLL_S)


def template(folder: Path, database: str = "") -> Path:
    """Set up the firm's database; return the file that each installation copies (of an SQLite database)."""
    installation = Service(folder)
    if database:
        installation.environment["ESL_HUNTGROUP_DATABASE"] = database
    (folder / "firm.yaml").write_text(json.dumps(firm.document()), encoding="utf-8")  # JSON is YAML
    for arguments in (["db", "upgrade"], ["load", str(folder / "firm.yaml")]):
        done = installation.run(*arguments)
        assert done.returncode == 0, done.stderr
    return folder / "huntgroup.db"


class Stage(Service):
    """
    One installation with two workers, a journal writer and a second witness, and the switch in front of it.

    With a relay, the switch reaches the service through it. ``killed`` has the processes that a test has ended,
    ``first_callers`` one caller of each phase.
    """

    def __init__(self, folder: Path, database: Path | str, *, with_relay: bool = False) -> None:
        super().__init__(folder)
        self.spool = folder / "journal.spool"
        self.killed: set[int] = set()
        self.first_callers: list[str] = []
        self.database_url = self._place(database)
        self.address = ("127.0.0.1", free_port())
        self.relay = Relay(self.address) if with_relay else None
        self.phones = firm.phones()
        everybody = tuple(phone for group in self.phones.values() for phone in group)
        self.board = Board(self.relay.address if self.relay else self.address, everybody)
        self.environment |= {
            "ESL_HUNTGROUP_DATABASE": self.database_url,
            "ESL_HUNTGROUP_DEFAULT_DOMAIN": firm.DOMAIN,
            "ESL_HUNTGROUP_LISTEN": f"127.0.0.1:{self.address[1]}",
            "ESL_HUNTGROUP_WORKERS": "2",
            "ESL_HUNTGROUP_ESL_ADDRESS": f"127.0.0.1:{self.board.events.port}",
            "ESL_HUNTGROUP_ESL_PASSWORD": "secret",
        }

    def _place(self, database: Path | str) -> str:
        if isinstance(database, str):
            return database
        mine = self.folder / "huntgroup.db"
        if mine != database:
            shutil.copy(database, mine)
        return f"sqlite:///{mine}"

    # -- the processes ------------------------------------------------------------------------------------------------

    def serve(self) -> None:
        """Start, and wait until all workers, the writer and the witness are there."""
        offset = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "esl_huntgroup", "serve"]
            self.process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        until(lambda: b"serving on " in self.log.read_bytes()[offset:], LIMIT_S, f"not serving: {self.log_text()}")
        self.await_whole()

    def await_whole(self) -> None:
        """Wait until both workers, the writer and the witness are there and serve."""
        until(lambda: len(self.workers()) == 2, SETTLES_WITHIN_S, "there are no two workers")
        until(lambda: len(self._children()) == 4, SETTLES_WITHIN_S, "the writer or the witness is missing")
        until(lambda: self.board.events.listeners, SETTLES_WITHIN_S, "no witness has come")

    def companion(self, name: str) -> int:
        """Return the process id of the ``journal_writer`` or the ``witness``. Raises AssertionError without one."""
        found = [pid for pid in self._children() if _runs(pid, f"esl_huntgroup.{name}")]
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
            pids = self.everybody()
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait()
        if self.relay:
            self.relay.close()
        self.board.close()

    def log_text(self) -> str:
        """Return what the service has logged."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

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
        until(self.is_settled, SETTLES_WITHIN_S, f"open calls or records are left\n{self.log_text()[-6000:]}")

    def is_settled(self) -> bool:
        """Whether the journal has an end for each call, and has all that was told."""
        return spool.waiting_bytes(self.spool) == 0 and not self._open_calls()

    def _open_calls(self) -> int:
        db = open_database(self.database_url)
        try:
            (count,) = execute(db, "SELECT COUNT(*) FROM calls WHERE outcome IS NULL").fetchone()
        finally:
            db.close()
        return int(count)

    def journal_calls(self) -> list[Call]:
        """Return every call of the journal."""
        return calls_of(self.database_url, "%")

    def examine(self, made: Sequence[Made]) -> list[Examined]:
        """Return what became of these calls, what the journal says of each, and what is wrong with it."""
        rows: dict[str, list[Call]] = defaultdict(list)
        for call in self.journal_calls():
            rows[call.caller_number].append(call)
        return [self._examine(call, rows[call.number]) for call in made]

    def _examine(self, made: Made, rows: list[Call]) -> Examined:
        told = lived(self.board, made)
        is_broken = told.was_cut or any(self._was_killed(row) for row in rows)
        told = dataclasses.replace(told, is_heard=told.is_heard or not is_broken)
        return Examined(told, tuple(problems(told, rows)), bool(rows))

    def _was_killed(self, call: Call) -> bool:
        """Whether the process that carried a call was ended by the test."""
        return int(call.worker.rpartition(":")[2] or 0) in self.killed


def _runs(pid: int, module: str) -> bool:
    with contextlib.suppress(OSError):
        return module.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return False
