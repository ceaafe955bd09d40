"""The journal with its processes: whichever of them is killed, and whenever, every row is there once."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import gevent
import peewee
import pytest

from esl_huntgroup.db.engine import execute, open_database
from esl_huntgroup.db.migrate import upgrade
from esl_huntgroup.diagnostics.checks.journal import check_spool
from esl_huntgroup.errors import InputError
from esl_huntgroup.journal import spool, writer
from esl_huntgroup.journal.codec import to_line
from tests.database import servers
from tests.database.journal_lab import Journal
from tests.database.test_journal import calls_with, eventually, everything, opened, people, rejected, whole

CALLS = 300


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def journal(sqlite: peewee.Database, sqlite_url: str, directory: Path) -> Iterator[Journal]:
    people(sqlite)
    journal = Journal(sqlite_url, directory, retry_first_s=0.05)
    journal.start()
    yield journal
    journal.stop(10)


def kill(pid: int | None) -> None:
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def is_alive(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:1]
    return False


@pytest.mark.parametrize("seed", range(5))
def test_a_writer_that_is_killed_at_any_moment_is_replaced_and_nothing_is_lost(
    seed: int, journal: Journal, sqlite: peewee.Database, directory: Path
) -> None:
    chance = random.Random(seed)
    for number in range(1, CALLS + 1):
        for record in whole(number):
            journal.record(record)
        if number % 100 == 0:
            gevent.sleep(chance.uniform(0, 0.5))
            eventually(lambda: journal.writer_pid is not None)
            with contextlib.suppress(ProcessLookupError):
                kill(journal.writer_pid)
    eventually(lambda: journal.backlog_bytes == 0, 60)
    assert journal.stop(10) == 0
    assert calls_with(sqlite, "ended_at_ms IS NOT NULL") == CALLS
    assert [len(rows) for rows in everything(sqlite)] == [CALLS, 2 * CALLS, 2 * CALLS]
    assert rejected(directory) == []


SERVICE = """
import sys, gevent
from pathlib import Path
from tests.database.journal_lab import Journal
from tests.database.test_journal import whole
journal = Journal(sys.argv[1], Path(sys.argv[2]))
journal.start()
print(journal.writer_pid, flush=True)
sys.stdin.readline()
for number in range(1, int(sys.argv[3]) + 1):
    for record in whole(number):
        journal.record(record)
print("told", flush=True)
sys.stdin.readline()
"""


@contextlib.contextmanager
def a_service(url: str, directory: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run a process with a journal, which tells of its calls when it is sent a line; give it and its writer's pid."""
    command = [sys.executable, "-c", SERVICE, url, str(directory), str(CALLS)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=Path(__file__).parents[2], text=True, **pipes) as process:  # type: ignore[call-overload]
        try:
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


def tell(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    assert process.stdout.readline() == "told\n"


@pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)
@pytest.mark.parametrize("pause_s", [0, 0.05, 0.2])
def test_service_and_writer_killed_with_records_unsaved_and_every_row_is_there_once_after_the_restart(
    url: str, database: peewee.Database, directory: Path, pause_s: float
) -> None:
    people(database)
    with a_service(url, directory) as (process, writer):
        tell(process)
        time.sleep(pause_s)
        kill(writer)
        process.kill()
    journal = Journal(url, directory)
    journal.start()
    eventually(lambda: journal.backlog_bytes == 0, 60)
    assert journal.stop(10) == 0
    assert calls_with(database, "ended_at_ms IS NOT NULL") == CALLS
    assert [len(rows) for rows in everything(database)] == [CALLS, 2 * CALLS, 2 * CALLS]
    assert rejected(directory) == []
    assert spool.segments(directory) == []


def test_a_writer_whose_service_is_killed_stores_what_is_there_and_ends(
    sqlite: peewee.Database, sqlite_url: str, directory: Path
) -> None:
    people(sqlite)
    with a_service(sqlite_url, directory) as (process, writer):
        tell(process)
        process.kill()
    eventually(lambda: not is_alive(writer), 60)
    assert calls_with(sqlite, "ended_at_ms IS NOT NULL") == CALLS
    assert spool.segments(directory) == []


def test_two_services_share_a_spool_and_one_writer_stores_for_both(
    journal: Journal, sqlite: peewee.Database, sqlite_url: str, directory: Path
) -> None:
    other = Journal(sqlite_url, directory)
    other.start()
    for record in whole(1):
        journal.record(record)
    for record in whole(2):
        other.record(record)
    eventually(lambda: calls_with(sqlite, "ended_at_ms IS NOT NULL") == 2)
    assert journal.stop(10) == 0
    for record in whole(3):
        other.record(record)
    eventually(lambda: calls_with(sqlite, "ended_at_ms IS NOT NULL") == 3)
    assert other.stop(10) == 0


def test_a_database_that_hangs_at_the_stop_leaves_everything_in_the_spool_and_no_process_behind(
    journal: Journal, sqlite: peewee.Database, directory: Path
) -> None:
    with sqlite.atomic():
        journal.record(opened(1))
        gevent.sleep(0.2)
        writer = journal.writer_pid
        assert writer is not None
        assert journal.stop(0.3) == 1
    assert not is_alive(writer)
    assert spool.waiting_records(directory) == 1


@pytest.mark.parametrize(("survives_power_cut", "level"), [(False, 1), (True, 2)])
def test_sqlite_waits_for_the_disk_only_where_it_was_asked_to(
    sqlite_url: str, survives_power_cut: bool, level: int
) -> None:
    db = open_database(sqlite_url, survives_power_cut=survives_power_cut)
    assert execute(db, "PRAGMA synchronous").fetchone() == (level,)
    db.close()


def test_sigterm_to_all_processes_of_the_service_does_not_end_the_writer(
    journal: Journal, sqlite: peewee.Database
) -> None:
    journal.record(opened(1))
    eventually(lambda: journal.backlog_bytes == 0)
    writer = journal.writer_pid
    assert writer is not None
    os.kill(writer, signal.SIGTERM)
    os.kill(writer, signal.SIGINT)
    journal.record(opened(2))
    eventually(lambda: calls_with(sqlite, "1 = 1") == 2)
    assert is_alive(writer)


def test_nobody_sees_the_url_of_the_database_in_the_list_of_processes(journal: Journal, sqlite_url: str) -> None:
    journal.record(opened(1))
    eventually(lambda: journal.backlog_bytes == 0)
    shown = Path(f"/proc/{journal.writer_pid}/cmdline").read_bytes()
    assert writer.__name__.encode() in shown
    assert sqlite_url.encode() not in shown


def test_a_spool_that_cannot_be_used_stops_the_start(sqlite_url: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "spool"
    with pytest.raises(InputError) as refused:
        Journal(sqlite_url, path).start()
    assert str(refused.value) == (
        f"the spool {path} cannot be used: Not a directory; "
        "a directory is accepted that the service may write, or that it may make"
    )


def test_check_tells_records_on_their_way_from_records_that_nobody_stores(sqlite_url: str, tmp_path: Path) -> None:
    directory = tmp_path / "spool"
    spool.prepare(directory)
    (directory / "1-1-000001.segment").write_bytes(to_line(opened(1)))
    (finding,) = check_spool(directory)
    assert str(finding) == (
        f"FIX journal: 1 record waits in {directory} for the service; start it: esl-huntgroup serve"
    )
    with (directory / spool.WRITER_LOCK).open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert [str(finding) for finding in check_spool(directory)] == [
            "ok  journal: 1 record is on its way to the database"
        ]


def test_a_note_without_a_segment_is_tidied_up_and_others_stay(tmp_path: Path) -> None:
    for name in ("1-1-000001.segment.stored", "1-1-000002.segment.stored", "1-1-000002.segment"):
        (tmp_path / name).write_text("0")
    spool.prepare(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1-1-000002.segment", "1-1-000002.segment.stored"]


def test_a_spool_that_is_a_file_stops_the_start_and_stays(sqlite_url: str, tmp_path: Path) -> None:
    path = tmp_path / "journal.spool"
    path.write_text("not ours")
    with pytest.raises(InputError) as refused:
        Journal(sqlite_url, path).start()
    assert str(refused.value) == (
        f"the spool {path} cannot be used: File exists; "
        "a directory is accepted that the service may write, or that it may make"
    )
    assert path.read_text() == "not ours"


def test_a_real_postgresql_that_stops_and_comes_back_gets_every_record(directory: Path) -> None:
    with servers.own_postgresql() as server:
        db = open_database(server.url("postgres"))
        upgrade(db)
        people(db)
        db.close()
        journal = Journal(server.url("postgres"), directory, retry_first_s=0.1)
        journal.start()
        journal.record(opened(1))
        eventually(lambda: journal.backlog_bytes == 0)
        server.stop()
        for record in (*whole(1), *whole(2)):
            journal.record(record)
        eventually(lambda: journal.outage is not None)
        assert journal.backlog_bytes > 0
        server.start()
        eventually(lambda: journal.backlog_bytes == 0, 60)
        eventually(lambda: journal.outage is None)
        assert journal.stop(10) == 0
        assert calls_with(db, "ended_at_ms IS NOT NULL") == 2
        db.close()
