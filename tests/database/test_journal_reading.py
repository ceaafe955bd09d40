"""The journal can be read: by time, caller, outcome and kind, page after page, by calls, and as CSV."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Callable
from typing import Any

import peewee
import pytest
from click.testing import CliRunner, Result

from esl_huntgroup.cli import cli
from esl_huntgroup.db.engine import execute
from esl_huntgroup.errors import InputError
from esl_huntgroup.journal import conditions, query
from esl_huntgroup.journal.conditions import Cursor, Wanted
from esl_huntgroup.journal.handled import handle
from esl_huntgroup.journal.store import JournalStore
from esl_huntgroup.model.call_ids import bounds, first_at, is_short, short
from esl_huntgroup.model.outcome import EntryKind, Outcome
from tests.database.test_journal import answered, ended, missed, opened, people

DAY_MS = 86_400_000
FIRST_MS = 1_795_000_000_000
"""A day in November 2026."""
COUNT = 30

Run = Callable[..., Result]


def call_id(number: int, ms: int | None = None) -> str:
    at = first_at(FIRST_MS + number * DAY_MS if ms is None else ms)
    return f"{at[:14]}7000-8000-{number:08x}0000"


def fill(db: peewee.Database) -> None:
    """One call a day: every third is missed, the others are answered; callers 0300 to 0304 by turns."""
    people(db)
    records: list[Any] = []
    for number in range(COUNT):
        its_id, at_ms = call_id(number), FIRST_MS + number * DAY_MS
        parts: list[Any] = [missed()] if number % 3 == 0 else [answered(), ended()]
        records.append(opened(call_id=its_id, arrived_at_ms=at_ms, caller_number=f"030{number % 5}"))
        records += [dataclasses.replace(part, call_id=its_id) for part in parts]
    JournalStore(db).write(records)


def numbers(page: query.Page) -> list[int]:
    """Return which calls a page has, each once, in order."""
    return list(dict.fromkeys(int(line.call_id[24:32], 16) for line in page.lines))


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(), range(COUNT)),
        (Wanted(since_ms=FIRST_MS + 25 * DAY_MS), range(25, COUNT)),
        (Wanted(until_ms=FIRST_MS + 3 * DAY_MS), range(3)),
        (Wanted(since_ms=FIRST_MS + 4 * DAY_MS, until_ms=FIRST_MS + 5 * DAY_MS), [4]),
        (Wanted(caller="0302"), range(2, COUNT, 5)),
        (Wanted(outcome=Outcome.NO_ANSWER), range(0, COUNT, 3)),
        (Wanted(kind=EntryKind.NOT_SIGNALLED), range(0, COUNT, 3)),
        (Wanted(user_id=2, kind=EntryKind.ANSWERED_ELSEWHERE), [n for n in range(COUNT) if n % 3]),
        (Wanted(user_id=2, kind=EntryKind.ANSWERED), []),
        (Wanted(user_id=1, caller="0300", outcome=Outcome.NO_ANSWER), [0, 15]),
        (Wanted(group_ids=(7,), caller="0301", kind=EntryKind.MISSED), [6, 21]),
        (Wanted(after=Cursor(call_id(3))), range(3)),
        (Wanted(outcome=Outcome.CALLER_GONE), []),
    ],
    ids=str,
)
@pytest.mark.parametrize("few", [1, 1000])
def test_what_is_asked_for_is_found_newest_first(
    database: peewee.Database, monkeypatch: pytest.MonkeyPatch, wanted: Wanted, expected: range, few: int
) -> None:
    monkeypatch.setattr(query, "_FEW", few)
    fill(database)
    assert numbers(query.page(database, wanted, 1000)) == sorted(expected, reverse=True)
    assert numbers(query.calls(database, wanted, 1000)) == sorted(expected, reverse=True)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    "wanted", [Wanted(), Wanted(user_id=1), Wanted(kind=EntryKind.MISSED), Wanted(caller="0301")], ids=str
)
def test_the_pages_one_after_the_other_are_everything_once(sqlite: peewee.Database, wanted: Wanted, limit: int) -> None:
    fill(sqlite)
    whole = query.page(sqlite, wanted, 1000).lines
    pages = list(query.all_pages(sqlite, wanted, limit, by_call=False))
    assert [line for page in pages for line in page.lines] == whole
    assert all(len(page.lines) == limit for page in pages[:-1])
    by_call = [line for page in query.all_pages(sqlite, wanted, limit, by_call=True) for line in page.lines]
    assert {line.call_id for line in by_call} == {line.call_id for line in whole}
    assert len(by_call) == len(set(by_call))


def test_a_page_takes_one_query_and_no_look_at_the_rest_of_the_journal(
    sqlite: peewee.Database, queries: list[str]
) -> None:
    fill(sqlite)
    every = [
        Wanted(),
        Wanted(user_id=1),
        Wanted(since_ms=FIRST_MS, until_ms=FIRST_MS + DAY_MS),
        Wanted(caller="0301"),
        Wanted(outcome=Outcome.NO_ANSWER),
        Wanted(kind=EntryKind.NOT_SIGNALLED),
        Wanted(after=Cursor(call_id(3))),
    ]
    for wanted in every:
        chosen, values = query._calls(sqlite, wanted, 50)
        plan = [row[3] for row in execute(sqlite, f"EXPLAIN QUERY PLAN {chosen}", tuple(values)).fetchall()]
        assert not [step for step in plan if "TEMP B-TREE" in step], plan
        assert wanted == Wanted() or not [step for step in plan if step.startswith("SCAN")], plan
        queries.clear()
        query.page(sqlite, wanted, 50)
        assert len(queries) == 1


# -- short ids --------------------------------------------------------------------------------------------------------


def test_a_short_id_has_eight_characters_and_leads_back(sqlite: peewee.Database) -> None:
    fill(sqlite)
    for number in (0, 17):
        told = short(call_id(number))
        assert len(told) == 8
        assert is_short(told)
        first, last = bounds(told)
        assert first < call_id(number) < last
        assert query.full_id(sqlite, told.upper()) == call_id(number)


def test_two_calls_of_one_millisecond_are_told_apart_by_their_whole_ids(sqlite: peewee.Database) -> None:
    fill(sqlite)
    twin = call_id(99, FIRST_MS)
    JournalStore(sqlite).write([opened(call_id=twin, arrived_at_ms=FIRST_MS)])
    with pytest.raises(InputError, match=f"one of {call_id(0)}, {twin} is accepted"):
        query.full_id(sqlite, short(twin))


# -- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def run(sqlite_url: str, sqlite: peewee.Database) -> Run:
    fill(sqlite)
    sqlite.close()

    def typed(*arguments: str) -> Result:
        return CliRunner().invoke(cli, ["--database", sqlite_url, *arguments], prog_name="esl-huntgroup")

    return typed


def ids(result: Result) -> list[str]:
    assert result.exit_code == 0, result.output
    return [json.loads(line)["call_id"] for line in result.output.splitlines()]


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["--caller", "03 02", "--calls"], 6),
        (["--outcome", "no_answer", "--calls"], 10),
        (["--kind", "not_signalled"], 10),
        (["--user", "user2", "--kind", "missed"], 0),
        (["--since", "2100-01-01"], 0),
        (["--until", "2100-01-01", "--all", "--limit", "7"], 60),
        (["--all", "--calls"], 30),
    ],
)
def test_every_option_narrows_what_is_shown(run: Run, options: list[str], count: int) -> None:
    assert len(ids(run("journal", "--json", *options))) == count


def test_what_is_handled_is_shown_and_not_asked_for_with_what_is_not(run: Run, sqlite: peewee.Database) -> None:
    before = ids(run("journal", "--json", "--all", "--unhandled", "--user", "user1"))
    assert len(before) == 10
    assert ids(run("journal", "--json", "--all", "--unhandled", "--kind", "answered")) == []
    assert handle(sqlite, call_id(27), 1, "User 1", FIRST_MS)
    sqlite.close()
    assert ids(run("journal", "--json", "--all", "--unhandled", "--user", "user1")) == before[1:]
    assert len(ids(run("journal", "--json", "--all", "--unhandled"))) == 2 * (len(before) - 1)
    shown = [json.loads(line) for line in run("journal", "--json", "--user", "user2").output.splitlines()]
    (handled,) = (it for it in shown if it["call_id"] == call_id(27))
    assert (handled["handled_how"], handled["handled_by_name"]) == ("by_hand", "User 1")
    (call,) = (
        it for it in map(json.loads, run("journal", "--calls", "--json").output.splitlines())
        if it["call_id"] == call_id(27)
    )  # fmt: skip
    assert [entry["handled_how"] for entry in call["entries"]] == ["by_hand", "by_hand"]
    assert "handled by User 1" in run("journal", "--user", "user1").output


def test_the_table_says_how_to_go_on_and_explain_takes_its_id(run: Run) -> None:
    first = run("journal", "--limit", "3").output.splitlines()
    assert first[0].split()[-1] == "call"
    assert first[1].split()[-1] == short(call_id(29))
    dots, option, cursor = first[-1].split()
    assert (dots, option) == ("...", "--before")
    second = run("journal", "--limit", "1000", option, cursor)
    assert len(second.output.splitlines()) == 1 + 2 * COUNT - 3
    assert call_id(29) in run("explain", short(call_id(29))).output


def test_one_row_for_each_call_has_its_phones_below_it(run: Run) -> None:
    heading, call, *phones, older = run("journal", "--calls", "--limit", "1").output.splitlines()
    assert "spoken with User 1" in call
    assert call.endswith(short(call_id(29)))
    assert [" ".join(phone.split()) for phone in phones] == [
        "User 1 101@example.org answered",
        "User 2 102@example.org rang",
    ]
    assert older == f"... --before {short(call_id(29))}"
    assert heading.startswith("time")
    (told,) = map(json.loads, run("journal", "--calls", "--limit", "1", "--json").output.splitlines())
    assert [entry["user_name"] for entry in told["entries"]] == ["User 1", "User 2"]
    assert [phone["line"] for phone in told["phones"]] == ["101@example.org", "102@example.org"]


def test_csv_can_be_read_back_and_calculates_nothing(run: Run, sqlite: peewee.Database) -> None:
    execute(sqlite, "UPDATE calls SET caller_name = '=HYPERLINK(\"http://x\")', caller_number = '+49 30'")
    sqlite.close()
    rows = list(csv.DictReader(io.StringIO(run("journal", "--csv", "--all").output)))
    assert len(rows) == 2 * COUNT
    assert {row["caller_name"] for row in rows} == {'\'=HYPERLINK("http://x")'}
    assert {row["caller_number"] for row in rows} == {"+49 30"}
    assert {row["rang"] for row in rows} == {"true", "false"}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--outcome", "lost"], "--outcome 'lost' is refused: answered, no_answer,"),
        (
            ["--kind", "blue"],
            "--kind 'blue' is refused: answered, answered_elsewhere, missed, not_signalled are",
        ),
        (["--since", "yesterday"], "'yesterday' is not a time: "),
        (["--before", "nothing"], "there is no call 'nothing': an id that the journal shows is accepted"),
        (["--before", "mi000000:x"], "--before 'mi000000:x' is refused: an id that the journal shows is accepted"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_in_one_sentence(run: Run, options: list[str], sentence: str) -> None:
    refused = run("journal", *options)
    assert refused.exit_code == 1
    assert sentence in refused.output


def test_the_conditions_hold_no_text_of_anybody() -> None:
    hostile = Wanted(caller="' OR 1=1 --", after=Cursor("'; DROP TABLE calls", 1))
    every = [*conditions.of_calls(hostile), *conditions.of_ids(hostile, "c.call_id"), *conditions.of_rest(hostile)]
    sql, values = conditions.where(every)
    assert "DROP" not in sql
    assert len(values) == sql.count("?") == 4
