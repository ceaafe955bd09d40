"""
Marks "handled" of entries that are written anew: a call that was closed as interrupted is told by who has seen it.

What was only supposed of its members is replaced then. That somebody has dealt with the call, or has taken that back,
was not supposed, and stays with whoever has missed the call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import peewee

from esl_huntgroup.db.engine import execute, marks, portions, quoted
from esl_huntgroup.journal.conditions import OF_MISSED


@dataclass(frozen=True, slots=True)
class Kept:
    """The mark of one entry. ``values`` are those of ``handled_…`` and ``reopened_at_ms``; ``is_shared``: for all."""

    call_id: str
    user_id: int | None
    user_name: str
    values: tuple[int | None, str | None, str | None, int | None]
    is_shared: bool


def of(db: peewee.Database, call_ids: Sequence[str]) -> list[Kept]:
    """Return the marks of these calls, the oldest first. Raises peewee's exceptions."""
    found: list[Kept] = []
    for ids in portions(call_ids):
        sql = f"""SELECT e.call_id, e.user_id, e.user_name, e.handled_at_ms, e.handled_by_name, e.handled_how,
            e.reopened_at_ms, g.missed_shared FROM journal_entries e JOIN calls c ON c.call_id = e.call_id
            LEFT JOIN {quoted(db, "groups")} g ON g.id = c.group_id
            WHERE (e.handled_at_ms IS NOT NULL OR e.reopened_at_ms IS NOT NULL)
            AND e.call_id IN ({marks(db, ids)})"""
        for call_id, user_id, user_name, *values, is_shared in execute(db, sql, tuple(ids)).fetchall():
            at_ms, by_name, how, reopened_at_ms = values
            mark = (at_ms, by_name, how, reopened_at_ms)
            found.append(Kept(call_id, user_id, user_name, mark, is_shared is None or bool(is_shared)))
    return sorted(found, key=lambda it: max(it.values[0] or 0, it.values[3] or 0))


def restore(db: peewee.Database, kept: Sequence[Kept]) -> None:
    """
    Mark the entries again in which the same people have missed the same calls.

    Where one handles for all, that goes for members too of whom nothing had been supposed. Raises peewee's exceptions.
    """
    sql = (
        "UPDATE journal_entries SET handled_at_ms = {0}, handled_by_name = {0}, handled_how = {0}, reopened_at_ms = {0}"
        f" WHERE call_id = {{0}} AND {OF_MISSED} AND "
    )
    for mark in kept:
        own = "user_id = {0}" if mark.user_id else "user_id IS NULL AND user_name = {0}"
        execute(db, (sql + own).format(db.param), (*mark.values, mark.call_id, mark.user_id or mark.user_name))
    for mark in reversed(kept):
        if mark.is_shared:
            rest = "handled_at_ms IS NULL AND reopened_at_ms IS NULL"
            execute(db, (sql + rest).format(db.param), (*mark.values, mark.call_id))
