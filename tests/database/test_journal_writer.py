"""What becomes of the spool, whatever the database, the disk and the administrator do meanwhile."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import peewee
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esl_huntgroup.db.engine import execute, open_database
from esl_huntgroup.db.migrate import upgrade
from esl_huntgroup.diagnostics.checks.journal import check_spool
from esl_huntgroup.journal import spool
from esl_huntgroup.journal.appender import Appender
from esl_huntgroup.journal.codec import readable, to_line
from esl_huntgroup.journal.records import JournalRecord
from esl_huntgroup.journal.store import JournalStore
from esl_huntgroup.journal.writer import DiskSync, Writer
from tests.database import servers
from tests.database.test_journal import (
    answered,
    call_id,
    calls_with,
    ended,
    everything,
    opened,
    people,
    rejected,
    whole,
)


class Doors:
    """Opens a database that can be shut: while it is, every transaction fails as on a dead server."""

    def __init__(self, url: str) -> None:
        self.db = open_database(url, busy_timeout_ms=10)
        self.shut = False
        connection: Any = self.db
        begin = connection.begin

        def begin_if_open(*arguments: object) -> None:
            if self.shut:
                raise peewee.OperationalError("the server is gone")
            begin(*arguments)

        connection.begin = begin_if_open


class Lab:
    """A database, a spool with one process that appends, and a writer that is called by hand."""

    def __init__(self, url: str, directory: Path) -> None:
        self.doors = Doors(url)
        self.directory = directory
        spool.prepare(directory)
        self.appender = Appender(directory)
        self.appender.open()
        self.writer = self.new_writer()

    def new_writer(self) -> Writer:
        return Writer(self.doors.db, self.directory, retry_first_s=0)

    def tell(self, *records: JournalRecord) -> None:
        for record in records:
            self.appender.append(to_line(record))

    def waiting(self) -> int:
        return spool.waiting_records(self.directory)

    def settle(self) -> None:
        """Let the writer do what there is to do; bounded, so that it cannot go round for ever."""
        for _ in range(50):
            self.writer.round()
            if not spool.waiting_bytes(self.directory):
                break
        self.writer.round()  # which removes what is complete

    def close(self) -> None:
        self.appender.close()
        self.writer.close()
        self.doors.db.close()


@pytest.fixture
def lab(sqlite: peewee.Database, sqlite_url: str, tmp_path: Path) -> Iterator[Lab]:
    people(sqlite)
    lab = Lab(sqlite_url, tmp_path / "spool")
    yield lab
    lab.close()


def test_an_outage_of_thousands_of_records_ends_with_every_one_stored_once_and_a_line_at_each_end(
    lab: Lab, sqlite: peewee.Database, caplog: pytest.LogCaptureFixture
) -> None:
    lab.doors.shut = True
    with caplog.at_level(logging.INFO):
        for number in range(2000):
            lab.tell(*whole(number))
            if number % 100 == 0:
                lab.writer.round()
        assert lab.waiting() == 6000
        outage = spool.outage(lab.directory)
        assert outage is not None
        (finding,) = check_spool(lab.directory)
        lab.doors.shut = False
        lab.settle()
    assert lab.waiting() == 0
    assert calls_with(sqlite, "ended_at_ms IS NOT NULL") == 2000
    why = f"the database sqlite:///{sqlite.database} cannot be used: the server is gone"
    assert outage.why == why
    assert str(finding).startswith(f"FIX journal: 6000 records wait in {lab.directory} since 20")
    assert str(finding).endswith(f"because {why}")
    assert caplog.messages[0] == f"journal: records wait in {lab.directory}: {why}"
    assert len(caplog.messages) == 2
    assert "the database takes records again" in caplog.messages[1]
    assert spool.outage(lab.directory) is None
    assert [str(finding) for finding in check_spool(lab.directory)] == ["ok  journal: nothing waits for the database"]


def test_a_locked_sqlite_delays_the_journal_and_loses_nothing(lab: Lab, sqlite: peewee.Database) -> None:
    with sqlite.atomic():
        lab.tell(*whole(1))
        lab.writer.round()
        assert lab.waiting() == 3
    lab.settle()
    assert calls_with(sqlite, "ended_at_ms IS NOT NULL") == 1


def test_a_writer_that_comes_after_a_crash_goes_on_where_the_last_one_was(lab: Lab, sqlite: peewee.Database) -> None:
    lab.tell(*whole(1))
    lab.writer.round()
    execute(sqlite, "DELETE FROM calls")  # the administrator has deleted old calls
    lab.writer.close()
    lab.writer = lab.new_writer()
    lab.tell(*whole(2))
    lab.settle()
    assert [row[0] for row in everything(sqlite)[0]] == [call_id(2)]
    assert rejected(lab.directory) == []


def test_a_crash_between_the_database_and_the_note_stores_nothing_twice(lab: Lab, sqlite: peewee.Database) -> None:
    lab.tell(*whole(1))
    JournalStore(sqlite).write(whole(1))
    before = everything(sqlite)
    lab.settle()
    assert everything(sqlite) == before
    assert rejected(lab.directory) == []


def test_a_segment_goes_when_its_process_is_gone_and_it_is_stored_and_not_before(lab: Lab) -> None:
    lab.tell(*whole(1))
    lab.settle()
    assert len(spool.segments(lab.directory)) == 1
    lab.appender.close()
    lab.settle()
    assert sorted(path.name for path in lab.directory.iterdir()) == []


def test_a_call_that_is_told_in_two_segments_is_stored_in_order(sqlite_url: str, lab: Lab, sqlite: Any) -> None:
    lab.appender = Appender(lab.directory, segment_max_bytes=1)
    lab.appender.open()
    lab.tell(*whole(1), *whole(2))
    assert len(spool.segments(lab.directory)) > 6
    lab.settle()
    assert calls_with(sqlite, "ended_at_ms IS NOT NULL") == 2
    assert rejected(lab.directory) == []


def test_a_segment_waits_for_the_one_before_it_however_long_that_is(lab: Lab, sqlite: peewee.Database) -> None:
    lab.appender = Appender(lab.directory, segment_max_bytes=300 * 600)
    lab.appender.open()
    for told in (opened, answered, ended):
        lab.tell(*(told(number) for number in range(1500)))
    assert len(spool.segments(lab.directory)) > 4
    lab.settle()
    assert calls_with(sqlite, "ended_at_ms IS NOT NULL") == 1500
    assert rejected(lab.directory) == []


def test_a_server_that_hangs_is_an_outage_and_gets_the_rest_when_it_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        servers.own_postgresql() as server,
        contextlib.closing(open_database(server.url("postgres"))) as db,
        contextlib.closing(Lab(server.url("postgres"), tmp_path / "spool")) as lab,
    ):
        upgrade(db)
        people(db)
        lab.writer = Writer(lab.doors.db, lab.directory, retry_first_s=0, patience_s=0.5)
        lab.tell(*whole(1))
        lab.settle()
        with servers.frozen(server):
            lab.tell(*whole(2))
            lab.writer.round()
            outage = spool.outage(lab.directory)
        assert outage
        assert "cannot be used" in outage.why
        assert "records wait" in caplog.messages[0]
        lab.settle()
        assert spool.outage(lab.directory) is None
        assert calls_with(db, "ended_at_ms IS NOT NULL") == 2
        assert rejected(lab.directory) == []


def test_a_torn_last_line_is_set_aside_and_only_when_nobody_will_complete_it(lab: Lab, sqlite: peewee.Database) -> None:
    lab.tell(*whole(1))
    line = to_line(opened(2))
    with lab.appender.path.open("ab") as file:
        file.write(line[:40])
    lab.settle()
    assert rejected(lab.directory) == []
    lab.appender.close()
    lab.settle()
    assert [kept["line"] for kept in rejected(lab.directory)] == [line[:40].decode()]
    assert calls_with(sqlite, "ended_at_ms IS NOT NULL") == 1
    assert spool.segments(lab.directory) == []


def test_a_refused_record_is_set_aside_in_readable_form_and_all_others_are_stored(
    lab: Lab, sqlite: peewee.Database, caplog: pytest.LogCaptureFixture
) -> None:
    bad = ended(20, wait_ms=-1)
    lab.tell(*[record for number in range(20) for record in whole(number)])
    lab.tell(opened(20), bad, *whole(21))
    lab.settle()
    assert calls_with(sqlite, "ended_at_ms IS NOT NULL") == 21
    (kept,) = rejected(lab.directory)
    assert kept.pop("why")
    assert kept == readable(to_line(bad))
    path = lab.directory / "rows.rejected"
    assert caplog.messages[0].startswith(f"journal: a record is refused and now in {path}:")
    assert [str(finding) for finding in check_spool(lab.directory)] == [
        f"FIX journal: {path} holds rows that the database refused; read it, then move it away",
        "ok  journal: nothing waits for the database",
    ]


def test_an_os_error_while_setting_aside_does_not_end_the_writer_and_drops_nothing(
    lab: Lab, sqlite: peewee.Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    lab.tell(*whole(1), ended(9), *whole(2))
    with monkeypatch.context() as broken:
        broken.setattr(spool, "set_aside", full)
        for _ in range(5):
            lab.writer.round()
    assert lab.waiting() == 4
    assert f"the spool {lab.directory} cannot be used: No space left on device" in caplog.messages[0]
    lab.settle()
    assert [kept["call_id"] for kept in rejected(lab.directory)] == [call_id(9)]
    assert calls_with(sqlite, "ended_at_ms IS NOT NULL") == 2


def test_a_segment_that_cannot_be_opened_is_named_once_and_holds_up_its_own_process_only(
    lab: Lab, sqlite: peewee.Database, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = lab.directory / f"0000000000000000001-1-000001{spool.SEGMENT}"
    stranger.mkdir()
    later = lab.directory / f"0000000000000000001-1-000002{spool.SEGMENT}"
    later.write_bytes(b"".join(map(to_line, whole(2))))
    lab.tell(*whole(1))
    lab.settle()
    assert caplog.messages == [f"journal: {stranger} waits, it cannot be opened: Is a directory"]
    assert calls_with(sqlite, "ended_at_ms IS NOT NULL") == 1
    assert later.exists()
    stranger.rmdir()
    lab.settle()
    assert calls_with(sqlite, "ended_at_ms IS NOT NULL") == 2


def test_a_half_written_row_that_is_set_aside_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool.set_aside(tmp_path, to_line(opened(1)), "because")
    before = (tmp_path / spool.REJECTED).read_bytes()
    write = os.write
    monkeypatch.setattr("esl_huntgroup.journal.spool.os.write", lambda file, data: write(file, data[:10]))
    with pytest.raises(OSError, match="No space left"):
        spool.set_aside(tmp_path, to_line(opened(2)), "because")
    assert (tmp_path / spool.REJECTED).read_bytes() == before


def test_a_spool_that_somebody_removes_does_not_end_the_writer(lab: Lab, sqlite: peewee.Database) -> None:
    lab.tell(*whole(1))
    shutil.rmtree(lab.directory)
    lab.settle()
    lab.appender.mend()
    lab.settle()
    assert calls_with(sqlite, "ended_at_ms IS NOT NULL") == 1


def test_a_note_that_cannot_be_written_or_read_costs_nothing_but_work(lab: Lab, sqlite: peewee.Database) -> None:
    note = lab.appender.path.with_name(lab.appender.path.name + spool.STORED)
    note.mkdir()
    lab.tell(*whole(1))
    lab.writer.round()
    lab.writer.close()
    lab.writer = lab.new_writer()
    lab.writer.round()
    assert len(everything(sqlite)[0]) == 1
    assert rejected(lab.directory) == []


LINE = st.one_of(
    st.binary(max_size=60),
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), st.lists).map(
        lambda value: json.dumps(value).encode()
    ),
    st.tuples(
        st.sampled_from([to_line(opened(5)), to_line(answered(5)), to_line(ended(5))]),
        st.integers(0, 400),
        st.binary(max_size=6),
    ).map(lambda cut: cut[0][: cut[1]] + cut[2] + cut[0][cut[1] + len(cut[2]) :]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(LINE, max_size=6))
def test_no_bytes_in_a_segment_end_the_writer_or_keep_others_waiting(
    lab: Lab, sqlite: peewee.Database, lines: Sequence[bytes]
) -> None:
    execute(sqlite, "DELETE FROM calls")
    lab.appender.append(b"\n".join([*lines, b""]))
    lab.tell(*whole(1))
    lab.settle()
    assert lab.waiting() == 0
    assert calls_with(sqlite, f"ended_at_ms IS NOT NULL AND call_id = '{call_id(1)}'") == 1


@pytest.mark.parametrize("old", [b'"group_id":7', b'"Vertrieb"', b"1700000000001"])
@pytest.mark.parametrize("new", [b"[]", b"{}", b"true", b"null", b'"x"', b"1e999", b"9" * 30])
def test_a_field_of_the_wrong_kind_is_no_outage_on_any_database(
    database: peewee.Database, url: str, tmp_path: Path, old: bytes, new: bytes
) -> None:
    people(database)
    lab = Lab(url, tmp_path / "spool")
    lab.appender.append(to_line(opened(1)).replace(old.rpartition(b":")[2], new))
    lab.tell(*whole(2))
    lab.settle()
    assert spool.outage(lab.directory) is None
    assert lab.waiting() == 0
    assert calls_with(database, "ended_at_ms IS NOT NULL") == 1
    lab.close()


def test_what_is_appended_goes_to_the_disk_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    for name in ("fsync", "fdatasync"):
        monkeypatch.setattr(f"esl_huntgroup.journal.writer.os.{name}", lambda _, name=name: synced.append(name))
    appender, disk = Appender(tmp_path), DiskSync(tmp_path)
    appender.open()
    appender.append(b"one\n")
    disk.sync()
    disk.sync()
    assert synced == ["fsync", "fdatasync"]
    appender.append(b"two\n")
    disk.sync()
    assert synced == ["fsync", "fdatasync", "fdatasync"]
    shutil.rmtree(tmp_path)
    disk.sync()
    appender.close()


def test_after_a_failure_the_writer_waits_before_it_tries_again(lab: Lab, sqlite: peewee.Database) -> None:
    patient = Writer(lab.doors.db, lab.directory, retry_first_s=3600)
    lab.tell(*whole(1))
    lab.doors.shut = True
    patient.round()
    lab.doors.shut = False
    began = time.monotonic()
    patient.round()
    assert time.monotonic() - began < 3600
    assert calls_with(sqlite, "1 = 1") == 0
    patient.close()
