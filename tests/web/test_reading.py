"""What is read of a journal: pages both ways, filters, a call, figures; by indexes, in a fixed number of statements."""

from __future__ import annotations

import datetime
import functools
import json
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import peewee
import pytest

from esl_huntgroup.db import statements
from esl_huntgroup.db.engine import dialect, execute, quoted
from esl_huntgroup.errors import InputError
from esl_huntgroup.journal import callers
from esl_huntgroup.model.outcome import SPOKEN, EntryKind, Outcome
from esl_huntgroup.web.access import Access
from esl_huntgroup.web.keeper import Keeper
from esl_huntgroup.web.reading import journal
from esl_huntgroup.web.reading.details import call_details
from esl_huntgroup.web.reading.filters import Filters, Position
from esl_huntgroup.web.reading.rights import access_of, colleagues, every_group, own_groups
from esl_huntgroup.web.reading.rows import Page
from esl_huntgroup.web.reading.search import needles
from esl_huntgroup.web.reading.statistics import statistics
from tests.database.rows import insert
from tests.web import journals
from tests.web.journals import ANNA, BERND, CHEF, DORA, SALES, SUPPORT, at_ms, call_id, group_of, number_of, outcome_of

COUNT = 240
EVERYTHING = Filters()
MANY = 20_000
BERLIN = ZoneInfo("Europe/Berlin")
MISSED = frozenset({Outcome.NO_ANSWER, Outcome.CALLER_GONE})


@pytest.fixture
def db(database: peewee.Database) -> peewee.Database:
    journals.firm(database, with_users=True)
    journals.fill(database, COUNT)
    return database


def own(db: peewee.Database, user_id: int, wanted: Filters = EVERYTHING, *where: Any, **more: Any) -> Page:
    return journal.own_page(db, Access(user_id), wanted, *where, country="DE", **{"limit": 500, **more})


def of_sales(db: peewee.Database, wanted: Filters = EVERYTHING, *where: Any, **more: Any) -> Page:
    return journal.group_page(db, SALES, wanted, *where, country="DE", **{"limit": 500, **more})


def numbers(page: Page) -> list[int]:
    return [number_of(row.call.call_id) for row in page.rows]


def annas(keep: Callable[[int], bool] = lambda _: True) -> list[int]:
    """Return the calls of Anna, newest first: those to the sales."""
    return [number for number in reversed(range(COUNT)) if group_of(number) == SALES and keep(number)]


CASES: list[tuple[Filters, Callable[[int], bool]]] = [
    (Filters(), lambda _: True),
    (Filters(from_ms=at_ms(200)), lambda n: n >= 200),
    (Filters(until_ms=at_ms(10)), lambda n: n < 10),
    (Filters(from_ms=at_ms(5), until_ms=at_ms(9)), lambda n: 5 <= n < 9),
    (Filters(kind=EntryKind.MISSED), lambda n: outcome_of(n) in MISSED),
    (Filters(kind=EntryKind.NOT_SIGNALLED), lambda n: outcome_of(n) is Outcome.NOBODY_REGISTERED),
    (Filters(unhandled=True), lambda n: outcome_of(n) not in SPOKEN),
    (Filters(unhandled=True, kind=EntryKind.MISSED, from_ms=at_ms(50)), lambda n: n >= 50 and outcome_of(n) in MISSED),
    (Filters(search="SELTENER"), lambda n: n == 5),
    (Filters(search="müller 12"), lambda n: n % 50 == 12),
    (Filters(search="mu\u0308ller"), lambda n: n != 5),
    (Filters(search="089 1234-567"), lambda n: n == 5),
    (Filters(search="0049 89 / 1234567"), lambda n: n == 5),
    (Filters(search="555 00 07"), lambda n: n % 50 == 7),
    (Filters(search="%"), lambda _: False),
    (Filters(search=call_id(9)), lambda n: n == 9),
    (Filters(number="030 555-0012"), lambda n: n % 50 == 12),
    (Filters(number="030 555-0012", kind=EntryKind.MISSED), lambda n: n % 50 == 12 and outcome_of(n) in MISSED),
    (Filters(number="anonymous"), lambda _: False),
    (Filters(search="nobody has this name"), lambda _: False),
]


@pytest.mark.parametrize("few", [1, 1000])
def test_what_is_asked_for_is_found(db: peewee.Database, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("esl_huntgroup.web.reading.search.FEW", few)
    for wanted, keep in CASES:
        assert numbers(own(db, ANNA, wanted)) == annas(keep), wanted
        assert numbers(of_sales(db, wanted)) == annas(keep), wanted
    assert numbers(own(db, CHEF)) == []
    assert numbers(own(db, BERND, Filters(group_id=SUPPORT))) == [
        number for number in reversed(range(COUNT)) if group_of(number) == SUPPORT
    ]


@pytest.mark.parametrize("limit", [1, 7, 50])
@pytest.mark.parametrize("window", [3, 2000])
def test_the_pages_one_after_the_other_are_everything_once_both_ways(
    db: peewee.Database, limit: int, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "WINDOW", window)
    for wanted in (
        Filters(),
        Filters(kind=EntryKind.MISSED, from_ms=at_ms(150)),
        Filters(search="müller", until_ms=at_ms(60)),
    ):
        for read in (functools.partial(own, db, ANNA), functools.partial(of_sales, db)):
            expected = numbers(read(wanted, limit=500)) if window > COUNT else numbers(_all(read, wanted, 500))
            assert expected
            pages = _pages(read, wanted, limit)
            assert [number for page in pages for number in numbers(page)] == expected
            newest = read(wanted, limit=limit)
            assert newest.newer is None
            upwards = _upwards(read, wanted, limit)
            assert upwards == expected[: len(upwards)]


def _pages(read: Callable[..., Page], wanted: Filters, limit: int) -> list[Page]:
    pages = [read(wanted, limit=limit)]
    while pages[-1].older is not None:
        pages.append(read(wanted, Position(older_than=pages[-1].older), limit=limit))
        assert len(pages) < 1000
    return pages


def _all(read: Callable[..., Page], wanted: Filters, limit: int) -> Page:
    return Page(tuple(row for page in _pages(read, wanted, limit) for row in page.rows))


def _upwards(read: Callable[..., Page], wanted: Filters, limit: int) -> list[int]:
    """Return what is newer than the third call, from the newest on."""
    found: list[int] = []
    position: str | None = call_id(2)
    while position is not None:
        page = read(wanted, Position(newer_than=position), limit=limit)
        found = numbers(page) + found
        position = page.newer
    return found


def test_a_group_page_has_the_entries_of_all_and_ones_own_apart(db: peewee.Database) -> None:
    row = of_sales(db, limit=1, reader_id=BERND).rows[0]
    assert row.entries is not None
    assert [entry.user_id for entry in row.entries] == [ANNA, BERND]
    assert row.own is row.entries[1]
    assert own(db, ANNA, limit=1).rows[0].entries is None


def test_a_call_that_rings_is_on_the_newest_page_of_its_members(db: peewee.Database) -> None:
    now = at_ms(COUNT)
    ringing = {"node": "fs", "channel_uuid": "x", "group_name": "Vertrieb", "group_number": "700", "group_domain": "d"}
    caller = {"caller_number": "1", "caller_name": "", "arrived_at_ms": now}
    insert(db, "calls", call_id=call_id(COUNT), group_id=SALES, ringing="[1,99]", **ringing, **caller)
    for user_id, expected in ((ANNA, True), (BERND, True), (CHEF, False), (DORA, False)):
        access = access_of(db, user_id)
        page = journal.own_page(db, access, Filters(), country="DE", now_ms=now + 3000)
        assert (COUNT in numbers(page)) is expected
        details = call_details(db, access, call_id(COUNT), now + 3000)
        assert (details is not None) is (expected or user_id == CHEF)
    row = journal.open_calls(db, access_of(db, ANNA), now_ms=now + 3000)[0]
    assert (row.own, row.call.ringing) == (None, ("Anna Berg",))
    assert not journal.open_calls(db, access_of(db, ANNA), now_ms=now + 3_600_000)
    assert not journal.open_calls(db, access_of(db, ANNA), SUPPORT, now + 3000)
    older = journal.own_page(db, access_of(db, ANNA), Filters(), Position(call_id(9)), country="DE", now_ms=now)
    assert COUNT not in numbers(older)


def test_missed_calls_are_counted_up_to_a_hundred(db: peewee.Database) -> None:
    assert journal.unhandled_count(db, ANNA) == 100
    assert journal.unhandled_count(db, DORA) == len(
        [n for n in range(COUNT) if group_of(n) == SUPPORT and outcome_of(n) not in SPOKEN]
    )
    assert journal.unhandled_count(db, CHEF) == 0


def test_leader_sees_all_of_a_call_and_a_member_of_colleagues_what_the_level_says(db: peewee.Database) -> None:
    answered = next(
        n for n in range(COUNT) if group_of(n) == SALES and outcome_of(n) in SPOKEN and journals.taker(n) == ANNA
    )
    by_leader = call_details(db, access_of(db, CHEF), call_id(answered))
    assert by_leader is not None
    assert by_leader.is_whole
    assert [member.entry is not None for member in by_leader.members] == [True, True]
    assert [leg.line for member in by_leader.members for leg in member.legs] == ["101@example.org", "102@example.org"]
    by_bernd = call_details(db, access_of(db, BERND), call_id(answered))
    assert by_bernd is not None
    annas_, bernds = by_bernd.members
    assert (annas_.entry, annas_.is_told, annas_.legs[0].line) == (None, True, "")
    assert bernds.entry is by_bernd.row.own
    assert bernds.legs[0].line == "102@example.org"
    execute(db, f"UPDATE {quoted(db, 'groups')} SET member_level = 'blocked'")
    hidden = call_details(db, access_of(db, BERND), call_id(answered))
    assert hidden is not None
    assert (hidden.members[0].is_told, hidden.members[0].cause, hidden.members[0].legs[0].cause) == (False, "", "")
    assert hidden.members[1].is_told
    assert call_details(db, access_of(db, DORA), call_id(answered)) is None
    assert call_details(db, access_of(db, CHEF), call_id(COUNT + 1)) is None


def test_a_right_that_is_taken_away_is_gone_with_the_next_question(db: peewee.Database) -> None:
    assert access_of(db, CHEF).journal_groups == {SALES}
    assert [(it.id, it.shows_journal) for it in own_groups(db, CHEF)] == [(SALES, True)]
    execute(db, "DELETE FROM group_services")
    assert access_of(db, CHEF).journal_groups == frozenset()
    assert not access_of(db, CHEF).is_administrator
    insert(db, "services", name="administration")
    insert(db, "user_services", user_id=CHEF, service="administration")
    assert access_of(db, CHEF).is_administrator
    insert(db, "group_services", group_id=SUPPORT, service="administration")
    assert access_of(db, DORA).is_administrator
    assert not access_of(db, ANNA).is_administrator
    assert [it.name for it in every_group(db)] == ["Technik", "Vertrieb"]


def test_the_worked_example_of_the_lead(db: peewee.Database) -> None:
    """
    Everybody has Public on everybody; leader and deputy, who are not members, have Business on the members.

    Then the leader sees the numbers of the members; the members see nothing of the leader's, and of one another as
    before.
    """
    of_chef = colleagues(db, CHEF, [ANNA, BERND])
    assert of_chef.sees_line(ANNA, "101@example.org")
    assert not of_chef.sees_line(ANNA, "201@example.org")
    of_anna = colleagues(db, ANNA, [BERND, CHEF])
    assert of_anna.sees_presence(BERND)
    assert not of_anna.sees_line(BERND, "102@example.org")
    assert not of_anna.sees_presence(CHEF)
    insert(db, "user_levels", owner_user_id=CHEF, other_user_id=ANNA, level="team")
    assert colleagues(db, ANNA, [CHEF]).sees_line(CHEF, "203@example.org")


def test_the_figures_of_a_group(db: peewee.Database) -> None:
    first, last = at_ms(10), at_ms(200)
    found = statistics(db, SALES, first, last, BERLIN)
    calls = [number for number in range(10, 200) if group_of(number) == SALES]
    spoken = [number for number in calls if outcome_of(number) in SPOKEN]
    assert (found.total.calls, found.total.answered, found.total.missed) == (
        len(calls),
        len(spoken),
        len(calls) - len(spoken),
    )
    assert found.talk_ms == 20_000 * len(spoken)
    assert found.wait_ms == sum(2000 + number % 30 * 1000 for number in spoken)
    assert sum(it.count.calls for it in found.waits) == len(calls)
    assert found.waits[0].count.calls == len([n for n in calls if n % 30 < 3])
    assert [it.from_s for it in found.waits] == [0, 5, 10, 15, 20, 30, 60]
    hours = [datetime.datetime.fromtimestamp(at_ms(n) / 1000, BERLIN) for n in calls]
    for hour in range(24):
        assert found.by_hour[hour].calls == len([it for it in hours if it.hour == hour])
    for weekday in range(7):
        assert found.by_weekday[weekday].calls == len([it for it in hours if it.weekday() == weekday])
    anna, bernd = found.members
    assert (anna.user_id, anna.user_name, anna.calls, bernd.calls) == (ANNA, "Anna Berg", len(calls), len(calls))
    assert anna.answered == len([n for n in spoken if journals.taker(n) == ANNA])
    assert anna.answered + anna.answered_elsewhere + anna.missed + anna.not_signalled == anna.calls
    assert anna.talk_ms == 20_000 * anna.answered
    for start, end in ((last, first), (first, first), (0, 400 * 366 * 86_400_000)):
        with pytest.raises(InputError):
            statistics(db, SALES, start, end)


def test_a_number_is_the_same_in_every_writing() -> None:
    ways = ("+49 89 1234567", "0049891234567", "089/123-4567", "089 1234567")
    (*_, kept) = callers.row(("+49891234567", "Müller"), "DE")
    for way in ways:
        assert any(needle in kept for needle in needles(way, "DE")), way
    assert needles("0049891234567", "DE") == ("49891234567",)
    assert needles("089 1234567", "DE") == ("891234567",)
    assert needles("Müller  GmbH", "DE") == ("muller gmbh",)
    assert needles("000", "DE") == ("000",)


# -- by index ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[object, ...]]]:
    """Every statement of the readings with its values."""
    seen: list[tuple[str, tuple[object, ...]]] = []

    def noting(db: peewee.Database, sql: str, values: tuple[object, ...] = ()) -> Any:
        seen.append((sql, values))
        return execute(db, sql, values)

    monkeypatch.setattr(statements, "execute", noting)
    return seen


def test_every_page_takes_few_statements_and_each_an_index(
    database: peewee.Database, asked: list[tuple[str, tuple[object, ...]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("esl_huntgroup.web.reading.search.CALLERS_MAX", 20)
    if dialect(database) == "mariadb":
        pytest.skip("its plans depend on figures that it gathers by itself; SQLite and PostgreSQL are looked at")
    journals.firm(database, with_users=True)
    journals.fill(database, MANY)
    keeper = Keeper(database, lambda: at_ms(MANY))
    keeper.move()
    while keeper.store_some():
        pass
    filters = [wanted for wanted, _ in CASES] + [
        Filters(kind=EntryKind.ANSWERED, from_ms=at_ms(5000), until_ms=at_ms(6000))
    ]
    access = access_of(database, ANNA)
    questions: list[tuple[int, Callable[[], object]]] = [
        (2, lambda: access_of(database, ANNA)),
        (1, lambda: journal.unhandled_count(database, ANNA)),
        (8, lambda: call_details(database, access, call_id(12))),
        (3, lambda: statistics(database, SALES, at_ms(5000), at_ms(6000), BERLIN)),
        (4, lambda: statistics(database, SALES, at_ms(200), at_ms(MANY), BERLIN)),
    ]
    for wanted in filters:
        for position in (Position(), Position(older_than=call_id(9000)), Position(newer_than=call_id(100))):
            place = (wanted, position)
            questions.append((6, lambda it=place: journal.own_page(database, access, *it, country="DE")))  # type: ignore[misc]
            questions.append((6, lambda it=place: journal.group_page(database, SALES, *it, country="DE")))  # type: ignore[misc]
    for most, ask in questions:
        asked.clear()
        ask()
        assert len(asked) <= most
        for sql, values in list(asked):
            assert not _scans(database, sql, values), sql


def _scans(db: peewee.Database, sql: str, values: tuple[object, ...]) -> list[str]:
    """Return the large tables that a statement would read from the beginning to the end."""
    large = {"calls": "c", "journal_entries": "e", "legs": "l"}
    if dialect(db) == "sqlite":
        plan = [str(row[3]) for row in execute(db, f"EXPLAIN QUERY PLAN {sql}", values).fetchall()]
        return [
            step
            for step in plan
            if step.startswith(tuple(f"SCAN {alias}" for alias in (*large.values(), "w", "group_figures")))
        ]
    (told,) = execute(db, f"EXPLAIN (FORMAT JSON) {sql}", values).fetchone()
    nodes = [(told if isinstance(told, list) else json.loads(told))[0]["Plan"]]
    found = []
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in large:
            found.append(str(node))
    return found
