"""The service as the measures need it: on any database, with any number of workers, each process known."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from esl_huntgroup.db.engine import insert_rows, open_database
from esl_huntgroup.db.migrate import upgrade
from tests.bench.fake_switch import DOMAIN

Address = tuple[str, int]
Cores = frozenset[int]
ROOT: Final = Path(__file__).parents[2]
FIRST_NUMBER: Final = 700_000
FIRST_LINE: Final = 100_000
START_MAX_S: Final = 30


@dataclass(frozen=True, slots=True)
class Running:
    """A service that takes calls. ``process`` is its supervisor."""

    address: Address
    process: subprocess.Popen[bytes]
    spool: Path
    worker_module: str

    def children(self, module: str) -> list[int]:
        """Return the processes of this service that run the module, in the order of their start."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [pid for pid in map(int, path.read_text().split()) if module in _command(pid)]

    @property
    def workers(self) -> list[int]:
        """The processes that serve calls."""
        return self.children(self.worker_module)

    @property
    def serving(self) -> list[int]:
        """The supervisor and the workers, so all but the process that stores the journal."""
        return [self.process.pid, *self.workers]

    @property
    def writer(self) -> int:
        """The process that stores the journal."""
        (writer,) = self.children("esl_huntgroup.journal.writer")
        return writer

    def rss_kb(self) -> int:
        """Return the memory of the supervisor and the workers."""
        statuses = (Path(f"/proc/{pid}/status").read_text().splitlines() for pid in self.serving)
        return sum(int(line.split()[1]) for status in statuses for line in status if line.startswith("VmRSS"))

    def pin(self, cores: Cores) -> None:
        """Let the whole service use these cores, and of its workers each one of them, in turn."""
        for pid in (*self.serving, *self.children("esl_huntgroup.")):
            os.sched_setaffinity(pid, cores)
        for place, pid in enumerate(self.workers):
            os.sched_setaffinity(pid, {sorted(cores)[place % len(cores)]})


@contextmanager
def serving(folder: Path, url: str, workers: int = 1, *, module: str = "esl_huntgroup") -> Iterator[Running]:
    """
    Run the service on a database that is filled, with a spool and a log in this folder of its own.

    ``module`` is another one to run it with, such as ``tests.bench.silent``.
    """
    folder.mkdir(exist_ok=True)
    address = ("127.0.0.1", free_port())
    environment = {
        **os.environ,
        "ESL_HUNTGROUP_DATABASE": url,
        "ESL_HUNTGROUP_LISTEN": f"{address[0]}:{address[1]}",
        "ESL_HUNTGROUP_SPOOL": str(folder / "spool"),
        "ESL_HUNTGROUP_WORKERS": str(workers),
        "ESL_HUNTGROUP_MAX_CALLS": "100000",
        "ESL_HUNTGROUP_DRAIN_TIMEOUT_S": "1",
        "PYTHONPATH": str(ROOT),  # workers look for nothing in the folder where the service was started
    }
    command = [sys.executable, "-m", module, "serve"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=ROOT)
    worker = "esl_huntgroup.service.worker" if module == "esl_huntgroup" else module
    running = Running(address, process, folder / "spool", worker)
    try:
        _await_workers(running, workers)
        yield running
    finally:
        process.terminate()
        process.wait(START_MAX_S)


def fill(url: str, members: int, groups: int) -> None:
    """Set up a database with so many groups, each with the same members."""
    users = range(1, members + 1)
    lines = [(n, DOMAIN, str(FIRST_LINE + n), "softphone", str(FIRST_LINE + n)) for n in users]
    columns = ("group_id", "position", "user_id")
    with closing(open_database(url)) as db:
        upgrade(db)
        with db.atomic():
            insert_rows(db, "users", ("id", "name", "display_name"), [(n, f"u{n}", f"User {n}") for n in users])
            insert_rows(db, "lines", ("user_id", "domain", "number", "kind", "account"), lines)
            insert_rows(
                db,
                "groups",
                ("id", "name", "domain", "number", "hunt_mode"),
                [(n, f"Group {n}", DOMAIN, str(FIRST_NUMBER + n), "softphone") for n in range(groups)],
            )
            insert_rows(db, "members", columns, [(group, n, n) for group in range(groups) for n in users])


def numbers(groups: int) -> list[bytes]:
    """Return the numbers of the groups that ``fill`` makes."""
    return [b"%d" % (FIRST_NUMBER + n) for n in range(groups)]


def cpu_s(pids: Sequence[int]) -> float:
    """Return the processor time that these processes have used."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _await_workers(running: Running, workers: int) -> None:
    """Return when every worker has said that it serves. Raises SystemExit when that takes too long."""
    log = running.spool.parent / "log"
    until = time.monotonic() + START_MAX_S
    while time.monotonic() < until and running.process.poll() is None:
        if " serving on " in log.read_text() and len(running.workers) == workers:
            time.sleep(1)  # the line comes with the first of them
            return
        time.sleep(0.05)
    raise SystemExit(f"the service does not start: {log.read_text()}")


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode()
