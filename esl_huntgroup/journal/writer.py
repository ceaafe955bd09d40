"""
The process that stores the journal: ``python -m esl_huntgroup.journal.writer``, a ``sidecar`` of the workers.

It takes lines from the spool and puts them into the database. It may be killed at any moment: how far a segment is
stored is noted after the database has it, and every record may be stored twice without harm (see ``store``).
It has no interpreter in common with the calls, so that they wait neither for the database nor for a lock.

What it is to do it reads from its standard input (see ``processes.child``), by which nothing more comes as long as the
service lives. When that ends, it stores what is there and ends, too. It ignores SIGTERM and SIGINT, which a service
manager sends to all processes of a service at once.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import peewee

from esl_huntgroup import logs
from esl_huntgroup.db.engine import dialect, drop_connection, explain, interrupt, open_database
from esl_huntgroup.errors import HuntgroupError
from esl_huntgroup.journal import spool
from esl_huntgroup.journal.codec import from_line
from esl_huntgroup.journal.spool import Outage, Segment
from esl_huntgroup.journal.store import JournalStore, Refused
from esl_huntgroup.model.text import counted
from esl_huntgroup.processes import child

GATHER_S: Final = 0.04
"""How long a record waits for company, and for the disk: less than half of the 100 ms an answer may take."""
MUCH_BYTES: Final = 64 * 1024
"""What waits no longer for company."""
BUSY_TIMEOUT_MS: Final = 1000
"""How long one attempt waits for another writer of SQLite."""
DRAIN_S: Final = 10.0
"""How long it goes on trying when it was left alone with records."""
PATIENCE_S: Final = 60.0
"""A database that has not taken one transaction for so long hangs; it is told as an outage, and tried again."""
RETRY_FIRST_S: Final = 0.5
RETRY_MAX_S: Final = 30.0
TURN_S: Final = 0.25
"""How often a second writer looks whether it is the only one now."""
NICE: Final = 5
"""Where the processors are not enough for all, calls come first: rows are safe in the spool."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WriterConfig:
    """What the service tells its writer. The URL goes this way because a command line could be seen by everybody."""

    database: str
    spool: str
    log_level: str = "info"
    log_format: str = "text"
    drain_s: float = DRAIN_S
    retry_first_s: float = RETRY_FIRST_S


class Writer:
    """Stores what the spool holds. Belongs to one thread."""

    def __init__(
        self,
        db: peewee.Database,
        directory: Path,
        *,
        retry_first_s: float = RETRY_FIRST_S,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """
        Take the database, which need not be there, and the directory of the spool. Connects to nothing.

        It belongs to the main thread, for which alone Python handles the signal that ends ``patience_s``.
        """
        self._db = db
        self._directory = directory
        self._store = JournalStore(db)
        self._segments: dict[Path, Segment] = {}
        self._unopened: set[Path] = set()
        self._retry_first_s = self._retry_s = retry_first_s
        self._retry_at = 0.0
        self._patience_s = patience_s
        self._outage: Outage | None = None
        self._stored_since = 0

    def round(self) -> bool:
        """
        Store one transaction of what each process has appended; return whether much is left. Raises nothing.

        After a failure it does nothing until it is time to try again.
        """
        if time.monotonic() < self._retry_at:
            return False
        try:
            much_is_left = self._store_all()
        except peewee.PeeweeException as error:
            drop_connection(self._db)
            self._put_off(explain(self._db, error))
            return False
        except OSError as error:
            self._put_off(f"the spool {error.filename or self._directory} cannot be used: {error.strerror}")
            return False
        self._retry_s = self._retry_first_s
        if not much_is_left:
            self._end_outage()
        return much_is_left

    def left(self) -> Collection[Segment]:
        """Return the segments that are there. Raises nothing: none, where the spool cannot be read."""
        with contextlib.suppress(OSError):
            return self._opened()
        return ()

    def close(self) -> None:
        """Let go of the database and of the files."""
        drop_connection(self._db)
        for segment in self._segments.values():
            segment.close()
        self._segments = {}

    def _opened(self) -> list[Segment]:
        """
        Return the segments that are there now; those that were open stay open.

        One that cannot be opened waits, and with it what its process wrote later: records of one call are in order.
        """
        paths = spool.segments(self._directory)
        for path in self._segments.keys() - set(paths):
            self._segments.pop(path).close()
        held_up: set[str] = set()
        found = []
        for path in paths:
            if spool.owner(path) in held_up:
                continue
            try:
                found.append(self._segments.get(path) or self._open(path))
            except OSError as error:
                held_up.add(spool.owner(path))
                self._complain(path, error)
        return found

    def _open(self, path: Path) -> Segment:
        segment = self._segments[path] = Segment(path)
        self._unopened.discard(path)
        return segment

    def _complain(self, path: Path, error: OSError) -> None:
        if path not in self._unopened:
            log.error("journal: %s waits, it cannot be opened: %s", path, error.strerror)
        self._unopened.add(path)

    def _store_all(self) -> bool:
        """
        Store one transaction of each process; return whether much is left.

        A segment waits until the one before it is stored: the rest of a call needs the row with which it was opened.
        """
        much_is_left = False
        for _, segments in itertools.groupby(self._opened(), key=lambda segment: spool.owner(segment.path)):
            behind = next((segment for segment in segments if self._store_some(segment)), None)
            if behind:
                much_is_left |= behind.unread_bytes() > MUCH_BYTES or behind.is_complete()
        return much_is_left

    def _store_some(self, segment: Segment) -> bool:
        """Store one transaction of a segment; return whether more of it waits."""
        lines = segment.read()
        if lines:
            self._settle(segment, lines)
            self._stored_since += len(lines)
        elif segment.remove_when_done():
            del self._segments[segment.path]
            return False
        return segment.unread_bytes() > 0

    def _settle(self, segment: Segment, lines: Sequence[bytes]) -> None:
        """Store the lines; where one is refused, halve until it is alone. Raises peewee's exceptions and OSError."""
        try:
            self._write(lines)
        except (Refused, ValueError) as why:
            if len(lines) > 1:
                half = len(lines) // 2
                self._settle(segment, lines[:half])
                self._settle(segment, lines[half:])
                return
            self._settle_refused(lines[0], str(why))
        segment.advance(sum(map(len, lines)))

    def _write(self, lines: Sequence[bytes]) -> None:
        """Write; on a server, that the connection died while it was idle shows only now: try once more."""
        records = [from_line(line) for line in lines]
        with patience(self._db, self._patience_s):
            try:
                self._store.write(records)
            except peewee.PeeweeException:
                if dialect(self._db) == "sqlite":
                    raise
                drop_connection(self._db)
                self._store.write(records)

    def _settle_refused(self, line: bytes, why: str) -> None:
        """Write one record without users and groups that are gone; set it aside if it is refused still."""
        try:
            record = from_line(line)
            with patience(self._db, self._patience_s):
                self._store.write([record], self._store.gone(record))
        except (Refused, ValueError) as error:
            why = str(error)
        else:
            return
        spool.set_aside(self._directory, line, why)
        log.error("journal: a record is refused and now in %s: %s", self._directory / spool.REJECTED, why)

    def _put_off(self, why: str) -> None:
        self._retry_at = time.monotonic() + self._retry_s
        self._retry_s = min(self._retry_s * 2, RETRY_MAX_S)
        if self._outage is None:
            log.warning("journal: records wait in %s: %s", self._directory, why)
            self._stored_since = 0
            self._outage = Outage(time.time_ns() // 1_000_000, why)
            spool.note_outage(self._directory, self._outage)

    def _end_outage(self) -> None:
        if self._outage is not None:
            log.warning(
                "journal: the database takes records again, %s stored",
                counted(self._stored_since, "that waited is", "that waited are"),
            )
            self._outage = None
            spool.note_outage(self._directory, None)


@contextlib.contextmanager
def patience(db: peewee.Database, limit_s: float) -> Iterator[None]:
    """Interrupt what the database is asked inside, should it take longer; and once more each second."""
    signal.signal(signal.SIGALRM, lambda *_: interrupt(db))
    signal.setitimer(signal.ITIMER_REAL, limit_s, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


class DiskSync(threading.Thread):
    """Puts on the disk what is in the spool, however long the database takes meanwhile."""

    def __init__(self, directory: Path) -> None:
        """Name the directory of the spool."""
        super().__init__(name="disk-sync", daemon=True)
        self._directory = directory
        self._sizes: dict[str, int] = {}

    def run(self) -> None:
        """Go on until the process ends."""
        while True:
            time.sleep(GATHER_S)
            self.sync()

    def sync(self) -> None:
        """Put on the disk what has been appended since the last time. Raises nothing: the next time it tries again."""
        with contextlib.suppress(OSError):
            sizes = {path.name: path.stat().st_size for path in spool.segments(self._directory)}
            if sizes.keys() - self._sizes.keys():
                _sync(self._directory, os.fsync)
            for name, size in sizes.items():
                if size > self._sizes.get(name, 0):
                    _sync(self._directory / name, os.fdatasync)
            self._sizes = sizes


def _sync(path: Path, how: Callable[[int], None]) -> None:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        how(file)
    finally:
        os.close(file)


def main() -> None:
    """Store the journal until the service is gone and everything is stored, or cannot be stored in time."""
    child.ignore((signal.SIGTERM, signal.SIGINT))
    os.nice(NICE)
    order = child.configuration(WriterConfig)
    logs.set_up(order.log_level, order.log_format, "journal")
    service = child.Service(sys.stdin.fileno())
    try:
        with only_one(Path(order.spool), service, order.drain_s) as is_ours:
            if is_ours:
                _run(order, service)
    except (HuntgroupError, OSError) as error:
        log.error("journal: the writer ends: %s", error)
        sys.exit(1)


@contextlib.contextmanager
def only_one(directory: Path, service: child.Service, limit_s: float) -> Iterator[bool]:
    """
    Wait until no other writer stores this spool.

    Gives False when the service is gone and the other one still there after the limit. Raises OSError.
    """
    with (directory / spool.WRITER_LOCK).open("ab") as lock:
        deadline = None
        while not _is_locked(lock):
            if service.is_gone(TURN_S):
                deadline = deadline or time.monotonic() + limit_s
                time.sleep(TURN_S)
            if deadline and time.monotonic() > deadline:
                yield False
                return
        yield True


def _is_locked(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _run(order: WriterConfig, service: child.Service) -> None:
    directory = Path(order.spool)
    # The spool lets go of what the database has said that it has.
    db = open_database(order.database, busy_timeout_ms=BUSY_TIMEOUT_MS, survives_power_cut=True)
    DiskSync(directory).start()
    writer = Writer(db, directory, retry_first_s=order.retry_first_s)
    spool.note_outage(directory, None)
    much_is_left = False
    while not service.is_gone(0 if much_is_left else GATHER_S):
        much_is_left = writer.round()
    _drain(writer, order.drain_s, waits_for_workers=service.has_died)
    writer.close()


def _drain(writer: Writer, limit_s: float, *, waits_for_workers: bool) -> None:
    """
    Store what the service has left; when it was killed, also what its workers tell until their last call is over.

    Gives up when all have ended and the database has not taken the rest within the limit. When it was let go, there is
    somebody else for those who still work.
    """
    theirs = {segment.path for segment in writer.left() if waits_for_workers or segment.is_complete()}
    deadline = time.monotonic() + limit_s
    while (left := [it for it in writer.left() if it.path in theirs]) and time.monotonic() < deadline:
        if not all(segment.is_complete() for segment in left):
            deadline = time.monotonic() + limit_s
        if not writer.round():
            time.sleep(GATHER_S)


if __name__ == "__main__":
    main()
