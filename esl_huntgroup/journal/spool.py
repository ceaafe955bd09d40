"""
The spool: the directory through which every journal record goes on its way to the database.

    1700000000000000000-4711-000001.segment          the lines of one process, in order; it appends, nobody else
    1700000000000000000-4711-000001.segment.stored   how many bytes of it are in the database
    rows.rejected                                    what the database can never accept, with the reason
    outage                                           since when the database has been out of order, and why
    writer.lock                                      locked by the one process that stores

A process holds a lock on the segment to which it appends. A segment that nobody has locked is complete, and goes once
it is stored. Names sort by the start of the process, then by the order of its segments.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from esl_huntgroup.errors import InputError
from esl_huntgroup.journal.codec import readable

SEGMENT: Final = ".segment"
STORED: Final = ".stored"
REJECTED: Final = "rows.rejected"
OUTAGE: Final = "outage"
WRITER_LOCK: Final = "writer.lock"
LINES_MAX: Final = 500
"""Records in one transaction: enough to make its cost vanish."""
READ_BYTES: Final = 512 * 1024
"""And bytes, so that SQLite's lock is held for a fraction of a second even when each record tells of 120 members."""


@dataclass(frozen=True, slots=True)
class Outage:
    """The database takes no records. ``since_ms`` is milliseconds since the epoch, UTC."""

    since_ms: int
    why: str


class Segment:
    """A segment as the process sees it that stores: lines to read, and how far they are in the database."""

    def __init__(self, path: Path) -> None:
        """Open the segment where an earlier process has left off. Raises OSError."""
        self.path = path
        self.stored = stored_bytes(path)
        self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self._is_complete = False

    def read(self) -> list[bytes]:
        """
        Return the oldest lines that are not stored, and leave them there; an empty list when there are none.

        A last line without an end is returned only when nobody will complete it. Raises OSError.
        """
        is_complete = self.is_complete()
        size = READ_BYTES
        while True:
            data = os.pread(self._file, size, self.stored)
            *whole, torn = data.split(b"\n", LINES_MAX)
            if whole:
                return [line + b"\n" for line in whole]
            if len(data) < size:
                return [torn] if torn and is_complete else []
            size *= 2

    def unread_bytes(self) -> int:
        """Return how much of it is not stored. Raises OSError."""
        return os.fstat(self._file).st_size - self.stored

    def is_complete(self) -> bool:
        """Return whether the process that appended to it has closed it or is gone."""
        if not self._is_complete:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._is_complete = True
        return self._is_complete

    def advance(self, count: int) -> None:
        """Remember that so many more bytes are stored. Raises nothing: forgotten, they would be stored once more."""
        self.stored += count
        with contextlib.suppress(OSError):
            _write_file(_beside(self.path), b"%020d\n" % self.stored)

    def remove_when_done(self) -> bool:
        """Remove a segment that is complete and stored; return whether it is gone. Raises OSError."""
        if not self.is_complete() or self.unread_bytes() > 0:
            return False
        self.path.unlink(missing_ok=True)
        _beside(self.path).unlink(missing_ok=True)  # last: without it, the segment would be stored once more
        self.close()
        return True

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


def segments(directory: Path) -> list[Path]:
    """Return the segments, oldest first; none where there is no directory. Raises OSError."""
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    return [directory / name for name in sorted(names) if name.endswith(SEGMENT)]


def owner(segment: Path) -> str:
    """Return what the names of all segments of one process begin with."""
    return segment.name.rpartition("-")[0]


def stored_bytes(segment: Path) -> int:
    """Return how much of a segment is in the database. Raises nothing: where nobody knows, it is nothing."""
    try:
        return int(_beside(segment).read_bytes())
    except (OSError, ValueError):
        return 0


def waiting_bytes(directory: Path) -> int:
    """Return how many bytes are not in the database yet; cheap enough to be asked at any time. Raises OSError."""
    return sum(size for _, size in _waiting(directory))


def waiting_records(directory: Path) -> int:
    """Return how many records are not in the database yet, for which it reads every byte of them. Raises OSError."""
    count = 0
    for path, _ in _waiting(directory):
        with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            file.seek(stored_bytes(path))
            count += sum(1 for _ in file)
    return count


def _waiting(directory: Path) -> Iterator[tuple[Path, int]]:
    for path in segments(directory):
        with contextlib.suppress(FileNotFoundError):  # stored meanwhile
            if (size := path.stat().st_size - stored_bytes(path)) > 0:
                yield path, size


def set_aside(directory: Path, line: bytes, why: str) -> None:
    """Keep what can never be stored, with the reason, in readable form. Raises OSError; then nothing is kept."""
    kept = json.dumps({"why": why, **readable(line)}, default=repr).encode("ascii") + b"\n"
    file = os.open(directory / REJECTED, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        before = os.fstat(file).st_size
        if os.write(file, kept) < len(kept):
            os.ftruncate(file, before)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(file)
    finally:
        os.close(file)


def has_rejected(directory: Path) -> bool:
    """Return whether there is anything that the database can never accept. Raises OSError."""
    path = directory / REJECTED
    return path.exists() and path.stat().st_size > 0


def has_writer(directory: Path) -> bool:
    """Return whether a process is there that stores. Raises OSError."""
    try:
        with (directory / WRITER_LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def note_outage(directory: Path, outage: Outage | None) -> None:
    """Let everybody know how the database is. Raises nothing."""
    with contextlib.suppress(OSError):
        if outage is None:
            (directory / OUTAGE).unlink(missing_ok=True)
        else:
            _write_file(directory / (OUTAGE + ".new"), json.dumps([outage.since_ms, outage.why]).encode("ascii"))
            (directory / (OUTAGE + ".new")).rename(directory / OUTAGE)


def outage(directory: Path) -> Outage | None:
    """Return since when and why the database takes no records, None when it does. Raises nothing."""
    try:
        noted = json.loads((directory / OUTAGE).read_bytes())  # in ASCII, with half characters as a path may have them
        return Outage(*msgspec.convert(noted, tuple[int, str]))
    except (OSError, ValueError):
        return None


def prepare(directory: Path) -> None:
    """Make the directory where there is none. Raises InputError when it cannot be made or written."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _write_file(directory / "probe", b"")
        (directory / "probe").unlink(missing_ok=True)
        _tidy(directory)
    except OSError as error:
        raise InputError(
            f"the spool {directory} cannot be used: {error.strerror}; "
            "a directory is accepted that the service may write, or that it may make"
        ) from error


def _tidy(directory: Path) -> None:
    """Remove the notes whose segments are gone; a writer that was killed has left them."""
    for note in directory.glob(f"*{SEGMENT}{STORED}"):
        if not note.with_name(note.name.removesuffix(STORED)).exists():
            note.unlink(missing_ok=True)


def _beside(segment: Path) -> Path:
    return segment.with_name(segment.name + STORED)


def _write_file(path: Path, data: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.pwrite(file, data, 0)
        os.ftruncate(file, len(data))
    finally:
        os.close(file)
