"""
The file that keeps journal records while the database is away: one JSON object a line, in the order they came.

A record is on disk when ``append`` returns. Reading takes nothing away; ``consume`` does, once the records are stored
elsewhere, and an empty spool is an empty file. What can never be stored goes into the file ``….rejected`` beside it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import itertools
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from esl_huntgroup.errors import InputError
from esl_huntgroup.group import Outcome
from esl_huntgroup.outcome import (
    CallAnswered,
    CallEnded,
    CallOpened,
    EntryKind,
    EntryRecord,
    JournalRecord,
    LegRecord,
)

_RECORDS: dict[str, type[CallOpened] | type[CallAnswered] | type[CallEnded]] = {
    kind.__name__: kind for kind in (CallOpened, CallAnswered, CallEnded)
}


KIND = EntryRecord._fields.index("kind")


def to_line(record: JournalRecord) -> bytes:
    """Return the record as one line of JSON in ASCII, so that nothing in it can break the line or a terminal."""
    fields = {"record": type(record).__name__, **dataclasses.asdict(record)}
    return json.dumps(fields, separators=(",", ":"), default=repr).encode("ascii") + b"\n"


def from_line(line: bytes) -> JournalRecord:
    """Return the record that ``to_line`` wrote. Raises ValueError for anything else."""
    try:
        fields = json.loads(line)
        kind = _RECORDS[fields.pop("record")]
        if "legs" in fields:
            fields["legs"] = tuple(LegRecord(*leg) for leg in fields["legs"])
            fields["entries"] = tuple(
                EntryRecord(*entry)._replace(kind=EntryKind(entry[KIND])) for entry in fields["entries"]
            )
        if "outcome" in fields:
            fields["outcome"] = Outcome(fields["outcome"])
        return kind(**fields)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"not a journal record: {error}") from error


class Spool:
    """One spool file. It belongs to the process that opened it; a second one is refused."""

    def __init__(self, path: Path) -> None:
        """Name the file; ``open`` is what touches it."""
        self.path = path
        self.rejected_path = path.with_name(path.name + ".rejected")
        self.count = 0
        """How many records wait here."""
        self._file = -1
        self._offset = 0

    def open(self) -> None:
        """
        Open the file, or make it, and count what an earlier run has left.

        Raises InputError when it cannot be written or another process has it.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._end_torn_line()
            self.count = sum(1 for _ in self._lines())
        except BlockingIOError as error:
            raise InputError(f"the spool {self.path} is in use by another process: each needs its own") from error
        except OSError as error:
            raise InputError(f"the spool {self.path} cannot be used: {error.strerror}") from error

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def append(self, records: Sequence[JournalRecord]) -> None:
        """Put the records on disk, all or none. Raises OSError when the disk does not take them."""
        before = os.fstat(self._file).st_size
        try:
            _write_all(self._file, b"".join(map(to_line, records)))
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, before)
            raise
        self.count += len(records)

    def read(self, lines_max: int) -> list[bytes]:
        """Return the oldest lines, and leave them there."""
        return list(itertools.islice(self._lines(), lines_max))

    def consume(self, lines: Sequence[bytes]) -> None:
        """Take away the oldest lines, which ``read`` returned and which are now stored."""
        self._offset += sum(map(len, lines))
        self.count -= len(lines)
        if self.count == 0:
            os.ftruncate(self._file, 0)
            os.fsync(self._file)
            self._offset = 0

    def set_aside(self, line: bytes, why: str) -> None:
        """Keep what can never be stored, with the reason, in readable form. Raises OSError."""
        kept = json.dumps({"why": why, **_readable(line)})
        file = os.open(self.rejected_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            _write_all(file, kept.encode("ascii") + b"\n")
            os.fsync(file)
        finally:
            os.close(file)

    def _lines(self) -> Iterator[bytes]:
        with os.fdopen(os.dup(self._file), "rb") as file:  # not by its name: somebody may have removed that
            file.seek(self._offset)
            yield from file

    def _end_torn_line(self) -> None:
        """End a last line that a crash has left unfinished, so that it does not swallow the next one."""
        size = os.fstat(self._file).st_size
        if size and os.pread(self._file, 1, size - 1) != b"\n":
            _write_all(self._file, b"\n")


def _readable(line: bytes) -> dict[str, object]:
    with contextlib.suppress(ValueError):
        fields = json.loads(line)
        if isinstance(fields, dict):
            return fields
    return {"line": line.decode("ascii", "backslashreplace").rstrip("\n")}


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
