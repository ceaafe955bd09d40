"""
``python -m tests.bench.web_reading [--calls 1000000]``: how long the members' page reads in a large journal.

A hundred groups with ten members each, a thousand users; every call has ten entries. Each line is p50 and p99 of as
many different readers, in one process, on SQLite and on PostgreSQL. Nothing is tuned; PostgreSQL has its statistics,
which it gathers by itself in an installation (ANALYZE), and the tables have been vacuumed, as autovacuum does. The
figures of the days that are over are stored before, as a web process does.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import peewee

from esl_huntgroup.db.engine import dialect, execute, insert_rows, open_database
from esl_huntgroup.db.migrate import upgrade
from esl_huntgroup.journal.callers import add as add_callers
from esl_huntgroup.model.call_ids import first_at
from esl_huntgroup.model.outcome import EntryKind
from esl_huntgroup.web.access import Access
from esl_huntgroup.web.keeper import Keeper
from esl_huntgroup.web.reading import journal
from esl_huntgroup.web.reading.details import call_details
from esl_huntgroup.web.reading.filters import Filters, Position
from esl_huntgroup.web.reading.rights import access_of
from esl_huntgroup.web.reading.statistics import statistics as statistics_of
from tests.database import servers

FIRST_MS = 1_750_000_000_000
EVERY_MS = 30_000
GROUPS, MEMBERS, CALLERS = 100, 10, 50_000
DAY_MS = 86_400_000
ROUNDS = 200
WARM_UP = 20


def main() -> None:
    """Fill a journal, and time what the page asks of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--url", help="a database that this program has filled before with as many calls")
    parser.add_argument("--only", default="", help="the beginning of what is measured")
    options = parser.parse_args()
    if options.url:
        with contextlib.closing(open_database(options.url, plans_anew=True)) as db:
            _measure(db, options.calls, options.rounds, options.only)
        return
    for name in options.databases:
        with _opened(name) as db:
            began = time.perf_counter()
            _fill(db, options.calls)
            print(f"{name}: {options.calls} calls with {MEMBERS} entries each, in {time.perf_counter() - began:.0f} s")
            _measure(db, options.calls, options.rounds, options.only)


def _measure(db: peewee.Database, calls: int, rounds: int, only: str) -> None:
    keeper, began = Keeper(db, lambda: FIRST_MS + calls * EVERY_MS), time.perf_counter()
    keeper.move()
    while keeper.store_some():
        pass
    print(f"  figures of the days that are over: {time.perf_counter() - began:.0f} s")
    for what, work in _cases(db, calls).items():
        if not what.startswith(only):
            continue
        median, p99 = _times(work, rounds)
        print(f"  {what:44} p50 {median:7.2f} ms, p99 {p99:7.2f} ms", flush=True)


@contextlib.contextmanager
def _opened(name: str) -> Iterator[peewee.Database]:
    with contextlib.ExitStack() as stack:
        if name == "sqlite":
            url = f"sqlite:///{Path(stack.enter_context(tempfile.TemporaryDirectory())) / 'journal.db'}"
        else:
            server = stack.enter_context(servers.postgresql())
            server.sql("CREATE DATABASE bench")
            url = server.url("bench")
        db = stack.enter_context(contextlib.closing(open_database(url, plans_anew=True)))
        upgrade(db)
        yield db


def _cases(db: peewee.Database, count: int) -> dict[str, Callable[[random.Random], object]]:
    newest = FIRST_MS + count * EVERY_MS

    def own(wanted: Filters, where: Position | None = None) -> Callable[[random.Random], object]:
        def work(chance: random.Random) -> object:
            access = access_of(db, chance.randrange(GROUPS * MEMBERS) + 1)
            return journal.own_page(db, access, wanted, where or Position(), country="DE", now_ms=newest)

        return work

    def of_group(wanted: Filters, where: Position | None = None) -> Callable[[random.Random], object]:
        return lambda chance: journal.group_page(
            db, chance.randrange(GROUPS) + 1, wanted, where or Position(), country="DE"
        )

    def days(number: int) -> Callable[[random.Random], object]:
        return lambda chance: statistics_of(db, chance.randrange(GROUPS) + 1, newest - number * DAY_MS, newest)

    def not_mine(chance: random.Random) -> object:
        """Search for five hundred callers of another group: each group has callers of its own."""
        group = chance.randrange(GROUPS)
        wanted = Filters(search=f"{(group + 1) * 7919 % 100:02} gmbh")
        access = Access(group * MEMBERS + chance.randrange(MEMBERS) + 1)
        page = journal.own_page(db, access, wanted, Position(), country="DE", now_ms=newest)
        assert not page.rows
        return page

    hundredth = Position(older_than=first_at(newest - 100 * 50 * GROUPS * EVERY_MS))
    middle = FIRST_MS + count // 2 * EVERY_MS
    return {
        "rights": lambda chance: access_of(db, chance.randrange(GROUPS * MEMBERS) + 1),
        "mine: first page": own(Filters()),
        "mine: hundredth page": own(Filters(), hundredth),
        "mine: one period": own(Filters(from_ms=middle, until_ms=middle + 7 * DAY_MS)),
        "mine: answered by me": own(Filters(kind=EntryKind.ANSWERED)),
        "mine: not signalled (there is none)": own(Filters(kind=EntryKind.NOT_SIGNALLED)),
        "mine: not handled": own(Filters(unhandled=True)),
        "mine: another group (there is none)": own(Filters(group_id=GROUPS + 1)),
        "mine: search, one caller": own(Filters(search="kundin 4711 ")),
        "mine: search, many callers": own(Filters(search="kundin")),
        "mine: search, many callers, none of mine": not_mine,
        "mine: search, nearly a thousand calls": own(Filters(search="711 gmbh", from_ms=FIRST_MS + count * 1500)),
        "mine: search, no caller": own(Filters(search="zzz")),
        "mine: search, a number": own(Filters(search="030 555-04711")),
        "mine: number": own(Filters(number="+49 30 55504711")),
        "mine: how many not handled": lambda chance: journal.unhandled_count(
            db, chance.randrange(GROUPS * MEMBERS) + 1
        ),
        "group: first page": of_group(Filters()),
        "group: hundredth page": of_group(Filters(), hundredth),
        "group: missed": of_group(Filters(kind=EntryKind.MISSED)),
        "group: not signalled (there is none)": of_group(Filters(kind=EntryKind.NOT_SIGNALLED)),
        "group: search, one caller": of_group(Filters(search="kundin 4711 ")),
        "one call": lambda chance: _one_call(db, chance.randrange(count)),
        "figures: 7 days": days(7),
        "figures: 30 days": days(30),
        "figures: 90 days": days(90),
        "figures: a year": days(366),
    }


def _one_call(db: peewee.Database, number: int) -> object:
    member = number % GROUPS * MEMBERS + 1
    found = call_details(db, Access(member), _id(number))
    assert found is not None
    return found


def _times(work: Callable[[random.Random], object], rounds: int) -> tuple[float, float]:
    """Return the median and p99 in milliseconds, each of another reader; the first ones warm up."""
    chance, taken = random.Random(1), []
    for number in range(WARM_UP + rounds):
        began = time.perf_counter()
        work(chance)
        if number >= WARM_UP:
            taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken), statistics.quantiles(taken, n=100, method="inclusive")[-1]


# -- the journal: written by the database itself -----------------------------------------------------------------------


def _id(number: int) -> str:
    return f"{first_at(FIRST_MS + number * EVERY_MS)[:14]}7000-8000-{number:08x}0000"


def _fill(db: peewee.Database, count: int) -> None:
    if dialect(db) == "sqlite":
        execute(db, "PRAGMA synchronous = OFF")
    users = range(1, GROUPS * MEMBERS + 1)
    insert_rows(db, "users", ("id", "name", "display_name"), [(it, f"user{it}", f"User {it}") for it in users])
    columns = ("user_id", "domain", "number", "account")
    insert_rows(db, "lines", columns, [(it, "example.org", f"1{it:05}", f"1{it:05}") for it in users])
    groups = [(it, f"Group {it}", "example.org", f"7{it:03}", "softphone") for it in range(1, GROUPS + 1)]
    insert_rows(db, "groups", ("id", "name", "domain", "number", "hunt_mode"), groups)
    members = [(1 + n // MEMBERS, n % MEMBERS + 1, n + 1) for n in range(GROUPS * MEMBERS)]
    insert_rows(db, "members", ("group_id", "position", "user_id"), members)
    with db.atomic():
        add_callers(db, [_caller(number) for number in range(CALLERS)], "DE")
        _insert(db, "calls", _CALL, (_call(number) for number in range(count)))
        _insert(db, "journal_entries", _ENTRY, (row for number in range(count) for row in _entries(number)))
        _insert(db, "legs", _LEG, (row for number in range(count) for row in _legs(number)))
    execute(db, "VACUUM ANALYZE" if dialect(db) == "postgresql" else "PRAGMA wal_checkpoint(TRUNCATE)")


_CALL = (
    *("call_id", "node", "channel_uuid", "group_id", "group_name", "group_number", "group_domain", "caller_number"),
    *("caller_name", "arrived_at_ms", "answered_at_ms", "ended_at_ms", "wait_ms", "talk_ms", "answered_by_user_id"),
    *("answered_by_name", "outcome"),
)
_ENTRY = ("call_id", "position", "user_id", "user_name", "kind", "rang", "cause")
_LEG = ("call_id", "number", "user_id", "line", "contact", "cause", "rang")


def _insert(db: peewee.Database, table: str, columns: tuple[str, ...], rows: Iterator[tuple[Any, ...]]) -> None:
    """Insert rows as fast as the database takes them."""
    connection: Any = db.connection()  # type: ignore[no-untyped-call]
    if dialect(db) == "postgresql":
        with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        return
    sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    connection.executemany(sql, rows)


def _caller(number: int) -> tuple[str, str]:
    return f"+4930555{number:05}", f"Kundin {number} GmbH"


def _group(number: int) -> int:
    return number % GROUPS + 1


def _taker(number: int) -> int | None:
    """Return who answers: seven of ten calls are answered, by turns."""
    turn = number // GROUPS
    return None if turn % 10 >= 7 else (_group(number) - 1) * MEMBERS + turn * 7 % MEMBERS + 1


def _call(number: int) -> tuple[object, ...]:
    at, taker, group = FIRST_MS + number * EVERY_MS, _taker(number), _group(number)
    wait = 1000 + number % 45 * 1000
    return (
        *(_id(number), "fs", f"{number:032x}", group, f"Group {group}", f"7{group:03}", "example.org"),
        *(*_caller(number * 7919 % CALLERS), at, at + wait if taker else None, at + 120_000, wait),
        *(60_000 if taker else 0, taker, f"User {taker}" if taker else "", "answered" if taker else "no_answer"),
    )


def _entries(number: int) -> Iterator[tuple[object, ...]]:
    taker, group = _taker(number), _group(number)
    for position in range(1, MEMBERS + 1):
        user = (group - 1) * MEMBERS + position
        kind = ("answered" if user == taker else "answered_elsewhere") if taker else "missed"
        yield _id(number), position, user, f"User {user}", kind, True, "LOSE_RACE" if taker else "NO_ANSWER"


def _legs(number: int) -> Iterator[tuple[object, ...]]:
    """Give the phones of some calls: nothing but one call at a time reads them."""
    if number % 50:
        return
    taker, group = _taker(number), _group(number)
    for position in range(1, MEMBERS + 1):
        user = (group - 1) * MEMBERS + position
        contact = f"sofia/internal/sip:1{user:05}@192.0.2.1"
        cause = ("NONE" if user == taker else "LOSE_RACE") if taker else "NO_ANSWER"
        yield _id(number), position, user, f"1{user:05}@example.org", contact, cause, True


if __name__ == "__main__":
    main()
