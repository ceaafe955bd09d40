"""Missed calls are handled by what happens later, and whatever dies in between, each exactly once."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import peewee
import pytest

from esl_huntgroup.db.engine import execute, open_database, quoted
from esl_huntgroup.journal import changes, handled
from esl_huntgroup.journal import follower as follower_module
from esl_huntgroup.journal.followed import Followed
from esl_huntgroup.journal.follower import CHANGES_KEPT_MS, Follower, FollowerConfig
from esl_huntgroup.journal.records import CallAnswered, CallEnded, CallOpened, EntryRecord, JournalRecord
from esl_huntgroup.journal.store import JournalStore
from esl_huntgroup.model.call_ids import first_at
from esl_huntgroup.model.outcome import EntryKind, Outcome
from esl_huntgroup.service.sidecar import Sidecar, Sidecars
from tests.database.rows import DOMAIN, group, insert, line, user

NOW_MS = time.time_ns() // 1_000_000
T0 = NOW_MS - 3_600_000
BERLIN = "+49301234567"


def an_id(number: int) -> str:
    return f"{first_at(T0 + number * 1000)[:14]}7000-8000-{number:08x}0000"


def missed(number: int, caller: str = BERLIN, group_id: int = 7, name: str = "Kundin") -> list[JournalRecord]:
    """Return a call that Anna and Bernd have missed, over half a second after it came."""
    at_ms = T0 + number * 1000
    entries = (
        EntryRecord(1, 1, "User 1", EntryKind.MISSED, True, "NO_ANSWER"),
        EntryRecord(2, 2, "User 2", EntryKind.NOT_SIGNALLED, False, ""),
    )
    call = an_id(number)
    return [
        CallOpened(call, "fs1", f"channel-{number}", group_id, "Vertrieb", "700", DOMAIN, caller, name, at_ms),
        CallEnded(call, at_ms + 500, 500, 0, Outcome.NO_ANSWER, "", "dialplan", (), entries),
    ]


def answered(number: int, caller: str = BERLIN, group_id: int = 7, by: int | None = 1) -> list[JournalRecord]:
    """Return a call that somebody has answered a quarter of a second after it came."""
    at_ms = T0 + number * 1000
    call, name = an_id(number), f"User {by}"
    entries = (EntryRecord(1, 1, "User 1", EntryKind.ANSWERED, True, "NONE"),)
    return [
        CallOpened(call, "fs1", f"channel-{number}", group_id, "Vertrieb", "700", DOMAIN, caller, "Kundin", at_ms),
        CallAnswered(call, at_ms + 250, 250, by, name, (), entries),
    ]


def reached(db: peewee.Database, number: int, dialled: str = "030 1234567", line_of: str = "101") -> None:
    """Note a call to outside that was answered."""
    insert(
        db, "outgoing_calls", channel_uuid=f"out-{number}", node="fs1", line=f"{line_of}@{DOMAIN}", number=dialled,
        answered_at_ms=T0 + number * 1000,
    )  # fmt: skip


@pytest.fixture
def firm(database: peewee.Database) -> peewee.Database:
    """Give a firm: Anna, Bernd and their leader Clara, each with a line, in two groups."""
    for number in (1, 2, 3, 4):
        user(database, number)
        line(database, number, f"10{number}")
    group(database, "700", id=7, name="Vertrieb")
    group(database, "701", id=8, name="Technik")
    insert(database, "superiors", group_id=7, role="leader", user_id=3, level="team")
    return database


def follow(db: peewee.Database, **values: Any) -> None:
    """Let a follower come as far as there is anything."""
    follower = Follower(db, FollowerConfig("", **values))
    while follower.round():
        pass
    assert not follower._is_out


def store(db: peewee.Database, *calls: list[JournalRecord]) -> None:
    for records in calls:
        JournalStore(db).write(records)


def marks(db: peewee.Database, number: int) -> list[Any]:
    sql = (
        "SELECT handled_how, handled_by_name, handled_at_ms FROM journal_entries"
        f" WHERE call_id = {db.param} ORDER BY position"
    )
    return [tuple(row) if row[0] else None for row in execute(db, sql, (an_id(number),)).fetchall()]


def again(number: int, by: str = "User 1") -> tuple[str, str, int]:
    return "called_again", by, T0 + number * 1000 + 250


def back(number: int, by: str = "User 1") -> tuple[str, str, int]:
    return "called_back", by, T0 + number * 1000


NOBODY = [None, None]


# -- what handles what -------------------------------------------------------------------------------------------------


def test_the_callers_next_call_to_the_group_handles_the_missed_ones(firm: peewee.Database) -> None:
    store(firm, missed(1), missed(2, caller="0301234567"), missed(3, group_id=8), missed(4, caller="+49309999999"))
    follow(firm)
    assert marks(firm, 1) == NOBODY
    store(firm, answered(10, caller="0049301234567"), missed(11))
    follow(firm)
    assert marks(firm, 1) == [again(10), again(10)]
    assert marks(firm, 2) == [again(10), again(10)]
    assert marks(firm, 3) == marks(firm, 4) == marks(firm, 11) == NOBODY


def test_a_member_who_calls_back_handles_it_for_all(firm: peewee.Database) -> None:
    store(firm, missed(1), missed(2, group_id=8))
    reached(firm, 10, "0049 30 1234567", line_of="102")
    follow(firm)
    assert marks(firm, 1) == marks(firm, 2) == [back(10, "User 2"), back(10, "User 2")]
    assert execute(firm, "SELECT user_id, e164 FROM outgoing_calls").fetchall()[0] == (2, BERLIN)


def test_where_missed_calls_are_not_shared_each_handles_his_own(firm: peewee.Database) -> None:
    execute(firm, f"UPDATE {quoted(firm, 'groups')} SET missed_shared = FALSE")
    store(firm, missed(1))
    reached(firm, 10, line_of="102")
    follow(firm)
    assert marks(firm, 1) == [None, back(10, "User 2")]
    store(firm, answered(20))
    follow(firm)
    assert marks(firm, 1) == [again(20), back(10, "User 2")]


def test_the_leader_may_call_back_and_a_stranger_may_not(firm: peewee.Database) -> None:
    store(firm, missed(1), missed(2, group_id=8))
    reached(firm, 10, line_of="104")
    follow(firm)
    assert marks(firm, 1) == marks(firm, 2) == NOBODY
    reached(firm, 11, line_of="103")
    follow(firm)
    assert marks(firm, 1) == [back(11, "User 3"), back(11, "User 3")]
    assert marks(firm, 2) == NOBODY


def test_what_is_stored_late_counts_by_when_it_happened(firm: peewee.Database) -> None:
    reached(firm, 10)
    store(firm, answered(20, caller="+4940111222"))
    follow(firm)
    store(firm, missed(1), missed(11), missed(2, caller="+4940111222"), missed(21, caller="+4940111222"))
    follow(firm)
    assert marks(firm, 1) == [back(10), back(10)]
    assert marks(firm, 2) == [again(20), again(20)]
    assert marks(firm, 11) == marks(firm, 21) == NOBODY


@pytest.mark.parametrize("caller", ["", "anonymous"])
def test_a_caller_who_withholds_the_number_is_nobody(firm: peewee.Database, caller: str) -> None:
    store(firm, missed(1, caller=caller), answered(10, caller=caller))
    reached(firm, 11, dialled=caller or "anonymous")
    follow(firm)
    assert marks(firm, 1) == NOBODY


def test_an_extension_that_calls_again_is_the_same_extension(firm: peewee.Database) -> None:
    store(firm, missed(1, caller="201"), missed(2, caller="202"), answered(10, caller="201"))
    follow(firm)
    assert (marks(firm, 1), marks(firm, 2)) == ([again(10), again(10)], NOBODY)


def test_whoever_took_the_call_and_is_nobody_we_know_handles_nothing(firm: peewee.Database) -> None:
    store(firm, missed(1), answered(10, by=None))
    follow(firm)
    assert marks(firm, 1) == NOBODY


def test_what_was_taken_back_by_hand_stays_until_something_new_happens(firm: peewee.Database) -> None:
    store(firm, missed(1), answered(10))
    follow(firm)
    assert handled.unhandle(firm, an_id(1), 2, "User 2", T0 + 15_000)
    follow(firm)
    assert marks(firm, 1) == NOBODY
    store(firm, answered(20))
    follow(firm)
    assert marks(firm, 1) == [again(20), again(20)]


def test_a_mark_is_told_as_a_change_and_no_mark_is_none(firm: peewee.Database) -> None:
    store(firm, missed(1), answered(10), missed(12, caller="+4940111222"))
    before = changes.newest(firm)
    follow(firm)
    assert [change.call_ids for change in changes.since(firm, before, 9)] == [(an_id(1),)]
    follow(firm)
    assert changes.newest(firm) == before + 1
    position = execute(firm, "SELECT position FROM followers WHERE name = 'follower'").fetchone()[0]
    assert position == changes.newest(firm)


@pytest.mark.parametrize(
    ("dialled", "line_of", "prefix", "counts"),
    [
        ("0301234567", "101", "", True),
        ("00301234567", "101", "0", True),
        ("0301234567", "101", "0", True),
        ("00049301234567", "101", "0", True),
        ("90301234567", "101", "9", True),
        ("90301234567", "101", "", False),
        ("102", "101", "", False),
        ("700", "101", "", False),
        ("0301234567", "999", "", False),
        ("0301234567", "", "", False),
    ],
)
def test_a_call_counts_that_a_member_made_to_a_number_outside(
    firm: peewee.Database, dialled: str, line_of: str, prefix: str, counts: bool
) -> None:
    store(firm, missed(1))
    reached(firm, 10, dialled, line_of)
    follow(firm, outside_prefix=prefix)
    assert marks(firm, 1) == ([back(10), back(10)] if counts else NOBODY)
    left = execute(firm, "SELECT COUNT(*) FROM outgoing_calls").fetchone()[0]
    assert left == (1 if counts else 0)


def test_a_number_that_is_a_line_of_ours_is_not_outside(firm: peewee.Database) -> None:
    line(firm, 4, "0301234567")
    store(firm, missed(1))
    reached(firm, 10)
    follow(firm)
    assert marks(firm, 1) == NOBODY


# -- callers, and what is forgotten ------------------------------------------------------------------------------------


def searched(db: peewee.Database, text: str) -> list[tuple[str, str]]:
    sql = f"SELECT number, name FROM callers WHERE folded LIKE {db.param} ORDER BY number, name"
    return [tuple(row) for row in execute(db, sql, (f"%{text}%",)).fetchall()]


def test_callers_are_there_once_and_found_by_every_writing(firm: peewee.Database) -> None:
    store(
        firm, missed(1, name="Zoë MÜLLER"), missed(2, name="Zoë MÜLLER"), missed(3, name="Groß"), missed(4, "", name="")
    )
    follow(firm)
    both = [(BERLIN, "Groß"), (BERLIN, "Zoë MÜLLER")]
    assert searched(firm, "") == both
    assert searched(firm, "zoe mul") == [(BERLIN, "Zoë MÜLLER")]
    assert searched(firm, "gross") == [(BERLIN, "Groß")]
    for part in ("0301234", "004930", "+4930", "1234567"):
        assert searched(firm, part) == both


def test_callers_of_before_are_made_and_written_anew_for_another_country(firm: peewee.Database) -> None:
    store(firm, *(missed(number, f"030{1_000_000 + number}", name=f"Kunde {number}") for number in range(1, 20)))
    execute(firm, "DELETE FROM journal_changes")
    follow(firm)
    assert len(searched(firm, "+4930")) == 19
    follow(firm, country="AT")
    assert searched(firm, "+4930") == []
    assert len(searched(firm, "kunde")) == 19


def test_what_is_old_is_forgotten(firm: peewee.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    store(firm, missed(1), missed(2, "+4940111222"))
    changes.note(firm, [an_id(1)], NOW_MS - CHANGES_KEPT_MS - 1)
    reached(firm, 10)
    reached(firm, 11, "+4940111222")
    execute(firm, f"UPDATE outgoing_calls SET answered_at_ms = {NOW_MS - 8 * 86_400_000} WHERE channel_uuid = 'out-11'")
    follow(firm)
    assert changes.since(firm, 0, 9)[-1].at_ms > NOW_MS - CHANGES_KEPT_MS
    assert [change for change in changes.since(firm, 0, 9) if change.at_ms <= NOW_MS - CHANGES_KEPT_MS] == []
    assert [row[0] for row in execute(firm, "SELECT channel_uuid FROM outgoing_calls").fetchall()] == ["out-10"]
    execute(firm, f"DELETE FROM calls WHERE call_id = '{an_id(2)}'")
    follow(firm)
    assert searched(firm, "") == [(BERLIN, "Kundin")]


# -- death, company and outages ----------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process is gone."""


def everything(db: peewee.Database) -> list[Any]:
    sql = "SELECT call_id, position, handled_how, handled_by_name, handled_at_ms FROM journal_entries ORDER BY 1, 2"
    outgoing = "SELECT channel_uuid, user_id, e164 FROM outgoing_calls ORDER BY 1"
    return [
        [tuple(row) for row in execute(db, statement).fetchall()]
        for statement in (sql, outgoing, "SELECT number, name, e164 FROM callers ORDER BY 1, 2")
    ]


def fill(db: peewee.Database) -> None:
    store(db, missed(1), missed(2), missed(3, caller="+4940111222"), missed(4, group_id=8), answered(10))
    reached(db, 11, "040111222")
    reached(db, 12, "102")
    store(db, missed(13))


def test_it_may_be_killed_between_any_two_statements(
    url: str, firm: peewee.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(firm)
    dies_at, count = 0, 0
    original: Any = peewee.Database.execute_sql

    def counting(self: peewee.Database, *args: Any, **values: Any) -> Any:
        nonlocal count
        count += 1
        if count == dies_at:
            raise Killed
        return original(self, *args, **values)

    while True:
        dies_at, count = dies_at + 1, 0
        mortal: Any = open_database(url)
        monkeypatch.setattr(peewee.Database, "execute_sql", counting)
        try:
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(peewee.Database, "rollback", lambda self: None)
                follow(mortal)
            was_killed = False
        except Killed:
            was_killed = True
        monkeypatch.setattr(peewee.Database, "execute_sql", original)
        mortal.connection().close() if not mortal.is_closed() else None
        if not was_killed:
            break
    assert dies_at > 20
    found = everything(firm)
    assert marks(firm, 1) == marks(firm, 2) == [again(10), again(10)]
    assert marks(firm, 3) == [back(11), back(11)]
    assert marks(firm, 4) == marks(firm, 13) == NOBODY
    execute(firm, "DELETE FROM followers")
    follow(firm)
    assert everything(firm) == found


def test_two_at_once_do_no_harm(url: str, firm: peewee.Database) -> None:
    import threading

    fill(firm)

    def run() -> None:
        db = open_database(url)
        follower = Follower(db, FollowerConfig("", "DE"))
        ends = time.monotonic() + 3
        while time.monotonic() < ends:
            follower.round()
            follower._retry_at = 0.0
        follower.close()

    threads = [threading.Thread(target=run) for _ in range(3)]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(follower_module, "patience", _no_alarm)
        for thread in threads:
            thread.start()
        for number in range(30, 60, 2):
            store(firm, missed(number, caller=f"+49301{number:06d}"), answered(number + 1, caller=f"0301{number:06d}"))
        for thread in threads:
            thread.join(30)
    assert marks(firm, 1) == [again(10), again(10)]
    assert all(marks(firm, number) == [again(number + 1), again(number + 1)] for number in range(30, 60, 2))
    told = [call for change in changes.since(firm, 0, 1000) for call in change.call_ids]
    assert told.count(an_id(30)) == 2, "its records were one transaction, and its mark another"


def _no_alarm(db: peewee.Database, limit_s: float) -> Any:
    import contextlib

    return contextlib.nullcontext()


@pytest.fixture
def process(url: str, firm: peewee.Database) -> Iterator[Sidecar]:
    """Give the process as the supervisor keeps it, not started yet."""
    sidecar = Sidecar("journal follower", follower_module.__name__, FollowerConfig(url), says=Followed)
    yield sidecar
    sidecar.stop()
    sidecar.end(time.monotonic() + 10)


def until(is_so: Callable[[], object], sidecar: Sidecar, within_s: float = 20) -> None:
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline
        sidecar.look()
        time.sleep(0.02)


def test_the_process_follows_however_often_it_is_killed(firm: peewee.Database, process: Sidecar) -> None:
    process.look()
    for number in range(1, 40, 2):
        store(firm, missed(number), answered(number + 1))
        if number % 8 == 1:
            process.look()
            time.sleep(0.15 + number / 100)
            if process.pid:
                os.kill(process.pid, signal.SIGKILL)
    until(lambda: all(None not in marks(firm, number) for number in range(1, 40, 2)), process)
    assert all(marks(firm, number) == [again(number + 1)] * 2 for number in range(1, 40, 2))


def test_the_process_tells_how_far_it_is_and_what_it_has_handled(firm: peewee.Database, process: Sidecar) -> None:
    store(firm, missed(1), missed(2), answered(3), missed(4))
    until(lambda: process.said and process.said.handled, process)
    assert process.said.handled == {"called_again": 2}
    until(lambda: process.said.behind_s < 1, process)
    sidecars = Sidecars()
    assert sidecars.latest(Followed) == (None, 0.0)
    sidecars.set([process])
    said, told_s = sidecars.latest(Followed)
    assert said is process.said
    assert 0 <= told_s < 60
    process.stop()
    process.end(time.monotonic() + 10)
    process.said_at -= 60
    assert sidecars.latest(Followed)[1] >= 60, "one that is dead is behind, whatever it has said"


def test_a_database_that_is_away_is_waited_for(tmp_path: Any, caplog: pytest.LogCaptureFixture) -> None:
    db = open_database(f"sqlite:///{tmp_path}/later.db")
    follower = Follower(db, FollowerConfig("", "DE"))
    assert follower.round() is False
    assert "missed calls wait for what handles them: the database" in caplog.text
    assert follower.followed.failures == 1
    behind_s = follower.followed.behind_s
    from esl_huntgroup.db import migrate

    migrate.upgrade(db)
    assert follower.round() is False, "it waits before it tries again"
    follower._retry_at = 0.0
    assert follower.followed.behind_s > behind_s
    follower.round()
    assert "can be used again" in caplog.text
    assert follower.followed.failures == 1
    db.close()
