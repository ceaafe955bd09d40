"""Whose phones are being rung stands in the row of the call, however the records come; outgoing calls have rows."""

from __future__ import annotations

import peewee
import pytest

from esl_huntgroup.db.engine import execute
from esl_huntgroup.journal import changes
from esl_huntgroup.journal.records import CallRinging, JournalRecord, OutgoingCall
from esl_huntgroup.journal.store import JournalStore, Refused
from tests.database.test_journal import call_id, ended, opened, people


def ringing(db: peewee.Database) -> list[str | None]:
    return [row[0] for row in execute(db, "SELECT ringing FROM calls ORDER BY call_id").fetchall()]


def rings(number: int = 1, *user_ids: int) -> CallRinging:
    return CallRinging(call_id(number), user_ids or (1, 2))


@pytest.mark.parametrize(
    "batches",
    [
        [[opened(), rings()]],
        [[opened()], [rings()]],
        [[opened()], [opened(), rings()]],
        [[opened(), rings()], [opened()]],
        [[opened(), rings()], [opened(), rings()]],
        [[opened(), rings(), opened(), rings()]],
    ],
)
def test_it_is_known_who_rings_in_whatever_portions_it_is_told(
    database: peewee.Database, batches: list[list[JournalRecord]]
) -> None:
    people(database)
    for batch in batches:
        JournalStore(database).write(batch)
    assert ringing(database) == ["[1,2]"]
    assert [change.call_ids for change in changes.since(database, 0, 9)] == [(call_id(1),)] * len(batches)


def test_each_call_has_its_own(database: peewee.Database) -> None:
    people(database)
    JournalStore(database).write([opened(1), opened(2), rings(2, 2), opened(3), rings(1, 1)])
    assert ringing(database) == ["[1]", "[2]", None]


def test_the_end_of_a_call_leaves_it_to_its_readers(database: peewee.Database) -> None:
    people(database)
    JournalStore(database).write([opened(), rings(), ended()])
    assert ringing(database) == ["[1,2]"]


def test_who_rings_in_no_call_is_refused(database: peewee.Database) -> None:
    people(database)
    with pytest.raises(Refused, match="no call with this id"):
        JournalStore(database).write([rings()])


def test_an_outgoing_call_is_stored_once_and_changes_no_call(database: peewee.Database) -> None:
    people(database)
    store = JournalStore(database)
    told = OutgoingCall("channel-1", "fs1", "101@example.org", "0301234567", 5)
    store.write([told])
    store.write([told, told])
    rows = execute(
        database, "SELECT channel_uuid, node, line, number, answered_at_ms, followed_at_ms FROM outgoing_calls"
    )
    assert [tuple(row) for row in rows.fetchall()] == [("channel-1", "fs1", "101@example.org", "0301234567", 5, None)]
    assert changes.newest(database) == 0


def test_what_is_too_long_of_an_outgoing_call_is_cut(database: peewee.Database) -> None:
    JournalStore(database).write([OutgoingCall("u" * 500, "n" * 500, "l" * 500, "5" * 500, 5)])
    row = execute(database, "SELECT channel_uuid, node, line, number FROM outgoing_calls").fetchone()
    assert [len(value) for value in row] == [128, 255, 320, 128]
