"""The journal: no record is lost, none is there twice, and no call waits for it."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import peewee
import pytest

from esl_huntgroup.db.engine import execute, quoted
from esl_huntgroup.errors import InputError
from esl_huntgroup.journal.recorder import JournalLine, entries
from esl_huntgroup.journal.records import (
    CallAnswered,
    CallEnded,
    CallOpened,
    EntryRecord,
    JournalRecord,
    LegRecord,
)
from esl_huntgroup.journal.store import JournalStore
from esl_huntgroup.model.call_state import CallState
from esl_huntgroup.model.outcome import EntryKind, Outcome
from tests.database.journal_lab import Journal
from tests.database.rows import DOMAIN, group, user

T0 = 1_700_000_000_000
WORKER = "pbx.example.org:worker-1:4711"


def call_id(number: int) -> str:
    return f"0190{number:04x}-0000-7000-8000-000000000000"


def opened(number: int = 1, **values: Any) -> CallOpened:
    record = CallOpened(
        call_id(number), "fs1", "leg-a", 7, "Vertrieb", "700", DOMAIN, "+49301234", "Kundin Müller", T0 + number, WORKER
    )
    return dataclasses.replace(record, **values)


LEGS = (
    LegRecord(1, 1, f"101@{DOMAIN}", "sofia/internal/sip:101@192.0.2.1", "NONE", True),
    LegRecord(2, 2, f"102@{DOMAIN}", "sofia/internal/sip:102@192.0.2.2", "LOSE_RACE", True),
)
ENTRIES = (
    EntryRecord(1, 1, "User 1", EntryKind.ANSWERED, True, "NONE"),
    EntryRecord(2, 2, "User 2", EntryKind.ANSWERED_ELSEWHERE, True, "LOSE_RACE"),
)


def answered(number: int = 1, **values: Any) -> CallAnswered:
    record = CallAnswered(call_id(number), T0 + 4000, 4000, 1, "User 1", LEGS, ENTRIES)
    return dataclasses.replace(record, **values)


def ended(number: int = 1, **values: Any) -> CallEnded:
    record = CallEnded(call_id(number), T0 + 60000, 4000, 56000, Outcome.ANSWERED, "NORMAL_CLEARING", "")
    return dataclasses.replace(record, **values)


def missed(number: int = 1) -> CallEnded:
    return CallEnded(
        call_id(number),
        T0 + 30000,
        30000,
        0,
        Outcome.NO_ANSWER,
        "",
        "9000 XML default",
        (LegRecord(1, 1, f"101@{DOMAIN}", "sofia/internal/sip:101@192.0.2.1", "NO_ANSWER", True),),
        (
            EntryRecord(1, 1, "User 1", EntryKind.MISSED, True, "NO_ANSWER"),
            EntryRecord(2, 2, "User 2", EntryKind.NOT_SIGNALLED, False, ""),
        ),
    )


def whole(number: int) -> list[JournalRecord]:
    return [opened(number), answered(number), ended(number)]


def people(db: peewee.Database) -> None:
    user(db, 1)
    user(db, 2)
    group(db, "700", id=7, name="Vertrieb")


def everything(db: peewee.Database) -> list[list[tuple[object, ...]]]:
    """Return what the calls themselves have left in each table; who has handled what is not in it."""
    return [_columns(db, table, without) for table, without in WITHOUT.items()]


WITHOUT = {
    "calls": ("ringing",),
    "legs": (),
    "journal_entries": ("handled_at_ms", "handled_by_name", "handled_how", "reopened_at_ms"),
}


def _columns(db: peewee.Database, table: str, without: tuple[str, ...]) -> list[tuple[object, ...]]:
    names = [quoted(db, column.name) for column in db.get_columns(table) if column.name not in without]
    key = "call_id" if table == "calls" else f"call_id, {names[1]}"
    return [tuple(row) for row in execute(db, f"SELECT {', '.join(names)} FROM {table} ORDER BY {key}").fetchall()]


def calls_with(db: peewee.Database, condition: str) -> int:
    return int(execute(db, f"SELECT count(*) FROM calls WHERE {condition}").fetchone()[0])


def eventually(condition: Callable[[], bool], timeout_s: float = 20) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it has not happened"
        gevent.sleep(0.01)


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "state" / "spool"


@pytest.fixture
def journal(url: str, database: peewee.Database, spool: Path) -> Iterator[Journal]:
    people(database)
    journal = Journal(url, spool, retry_first_s=0.05)
    journal.start()
    yield journal
    journal.stop(10)


def rejected(spool: Path) -> list[dict[str, object]]:
    path = spool / "rows.rejected"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_a_call_is_stored_with_its_legs_and_entries(database: peewee.Database, journal: Journal) -> None:
    for record in whole(1):
        journal.record(record)
    assert journal.stop(10) == 0
    (call,), legs, stored = everything(database)
    assert call == (
        *(call_id(1), "fs1", "leg-a", 7, "Vertrieb", "700", DOMAIN, "+49301234", "Kundin Müller"),
        *(T0 + 1, T0 + 4000, T0 + 60000, 4000, 56000, 1, "User 1", "answered", "NORMAL_CLEARING", "", WORKER),
    )
    assert legs == [(call_id(1), *leg) for leg in LEGS]
    assert stored == [(call_id(1), *entry) for entry in ENTRIES]


def test_a_call_is_in_the_database_before_it_ends(database: peewee.Database, journal: Journal) -> None:
    journal.record(opened())
    eventually(lambda: calls_with(database, "answered_at_ms IS NULL") == 1)
    journal.record(answered())
    eventually(lambda: calls_with(database, "answered_at_ms IS NOT NULL AND ended_at_ms IS NULL") == 1)
    eventually(lambda: journal.backlog_bytes == 0)


def test_writing_every_record_twice_changes_nothing(database: peewee.Database, journal: Journal, spool: Path) -> None:
    store = JournalStore(database)
    store.write([*whole(1), opened(2), missed(2)])
    before = everything(database)
    store.write([*whole(1), *whole(1), opened(2), missed(2)])
    for record in (*whole(1), opened(2), missed(2)):
        journal.record(record)
    assert journal.stop(10) == 0
    assert everything(database) == before
    assert rejected(spool) == []


def unseen(number: int = 1) -> CallEnded:
    """Return the end of a call as a witness tells it who knows nothing of it."""
    supposed = tuple(EntryRecord(n, n, f"User {n}", EntryKind.MISSED, False, "UNKNOWN") for n in (1, 2))
    return CallEnded(call_id(number), T0 + 2000, 2000, 0, Outcome.INTERRUPTED, "INTERRUPTED", "", (), supposed)


@pytest.mark.parametrize("is_one_batch", [True, False])
@pytest.mark.parametrize("comes", ["before", "behind", "between"])
def test_who_has_seen_the_call_is_believed_and_not_who_closed_it(
    database: peewee.Database, comes: str, is_one_batch: bool
) -> None:
    people(database)
    store = JournalStore(database)
    told = [*whole(1), opened(2), missed(2)]
    store.write([opened(1), opened(2)])
    store.write(told)
    before = everything(database)
    for table in ("journal_entries", "legs", "calls"):
        execute(database, f"DELETE FROM {table}")
    store.write([opened(1), opened(2)])
    closed: list[JournalRecord] = [unseen(1), unseen(2)]
    at = {"before": 0, "between": 2, "behind": len(told)}[comes]
    records = [*told[:at], *closed, *told[at:]]
    for batch in [records] if is_one_batch else [[record] for record in records]:
        store.write(batch)
    assert everything(database) == before


@pytest.mark.parametrize("comes_late", ["the answer", "the end"])
def test_a_call_is_answered_when_its_answer_is_known_and_its_end_is_not(
    database: peewee.Database, comes_late: str
) -> None:
    people(database)
    store = JournalStore(database)
    known: list[JournalRecord] = [unseen(), answered(wait_ms=3999)]
    for record in (opened(), *(known if comes_late == "the answer" else reversed(known)), known[0], known[1]):
        store.write([record])
    assert calls_with(database, "outcome = 'answered' AND cause = 'INTERRUPTED'") == 1
    assert calls_with(database, f"ended_at_ms = {T0 + 4000} AND talk_ms = 0 AND wait_ms = 3999") == 1
    _, legs, entries = everything(database)
    assert legs == [(call_id(1), *leg) for leg in LEGS]
    assert entries == [(call_id(1), *entry) for entry in ENTRIES]


def test_a_call_that_nobody_has_seen_the_end_of_stays_interrupted(database: peewee.Database) -> None:
    people(database)
    store = JournalStore(database)
    for _ in range(2):
        store.write([opened(), unseen()])
        assert calls_with(database, "outcome = 'interrupted' AND answered_at_ms IS NULL") == 1
        assert everything(database)[2] == [(call_id(1), *entry) for entry in unseen().entries]


def test_what_is_waiting_is_one_transaction(sqlite: peewee.Database, queries: list[str]) -> None:
    people(sqlite)
    store = JournalStore(sqlite)
    queries.clear()
    store.write([record for number in range(50) for record in whole(number)])
    assert queries.count("COMMIT") == 1
    assert len(queries) < 25


def test_stop_flushes_everything(database: peewee.Database, journal: Journal) -> None:
    for number in range(1, 1001):
        for record in whole(number):
            journal.record(record)
    assert journal.stop(60) == 0
    assert calls_with(database, "ended_at_ms IS NOT NULL") == 1000


@pytest.mark.parametrize("record", [answered(9), ended(9), missed(9)])
def test_what_belongs_to_no_known_call_is_put_aside(
    database: peewee.Database, journal: Journal, spool: Path, record: JournalRecord
) -> None:
    journal.record(record)
    journal.record(opened(1))
    assert journal.stop(10) == 0
    assert calls_with(database, "1 = 1") == 1
    assert [line["call_id"] for line in rejected(spool)] == [call_id(9)]
    assert everything(database)[1:] == [[], []]


def test_users_and_groups_deleted_meanwhile_cost_their_id_and_nothing_else(
    database: peewee.Database, journal: Journal, spool: Path
) -> None:
    journal.record(opened(1))
    eventually(lambda: journal.backlog_bytes == 0)
    execute(database, "DELETE FROM users WHERE id = 1")
    journal.record(answered(1))
    journal.record(opened(2, group_id=99))
    assert journal.stop(10) == 0
    calls, legs, stored = everything(database)
    assert [call[3] for call in calls] == [7, None]
    assert (calls[0][14], calls[0][15]) == (None, "User 1")
    assert [leg[2] for leg in legs] == [None, 2]
    assert [(entry[2], entry[3]) for entry in stored] == [(None, "User 1"), (2, "User 2")]
    assert rejected(spool) == []


def test_deleting_a_user_or_a_group_later_keeps_the_history(database: peewee.Database) -> None:
    people(database)
    JournalStore(database).write(whole(1))
    execute(database, "DELETE FROM users")
    execute(database, f"DELETE FROM {database.quote[0]}groups{database.quote[1]}")
    calls, legs, stored = everything(database)
    assert (calls[0][3], calls[0][4], calls[0][14], calls[0][15]) == (None, "Vertrieb", None, "User 1")
    assert [leg[2] for leg in legs] == [None, None]
    assert [(entry[2], entry[3]) for entry in stored] == [(None, "User 1"), (None, "User 2")]


@pytest.mark.parametrize("name", ["x" * 10_000, "a\0b", "half \ud800 character", "Zoë 💡", "\x1b[31mred"])
def test_whatever_a_caller_is_called_is_stored(
    database: peewee.Database, journal: Journal, spool: Path, name: str
) -> None:
    journal.record(opened(1, caller_name=name, caller_number=name, channel_uuid=name))
    assert journal.stop(10) == 0
    assert calls_with(database, "1 = 1") == 1
    assert rejected(spool) == []


def test_entries_are_read_newest_call_first(database: peewee.Database, queries: list[str]) -> None:
    people(database)
    JournalStore(database).write([*whole(1), opened(2), missed(2)])
    queries.clear()
    lines = entries(database)
    assert len(queries) == 1
    assert [(line.call_id, line.user_name, line.kind) for line in lines] == [
        (call_id(2), "User 1", EntryKind.MISSED),
        (call_id(2), "User 2", EntryKind.NOT_SIGNALLED),
        (call_id(1), "User 1", EntryKind.ANSWERED),
        (call_id(1), "User 2", EntryKind.ANSWERED_ELSEWHERE),
    ]
    assert lines[3] == JournalLine(
        call_id=call_id(1),
        arrived_at_ms=T0 + 1,
        group_name="Vertrieb",
        group_number="700",
        group_domain=DOMAIN,
        caller_name="Kundin Müller",
        caller_number="+49301234",
        user_name="User 2",
        kind=EntryKind.ANSWERED_ELSEWHERE,
        rang=True,
        cause="LOSE_RACE",
        answered_by_name="User 1",
        wait_ms=4000,
        talk_ms=56000,
        outcome=Outcome.ANSWERED,
        state=CallState.ENDED,
    )


def test_a_call_that_no_member_has_an_entry_of_is_one_line(database: peewee.Database, queries: list[str]) -> None:
    people(database)
    off = ended(2, outcome=Outcome.GROUP_DISABLED, wait_ms=0, talk_ms=0)
    JournalStore(database).write([*whole(1), opened(2), off])
    queries.clear()
    line = entries(database)[0]
    assert len(queries) == 1
    assert (line.call_id, line.user_name, line.kind, line.rang, line.cause) == (call_id(2), "", None, False, "")
    assert line.outcome is Outcome.GROUP_DISABLED
    assert [found.call_id for found in entries(database, group="700")] == [call_id(2), call_id(1), call_id(1)]
    assert [found.call_id for found in entries(database, user="user1")] == [call_id(1)]


SECOND, HOUR = 1000, 3_600_000


@pytest.mark.parametrize(
    ("age_ms", "ringing", "talking"),
    [
        (0, CallState.RINGING, CallState.TALKING),
        (20 * SECOND, CallState.RINGING, CallState.TALKING),
        (51 * SECOND, CallState.END_UNKNOWN, CallState.TALKING),
        (23 * HOUR, CallState.END_UNKNOWN, CallState.TALKING),
        (25 * HOUR, CallState.END_UNKNOWN, CallState.END_UNKNOWN),
    ],
)
def test_a_call_without_an_end_is_shown_and_says_where_it_is(
    database: peewee.Database, queries: list[str], age_ms: int, ringing: CallState, talking: CallState
) -> None:
    people(database)
    execute(database, f"UPDATE {quoted(database, 'groups')} SET ring_timeout_s = 20")
    JournalStore(database).write([*whole(1), opened(2), answered(2), opened(3)])
    queries.clear()
    lines = entries(database, now_ms=T0 + 3 + age_ms)
    assert len(queries) == 1
    assert [(line.call_id, line.user_name, line.state) for line in lines] == [
        (call_id(3), "", ringing),
        (call_id(2), "User 1", talking),
        (call_id(2), "User 2", talking),
        (call_id(1), "User 1", CallState.ENDED),
        (call_id(1), "User 2", CallState.ENDED),
    ]
    assert (lines[0].kind, lines[0].outcome, lines[0].wait_ms, lines[0].talk_ms) == (None, None, None, None)
    of_user = entries(database, user="user2", now_ms=T0 + 3 + age_ms)
    assert [(line.call_id, line.state) for line in of_user] == [(call_id(2), talking), (call_id(1), CallState.ENDED)]


def test_an_unanswered_call_of_a_group_that_is_gone_may_ring_for_as_long_as_any_group_can(
    database: peewee.Database,
) -> None:
    people(database)
    JournalStore(database).write([opened(3)])
    execute(database, f"DELETE FROM {quoted(database, 'groups')}")
    (young,), (old,) = (entries(database, now_ms=T0 + seconds * SECOND) for seconds in (300, 331))
    assert (young.state, old.state) == (CallState.RINGING, CallState.END_UNKNOWN)


def test_entries_of_a_user_and_of_a_group(database: peewee.Database, queries: list[str]) -> None:
    people(database)
    group(database, "701", id=8, name="Service")
    other: list[JournalRecord] = [opened(3, group_id=8, group_name="Service", group_number="701"), missed(3)]
    JournalStore(database).write([*whole(1), opened(2), missed(2), *other])
    queries.clear()
    assert [line.call_id for line in entries(database, user="user2")] == [call_id(3), call_id(2), call_id(1)]
    assert len(queries) == 2
    assert {line.call_id for line in entries(database, group="Vertrieb")} == {call_id(1), call_id(2)}
    assert [line.call_id for line in entries(database, group="701", user="user1")] == [call_id(3)]
    assert len(entries(database, limit=3)) == 3


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"user": "zoe"}, "there is no user 'zoe': the name that the user was loaded with is accepted"),
        ({"group": "999"}, "there is no group '999': the name or the number of a group is accepted"),
    ],
)
def test_entries_of_nobody_are_refused(sqlite: peewee.Database, wanted: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as refused:
        entries(sqlite, **wanted)
    assert str(refused.value) == sentence
