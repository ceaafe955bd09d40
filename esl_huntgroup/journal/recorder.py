"""
The journal: written so that no record is lost and no call waits.

A call hands a record to ``Journal.record``, which appends it as one line to a file of the spool (``appender``)
and returns. A process of its own (``writer``), which the supervisor keeps, takes the lines from there and puts
them into the database (``store``). Whatever dies, the other goes on: the lines are in the spool until the
database has them.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

import gevent

from esl_huntgroup.errors import InputError
from esl_huntgroup.journal.appender import Appender
from esl_huntgroup.journal.codec import to_line
from esl_huntgroup.journal.query import entries
from esl_huntgroup.journal.records import SpoolRecord
from esl_huntgroup.journal.view import JournalLine
from esl_huntgroup.model.text import counted

__all__ = ["Journal", "JournalLine", "entries"]

LOOK_S: Final = 0.25
"""How often the disk is looked after."""

log = logging.getLogger(__name__)


class Journal:
    """What a worker has of the journal. Belongs to the thread of the gevent hub, and never touches the database."""

    def __init__(self, directory: Path) -> None:
        """Take the directory of the spool. Touches nothing."""
        self._directory = directory
        self._appender = Appender(directory)
        self._keeper: gevent.Greenlet | None = None

    @property
    def recorded_bytes(self) -> int:
        """How much this worker has recorded since it started."""
        return self._appender.appended_bytes

    def start(self) -> None:
        """Take records. Raises InputError when the spool cannot be used."""
        try:
            self._appender.open()
        except OSError as error:
            raise InputError(f"the spool {self._directory} cannot be used: {error.strerror}") from error
        self._keeper = gevent.spawn(self._keep)

    def record(self, record: SpoolRecord) -> None:
        """Take a record over, which from here on outlives this process. Waits for nothing and raises nothing."""
        self._appender.append(to_line(record))

    def stop(self) -> None:
        """Take no more records, and leave those there are to the writer. Raises nothing."""
        if self._keeper is not None:
            self._keeper.kill()
        self._appender.flush()
        self._appender.close()
        if self._appender.waiting:
            log.error(
                "journal: %s lost: the disk takes nothing", counted(self._appender.waiting, "record is", "records are")
            )

    @property
    def is_started(self) -> bool:
        """Whether it takes records."""
        return self._keeper is not None

    def _keep(self) -> None:
        while True:
            gevent.sleep(LOOK_S)
            self._appender.mend()
            self._appender.flush()
