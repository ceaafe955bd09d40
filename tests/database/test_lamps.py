"""The board knows what goes on in the groups that have a lamp, whoever writes it into the journal."""

from __future__ import annotations

from typing import Any

import peewee
import pytest

from esl_huntgroup.db.engine import execute, quoted
from esl_huntgroup.journal import changes
from esl_huntgroup.lamps import board as module
from esl_huntgroup.lamps.board import Board
from esl_huntgroup.lamps.lamp import IDLE, Lamp, LampState
from tests.database.rows import DOMAIN, group, insert

NOW_MS = 1_795_000_000_000
A, B = f"700@{DOMAIN}", f"701@{DOMAIN}"
RINGS = Lamp(LampState.RINGING, "Anna", "3001")
TALKS = Lamp(LampState.TALKING, "Anna", "3001")


@pytest.fixture
def firm(database: peewee.Database) -> peewee.Database:
    """Give two groups with a lamp, one without, and one that is no hunt group any more."""
    group(database, "700", id=1, lamp=True)
    group(database, "701", id=2, lamp=True)
    group(database, "702", id=3)
    group(database, None, id=4, lamp=True)
    return database


def call_id(number: int) -> str:
    time = f"{NOW_MS - 1000:012x}"
    return f"{time[:8]}-{time[8:]}-7000-8000-{number:012x}"


def call(db: peewee.Database, number: int, group_id: int | None = 1, name: str = "Anna", **more: object) -> None:
    names = dict.fromkeys(("channel_uuid", "group_name", "group_number", "node"), "x")
    with db.atomic():
        insert(
            db, "calls", call_id=call_id(number), group_id=group_id, group_domain=DOMAIN, caller_number="3001",
            caller_name=name, arrived_at_ms=NOW_MS - 1000, **(names | more),
        )  # fmt: skip
        changes.note(db, [call_id(number)])


def change(db: peewee.Database, number: int, **values: object) -> None:
    with db.atomic():
        settings = ", ".join(f"{name} = {db.param}" for name in values)
        sql = f"UPDATE calls SET {settings} WHERE call_id = {db.param}"
        execute(db, sql, (*values.values(), call_id(number)))
        changes.note(db, [call_id(number)])


@pytest.mark.parametrize("is_late", [False, True])
def test_a_call_from_its_arrival_to_its_end(firm: peewee.Database, is_late: bool) -> None:
    board = Board(firm, lambda: NOW_MS)

    def look() -> dict[str, Lamp]:
        return (Board(firm, lambda: NOW_MS) if is_late else board).look()

    assert look() == {A: IDLE, B: IDLE}
    call(firm, 1)
    assert look() == {A: IDLE, B: IDLE}
    change(firm, 1, ringing="[5]")
    assert look() == {A: RINGS, B: IDLE}
    change(firm, 1, answered_at_ms=NOW_MS)
    assert look() == {A: TALKS, B: IDLE}
    change(firm, 1, ended_at_ms=NOW_MS, wait_ms=1, talk_ms=1, outcome="answered")
    assert look() == {A: IDLE, B: IDLE}


def test_several_calls_of_several_groups_and_switches(firm: peewee.Database) -> None:
    board = Board(firm, lambda: NOW_MS)
    board.look()
    call(firm, 1, ringing="[5]", node="fs1", answered_at_ms=NOW_MS)
    call(firm, 2, name="Ben", ringing="[5]", node="fs2")
    call(firm, 3, 3, ringing="[5]")
    call(firm, 4, None, ringing="[5]")
    call(firm, 5, 2, ringing="[5]")
    assert board.look() == {A: Lamp(LampState.RINGING, "Ben", "3001"), B: RINGS}
    change(firm, 2, ended_at_ms=NOW_MS, wait_ms=1, outcome="no_answer")
    assert board.look() == {A: TALKS, B: RINGS}


def test_a_lamp_can_be_wanted_and_taken_away_while_calls_go_on(firm: peewee.Database) -> None:
    board = Board(firm, lambda: NOW_MS)
    call(firm, 1, 3, ringing="[5]")
    assert board.look() == {A: IDLE, B: IDLE}
    execute(firm, f"UPDATE {quoted(firm, 'groups')} SET lamp = TRUE WHERE id = 3")
    assert board.look()[f"702@{DOMAIN}"] == RINGS
    execute(firm, f"UPDATE {quoted(firm, 'groups')} SET lamp = FALSE")
    call(firm, 2, 1, ringing="[5]")
    assert board.look() == {}
    execute(firm, f"UPDATE {quoted(firm, 'groups')} SET lamp = TRUE WHERE id = 1")
    assert board.look() == {A: RINGS}


def test_a_lamp_moves_with_the_number_of_its_group(firm: peewee.Database) -> None:
    board = Board(firm, lambda: NOW_MS)
    call(firm, 1, ringing="[5]")
    assert board.look()[A] == RINGS
    execute(firm, f"UPDATE {quoted(firm, 'groups')} SET number = '790' WHERE id = 1")
    assert board.look() == {f"790@{DOMAIN}": RINGS, B: IDLE}


def test_after_an_outage_it_begins_anew(firm: peewee.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    board = Board(firm, lambda: NOW_MS)
    call(firm, 1, ringing="[5]")
    board.look()

    def broken(*_: object) -> None:
        raise peewee.OperationalError("away")

    with monkeypatch.context() as away:
        away.setattr(module, "rows", broken)
        with pytest.raises(peewee.OperationalError, match="away"):
            board.look()
    execute(firm, "DELETE FROM journal_changes")
    execute(firm, "UPDATE calls SET answered_at_ms = arrived_at_ms")
    assert board.look() == {A: TALKS, B: IDLE}


def test_where_nothing_happens_little_is_asked(firm: peewee.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    board = Board(firm, lambda: NOW_MS)
    call(firm, 1, ringing="[5]")
    board.look()
    asked: list[str] = []
    run: Any = firm.execute_sql

    def noted(sql: str, *rest: object) -> Any:
        asked.append(sql)
        return run(sql, *rest)

    monkeypatch.setattr(firm, "execute_sql", noted)
    board.look()
    assert len(asked) == 2
    execute(firm, f"UPDATE {quoted(firm, 'groups')} SET lamp = FALSE")
    asked.clear()
    board.look()
    assert len(asked) == 1
