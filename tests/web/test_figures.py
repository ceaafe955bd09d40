"""Stored days and counted calls give the same figures, whatever happens to the journal and to whoever stores them."""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable, Iterator
from contextlib import closing
from zoneinfo import ZoneInfo

import peewee
import pytest

from esl_huntgroup.db.engine import dialect, execute, insert_rows, open_database, quoted
from esl_huntgroup.journal import changes, figures_marks
from esl_huntgroup.journal.prune import prune
from esl_huntgroup.journal.records import CallAnswered, CallEnded, CallOpened, EntryRecord, JournalRecord
from esl_huntgroup.journal.store import Gone, JournalStore
from esl_huntgroup.model.call_ids import first_at
from esl_huntgroup.model.limits import DAY_MS
from esl_huntgroup.model.outcome import EntryKind, Outcome
from esl_huntgroup.web import keeper as keeping
from esl_huntgroup.web.keeper import Keeper
from esl_huntgroup.web.reading import days
from esl_huntgroup.web.reading.figures import Statistics
from esl_huntgroup.web.reading.periods import spans_beside
from esl_huntgroup.web.reading.statistics import statistics
from tests.database.rows import group, user
from tests.web import journals

FIRST_DAY = 20_740
"""In the middle of October 2026: the clocks of Berlin are set back ten days later."""
DAYS = 20
NOW_MS = (FIRST_DAY + DAYS + 2) * DAY_MS + 2 * 3_600_000
MEMBERS = 3
GROUPS = (7, 8)
ZONES = [ZoneInfo(name) for name in ("Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns")]
MISSED = (Outcome.NO_ANSWER, Outcome.CALLER_GONE, Outcome.INTERRUPTED)


class Firm:
    """Two groups, and what is told of their calls, by chance."""

    def __init__(self, db: peewee.Database, seed: int = 0) -> None:
        self.db = db
        self.chance = random.Random(seed)
        self.store = JournalStore(db)
        self.calls: dict[str, int] = {}
        self.gone = Gone()
        for number in range(1, MEMBERS + 1):
            user(db, number)
        for number in GROUPS:
            group(db, f"7{number:02}", id=number, name=f"Group {number}")

    def write(self, *records: JournalRecord) -> None:
        self.store.write(records, self.gone)

    def delete_user(self, user_id: int) -> None:
        execute(self.db, f"DELETE FROM users WHERE id = {self.db.param}", (user_id,))
        self.gone = Gone(users={user_id})

    def open(self, at_ms: int, group_id: int = GROUPS[0]) -> CallOpened:
        number = len(self.calls)
        skew_ms = self.chance.choice((0, 0, 2000, -2000, DAY_MS // 2, -DAY_MS // 2))
        call_id = f"{first_at(at_ms + skew_ms)[:14]}7000-8000-{number:012x}"
        self.calls[call_id] = at_ms
        return CallOpened(call_id, "fs", f"c{number}", group_id, "Group", "7", "example.org", "1", "A", at_ms)

    def answered(self, call_id: str) -> CallAnswered:
        wait_ms, taker = self.chance.randrange(90_000), self.chance.randint(1, MEMBERS)
        entries = tuple(
            _entry(n, EntryKind.ANSWERED if n == taker else EntryKind.ANSWERED_ELSEWHERE) for n in range(1, MEMBERS + 1)
        )
        return CallAnswered(call_id, self.calls[call_id] + wait_ms, wait_ms, taker, f"User {taker}", (), entries)

    def ended(self, call_id: str, outcome: Outcome) -> CallEnded:
        wait_ms = self.chance.randrange(90_000)
        kind = self.chance.choice((EntryKind.MISSED, EntryKind.NOT_SIGNALLED))
        entries = () if outcome is Outcome.ANSWERED else tuple(_entry(n, kind) for n in range(1, MEMBERS + 1))
        end_ms = self.calls[call_id] + 100_000
        return CallEnded(call_id, end_ms, wait_ms, 5000 if not entries else 0, outcome, "", "", (), entries)

    def whole(self, at_ms: int, group_id: int = GROUPS[0]) -> None:
        """Write a call in one transaction, or leave it open."""
        opened = self.open(at_ms, group_id)
        way = self.chance.randrange(4)
        if way == 0:
            self.write(opened)
        elif way == 1:
            answered = self.answered(opened.call_id)
            self.write(opened, answered, self.ended(opened.call_id, Outcome.ANSWERED))
        else:
            self.write(opened, self.ended(opened.call_id, self.chance.choice(MISSED)))

    def retold(self) -> None:
        """Tell again of a call what became of it: also of one of which it was only supposed."""
        call_id = self.chance.choice([*self.calls])
        found = execute(self.db, f"SELECT outcome FROM calls WHERE call_id = {self.db.param}", (call_id,)).fetchone()
        if found is None or found[0] not in (None, Outcome.INTERRUPTED.value):
            return
        if self.chance.random() < 0.5:
            self.write(self.answered(call_id), self.ended(call_id, Outcome.ANSWERED))
        else:
            self.write(self.ended(call_id, self.chance.choice(MISSED)))

    def moment(self, days_from: int = 0, days_to: int = DAYS + 2) -> int:
        return FIRST_DAY * DAY_MS + self.chance.randrange(days_from * DAY_MS, days_to * DAY_MS)


def _entry(number: int, kind: EntryKind) -> EntryRecord:
    return EntryRecord(number, number, f"User {number}", kind, True, "")


@pytest.fixture
def firm(database: peewee.Database) -> Firm:
    return Firm(database)


@pytest.fixture
def keeper(database: peewee.Database) -> Keeper:
    return made(database)


def made(db: peewee.Database) -> Keeper:
    keeper = Keeper(db, lambda: NOW_MS)
    keeper._days = 8
    return keeper


def keep(keeper: Keeper) -> None:
    """Let a keeper do all that there is to do."""
    keeper.move()
    while keeper.store_some():
        pass


def counted(db: peewee.Database, group_id: int, start: int, end: int, zone: datetime.tzinfo | None) -> Statistics:
    """Return the figures without anything stored."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(days, "stored", lambda *_: {})
        return statistics(db, group_id, start, end, zone)


def assert_right(firm: Firm, times: int = 6) -> None:
    """Ask for periods, in whatever zones, and compare."""
    for _ in range(times):
        zone, group_id = firm.chance.choice(ZONES), firm.chance.choice(GROUPS)
        start, end = sorted((firm.moment(), firm.moment(0, DAYS + 3)))
        if firm.chance.random() < 0.5:
            start, end = start // DAY_MS * DAY_MS, (end // DAY_MS + 1) * DAY_MS
        found = statistics(firm.db, group_id, start, end + 1, zone)
        assert found == counted(firm.db, group_id, start, end + 1, zone)


def stored(firm: Firm, group_id: int = GROUPS[0]) -> set[int]:
    """Return which days are believed."""
    return {*days.stored(firm.db, group_id, FIRST_DAY * DAY_MS, NOW_MS)}


@pytest.mark.parametrize("seed", range(3))
def test_the_figures_are_those_of_the_journal_whatever_happens(database: peewee.Database, seed: int) -> None:
    firm = Firm(database, seed)
    for _ in range(60):
        firm.whole(firm.moment(), firm.chance.choice(GROUPS))
    keepers = [made(database), made(database)]
    chance, used = firm.chance, 0
    for turn in range(60):
        what = chance.randrange(9)
        if what < 2:
            firm.whole(firm.moment(), chance.choice(GROUPS))
        elif what < 5:
            firm.retold()
        elif what == 5:
            keepers[chance.randrange(2)].move()
        elif what == 6:
            chance.choice(keepers).store_some()
        elif what == 7:
            keep(chance.choice(keepers))
        else:
            keepers[chance.randrange(2)] = made(database)
        if turn == 30:
            prune(database, firm.moment(2, 5), "eve")
        if turn == 40:
            firm.delete_user(2)
        used += len(stored(firm))
        assert_right(firm, 2)
    assert used > 60
    keep(keepers[0])
    assert_right(firm)
    execute(database, f"DELETE FROM {quoted(database, 'groups')} WHERE id = {GROUPS[0]}")
    keep(keepers[1])
    assert not stored(firm)
    assert_right(firm)


def test_days_that_are_over_are_stored_and_not_counted_again(firm: Firm, keeper: Keeper) -> None:
    for day in range(DAYS + 2):
        firm.whole((FIRST_DAY + day) * DAY_MS + 3_600_000)
    assert not stored(firm)
    keep(keeper)
    assert stored(firm) == {*range(FIRST_DAY, FIRST_DAY + DAYS + 1)}
    execute(firm.db, "DELETE FROM journal_entries")
    execute(firm.db, "UPDATE calls SET outcome = NULL")
    found = statistics(firm.db, GROUPS[0], FIRST_DAY * DAY_MS, (FIRST_DAY + DAYS + 1) * DAY_MS)
    assert found.total.answered + found.total.missed > DAYS / 3
    assert len(found.members) == MEMBERS


def test_what_has_changed_is_not_believed_and_soon_stored_anew(firm: Firm, keeper: Keeper) -> None:
    opened = firm.open((FIRST_DAY + 5) * DAY_MS + DAY_MS // 2)
    firm.write(opened)
    keep(keeper)
    before = stored(firm)
    firm.write(firm.answered(opened.call_id), firm.ended(opened.call_id, Outcome.ANSWERED))
    assert FIRST_DAY + 5 in before - stored(firm)
    assert_right(firm)
    keep(keeper)
    assert stored(firm) == before
    assert_right(firm)


class Slow(Keeper):
    """A keeper in whose way something comes, between counting and storing."""

    between: Callable[[], None] = staticmethod(lambda: None)

    def _counted(self, group_id: int, some: range) -> list[tuple[object, ...]]:
        found = super()._counted(group_id, some)
        self.between()
        return found


def test_what_changes_while_days_are_counted_is_not_lost(firm: Firm, database: peewee.Database) -> None:
    opened = firm.open((FIRST_DAY + 5) * DAY_MS + DAY_MS // 2)
    firm.write(opened)
    slow, other = Slow(database, lambda: NOW_MS), made(database)
    slow._days = DAYS
    slow.move()
    other.move()

    def change() -> None:
        slow.between = lambda: None
        firm.write(firm.ended(opened.call_id, Outcome.NO_ANSWER))
        other.move()

    slow.between = change
    slow.store_some()
    assert_right(firm)
    other.move()
    slow.move()
    assert_right(firm)
    keep(slow)
    assert FIRST_DAY + 5 in stored(firm)
    assert_right(firm)


@pytest.fixture
def beside(database: peewee.Database, url: str) -> Iterator[peewee.Database]:
    """Give a second connection, of another writer."""
    if dialect(database) == "sqlite":
        pytest.skip("one writer at a time: no change is stored later than one with a higher id")
    with closing(open_database(url)) as db:
        yield db


def test_what_is_stored_later_than_a_higher_id_is_not_lost(firm: Firm, keeper: Keeper, beside: peewee.Database) -> None:
    early, late = (firm.open((FIRST_DAY + day) * DAY_MS + DAY_MS // 2) for day in (5, 9))
    firm.write(early, late)
    keep(keeper)
    with beside.atomic():
        JournalStore(beside).write([firm.ended(early.call_id, Outcome.NO_ANSWER)])
        firm.write(firm.ended(late.call_id, Outcome.NO_ANSWER))
        keep(keeper)
        assert FIRST_DAY + 9 not in stored(firm)
        assert_right(firm)
    assert FIRST_DAY + 5 not in stored(firm)
    assert_right(firm)
    keep(made(firm.db))
    assert_right(firm)
    assert {FIRST_DAY + 5, FIRST_DAY + 9} <= stored(firm)


def test_what_changes_while_days_are_counted_and_an_id_is_missing_is_not_lost(
    firm: Firm, beside: peewee.Database
) -> None:
    early, late = (firm.open((FIRST_DAY + day) * DAY_MS + DAY_MS // 2) for day in (5, 9))
    firm.write(early, late)
    slow = Slow(firm.db, lambda: NOW_MS)
    slow._days = DAYS
    slow.move()

    def change() -> None:
        slow.between = lambda: None
        firm.write(firm.ended(late.call_id, Outcome.NO_ANSWER))
        slow.move()

    slow.between = change
    with beside.atomic():
        JournalStore(beside).write([firm.ended(early.call_id, Outcome.NO_ANSWER)])
        slow.store_some()  # the mark has not moved: the days are stored, and not believed
        assert_right(firm)
    slow.move()
    assert FIRST_DAY + 9 not in stored(firm)
    assert_right(firm)


def test_changes_that_are_deleted_before_they_were_seen_are_not_missed(firm: Firm, keeper: Keeper) -> None:
    opened = firm.open((FIRST_DAY + 5) * DAY_MS + DAY_MS // 2)
    firm.write(opened)
    keep(keeper)
    changes.forget(firm.db, changes.newest(firm.db), NOW_MS * 2)
    assert stored(firm)
    firm.write(firm.ended(opened.call_id, Outcome.NO_ANSWER))
    changes.forget(firm.db, changes.newest(firm.db), NOW_MS * 2)
    assert not stored(firm)
    assert_right(firm)
    for one in (keeper, made(firm.db)):
        keep(one)
        keep(one)
        assert_right(firm)
        assert FIRST_DAY + 5 in stored(firm)


def test_with_too_many_changes_everything_is_counted(
    firm: Firm, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    firm.whole((FIRST_DAY + 5) * DAY_MS)
    keep(keeper)
    assert stored(firm)
    monkeypatch.setattr(days, "CHANGES_MAX", 3)
    for _ in range(3):
        firm.whole(NOW_MS)
    assert not stored(firm)
    assert_right(firm)
    keep(keeper)
    assert stored(firm)


def test_what_is_pruned_is_not_believed_and_goes(firm: Firm, keeper: Keeper) -> None:
    for day in range(DAYS):
        firm.whole((FIRST_DAY + day) * DAY_MS)
    keep(keeper)
    prune(firm.db, (FIRST_DAY + 8) * DAY_MS + 1, "eve")
    assert min(stored(firm)) == FIRST_DAY + 9
    prune(firm.db, FIRST_DAY * DAY_MS, "eve")
    assert min(stored(firm)) == FIRST_DAY + 9
    assert_right(firm)
    keep(made(firm.db))
    (oldest,) = execute(firm.db, "SELECT MIN(day) FROM group_figures").fetchone()
    assert oldest == FIRST_DAY + 9


def test_a_web_process_keeps_figures_and_outlives_a_database_that_is_away(
    sqlite: peewee.Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    firm = Firm(sqlite)
    firm.whole((FIRST_DAY + 5) * DAY_MS)
    failures = [peewee.OperationalError("away"), peewee.OperationalError("away")]
    move = Keeper.move

    def failing(self: Keeper) -> None:
        if failures:
            raise failures.pop()
        move(self)

    monkeypatch.setattr(Keeper, "move", failing)
    monkeypatch.setattr(keeping, "RETRY_S", 0.01)
    monkeypatch.setattr(keeping, "RESTS", 0)
    keeper = Keeper(sqlite, lambda: NOW_MS)
    monkeypatch.setattr(keeping, "EVERY_S", 0.01)
    rested = iter([False] * 200)
    monkeypatch.setattr(keeper._stopping, "wait", lambda _: next(rested, True))
    keeper._run()
    assert FIRST_DAY + 5 in stored(firm)
    assert len([it for it in caplog.records if "not stored" in it.message]) == 1


def test_the_journal_of_a_firm_by_local_day(database: peewee.Database) -> None:
    journals.firm(database, with_users=True)
    journals.fill(database, 3000)
    insert_rows(database, "journal_changes", ("at_ms", "call_ids"), [(1, "[]")])
    keeper = Keeper(database, lambda: journals.at_ms(3000) + 3 * DAY_MS)
    keep(keeper)
    first = journals.at_ms(100) // 900_000 * 900_000
    for zone in ZONES:
        found = statistics(database, journals.SALES, first, first + 2 * DAY_MS, zone)
        assert found == counted(database, journals.SALES, first, first + 2 * DAY_MS, zone)
        assert found.total.calls > 2000
    assert figures_marks.read(database)[figures_marks.POSITION] == changes.newest(database)


def test_parts_of_a_period_are_few() -> None:
    assert spans_beside(5, 50, []) == [(5, 50)]
    assert spans_beside(0, 2 * DAY_MS, [0, 1]) == []
    assert spans_beside(-5, 3 * DAY_MS + 5, [0, 2]) == [(-5, 0), (DAY_MS, 2 * DAY_MS), (3 * DAY_MS, 3 * DAY_MS + 5)]
    many = spans_beside(0, 30 * DAY_MS, [1, 3, 5, 6, 7, 9, 11, 12])
    days_of = [(start // DAY_MS, end // DAY_MS) for start, end in many]
    assert days_of == [(0, 5), (8, 9), (10, 11), (13, 30)]
