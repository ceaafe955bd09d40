"""
The spool as a process sees it that serves calls: it appends lines.

Once ``append`` has returned, a killed process loses nothing. It waits for nothing but the page cache of the operating
system.

When the disk takes no more, lines stay in memory, in order, until it does. What it took of a line stays there: the
rest of that line is the next thing that is written.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import time
from collections import deque
from pathlib import Path
from typing import Final

from esl_huntgroup.journal.spool import SEGMENT

SEGMENT_MAX_BYTES: Final = 4 * 1024 * 1024
"""Then the next segment begins, so that what is stored can go."""

log = logging.getLogger(__name__)


class Appender:
    """The segments of one process; belongs to one thread."""

    def __init__(self, directory: Path, segment_max_bytes: int = SEGMENT_MAX_BYTES) -> None:
        """Name the directory; ``open`` is what touches it."""
        self.path = directory
        """The segment to which lines go now, once ``open`` has been called."""
        self._directory = directory
        self._segment_max_bytes = segment_max_bytes
        self._owner = f"{time.time_ns():019d}-{os.getpid()}"
        self._number = 0
        self._file = -1
        self._size = 0
        self.appended_bytes = 0
        """How much has been appended since the start."""
        self._waiting: deque[bytes] = deque()
        self._is_failing = False
        self._is_removed = False

    @property
    def waiting(self) -> int:
        """How many lines the disk has not taken yet."""
        return len(self._waiting)

    def open(self) -> None:
        """Begin a segment, and end the one before. Raises OSError; then the one before goes on."""
        path = self._directory / f"{self._owner}-{self._number + 1:06d}{SEGMENT}"
        unlocked = path.with_name(path.name + ".new")  # nobody takes it for complete before we have locked it
        file = os.open(unlocked, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            unlocked.rename(path)
        except OSError:
            os.close(file)
            raise
        self.close()
        self.path, self._file, self._size = path, file, 0
        self._number += 1

    def append(self, line: bytes) -> None:
        """Put the line behind all others. Waits for nothing and raises nothing."""
        self._waiting.append(line)
        self.appended_bytes += len(line)
        self.flush()

    def flush(self) -> None:
        """Put on the disk what waits in memory, as far as it takes it. Raises nothing."""
        try:
            while self._waiting:
                self._write(self._waiting[0])
            if self._size >= self._segment_max_bytes:
                self.open()
        except OSError as error:
            self._fail(error)
        else:
            self._recover()

    def mend(self) -> None:
        """Write again what was in a segment that somebody has removed under our hands. Raises nothing."""
        with contextlib.suppress(OSError):
            if os.fstat(self._file).st_nlink:
                return
            if not self._is_removed:
                log.error(
                    "journal: somebody has removed %s; its records are written once more when it can be", self.path
                )
            self._is_removed = True
            self._directory.mkdir(parents=True, exist_ok=True)
            lost = os.pread(self._file, self._size, 0)
            self.open()
            self._is_removed = False
            self._waiting.appendleft(lost)
            self.flush()

    def close(self) -> None:
        """Let go of the segment, which is complete then. Raises nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _write(self, line: bytes) -> None:
        written = os.write(self._file, line)
        self._size += written
        if written == len(line):
            self._waiting.popleft()
        else:
            self._waiting[0] = line[written:]

    def _fail(self, error: OSError) -> None:
        if not self._is_failing:
            log.error("journal: records stay in memory, %s cannot be written: %s", self.path, error.strerror)
        self._is_failing = True

    def _recover(self) -> None:
        if self._is_failing:
            log.warning("journal: %s can be written again, nothing is left in memory", self.path)
        self._is_failing = False
