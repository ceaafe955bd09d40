"""
Real PostgreSQL and MariaDB servers for the tests: started in a temporary directory, on a free port, thrown away.

Neither server runs as root, so under root they run as others: PostgreSQL as the user that its
Debian package creates, MariaDB as nobody.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from esl_huntgroup.db.engine import execute, open_database

START_TIMEOUT_S = 60
PORTS = (20_000, 32_000)
"""Below those that the kernel gives to connections (ip_local_port_range)."""
_chance = random.SystemRandom()
"""Two processes may share the tests, and Hypothesis gives both the same seed."""


class NotInstalled(Exception):
    """The server is not on this machine; the message names the Debian package."""


@dataclass(frozen=True)
class Server:
    """A running server. ``url(name)`` is that of one of its databases."""

    scheme: str
    user: str
    port: int
    admin: tuple[str, ...]
    """The command that runs one SQL statement, given as its last argument, as the administrator."""
    stop_command: tuple[str, ...] = ()
    start_command: tuple[str, ...] = ()

    def url(self, database: str) -> str:
        return f"{self.scheme}://{self.user}@127.0.0.1:{self.port}/{database}"

    def sql(self, snapshot: str) -> None:
        run([*self.admin, snapshot])

    def stop(self) -> None:
        run(self.stop_command)

    def start(self) -> None:
        run(self.start_command)


@contextlib.contextmanager
def frozen(server: Server) -> Iterator[None]:
    """Have a PostgreSQL server hang: it takes connections, and says nothing."""
    postmaster = _postmaster(server)
    pids = [postmaster, *_children(postmaster)]
    _signal_all(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        _signal_all(pids, signal.SIGCONT)


def _signal_all(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):  # a backend ends when its client is gone
            os.kill(pid, number)


def _postmaster(server: Server) -> int:
    """Return the server's first process: the parent of the one that answers us."""
    with contextlib.closing(open_database(server.url("postgres"))) as db:
        backend = int(execute(db, "SELECT pg_backend_pid()").fetchone()[0])
        return int(Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()[1])


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def run(command: Sequence[str]) -> None:
    """Run to the end; on failure raise with what the command printed."""
    both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = subprocess.run(command, check=False, **both, text=True, errors="replace")  # type: ignore[call-overload]
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed with {done.returncode}:\n{done.stdout}")


def free_port() -> int:
    """Return a loopback port that nobody uses, and that the kernel gives to no connection until a server is there."""
    while True:
        port = _chance.randrange(*PORTS)
        with contextlib.suppress(OSError), contextlib.closing(socket.socket()) as listener:
            listener.bind(("127.0.0.1", port))
            return port


@contextlib.contextmanager
def directory_of(account: str) -> Iterator[Path]:
    """Give a directory that belongs to the account the server runs as."""
    path = Path(tempfile.mkdtemp(prefix="huntgroup-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(path, account)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def as_account(account: str) -> tuple[str, ...]:
    return ("runuser", "-u", account, "--") if os.geteuid() == 0 else ()


@contextlib.contextmanager
def postgresql() -> Iterator[Server]:
    """Run a PostgreSQL server without fsync."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [Path(shutil.which("initdb") or "")]
    binaries = found[-1].parent
    if not (binaries / "initdb").is_file():
        raise NotInstalled("PostgreSQL is not installed (Debian package: postgresql)")
    with directory_of("postgres") as home:
        run_as, port, data = as_account("postgres"), free_port(), home / "data"
        initdb = [str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        run([*run_as, *initdb])
        options = f"-h 127.0.0.1 -p {port} -k {home} -F -c max_connections=50"
        control = [*run_as, str(binaries / "pg_ctl"), "-D", str(data), "-s", "-w"]
        psql = (str(binaries / "psql"), "-q", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-d", "postgres")
        server = Server(
            "postgresql",
            "postgres",
            port,
            (*psql, "-c"),
            stop_command=(*control, "-m", "immediate", "stop"),
            start_command=(*control, "-l", str(home / "log"), "-o", options, "start"),
        )
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextlib.contextmanager
def own_postgresql() -> Iterator[Server]:
    """Run a PostgreSQL server that nobody else uses, so that it may be stopped; skip the test where there is none."""
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(postgresql())
        except NotInstalled as error:
            pytest.skip(str(error))
        yield server


@contextlib.contextmanager
def mariadb() -> Iterator[Server]:
    """Run a MariaDB server that does not flush to disk on every commit."""
    program = shutil.which("mariadbd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    install = shutil.which("mariadb-install-db")
    if not program or not install:
        raise NotInstalled("MariaDB is not installed (Debian packages: mariadb-server-core, mariadb-client)")
    account = "nobody" if os.geteuid() == 0 else getpass.getuser()
    with directory_of(account) as home:
        port, socket_path = free_port(), home / "socket"
        data, run_as = f"--datadir={home / 'data'}", as_account(account)
        run([*run_as, install, "--no-defaults", data, "--auth-root-authentication-method=normal"])
        address = [f"--socket={socket_path}", f"--port={port}", "--bind-address=127.0.0.1"]
        options = [data, *address, f"--pid-file={home / 'pid'}", "--innodb-flush-log-at-trx-commit=0"]
        process = subprocess.Popen(
            [*run_as, program, "--no-defaults", *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        admin = ("mariadb", "--no-defaults", f"--socket={socket_path}", "-u", "root", "-e")
        server = Server("mariadb", "huntgroup", port, admin)
        try:
            wait_until_up(process, server)
            server.sql("CREATE USER huntgroup@'127.0.0.1'; GRANT ALL ON *.* TO huntgroup@'127.0.0.1'")
            yield server
        finally:
            with contextlib.suppress(RuntimeError):
                server.sql("SHUTDOWN")
            process.wait(START_TIMEOUT_S)


def wait_until_up(process: subprocess.Popen[bytes], server: Server) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            return server.sql("SELECT 1")
        except RuntimeError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
