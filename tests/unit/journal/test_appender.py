"""What a call has told is on its way to the disk before anything else happens, in order, whatever the disk says."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from esl_huntgroup.journal import spool
from esl_huntgroup.journal.appender import Appender


class Disk:
    """``os.write``, on a disk that takes only so many bytes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room = 1 << 30
        self._write = os.write
        monkeypatch.setattr("esl_huntgroup.journal.appender.os.write", self.write)

    def write(self, file: int, data: bytes) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = self._write(file, data[: self.room])
        self.room -= written
        return written


@pytest.fixture
def appender(tmp_path: Path) -> Appender:
    appender = Appender(tmp_path, segment_max_bytes=100)
    appender.open()
    return appender


def content(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in spool.segments(directory))


def lines(count: int) -> list[bytes]:
    return [b"line %03d\n" % number for number in range(count)]


def test_a_line_is_in_the_file_when_append_returns(appender: Appender) -> None:
    appender.append(b"one\n")
    assert appender.path.read_bytes() == b"one\n"


def test_segments_follow_one_another_in_order_and_each_stays_small(tmp_path: Path, appender: Appender) -> None:
    for line in lines(50):
        appender.append(line)
    assert content(tmp_path) == b"".join(lines(50))
    assert all(path.stat().st_size <= 110 for path in spool.segments(tmp_path))
    assert len(spool.segments(tmp_path)) == 5


def test_only_the_last_segment_is_held_until_it_is_closed(tmp_path: Path, appender: Appender) -> None:
    for line in lines(15):
        appender.append(line)
    first, last = (spool.Segment(path) for path in spool.segments(tmp_path))
    assert (first.is_complete(), last.is_complete()) == (True, False)
    appender.close()
    assert last.is_complete()
    first.close()
    last.close()


@pytest.mark.parametrize("room", range(25))
def test_a_full_disk_costs_no_line_and_no_order(
    room: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    disk = Disk(monkeypatch)
    appender = Appender(tmp_path, segment_max_bytes=30)
    appender.open()
    disk.room = room
    for line in lines(5):
        appender.append(line)
    assert content(tmp_path) == b"".join(lines(5))[:room]
    assert appender.waiting == 5 - room // 9
    disk.room = 1 << 30
    appender.append(b"after\n")
    assert content(tmp_path) == b"".join(lines(5)) + b"after\n"
    assert appender.waiting == 0
    assert len(caplog.messages) == 2
    assert "records stay in memory" in caplog.messages[0]
    assert caplog.messages[0].endswith("cannot be written: No space left on device")
    assert caplog.messages[1].endswith("can be written again, nothing is left in memory")


def test_a_full_disk_is_tried_again_without_a_new_record(
    tmp_path: Path, appender: Appender, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    disk.room = 4
    appender.append(b"one line\n")
    disk.room = 100
    appender.flush()
    assert content(tmp_path) == b"one line\n"


def test_where_no_segment_can_begin_the_one_before_goes_on(
    tmp_path: Path, appender: Appender, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(Path, "rename", refuse)
        for line in lines(20):
            appender.append(line)
    assert len(spool.segments(tmp_path)) == 1
    appender.append(b"after\n")
    appender.append(b"next\n")
    assert content(tmp_path) == b"".join(lines(20)) + b"after\nnext\n"
    assert len(spool.segments(tmp_path)) == 2


def test_a_spool_that_somebody_removes_is_made_again_with_what_was_in_the_segment(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    directory = tmp_path / "spool"
    directory.mkdir()
    appender = Appender(directory)
    appender.open()
    appender.append(b"one\n")
    shutil.rmtree(directory)
    appender.append(b"two\n")
    appender.mend()
    appender.append(b"three\n")
    appender.mend()
    assert content(directory) == b"one\ntwo\nthree\n"
    assert len(caplog.messages) == 1


def test_a_spool_that_cannot_be_made_again_is_complained_of_once_until_it_can(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    directory = tmp_path / "spool"
    directory.mkdir()
    appender = Appender(directory)
    appender.open()
    appender.append(b"one\n")
    shutil.rmtree(directory)
    directory.write_text("a file is in the way")
    for _ in range(5):
        appender.mend()
        appender.flush()
    assert len(caplog.messages) == 1
    directory.unlink()
    appender.append(b"two\n")
    appender.mend()
    assert content(directory) == b"one\ntwo\n"


def test_a_record_told_after_the_stop_is_kept_in_memory_and_raises_nothing(appender: Appender) -> None:
    appender.close()
    appender.append(b"late\n")
    assert appender.waiting == 1
