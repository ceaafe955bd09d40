"""The calls without an end: which are found, and that nobody reads the whole journal for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import peewee
import pytest

from esl_huntgroup.db.engine import dialect, execute, insert_rows
from esl_huntgroup.recovery import open_calls as module
from esl_huntgroup.recovery.channel_state import OpenCall
from esl_huntgroup.recovery.open_calls import ORPHANED_MS, RECENT_MS, open_calls, orphans
from tests.database.rows import DOMAIN, insert

NOW_MS = 1_795_000_000_000
HOUR_MS = 3_600_000
ENDED = 3000
INDEX = "calls_without_end"


def call(at_ms: int, node: str = "fs1", *, ended_at_ms: int | None = None, number: int = 0) -> dict[str, Any]:
    time = f"{at_ms:012x}"
    names = dict.fromkeys(("channel_uuid", "group_name", "caller_number", "caller_name"), "x")
    return {
        "call_id": f"{time[:8]}-{time[8:]}-7000-8000-{number:012x}",
        "node": node,
        "group_number": "700",
        "group_domain": DOMAIN,
        "arrived_at_ms": at_ms,
        "ended_at_ms": ended_at_ms,
        **names,
    }


@pytest.fixture
def journal(database: peewee.Database) -> peewee.Database:
    """Give a journal of a week with five calls that go on: three here, one at another switch, one that is old."""
    columns = list(call(0))
    ended = [call(NOW_MS - n * 200_000, f"fs{n % 4}", ended_at_ms=NOW_MS, number=n) for n in range(1, ENDED)]
    insert_rows(database, "calls", columns, [tuple(row.values()) for row in ended])
    for hours in (3, 2, 1):
        insert(database, "calls", **call(NOW_MS - hours * HOUR_MS))
    insert(database, "calls", **call(NOW_MS - 2 * ORPHANED_MS, "fs2"))
    insert(database, "calls", **call(NOW_MS - 2 * RECENT_MS, "fs3"))
    execute(database, "ANALYZE TABLE calls" if dialect(database) == "mariadb" else "ANALYZE")
    return database


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How the database reads the table of calls, in its own words, for each query of the module."""
    seen: list[str] = []

    def explained(db: peewee.Database, sql: str, parameters: Sequence[object] = ()) -> Any:
        how = "EXPLAIN QUERY PLAN" if dialect(db) == "sqlite" else "EXPLAIN"
        seen.append(str([tuple(row) for row in execute(db, f"{how} {sql}", parameters).fetchall()]))
        return execute(db, sql, parameters)

    monkeypatch.setattr(module, "execute", explained)
    return seen


def ages_h(found: Sequence[OpenCall]) -> list[int]:
    return [(NOW_MS - it.arrived_at_ms) // HOUR_MS for it in found]


@pytest.mark.parametrize("since_ms", [0, NOW_MS - RECENT_MS])
def test_the_open_calls_of_a_switch_are_read_from_their_index(
    journal: peewee.Database, plans: list[str], since_ms: int
) -> None:
    assert ages_h(open_calls(journal, "fs1", since_ms)) == [3, 2, 1]
    (plan,) = plans
    assert INDEX in plan


def test_old_calls_of_other_switches_are_read_from_the_same_index(journal: peewee.Database, plans: list[str]) -> None:
    assert sorted(ages_h(orphans(journal, {"fs1"}, NOW_MS))) == [2 * 24, 14 * 24]
    assert ages_h(orphans(journal, {"fs1", "fs2"}, NOW_MS)) == [14 * 24]
    assert all(INDEX in plan for plan in plans)


@pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)
def test_the_index_holds_nothing_but_what_is_open(journal: peewee.Database) -> None:
    (index,) = [it for it in journal.get_indexes("calls") if it.name == INDEX]
    assert index.columns == ["node", "call_id"]
    assert "WHERE ended_at_ms IS NULL" in index.sql.replace("(", "").replace(")", "")


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_sqlite_needs_no_statistics_for_it(journal: peewee.Database, plans: list[str]) -> None:
    execute(journal, "DELETE FROM sqlite_stat1")
    journal.close()
    open_calls(journal, "fs1", NOW_MS - RECENT_MS)
    orphans(journal, {"fs1"}, NOW_MS)
    assert [INDEX in plan for plan in plans] == [True, True]


def test_an_open_call_that_has_an_answer_and_no_leg_that_gave_it_was_picked_up(database: peewee.Database) -> None:
    for number, (answered_at_ms, cause) in enumerate(((NOW_MS, "NONE"), (NOW_MS, "PICKED_OFF"), (None, ""))):
        row = call(NOW_MS, number=number)
        insert(database, "calls", **row, answered_at_ms=answered_at_ms)
        if cause:
            names = {"line": "1", "contact": "a", "cause": cause, "rang": True}
            insert(database, "legs", call_id=row["call_id"], number=1, **names)

    assert [it.was_picked_up for it in open_calls(database, "fs1", 0)] == [False, True, False]
