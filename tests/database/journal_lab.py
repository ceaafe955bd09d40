"""A journal as the tests use it: what a worker has of it, and the process that stores it."""

from __future__ import annotations

import time
from pathlib import Path

import gevent

from esl_huntgroup.journal import recorder, spool, writer
from esl_huntgroup.journal.records import JournalRecord
from esl_huntgroup.service.sidecar import Sidecar

LOOK_S = 0.05


class Journal:
    """Appends like a worker, and keeps the writer alive like the supervisor."""

    def __init__(self, database: str, directory: Path, *, retry_first_s: float = writer.RETRY_FIRST_S) -> None:
        self._directory = directory
        self._worker = recorder.Journal(directory)
        order = writer.WriterConfig(database, str(directory), retry_first_s=retry_first_s)
        self._writer = Sidecar("journal writer", writer.__name__, order)
        self._keeper: gevent.Greenlet | None = None

    @property
    def writer_pid(self) -> int | None:
        return self._writer.pid

    @property
    def backlog_bytes(self) -> int:
        return spool.waiting_bytes(self._directory)

    @property
    def outage(self) -> spool.Outage | None:
        return spool.outage(self._directory)

    def start(self) -> None:
        spool.prepare(self._directory)
        self._worker.start()
        self._writer.look()
        self._keeper = gevent.spawn(self._keep)

    def record(self, record: JournalRecord) -> None:
        self._worker.record(record)

    def stop(self, timeout_s: float) -> int:
        """End both, and return how many records are left in the spool."""
        if self._keeper is not None:
            self._keeper.kill()
        self._worker.stop()
        self._writer.stop()
        self._writer.end(time.monotonic() + timeout_s)
        return spool.waiting_records(self._directory)

    def _keep(self) -> None:
        while True:
            gevent.sleep(LOOK_S)
            self._writer.look()
