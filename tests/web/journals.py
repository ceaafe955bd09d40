"""Journals for tests: many calls of a small firm, written as fast as a database takes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import peewee

from esl_huntgroup.db.engine import dialect, execute, insert_rows
from esl_huntgroup.journal.callers import add as add_callers
from esl_huntgroup.model.call_ids import first_at
from esl_huntgroup.model.outcome import SPOKEN, Outcome
from tests.database.rows import DOMAIN, group, insert, line

FIRST_MS = 1_792_000_000_000
"""A Wednesday in October 2026."""
EVERY_MS = 60_000
SALES, SUPPORT = 7, 8
ANNA, BERND, CHEF, DORA = 1, 2, 3, 4
NAMES = {ANNA: "Anna Berg", BERND: "Bernd Wolf", CHEF: "Carla Chef", DORA: "Dora Fremd"}
MEMBERS = {SALES: (ANNA, BERND), SUPPORT: (BERND, DORA)}
OUTCOMES = (Outcome.ANSWERED, Outcome.NO_ANSWER, Outcome.ANSWERED, Outcome.CALLER_GONE, Outcome.NOBODY_REGISTERED)
CALLERS = 50

_CALL = (
    *("call_id", "node", "channel_uuid", "group_id", "group_name", "group_number", "group_domain", "caller_number"),
    *("caller_name", "arrived_at_ms", "answered_at_ms", "ended_at_ms", "wait_ms", "talk_ms", "answered_by_user_id"),
    *("answered_by_name", "outcome", "overflow"),
)
_ENTRY = ("call_id", "position", "user_id", "user_name", "kind", "rang", "cause")
_LEG = ("call_id", "number", "user_id", "line", "contact", "cause", "rang")


def firm(db: peewee.Database, *, with_users: bool = False) -> None:
    """Add two groups with their members, lines, and Carla as the leader of the first, which has the service journal."""
    if with_users:
        for user_id, name in NAMES.items():
            insert(db, "users", id=user_id, name=name.partition(" ")[0].lower(), display_name=name)
    for user_id in NAMES:
        line(db, user_id, f"10{user_id}")
        line(db, user_id, f"20{user_id}")
    group(db, "700", id=SALES, name="Vertrieb")
    group(db, "800", id=SUPPORT, name="Technik")
    for group_id, members in MEMBERS.items():
        for position, user_id in enumerate(members, start=1):
            insert(db, "members", group_id=group_id, position=position, user_id=user_id)
    insert(db, "services", name="journal")
    insert(db, "superiors", group_id=SALES, role="leader", user_id=CHEF, level="business")
    insert(db, "group_services", group_id=SALES, service="journal")


def call_id(number: int) -> str:
    return f"{first_at(at_ms(number))[:14]}7000-8000-{number:08x}0000"


def number_of(its_id: str) -> int:
    """Return which call this is."""
    return int(its_id[24:32], 16)


def at_ms(number: int) -> int:
    return FIRST_MS + number * EVERY_MS


def group_of(number: int) -> int:
    return SUPPORT if number % 4 == 3 else SALES


def outcome_of(number: int) -> Outcome:
    return OUTCOMES[number % len(OUTCOMES)]


def caller_of(number: int) -> tuple[str, str]:
    """Return number and name of the caller: fifty of them, of whom one is rare."""
    if number == 5:
        return "+49891234567", "Seltener Gast"
    which = number % CALLERS
    return (f"+4930555{which:04}", f"Kundin Müller {which}")


def fill(db: peewee.Database, count: int) -> None:
    """Write so many calls, oldest first: members answer by turns."""
    with db.atomic():
        insert_rows(db, "calls", _CALL, [_call(number) for number in range(count)])
        insert_rows(db, "journal_entries", _ENTRY, [row for number in range(count) for row in _entries(number)])
        insert_rows(db, "legs", _LEG, [row for number in range(min(count, 1000)) for row in _legs(number)])
        callers = {caller_of(number) for number in range(count)}
        add_callers(db, callers, "DE")
    if dialect(db) == "postgresql":
        execute(db, "ANALYZE")


def taker(number: int) -> int:
    members = MEMBERS[group_of(number)]
    return members[number // 5 % len(members)]


def _call(number: int) -> Sequence[object]:
    group_id, outcome, arrived = group_of(number), outcome_of(number), at_ms(number)
    is_spoken = outcome in SPOKEN
    who = taker(number) if is_spoken else None
    name, extension = ("Vertrieb", "700") if group_id == SALES else ("Technik", "800")
    wait = 2000 + number % 30 * 1000
    return (
        *(call_id(number), "fs", f"channel-{number}", group_id, name, extension, DOMAIN, *caller_of(number), arrived),
        *(arrived + wait if is_spoken else None, arrived + 50_000, wait, 20_000 if is_spoken else 0, who),
        *(NAMES[who] if who else "", outcome.value, "" if is_spoken else "transfer 9000 XML default"),
    )


def _entries(number: int) -> Iterator[Sequence[object]]:
    outcome, who = outcome_of(number), taker(number)
    for position, user_id in enumerate(MEMBERS[group_of(number)], start=1):
        if outcome in SPOKEN:
            kind, rang, cause = "answered" if user_id == who else "answered_elsewhere", True, "LOSE_RACE"
        elif outcome is Outcome.NOBODY_REGISTERED:
            kind, rang, cause = "not_signalled", False, "NOT_REGISTERED"
        else:
            kind, rang, cause = "missed", True, "NO_ANSWER"
        yield call_id(number), position, user_id, NAMES[user_id], kind, rang, cause


def _legs(number: int) -> Iterator[Sequence[object]]:
    outcome, who = outcome_of(number), taker(number)
    if outcome is Outcome.NOBODY_REGISTERED:
        return
    for position, user_id in enumerate(MEMBERS[group_of(number)], start=1):
        cause = "NONE" if outcome in SPOKEN and user_id == who else "LOSE_RACE" if outcome in SPOKEN else "NO_ANSWER"
        contact = f"sofia/internal/sip:10{user_id}@192.0.2.1"
        yield call_id(number), position, user_id, f"10{user_id}@{DOMAIN}", contact, cause, True
