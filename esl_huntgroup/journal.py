"""
The journal: written so that no record is lost and no call waits.

A call hands a record to ``Journal.record``, which appends it as one line to a file of the spool (``spool_appender``)
and returns. A process of its own (``journal_writer``) takes the lines from there and puts them into the database
(``journal_store``). Whatever dies, the other goes on: the lines are in the spool until the database has them.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import gevent

from esl_huntgroup import spool
from esl_huntgroup.errors import InputError
from esl_huntgroup.journal_reading import entries
from esl_huntgroup.journal_view import JournalLine
from esl_huntgroup.journal_writer import RETRY_FIRST_S, Order
from esl_huntgroup.outcome import JournalRecord
from esl_huntgroup.record_line import to_line
from esl_huntgroup.spool_appender import Appender

__all__ = ["Journal", "JournalLine", "entries"]

LOOK_S: Final = 0.25
"""How often the writer and the disk are looked after."""
RESTART_MAX_S: Final = 30.0
"""How long at most until a writer that has died is started again; at first it is ``LOOK_S``."""
DRAIN_S: Final = 10.0
"""How long a writer goes on trying that was left alone with records."""

log = logging.getLogger(__name__)


class Journal:
    """What the service has of the journal. Belongs to the thread of the gevent hub, and never touches the database."""

    def __init__(
        self, database: str, directory: Path, *, log_level: str = "info", retry_first_s: float = RETRY_FIRST_S
    ) -> None:
        """Take the URL of the database and the directory of the spool. Touches nothing."""
        self._order = Order(database, str(directory.absolute()), log_level, DRAIN_S, retry_first_s)
        self._directory = directory.absolute()
        self._appender = Appender(self._directory)
        self._writer: subprocess.Popen[bytes] | None = None
        self._keeper: gevent.Greenlet | None = None

    @property
    def backlog_bytes(self) -> int:
        """How many bytes are in the spool and not in the database; cheap. Raises OSError."""
        return spool.waiting_bytes(self._directory)

    @property
    def outage(self) -> spool.Outage | None:
        """Since when and why the database takes no records, None while it does; cheap."""
        return spool.outage(self._directory)

    @property
    def writer_pid(self) -> int | None:
        """The process that stores, None before the start and after the stop."""
        return self._writer.pid if self._writer else None

    def start(self) -> None:
        """
        Take records, and start to store what is in the spool. The database need not be there.

        Raises InputError when the spool cannot be used.
        """
        spool.prepare(self._directory)
        try:
            if left := spool.waiting_records(self._directory):
                log.warning("journal: %d records of an earlier run are in %s", left, self._directory)
            self._appender.open()
        except OSError as error:
            raise InputError(f"the spool {self._directory} cannot be used: {error.strerror}") from error
        self._start_writer()
        self._keeper = gevent.spawn(self._keep)

    def record(self, record: JournalRecord) -> None:
        """Take a record over, which from here on outlives this process. Waits for nothing and raises nothing."""
        self._appender.append(to_line(record))

    def stop(self, timeout_s: float) -> int:
        """
        Let the writer store what waits, and return how many records it could not store; they stay in the spool.

        Waits at most ``timeout_s``, and does not block the hub. Raises nothing.
        """
        if self._keeper is not None:
            self._keeper.kill()
        self._appender.flush()
        self._appender.close()
        self._stop_writer(timeout_s)
        if self._appender.waiting:
            log.error("journal: %d records are lost, the disk does not take them", self._appender.waiting)
        try:
            return spool.waiting_records(self._directory)
        except OSError as error:
            log.error("journal: %s cannot be read: %s", self._directory, error.strerror)
            return 0

    def _keep(self) -> None:
        pause_s = LOOK_S
        while True:
            gevent.sleep(pause_s)
            self._appender.mend()
            self._appender.flush()
            if self._writer is None or self._writer.poll() is not None:
                log.error("journal: the writer has ended, and is started again")
                self._start_writer()
                pause_s = min(pause_s * 2, RESTART_MAX_S)
            else:
                pause_s = LOOK_S

    def _start_writer(self) -> None:
        """Start the process; where that fails, it is tried again later. Records are safe without it."""
        self._let_go()
        command = [sys.executable, "-m", "esl_huntgroup.journal_writer"]
        try:
            self._writer = subprocess.Popen(command, stdin=subprocess.PIPE, bufsize=0, start_new_session=True)
            if self._writer.stdin is not None:
                self._writer.stdin.write(self._order.to_line())
        except OSError as error:
            log.error("journal: the writer cannot be started: %s", error.strerror)

    def _stop_writer(self, timeout_s: float) -> None:
        self._let_go()
        deadline = time.monotonic() + timeout_s
        while self._writer is not None and self._writer.poll() is None:
            if time.monotonic() >= deadline:
                self._writer.kill()  # which loses nothing
                self._writer.wait()
            gevent.sleep(0.01)
        self._writer = None

    def _let_go(self) -> None:
        """Close the pipe that tells the writer that we are here."""
        if self._writer is not None and self._writer.stdin is not None:
            self._writer.stdin.close()
