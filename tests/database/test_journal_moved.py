"""Calls whose caller goes elsewhere while it rings: one right row, in whatever order and how often it is told."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import peewee
import pytest

from esl_huntgroup.db.engine import execute
from esl_huntgroup.journal.recorder import entries
from esl_huntgroup.journal.records import CallEnded, CallMoved, EntryRecord, JournalRecord, LegRecord
from esl_huntgroup.journal.store import JournalStore
from esl_huntgroup.model.call_state import CallState
from esl_huntgroup.model.outcome import EntryKind, Outcome
from esl_huntgroup.recovery.open_calls import complete, open_calls
from tests.database.journal_lab import Journal
from tests.database.rows import DOMAIN
from tests.database.test_journal import (
    T0,
    WORKER,
    answered,
    call_id,
    ended,
    everything,
    missed,
    opened,
    people,
    rejected,
    unseen,
    whole,
)
from tests.database.test_journal_writer import Lab

X = "aaaaaaaa-0000-4000-8000-000000000000"


def moved(number: int = 1, **values: Any) -> CallMoved:
    return dataclasses.replace(CallMoved(call_id(number), X, "4711", "Xaver Kunde"), **values)


PICKED_OFF_LEGS = tuple(
    LegRecord(n, n, f"10{n}@{DOMAIN}", f"sofia/internal/sip:10{n}@192.0.2.{n}", "PICKED_OFF", True) for n in (1, 2)
)
PICKED_OFF_ENTRIES = (
    EntryRecord(1, 1, "User 1", EntryKind.ANSWERED_ELSEWHERE, True, "PICKED_OFF"),
    EntryRecord(2, 2, "User 2", EntryKind.ANSWERED, True, "PICKED_OFF"),
)


def picked_up(number: int = 1, *, by: int | None = 2) -> list[JournalRecord]:
    """Return what is told of a call that somebody picked up: user 2, or (None) whoever has the number 5555."""
    blue = PICKED_OFF_ENTRIES[1]._replace(kind=EntryKind.ANSWERED_ELSEWHERE)
    name, views = ("User 2", PICKED_OFF_ENTRIES) if by else ("5555", (PICKED_OFF_ENTRIES[0], blue))
    taken = answered(
        number, answered_by_user_id=by, answered_by_name=name, legs=PICKED_OFF_LEGS, entries=views, wait_ms=4000
    )
    return [opened(number), taken, ended(number, outcome=Outcome.PICKED_UP)]


TRANSFERRED: list[JournalRecord] = [opened(), moved(), answered(), ended()]
TOLD = {
    "transferred and answered": TRANSFERRED,
    "transferred and missed": [opened(), moved(), missed()],
    "picked up": picked_up(),
    "picked up by a stranger": picked_up(by=None),
}


def written_at_once(db: peewee.Database, records: Sequence[JournalRecord]) -> list[list[tuple[object, ...]]]:
    """Return the rows that the records make in one transaction, and leave the journal empty."""
    JournalStore(db).write(records)
    found = everything(db)
    for table in ("journal_entries", "legs", "calls"):
        execute(db, f"DELETE FROM {table}")
    return found


@pytest.fixture
def firm(database: peewee.Database) -> peewee.Database:
    people(database)
    return database


def test_who_takes_the_callers_place_is_the_caller_and_the_rest_of_the_call_stays(firm: peewee.Database) -> None:
    JournalStore(firm).write(whole(1))
    ((before,), legs, views) = everything(firm)
    JournalStore(firm).write([moved()])
    ((call,), *others) = everything(firm)
    assert (call[2], call[7], call[8]) == (X, "4711", "Xaver Kunde")
    assert [value for at, value in enumerate(call) if at not in (2, 7, 8)] == [
        value for at, value in enumerate(before) if at not in (2, 7, 8)
    ]
    assert others == [legs, views]


def test_a_call_that_was_picked_up_is_stored_as_that_with_who_has_it_and_a_talk_time(firm: peewee.Database) -> None:
    JournalStore(firm).write(picked_up())
    ((call,), legs, views) = everything(firm)
    assert call == (
        *(call_id(1), "fs1", "leg-a", 7, "Vertrieb", "700", DOMAIN, "+49301234", "Kundin Müller"),
        *(T0 + 1, T0 + 4000, T0 + 60000, 4000, 56000, 2, "User 2", "picked_up", "NORMAL_CLEARING", "", WORKER),
    )
    assert legs == [(call_id(1), *leg) for leg in PICKED_OFF_LEGS]
    assert views == [(call_id(1), *entry) for entry in PICKED_OFF_ENTRIES]


def test_a_call_that_a_stranger_picked_up_has_their_number_and_no_user(firm: peewee.Database) -> None:
    JournalStore(firm).write(picked_up(by=None))
    ((call,), _, _) = everything(firm)
    assert (call[14], call[15], call[16]) == (None, "5555", "picked_up")
    lines = entries(firm)
    assert [(line.kind, line.answered_by_name, line.outcome, line.state) for line in lines] == [
        (EntryKind.ANSWERED_ELSEWHERE, "5555", Outcome.PICKED_UP, CallState.ENDED)
    ] * 2
    assert {line.talk_ms for line in lines} == {56000}


@pytest.mark.parametrize("told", TOLD.values(), ids=list(TOLD))
def test_in_whatever_order_it_is_told_it_is_one_right_call(firm: peewee.Database, told: list[JournalRecord]) -> None:
    right = written_at_once(firm, told)
    first, *rest = told
    for order in itertools.permutations(rest):
        for record in (first, *order):
            JournalStore(firm).write([record])
        assert everything(firm) == right
        assert written_at_once(firm, [first, *order]) == right


@pytest.mark.parametrize("told", TOLD.values(), ids=list(TOLD))
def test_told_again_from_any_point_it_is_the_same_call(firm: peewee.Database, told: list[JournalRecord]) -> None:
    right = written_at_once(firm, told)
    JournalStore(firm).write(told)
    for start in range(len(told)):
        for record in told[start:]:
            JournalStore(firm).write([record])
        JournalStore(firm).write([*told[start:], *told])
        assert everything(firm) == right


@pytest.mark.parametrize("told", TOLD.values(), ids=list(TOLD))
@pytest.mark.parametrize("is_one_batch", [True, False])
def test_who_has_seen_the_call_is_believed_and_not_who_closed_it(
    firm: peewee.Database, told: list[JournalRecord], is_one_batch: bool
) -> None:
    right = written_at_once(firm, told)
    for at in range(1, len(told) + 1):
        records = [*told[:at], unseen(), *told[at:]]
        for batch in [records] if is_one_batch else [[record] for record in records]:
            JournalStore(firm).write(batch)
        assert written_at_once(firm, [opened()]) == right


def test_calls_of_every_kind_in_one_transaction_do_not_mix(firm: peewee.Database) -> None:
    batch = [
        *picked_up(1),
        opened(2),
        moved(2),
        answered(2),
        ended(2),
        *whole(3),
        opened(4),
        moved(4, channel_uuid="y"),
    ]
    JournalStore(firm).write(batch)
    calls, _, _ = everything(firm)
    assert [(call[2], call[8], call[15], call[16]) for call in calls] == [
        ("leg-a", "Kundin Müller", "User 2", "picked_up"),
        (X, "Xaver Kunde", "User 1", "answered"),
        ("leg-a", "Kundin Müller", "User 1", "answered"),
        ("y", "Xaver Kunde", "", None),
    ]


@pytest.mark.parametrize("name", ["x" * 10_000, "a\0b", "half \ud800 character", "Zoë 💡", ""])
def test_whatever_who_takes_the_callers_place_is_called_is_stored(firm: peewee.Database, name: str) -> None:
    JournalStore(firm).write([opened(), moved(caller_name=name, caller_number=name, channel_uuid=name)])
    ((call,), _, _) = everything(firm)
    assert "Kundin" not in str(call[8])
    assert str(call[7]) in name.replace("\0", "").replace("\ud800", "?")


# -- after an outage --------------------------------------------------------------------------------------------------


def test_an_outage_loses_neither_a_transfer_nor_a_pickup(url: str, firm: peewee.Database, tmp_path: Path) -> None:
    told = [*TRANSFERRED, *picked_up(2), *picked_up(3, by=None), opened(4), moved(4), missed(4)]
    right = written_at_once(firm, told)
    lab = Lab(url, tmp_path / "spool")
    lab.doors.shut = True
    for record in told:
        lab.tell(record)
        lab.writer.round()
    assert lab.waiting() == len(told)
    assert everything(firm) == [[], [], []]
    lab.doors.shut = False
    lab.settle()
    assert (lab.waiting(), everything(firm), rejected(tmp_path / "spool")) == (0, right, [])
    lab.tell(*told)  # a writer that is killed before it has noted how far it is does it again
    lab.settle()
    assert (lab.waiting(), everything(firm), rejected(tmp_path / "spool")) == (0, right, [])
    lab.close()


def test_a_transfer_of_a_call_that_is_not_known_is_put_aside_and_holds_up_nothing(
    url: str, firm: peewee.Database, tmp_path: Path
) -> None:
    journal = Journal(url, tmp_path / "spool", retry_first_s=0.05)
    journal.start()
    for record in (moved(9), *TRANSFERRED):
        journal.record(record)
    assert journal.stop(10) == 0
    assert [line["record"] for line in rejected(tmp_path / "spool")] == ["CallMoved"]
    ((call,), _, _) = everything(firm)
    assert (call[0], call[2], call[16]) == (call_id(1), X, "answered")


# -- the second witness -----------------------------------------------------------------------------------------------


def test_the_second_witness_asks_for_the_channel_that_took_the_callers_place(firm: peewee.Database) -> None:
    JournalStore(firm).write([opened(), moved(), answered(), opened(2), answered(2)])
    assert [call.channel_uuid for call in open_calls(firm, "fs1", 0)] == [X, "leg-a"]


def test_of_two_who_tell_the_end_of_a_call_that_was_picked_up_the_first_is_stored(firm: peewee.Database) -> None:
    *told, end = picked_up()
    assert isinstance(end, CallEnded)
    JournalStore(firm).write(told)
    (call,) = open_calls(firm, "fs1", 0)
    assert complete(firm, call, [end])
    after = everything(firm)
    assert not complete(firm, call, [dataclasses.replace(end, talk_ms=1, cause="INTERRUPTED")])
    assert everything(firm) == after
    assert open_calls(firm, "fs1", 0) == []
