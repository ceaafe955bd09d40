"""
``python -m tests.bench.journal [--calls 1000000]``: how long a page of a large journal takes, whatever is asked for.

Each line is the best of seven on SQLite, and its ratio to the newest fifty entries without a condition. Nothing is
analysed, as in an installation that nobody tunes.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import peewee

from esl_huntgroup.db.engine import execute, execute_many, open_database
from esl_huntgroup.db.migrate import upgrade
from esl_huntgroup.journal import query
from esl_huntgroup.journal.conditions import Cursor, Wanted
from esl_huntgroup.model.call_ids import first_at
from esl_huntgroup.model.outcome import EntryKind, Outcome
from tests.database.rows import group, user

FIRST_MS = 1_764_000_000_000
EVERY_MS = 30_000
MEMBERS = 3
USUAL = (Outcome.ANSWERED, Outcome.NO_ANSWER, Outcome.NOBODY_REGISTERED, Outcome.ALL_BUSY, Outcome.CALLER_GONE)
RARE = 5
"""This one call, one of the oldest, is the only one of its outcome and kind."""


def main() -> None:
    """Fill a journal and time what can be asked of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000)
    count = parser.parse_args().calls
    with tempfile.TemporaryDirectory() as folder, closing(open_database(f"sqlite:///{Path(folder) / 'j.db'}")) as db:
        upgrade(db)
        _fill(db, count)
        middle_ms = FIRST_MS + count // 2 * EVERY_MS
        usual_s = _seconds(lambda: query.page(db, Wanted(), 50))
        print(f"{count} calls with {MEMBERS} entries each")
        for name, wanted in _cases(middle_ms).items():
            page_s = _seconds(lambda wanted=wanted: query.page(db, wanted, 50))  # type: ignore[misc]
            calls_s = _seconds(lambda wanted=wanted: query.calls(db, wanted, 50))  # type: ignore[misc]
            print(f"{name:32} {page_s * 1000:8.2f} ms, {page_s / usual_s:5.2f}; --calls {calls_s * 1000:8.2f} ms")


def _cases(middle_ms: int) -> dict[str, Wanted]:
    rare, seldom = Outcome.INTERRUPTED, EntryKind.NOT_SIGNALLED
    return {
        "journal": Wanted(),
        "--user": Wanted(user_id=2),
        "--group": Wanted(group_ids=(8,)),
        "--since": Wanted(since_ms=middle_ms),
        "--until": Wanted(until_ms=middle_ms),
        "--since --until": Wanted(since_ms=middle_ms - 86_400_000, until_ms=middle_ms),
        "--caller": Wanted(caller="030777"),
        "--outcome": Wanted(outcome=Outcome.NO_ANSWER),
        "--outcome, of one call": Wanted(outcome=rare),
        "--kind": Wanted(kind=EntryKind.MISSED),
        "--kind, of one call": Wanted(kind=seldom),
        "--user --kind": Wanted(user_id=2, kind=EntryKind.ANSWERED),
        "--user --caller": Wanted(user_id=2, caller="030778"),
        "--user --outcome, of one call": Wanted(user_id=2, outcome=rare),
        "--group --outcome, of one call": Wanted(group_ids=(7,), outcome=rare),
        "--kind --caller": Wanted(kind=EntryKind.MISSED, caller="030777"),
        "--before": Wanted(after=Cursor(first_at(middle_ms))),
    }


def _seconds(work: Callable[[], object]) -> float:
    """Return how long it takes at best."""
    best = float("inf")
    for _ in range(7):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best


def _fill(db: peewee.Database, count: int) -> None:
    for number in range(1, MEMBERS + 3):
        user(db, number)
    group(db, "700", id=7, name="Vertrieb")
    group(db, "701", id=8, name="Technik")
    execute(db, "PRAGMA synchronous = OFF")
    with db.atomic():
        execute_many(
            db,
            "INSERT INTO calls (call_id, node, channel_uuid, group_id, group_name, group_number, group_domain, "
            "caller_number, caller_name, arrived_at_ms, ended_at_ms, wait_ms, talk_ms, outcome) "
            f"VALUES ({', '.join('?' * 14)})",
            [*_calls(count)],
        )
        execute_many(
            db,
            "INSERT INTO journal_entries (call_id, position, user_id, user_name, kind, rang, cause) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            [*_entries(count)],
        )


def _id(number: int) -> str:
    return f"{first_at(FIRST_MS + number * EVERY_MS)[:14]}7000-8000-{number:08x}0000"


def _outcome(number: int) -> Outcome:
    return Outcome.INTERRUPTED if number == RARE else USUAL[number % len(USUAL)]


def _calls(count: int) -> Iterator[tuple[object, ...]]:
    for number in range(count):
        at_ms, group_id = FIRST_MS + number * EVERY_MS, 7 if number % 3 else 8
        caller = f"0{30_000 + number % 50_000}"
        yield (
            *(_id(number), "fs", "channel", group_id, "Vertrieb", "700", "example.org", caller, "Kunde"),
            *(at_ms, at_ms + EVERY_MS, 1000, 2000, _outcome(number).value),
        )


def _entries(count: int) -> Iterator[tuple[object, ...]]:
    for number in range(count):
        kind = EntryKind.ANSWERED if _outcome(number) is Outcome.ANSWERED else EntryKind.MISSED
        for position in range(1, MEMBERS + 1):
            seen = EntryKind.NOT_SIGNALLED if number == RARE else kind
            yield _id(number), position, position + number % 3, f"User {position}", seen.value, True, ""


if __name__ == "__main__":
    main()
