"""
The faults: each is a way to break something, and to mend it again.

``inject`` hits at one instant and returns at once; ``mend`` comes ``lasts_s`` later, and may take its time.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gevent
from gevent import socket

from tests.database.servers import Server
from tests.faults.board import Board
from tests.faults.edge import LIES, Edge
from tests.faults.firm import MEMBER
from tests.faults.installed import SETTLES_WITHIN_S, Installed, until
from tests.faults.relay import Relay


class Injection:
    """
    One fault on one service. By itself it does nothing, and there is nothing to mend.

    ``board`` is the simulated switch, ``relay`` what stands between both, ``server`` that of the database; each is
    there for those faults that say so.
    """

    def __init__(
        self,
        stage: Installed,
        board: Board | None = None,
        relay: Relay | None = None,
        server: Server | None = None,
    ) -> None:
        self.stage = stage
        self._board, self._relay, self._server = board, relay, server

    @property
    def board(self) -> Board:
        assert self._board is not None, "this fault needs the simulated switch"
        return self._board

    @property
    def relay(self) -> Relay:
        assert self._relay is not None, "this fault needs a relay"
        return self._relay

    @property
    def server(self) -> Server:
        assert self._server is not None, "this fault needs a server"
        return self._server

    def inject(self) -> None:
        """Break it, now."""

    def mend(self) -> None:
        """Put it right."""


class WorkerKilled(Injection):
    def inject(self) -> None:
        self.stage.kill_processes(self.stage.workers()[:1])


class AllWorkersKilled(Injection):
    def inject(self) -> None:
        self.stage.kill_processes(self.stage.workers())


class AllKilled(Injection):
    def inject(self) -> None:
        self.stage.kill_processes(self.stage.everybody())

    def mend(self) -> None:
        self.stage.await_exit(5)
        self.stage.serve()


class SupervisorKilled(Injection):
    """The workers end with their last calls, and only then is the address free again."""

    def inject(self) -> None:
        assert self.stage.process is not None
        self._workers = self.stage.workers()
        os.kill(self.stage.process.pid, signal.SIGKILL)

    def mend(self) -> None:
        self.stage.await_exit(5)
        self.stage.await_gone(self._workers)
        self.stage.serve()


class WorkerFrozen(Injection):
    def inject(self) -> None:
        self._frozen = self.stage.workers()[0]
        os.kill(self._frozen, signal.SIGSTOP)

    def mend(self) -> None:
        assert _is_stopped(self._frozen)
        os.kill(self._frozen, signal.SIGCONT)


class WorkerHangs(Injection):
    """For so long that the supervisor ends it; a thaw comes too late."""

    def inject(self) -> None:
        self._frozen = self.stage.workers()[0]
        self.stage.killed.add(self._frozen)
        os.kill(self._frozen, signal.SIGSTOP)

    def mend(self) -> None:
        self.stage.await_gone([self._frozen])


class AllFrozen(Injection):
    """The machine stands still, but for the kernel, which goes on accepting."""

    def inject(self) -> None:
        self._frozen = self.stage.everybody()
        for pid in self._frozen:
            os.kill(pid, signal.SIGSTOP)

    def mend(self) -> None:
        assert all(map(_is_stopped, self._frozen))
        for pid in self._frozen:
            os.kill(pid, signal.SIGCONT)


class Drained(Injection):
    """SIGTERM; once it has ended, it is started again."""

    def inject(self) -> None:
        self.stage.terminate()

    def mend(self) -> None:
        self.stage.await_exit(SETTLES_WITHIN_S)
        assert self.stage.exit_status() == 0
        self.stage.serve()


class Reloaded(Injection):
    def inject(self) -> None:
        self._before = self.stage.workers()
        self.stage.send(signal.SIGHUP)

    def mend(self) -> None:
        self.stage.await_gone(self._before)


class WriterKilled(Injection):
    def inject(self) -> None:
        self.stage.kill_processes([self.stage.sidecar("journal writer")])


class FollowerKilled(Injection):
    def inject(self) -> None:
        self.stage.kill_processes([self.stage.sidecar("journal follower")])


class WitnessKilled(Injection):
    def inject(self) -> None:
        self.stage.kill_processes([self.stage.sidecar("witness")])


class LampsKilled(Injection):
    def inject(self) -> None:
        self.stage.kill_processes([self.stage.sidecar("lamp process")])


class WorkerAndWitnessKilled(Injection):
    def inject(self) -> None:
        self.stage.kill_processes([self.stage.workers()[0], self.stage.sidecar("witness")])


class DatabaseLocked(Injection):
    """Another process holds SQLite's exclusive lock, so that nobody can write."""

    def inject(self) -> None:
        self._other = sqlite3.connect(self.stage.folder / "huntgroup.db", timeout=5, isolation_level=None)
        self._other.execute("BEGIN EXCLUSIVE")

    def mend(self) -> None:
        self._other.rollback()
        self._other.close()


class DatabaseStopped(Injection):
    """The server is ended as by a crash, and refuses connections until it is started again."""

    def inject(self) -> None:
        self.stage.was_without_database = True
        self._stopping = gevent.get_hub().threadpool.spawn(self.server.stop)

    def mend(self) -> None:
        self._stopping.get()
        gevent.get_hub().threadpool.apply(self.server.start)


class RowRefused(Injection):
    """The database refuses one row: the end of one call of each phase."""

    def inject(self) -> None:
        numbers = ", ".join(f"'{number}'" for number in self.stage.first_callers)
        with sqlite3.connect(self.stage.folder / "huntgroup.db", timeout=5) as db:
            db.execute(
                "CREATE TRIGGER refuses BEFORE UPDATE OF outcome ON calls WHEN new.outcome IS NOT NULL AND "
                f"new.caller_number IN ({numbers}) BEGIN SELECT RAISE(ABORT, 'this row is refused'); END"
            )
        db.close()

    def mend(self) -> None:
        with sqlite3.connect(self.stage.folder / "huntgroup.db", timeout=5) as db:
            db.execute("DROP TRIGGER refuses")
        db.close()


class RowRefusedWorkerKilled(RowRefused):
    """For so long that the second witness meets the refusal, too; it completes all other calls meanwhile."""

    def inject(self) -> None:
        super().inject()
        self.stage.kill_processes(self.stage.workers()[:1])

    def mend(self) -> None:
        refused = set(self.stage.first_callers)
        until(lambda: self._open_of_the_killed() <= refused, SETTLES_WITHIN_S, "the witness completes no other call")
        super().mend()

    def _open_of_the_killed(self) -> set[str]:
        calls = self.stage.journal_calls()
        return {call.caller_number for call in calls if not call.outcome and self.stage.was_killed(call)}


class SpoolFull(Injection):
    """No file of a worker may grow (RLIMIT_FSIZE), as on a disk that is full."""

    def inject(self) -> None:
        self._limited = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in self.stage.workers()}
        for pid, (_, hard) in self._limited.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))

    def mend(self) -> None:
        for pid, limits in self._limited.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


class EventSocketsCut(Injection):
    """Every connection between switch and workers is reset."""

    def inject(self) -> None:
        self.board.disturb()
        self.relay.cut()


class Stalled(Injection):
    """Nothing passes between switch and workers, for longer than the service waits for an answer (3 s)."""

    def inject(self) -> None:
        self.board.disturb()
        self.relay.stall()

    def mend(self) -> None:
        self.board.disturb()
        self.relay.flow()


class InboundCut(Injection):
    def inject(self) -> None:
        self.board.events.cut()


class WorkerKilledInboundCut(Injection):
    def inject(self) -> None:
        self.stage.kill_processes(self.stage.workers()[:1])
        self.board.events.cut()


class Garbage(Injection):
    """Peers that are no switch: a browser, half a header, binary nonsense, a port scan, and one that says nothing."""

    SAYS = (
        b"GET / HTTP/1.1\r\nHost: pbx\r\n\r\n",
        b"Content-Type: command/reply\nReply-Te",
        b"\x00\xff" * 500,
        b"Content-Length: 99999999999999999999\n\n",
        b"",
    )

    def inject(self) -> None:
        self._silent: list[Any] = []
        for says in self.SAYS * 6:
            peer = socket.create_connection(self.stage.address)
            peer.sendall(says)
            self._silent.append(peer)
            socket.create_connection(self.stage.address).close()

    def mend(self) -> None:
        for peer in self._silent:
            peer.close()


class WebPages(Injection):
    """Twenty pages are open in the web process, each of a member whom calls ring."""

    def inject(self) -> None:
        assert self.stage.web_address is not None
        self._pages = [self._page() for _ in range(20)]

    def mend(self) -> None:
        for page in self._pages:
            page.close()
        until(self._answers, SETTLES_WITHIN_S, "the web process does not answer")

    def _page(self) -> Any:
        page = socket.create_connection(self.stage.web_address, timeout=10)
        page.sendall(f"GET /events HTTP/1.1\r\nHost: x\r\nX-User: {MEMBER}\r\n\r\n".encode())
        return page

    def _answers(self) -> bool:
        try:
            with contextlib.closing(socket.create_connection(self.stage.web_address, timeout=2)) as page:
                page.sendall(b"GET /healthz HTTP/1.0\r\nHost: x\r\n\r\n")
                return b" 200 " in page.recv(4096)
        except OSError:
            return False


class WebKilled(WebPages):
    def inject(self) -> None:
        super().inject()
        self.stage.kill_processes([self.stage.sidecar("web process")])


class WebFrozen(WebPages):
    def inject(self) -> None:
        super().inject()
        self._frozen = self.stage.sidecar("web process")
        os.kill(self._frozen, signal.SIGSTOP)

    def mend(self) -> None:
        assert _is_stopped(self._frozen)
        os.kill(self._frozen, signal.SIGCONT)
        super().mend()


class WebFlooded(WebPages):
    """Requests that are half open, requests without end, and bodies that are too large, hundreds at once."""

    SAYS = (
        b"GET / HTTP/1.1\r\nHost: x\r\nX-A: ",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 50,
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n" + b"a" * 100_000,
        b"",
    )

    def inject(self) -> None:
        super().inject()
        for says in self.SAYS * 75:
            gevent.spawn(self._say, says)

    def _say(self, says: bytes) -> None:
        with contextlib.suppress(OSError):
            peer = socket.create_connection(self.stage.web_address)
            self._pages.append(peer)
            peer.sendall(says)


class OfRegistrar(Injection):
    """The phones are registered at a Kamailio. Calls go on: a line of which it does not tell rings as a whole."""

    @property
    def edge(self) -> Edge:
        assert self.stage.edge is not None, "this fault needs a Kamailio"
        return self.stage.edge


class RegistrarStopped(OfRegistrar):
    def inject(self) -> None:
        self.edge.kill()

    def mend(self) -> None:
        gevent.get_hub().threadpool.apply(self.edge.start)
        self.edge.back()
        until(lambda: "answers again" in self.stage.log_text(), SETTLES_WITHIN_S, "Kamailio is not asked again")


class RegistrarRestarted(RegistrarStopped):
    """As a package that is upgraded does; who is registered is in its database (``db_mode`` 1)."""

    def inject(self) -> None:
        super().inject()
        self._starting = gevent.spawn(super().mend)

    def mend(self) -> None:
        self._starting.get()


class RegistrarFrozen(OfRegistrar):
    def inject(self) -> None:
        self.edge.freeze()

    def mend(self) -> None:
        self.edge.thaw()
        until(lambda: "answers again" in self.stage.log_text(), SETTLES_WITHIN_S, "Kamailio is not asked again")


class RegistrarLies(OfRegistrar):
    def inject(self) -> None:
        self.edge.liar.lies = True

    def mend(self) -> None:
        until(lambda: self.edge.liar.told > len(LIES), SETTLES_WITHIN_S, "not every lie was told")
        self.edge.liar.lies = False


def _is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


@dataclass(frozen=True, slots=True)
class Fault:
    """
    A row of the matrix. ``trace`` is what the service's log must say of it: the proof that the fault was there.

    With ``spares_callers``, it touches no worker and no connection of a call, so that every caller is to be served by
    the service itself.
    """

    name: str
    injection: Callable[..., Injection]
    trace: str
    lasts_s: float = 0.0
    with_relay: bool = False
    with_server: bool = False
    with_board: bool = False
    with_web: bool = False
    with_registrar: bool = False
    spares_callers: bool = False

    @property
    def is_beside_the_service(self) -> bool:
        """Whether it hits something else than the service and its SQLite database."""
        return self.with_relay or self.with_server or self.with_board or self.with_web or self.with_registrar


FAULTS = {
    fault.name: fault
    for fault in (
        Fault("nothing", Injection, "hunt ended ", spares_callers=True),
        Fault("worker killed", WorkerKilled, "ended with SIGKILL; its calls live on"),
        Fault("all workers killed", AllWorkersKilled, "ended with SIGKILL; its calls live on"),
        Fault("all processes killed, restarted", AllKilled, "was left open by its service", 1.5),
        Fault("supervisor killed, restarted", SupervisorKilled, "stopping: no new calls"),
        Fault("worker frozen for 3 s", WorkerFrozen, "hunt ended ", 3.0),
        Fault("worker hangs", WorkerHangs, "hangs and is ended"),
        Fault("all frozen for 3 s", AllFrozen, "hunt ended ", 3.0),
        Fault("SIGTERM, restarted", Drained, "main stopped"),
        Fault("SIGHUP", Reloaded, "reloaded: serving on", 1.0, spares_callers=True),
        Fault(
            "journal writer killed", WriterKilled, "the journal writer has ended with status -9", spares_callers=True
        ),
        Fault(
            "journal follower killed",
            FollowerKilled,
            "the journal follower has ended with status -9",
            spares_callers=True,
        ),
        Fault("witness killed", WitnessKilled, "the witness has ended with status -9", spares_callers=True),
        Fault("lamps killed", LampsKilled, "the lamp process has ended with status -9", spares_callers=True),
        Fault("worker and witness killed", WorkerAndWitnessKilled, "the witness has ended with status -9"),
        Fault("database locked for 4 s", DatabaseLocked, "journal: records wait in", 4.0, spares_callers=True),
        Fault(
            "database stopped for 4 s",
            DatabaseStopped,
            "journal: records wait in",
            4.0,
            with_server=True,
            spares_callers=True,
        ),
        Fault("database refuses a row", RowRefused, "journal: a record is refused", 3.0, spares_callers=True),
        Fault("a row refused, worker killed", RowRefusedWorkerKilled, "stays open: the database refuses", 14.0),
        Fault(
            "spool full for 3 s", SpoolFull, "can be written again, nothing is left in memory", 3.0, spares_callers=True
        ),
        Fault("event sockets cut", EventSocketsCut, "the connection ended call=", with_relay=True),
        Fault("network stalls for 4 s", Stalled, "no answer within the deadline call=", 4.0, with_relay=True),
        Fault(
            "inbound connection cut", InboundCut, "witness: the connection ended", with_board=True, spares_callers=True
        ),
        Fault(
            "worker killed, inbound cut",
            WorkerKilledInboundCut,
            "witness: the connection ended",
            with_board=True,
        ),
        Fault(
            "web process killed",
            WebKilled,
            "the web process has ended with status -9",
            1.0,
            with_web=True,
            spares_callers=True,
        ),
        Fault("web process frozen for 3 s", WebFrozen, "hunt ended ", 3.0, with_web=True, spares_callers=True),
        Fault("web process flooded", WebFlooded, "hunt ended ", 3.0, with_web=True, spares_callers=True),
        Fault(
            "registrar stopped for 3 s", RegistrarStopped, "is down: ", 3.0, with_registrar=True, spares_callers=True
        ),
        Fault(
            "registrar frozen for 3 s",
            RegistrarFrozen,
            "no answer within 300 ms; lines there are dialled by their address",
            3.0,
            with_registrar=True,
            spares_callers=True,
        ),
        Fault(
            "registrar restarted", RegistrarRestarted, "answers again", 1.0, with_registrar=True, spares_callers=True
        ),
        Fault(
            "registrar lies for 3 s",
            RegistrarLies,
            "because the registrar did not tell their phones",
            3.0,
            with_registrar=True,
            spares_callers=True,
        ),
        Fault("hostile peers", Garbage, "not an event socket: it begins with", 3.0, spares_callers=True),
    )
}
"""Nothing is a fault, too: without one, the same check holds."""
