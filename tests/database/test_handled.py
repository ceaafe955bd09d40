"""Missed calls are handled, for all or for one, and every change of the journal is told."""

from __future__ import annotations

import dataclasses
import threading
from typing import Any

import peewee
import pytest

from esl_huntgroup.db.engine import execute, open_database, quoted
from esl_huntgroup.journal import changes, handled
from esl_huntgroup.journal.changes import Change, ChangeReader
from esl_huntgroup.journal.handled import UNHANDLED, How, handle, unhandle
from esl_huntgroup.journal.records import EntryRecord
from esl_huntgroup.journal.store import Gone, JournalStore
from esl_huntgroup.model.outcome import EntryKind
from tests.database.rows import user
from tests.database.test_journal import T0, answered, call_id, ended, missed, opened, people, unseen, whole

BY_ANNA = (T0 + 99_000, "Anna Berg", "by_hand")
NOBODY = (None, None, None)
LATER = T0 + 99_000


@pytest.fixture
def journal(database: peewee.Database) -> peewee.Database:
    """Give a journal with one call that everybody has missed, one that was answered, and no changes yet."""
    people(database)
    JournalStore(database).write([opened(1), missed(1), *whole(2)])
    execute(database, "DELETE FROM journal_changes")
    return database


def own_missed_calls(db: peewee.Database) -> None:
    execute(db, f"UPDATE {quoted(db, 'groups')} SET missed_shared = FALSE")


def marks(db: peewee.Database, call: str) -> list[Any]:
    sql = (
        f"SELECT handled_at_ms, handled_by_name, handled_how FROM journal_entries WHERE call_id = {db.param}"
        " ORDER BY position"
    )
    return [tuple(row) for row in execute(db, sql, (call,)).fetchall()]


def told(db: peewee.Database) -> list[tuple[str, ...]]:
    return [change.call_ids for change in changes.since(db, 0, 100)]


def test_one_handles_a_missed_call_for_all_and_takes_it_back(journal: peewee.Database) -> None:
    assert handle(journal, call_id(1), 1, "Anna Berg", LATER) is True
    assert marks(journal, call_id(1)) == [BY_ANNA, BY_ANNA]
    assert handle(journal, call_id(1), 2, "Bernd", LATER + 1) is False
    assert marks(journal, call_id(1)) == [BY_ANNA, BY_ANNA]
    assert unhandle(journal, call_id(1), 2, "Bernd", LATER + 2) is True
    assert unhandle(journal, call_id(1), 2, "Bernd", LATER + 3) is False
    assert marks(journal, call_id(1)) == [NOBODY, NOBODY]
    reopened = execute(journal, "SELECT DISTINCT reopened_at_ms FROM journal_entries WHERE kind <> 'answered'")
    assert {row[0] for row in reopened.fetchall()} == {LATER + 2, None}
    assert told(journal) == [(call_id(1),), (call_id(1),)]


def test_each_handles_his_own_where_missed_calls_are_not_shared(journal: peewee.Database) -> None:
    own_missed_calls(journal)
    assert handle(journal, call_id(1), 2, "Anna Berg", LATER) is True
    assert marks(journal, call_id(1)) == [NOBODY, BY_ANNA]
    assert unhandle(journal, call_id(1), 1, "Bernd", LATER) is False
    assert handle(journal, call_id(1), 9, "Nobody", LATER) is False
    assert marks(journal, call_id(1)) == [NOBODY, BY_ANNA]
    assert told(journal) == [(call_id(1),)]


def test_a_missed_call_of_a_group_that_is_gone_is_handled_for_all(journal: peewee.Database) -> None:
    execute(journal, f"DELETE FROM {quoted(journal, 'groups')}")
    assert handle(journal, call_id(1), 1, "Anna Berg", LATER) is True
    assert marks(journal, call_id(1)) == [BY_ANNA, BY_ANNA]


def test_what_nobody_has_missed_cannot_be_handled(journal: peewee.Database) -> None:
    assert handle(journal, call_id(2), 1, "Anna Berg", LATER) is False
    assert handle(journal, call_id(3), 1, "Anna Berg", LATER) is False
    assert marks(journal, call_id(2)) == [NOBODY, NOBODY]
    assert told(journal) == []


def test_a_record_that_is_stored_once_more_leaves_the_mark(journal: peewee.Database) -> None:
    handle(journal, call_id(1), 1, "Anna Berg", LATER)
    JournalStore(journal).write([opened(1), missed(1)])
    assert marks(journal, call_id(1)) == [BY_ANNA, BY_ANNA]


@pytest.mark.parametrize("is_shared", [True, False])
def test_a_mark_stays_when_who_has_seen_an_interrupted_call_tells_it(
    database: peewee.Database, *, is_shared: bool
) -> None:
    people(database)
    user(database, 3)
    if not is_shared:
        own_missed_calls(database)
    store = JournalStore(database)
    store.write([opened(1), unseen(1), opened(2), unseen(2), opened(3), unseen(3)])
    for number in (1, 2, 3):
        handle(database, call_id(number), 2, "Anna Berg", LATER)
    unhandle(database, call_id(2), 2, "Anna Berg", LATER + 1)
    third = EntryRecord(3, 3, "User 3", EntryKind.MISSED, True, "NO_ANSWER")
    told = [dataclasses.replace(missed(number), entries=(*missed(number).entries, third)) for number in (1, 2)]
    store.write([*told, answered(3), ended(3)])
    assert marks(database, call_id(1)) == [BY_ANNA if is_shared else NOBODY, BY_ANNA, BY_ANNA if is_shared else NOBODY]
    assert marks(database, call_id(2)) == [NOBODY] * 3
    assert marks(database, call_id(3)) == [NOBODY] * 2
    sql = "SELECT reopened_at_ms FROM journal_entries WHERE call_id = {0} ORDER BY position"
    reopened = execute(database, sql.format(database.param), (call_id(2),)).fetchall()
    others = LATER + 1 if is_shared else None
    assert [row[0] for row in reopened] == [others, LATER + 1, others]


def test_the_mark_of_somebody_who_was_removed_meanwhile_stays(database: peewee.Database) -> None:
    people(database)
    own_missed_calls(database)
    store = JournalStore(database)
    store.write([opened(1), unseen(1)])
    handle(database, call_id(1), 2, "Anna Berg", LATER)
    execute(database, f"DELETE FROM {quoted(database, 'users')} WHERE id = 2")
    store.write([missed(1)], Gone(users={2}))
    assert marks(database, call_id(1)) == [NOBODY, BY_ANNA]


def test_a_name_that_is_too_long_is_cut(journal: peewee.Database) -> None:
    handle(journal, call_id(1), 1, "ß" * 500, LATER)
    assert {row[1] for row in marks(journal, call_id(1))} == {"ß" * 128}


def test_of_two_at_the_same_time_one_handles_it(url: str, journal: peewee.Database) -> None:
    found: list[bool] = []

    def run(user_id: int) -> None:
        db = open_database(url)
        found.append(handle(db, call_id(1), user_id, f"User {user_id}", LATER))
        db.close()

    threads = [threading.Thread(target=run, args=(user_id,)) for user_id in (1, 2, 1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(found) == [False, False, False, True]
    assert told(journal) == [(call_id(1),)]


def test_the_unhandled_entries_of_a_user_are_found_by_their_index(journal: peewee.Database) -> None:
    sql = (
        f"SELECT e.call_id FROM journal_entries e WHERE e.user_id = 2 AND {UNHANDLED} ORDER BY e.call_id DESC LIMIT 50"
    )
    assert [row[0] for row in execute(journal, sql).fetchall()] == [call_id(1)]
    if isinstance(journal, peewee.PostgresqlDatabase):
        execute(journal, "SET enable_seqscan = off")
        execute(journal, "SET enable_sort = off")
    plan = " EXPLAIN QUERY PLAN " if isinstance(journal, peewee.SqliteDatabase) else "EXPLAIN "
    shown = str(execute(journal, plan + sql).fetchall())
    assert "journal_entries_unhandled" in shown


def test_the_ways_are_those_that_the_database_accepts(journal: peewee.Database) -> None:
    for how in How:
        execute(journal, f"UPDATE journal_entries SET handled_how = '{how.value}'")
    assert handled.NAME_MAX_CHARS == 128


# -- what has changed --------------------------------------------------------------------------------------------------


def test_each_transaction_tells_the_calls_that_it_has_touched_once(database: peewee.Database) -> None:
    people(database)
    store = JournalStore(database)
    store.write([opened(1), opened(2), *whole(1)])
    store.write([missed(2)])
    store.write([])
    assert [set(ids) for ids in told(database)] == [{call_id(1), call_id(2)}, {call_id(2)}]
    assert len(told(database)[0]) == 2
    assert changes.newest(database) == changes.since(database, 0, 9)[-1].id


def test_what_nobody_believes_is_not_told(database: peewee.Database) -> None:
    people(database)
    store = JournalStore(database)
    store.write(whole(1))
    store.write([opened(2)])
    before = changes.newest(database)
    store.write([unseen(1)])
    assert changes.newest(database) == before
    store.write([unseen(2)])
    assert [change.call_ids for change in changes.since(database, before, 9)] == [(call_id(2),)]


def test_a_transaction_that_fails_tells_nothing(database: peewee.Database) -> None:
    from esl_huntgroup.journal.store import Refused

    people(database)
    with pytest.raises(Refused):
        JournalStore(database).write([opened(1), missed(2)])
    assert told(database) == []


def test_old_changes_are_forgotten_up_to_what_was_read(database: peewee.Database) -> None:
    for number in (1, 2, 3):
        changes.note(database, [call_id(number)], T0 + number)
    first, second, _ = (change.id for change in changes.since(database, 0, 9))
    changes.forget(database, second, T0 + 2)
    assert told(database) == [(call_id(2),), (call_id(3),)]
    changes.forget(database, first, T0 + 9)
    assert told(database) == [(call_id(2),), (call_id(3),)]


@pytest.mark.parametrize("url", ["postgresql", "mariadb"], indirect=True)
def test_a_change_that_is_committed_late_is_not_lost(url: str, database: peewee.Database) -> None:
    now = [0.0]
    reader = ChangeReader(changes.newest(database), clock=lambda: now[0])
    began = reader.position
    other = open_database(url)
    with other.atomic():
        changes.note(other, ["late"], T0)
        changes.note(database, ["early"], T0)
        assert [change.call_ids for change in reader.read(database, 9)] == [("early",)]
        assert reader.position == began
        assert reader.read(database, 9) == []
        resumed = ChangeReader(reader.position, clock=lambda: now[0])
    assert [change.call_ids for change in reader.read(database, 9)] == [("late",)]
    assert reader.position == changes.newest(database)
    assert [change.call_ids for change in resumed.read(database, 9)] == [("late",), ("early",)]
    assert reader.read(database, 9) == []
    other.close()


@pytest.mark.parametrize("url", ["postgresql", "mariadb"], indirect=True)
def test_a_transaction_that_never_commits_holds_the_position_for_a_minute(url: str, database: peewee.Database) -> None:
    now = [0.0]
    reader = ChangeReader(changes.newest(database), clock=lambda: now[0])
    with database.atomic() as transaction:
        changes.note(database, ["never"], T0)
        transaction.rollback()
    changes.note(database, ["early"], T0)
    assert len(reader.read(database, 9)) == 1
    assert reader.position < changes.newest(database)
    now[0] = changes.GAP_S
    assert reader.read(database, 9) == []
    assert reader.position == changes.newest(database)


def test_a_reader_goes_on_where_its_limit_has_ended(database: peewee.Database) -> None:
    for number in range(5):
        changes.note(database, [str(number)], T0)
    reader = ChangeReader(0)
    found = [reader.read(database, 2) for _ in range(4)]
    assert [[change.call_ids for change in part] for part in found] == [
        [("0",), ("1",)], [("2",), ("3",)], [("4",)], [],
    ]  # fmt: skip


def test_a_change_is_a_value() -> None:
    assert Change(1, 2, ("a",)) == Change(1, 2, ("a",))
