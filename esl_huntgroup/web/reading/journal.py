"""
A page of the journal: a user's own entries, or the calls of a group. Raises peewee's exceptions.

A page takes a fixed number of statements, each by an index. What is not in an index (a kind, a group, a caller of whom
there are many calls) is looked for in the next ``WINDOW`` entries, so that a page takes its time and no more, however
rare that is; a page with less than is wanted then says where the next one goes on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import peewee

from esl_huntgroup.db.engine import quoted
from esl_huntgroup.db.statements import rows
from esl_huntgroup.journal.conditions import (
    CLOCK_MAX_MS,
    UNHANDLED,
    Condition,
    arrived_between,
    ids_between,
    where,
)
from esl_huntgroup.model.call_ids import first_at
from esl_huntgroup.model.call_state import RING_GRACE_MS, CallState
from esl_huntgroup.model.limits import RING_TIMEOUT_MAX_S
from esl_huntgroup.web import clock
from esl_huntgroup.web.access import Access
from esl_huntgroup.web.reading import columns
from esl_huntgroup.web.reading.filters import LIMIT_DEFAULT, Filters, Position
from esl_huntgroup.web.reading.rows import Entry, Page, Row
from esl_huntgroup.web.reading.search import Callers, callers

WINDOW: Final = 2000
"""Entries, or calls of a group, that one page looks through."""
SEARCH_WINDOW: Final = 500
"""The same where each call's caller has to be looked up, of whom many match."""
UNHANDLED_MAX: Final = 100
"""So far missed calls are counted; there may be more."""
NEWEST: Final = Position()


def own_page(
    db: peewee.Database,
    access: Access,
    wanted: Filters,
    position: Position = NEWEST,
    limit: int = LIMIT_DEFAULT,
    *,
    country: str,
    now_ms: int | None = None,
) -> Page:
    """
    Return a page of the user's own entries, and on the newest one the calls that ring now, which will have one.

    At most six statements. ``country`` is that of numbers without a country code.
    """
    fixed: list[Condition] = [("e.user_id = ?", [access.user_id])]
    if wanted.unhandled:
        fixed.append((_unhandled("e"), []))
    rest: list[Condition] = []
    if wanted.kind is not None:
        rest.append(("e.kind = ?", [wanted.kind.value]))
    if wanted.group_id is not None:
        rest.append(("c.group_id = ?", [wanted.group_id]))
    within = ("journal_entries w WHERE w.user_id = ?", [access.user_id])
    found = _read(db, _Question(_OWN, within, fixed, rest, wanted, position, limit), country)
    names = names_of(db, found.rows)
    shown = [Row(columns.call(row, names), columns.entry(row[columns.CALL_COLUMNS :])) for row in found.rows]
    if position == NEWEST and _can_show_open(wanted):
        shown = [*open_calls(db, access, wanted.group_id, now_ms), *shown]
    return Page(tuple(shown), found.older, found.newer)


def group_page(
    db: peewee.Database,
    group_id: int,
    wanted: Filters,
    position: Position = NEWEST,
    limit: int = LIMIT_DEFAULT,
    *,
    country: str,
    reader_id: int | None = None,
) -> Page:
    """
    Return a page of the calls of a group, each with the entries of all members. Who may see it is not asked here.

    A kind, and "not handled", are met by a call with one such entry. ``reader_id`` is whose own entry ``own`` is. At
    most six statements.
    """
    fixed: list[Condition] = [("c.group_id = ?", [group_id])]
    rest: list[Condition] = []
    entry = "EXISTS (SELECT 1 FROM journal_entries x WHERE x.call_id = c.call_id AND {})"
    if wanted.kind is not None:
        rest.append((entry.format("x.kind = ?"), [wanted.kind.value]))
    if wanted.unhandled:
        rest.append((entry.format(_unhandled("x")), []))
    within = ("calls w WHERE w.group_id = ?", [group_id])
    found = _read(db, _Question(_GROUP, within, fixed, rest, wanted, position, limit), country)
    names = names_of(db, found.rows)
    entries = entries_of(db, [str(row[0]) for row in found.rows])
    shown = [_of_group(row, names, entries[str(row[0])], reader_id) for row in found.rows]
    return Page(tuple(shown), found.older, found.newer)


def open_calls(
    db: peewee.Database, access: Access, group_id: int | None = None, now_ms: int | None = None
) -> list[Row]:
    """
    Return the calls that ring now and will have an entry of this user, newest first.

    Those are the calls to groups that the user is a member of with a softphone. At most two statements.
    """
    groups = sorted(access.member_groups if group_id is None else access.member_groups & {group_id})
    if not groups:
        return []
    now = clock.now_ms() if now_ms is None else now_ms
    since = now - RING_TIMEOUT_MAX_S * 1000 - RING_GRACE_MS
    sql = f"""SELECT {columns.CALL} FROM calls c LEFT JOIN {quoted(db, "groups")} g ON g.id = c.group_id
        WHERE c.outcome IS NULL AND c.call_id >= ? AND c.arrived_at_ms >= ? AND c.answered_at_ms IS NULL
        AND c.group_id IN ({", ".join("?" * len(groups))})
        AND NOT EXISTS (SELECT 1 FROM journal_entries e WHERE e.call_id = c.call_id)
        AND EXISTS (SELECT 1 FROM {quoted(db, "lines")} l WHERE l.user_id = ? AND l.kind = 'softphone')
        ORDER BY c.call_id DESC"""
    found = rows(db, sql, (first_at(since - CLOCK_MAX_MS), since, *groups, access.user_id))
    names = names_of(db, found)
    ringing = [Row(columns.call(row, names)) for row in found]
    return [row for row in ringing if row.call.state(now) is CallState.RINGING]


def unhandled_count(db: peewee.Database, user_id: int) -> int:
    """Return how many missed calls of a user nobody has dealt with; ``UNHANDLED_MAX`` means as many, or more."""
    found = (  # in the order of the index, so that no planner thinks of reading the table
        f"SELECT e.call_id FROM journal_entries e WHERE e.user_id = ? AND {_unhandled('e')}"
        " ORDER BY e.call_id DESC LIMIT ?"
    )
    sql = f"SELECT COUNT(*) FROM ({found}) x"
    return int(rows(db, sql, (user_id, UNHANDLED_MAX))[0][0])


def entries_of(db: peewee.Database, call_ids: Sequence[str]) -> dict[str, list[Entry]]:
    """Return the entries of these calls, by position. One statement, none for no call."""
    found: dict[str, list[Entry]] = defaultdict(list)
    if call_ids:
        sql = f"""SELECT e.call_id, {columns.ENTRY} FROM journal_entries e
            WHERE e.call_id IN ({", ".join("?" * len(call_ids))}) ORDER BY e.call_id, e.position"""
        for call_id, *stored in rows(db, sql, call_ids):
            if (entry := columns.entry(stored)) is not None:
                found[str(call_id)].append(entry)
    return found


# -- how a page is found ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Source:
    """What is read: the tables, the one in whose order, and its column with the call."""

    tables: str
    ordered: str
    call_id: str
    columns: str


_OWN: Final = _Source(
    "journal_entries e JOIN calls c ON c.call_id = e.call_id",
    "journal_entries e",
    "e.call_id",
    f"{columns.CALL}, {columns.ENTRY}",
)
_GROUP: Final = _Source("calls c", "calls c", "c.call_id", columns.CALL)


@dataclass(frozen=True, slots=True)
class _Question:
    """
    A page that is wanted: ``fixed`` are conditions that the index of the source knows, ``rest`` all others.

    ``within`` is what is looked through, for ``search.callers``.
    """

    source: _Source
    within: Condition
    fixed: Sequence[Condition]
    rest: Sequence[Condition]
    wanted: Filters
    position: Position
    limit: int

    @property
    def is_upwards(self) -> bool:
        """Whether it is read from older to newer."""
        return self.position.newer_than is not None

    @property
    def direction(self) -> str:
        """The order in which it is read."""
        return "ASC" if self.is_upwards else "DESC"


@dataclass(frozen=True, slots=True)
class _Found:
    """Rows, newest first, and where the pages beside them are."""

    rows: Sequence[Sequence[Any]]
    older: str | None
    newer: str | None


def _read(db: peewee.Database, question: _Question, country: str) -> _Found:
    """Read a page: at most four statements."""
    wanted, source = question.wanted, question.source
    looked_for = callers(db, wanted, country, [*_ids(question, "c.call_id")], question.within)
    conditions = [*question.fixed, *question.rest, *_times(wanted), *_ids(question, source.call_id)]
    edge = None
    if looked_for is not None:
        conditions.append(_of_callers(looked_for))
    if _is_long(question, looked_for):
        edge = _edge(db, question, WINDOW if looked_for is None else min(WINDOW, SEARCH_WINDOW))
        if edge is not None:
            conditions.append(_up_to(question, source.call_id, edge))
    if source is _OWN:  # so that PostgreSQL knows how few calls are left, too
        conditions += [*_ids(question, "c.call_id"), *([_up_to(question, "c.call_id", edge)] if edge else [])]
    chosen, values = where(conditions)
    sql = f"""SELECT {source.columns} FROM {source.tables}
        LEFT JOIN {quoted(db, "groups")} g ON g.id = c.group_id
        {chosen} ORDER BY {source.call_id} {question.direction} LIMIT ?"""
    return _between(rows(db, sql, [*values, question.limit + 1]), question, edge)


def _up_to(question: _Question, column: str, edge: str) -> Condition:
    """Return the condition that a call is not behind the last one that is looked at."""
    return f"{column} {'<=' if question.is_upwards else '>='} ?", [edge]


def _is_long(question: _Question, looked_for: Callers | None) -> bool:
    """Return whether it may take long until enough is found, so that there has to be an end to it."""
    if looked_for is not None:
        return looked_for.call_ids is None
    return bool(question.rest or _times(question.wanted))


def _of_callers(looked_for: Callers) -> Condition:
    """Return the condition that leaves the calls of those who are looked for."""
    if looked_for.call_ids is None:
        return looked_for.condition
    sql, values = looked_for.condition
    marks = ", ".join("?" * len(looked_for.call_ids)) or "NULL"
    return f"c.call_id IN ({marks}) AND {sql}", [*looked_for.call_ids, *values]


def _edge(db: peewee.Database, question: _Question, window: int) -> str | None:
    """Return the last call that is looked at; None: everything is. One statement, which an index alone answers."""
    source = question.source
    chosen, values = where([*question.fixed, *_ids(question, source.call_id)])
    sql = f"""SELECT {source.call_id} FROM {source.ordered} {chosen}
        ORDER BY {source.call_id} {question.direction} LIMIT 1 OFFSET {window - 1}"""
    found = rows(db, sql, values)
    return str(found[0][0]) if found else None


def _between(found: Sequence[Sequence[Any]], question: _Question, edge: str | None) -> _Found:
    """Return the page, and where those beside it begin."""
    shown = [*found[: question.limit]]  # PyMySQL returns a tuple
    further = str(shown[-1][0]) if len(found) > question.limit else edge
    if question.is_upwards:
        shown.reverse()
        back = str(shown[-1][0]) if shown else None
        return _Found(shown, back, further)
    was_newer = question.position.older_than is not None
    return _Found(shown, further, str(shown[0][0]) if shown and was_newer else None)


def _ids(question: _Question, column: str) -> Iterator[Condition]:
    """Give the conditions on the ids of calls, which begin with the time."""
    wanted, position = question.wanted, question.position
    yield from ids_between(column, wanted.from_ms, wanted.until_ms)
    if position.older_than is not None:
        yield f"{column} < ?", [position.older_than]
    if position.newer_than is not None:
        yield f"{column} > ?", [position.newer_than]


def _times(wanted: Filters) -> list[Condition]:
    return [*arrived_between(wanted.from_ms, wanted.until_ms)]


def _unhandled(alias: str) -> str:
    """Return the condition that an entry is a missed call that nobody has dealt with."""
    return UNHANDLED.replace("handled_at_ms", f"{alias}.handled_at_ms").replace("kind ", f"{alias}.kind ")


def _can_show_open(wanted: Filters) -> bool:
    return wanted == Filters(group_id=wanted.group_id)


def _of_group(row: Sequence[Any], names: dict[int, str], entries: Sequence[Entry], reader_id: int | None) -> Row:
    own = next((entry for entry in entries if reader_id is not None and entry.user_id == reader_id), None)
    return Row(columns.call(row, names), own, tuple(entries))


def names_of(db: peewee.Database, found: Sequence[Sequence[Any]]) -> dict[int, str]:
    """Return the names of those whose phones ring. One statement, none where nothing rings."""
    ids = sorted({user_id for row in found for user_id in columns.ringing_ids(row)})
    if not ids:
        return {}
    sql = f"SELECT id, display_name FROM users WHERE id IN ({', '.join('?' * len(ids))})"
    return {int(user_id): str(name) for user_id, name in rows(db, sql, ids)}
