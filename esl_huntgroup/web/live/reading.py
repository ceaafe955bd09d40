"""
What the feed asks the database: what the calls look like now, who may see them, and what has changed.

Each question is a fixed number of statements for every 500 calls or users, however many pages are open. Everything here
raises peewee's exceptions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

import peewee

from esl_huntgroup.db.engine import portions, quoted
from esl_huntgroup.db.statements import rows
from esl_huntgroup.web.live.audience import Facts
from esl_huntgroup.web.reading import columns
from esl_huntgroup.web.reading.journal import entries_of, names_of


def calls(db: peewee.Database, call_ids: Collection[str]) -> dict[str, Facts]:
    """Return those of these calls that the database has. Four statements for each 500."""
    found: dict[str, Facts] = {}
    for ids in portions(sorted(call_ids)):
        found |= _calls(db, ids)
    return found


def _calls(db: peewee.Database, ids: Sequence[str]) -> dict[str, Facts]:
    sql = f"""SELECT {columns.CALL}, g.missed_shared FROM calls c
        LEFT JOIN {quoted(db, "groups")} g ON g.id = c.group_id WHERE c.call_id IN ({_marks(ids)})"""
    stored = rows(db, sql, ids)
    entries, names = entries_of(db, ids), names_of(db, stored)
    found = [columns.call(row, names) for row in stored]
    shared = {str(row[0]): row[-1] is None or bool(row[-1]) for row in stored}
    members = _members(db, sorted({call.group_id for call in found if call.group_id is not None}))
    return {
        call.call_id: Facts(
            call,
            tuple(entries.get(call.call_id, ())),
            frozenset(members[call.group_id, True]),
            frozenset(members[call.group_id, False]),
            shared[call.call_id],
        )
        for call in found
    }


def _members(db: peewee.Database, group_ids: Sequence[int]) -> dict[tuple[int | None, bool], list[int]]:
    """Return the members of each group: those with a line that can be rung there, and the others."""
    found: dict[tuple[int | None, bool], list[int]] = defaultdict(list)
    if group_ids:
        sql = f"""SELECT m.group_id, m.user_id, EXISTS (SELECT 1 FROM {quoted(db, "lines")} l
            WHERE l.user_id = m.user_id AND l.kind = 'softphone') FROM members m
            WHERE m.group_id IN ({_marks(group_ids)})"""
        for group_id, user_id, can_be_rung in rows(db, sql, group_ids):
            found[group_id, bool(can_be_rung)].append(user_id)
    return found


def newest_audit(db: peewee.Database) -> int:
    """Return the id of the newest change of the configuration. One statement."""
    return int(rows(db, "SELECT COALESCE(MAX(id), 0) FROM audit")[0][0])


def oldest_change(db: peewee.Database) -> int | None:
    """Return the id of the oldest change that is still there. One statement."""
    found = rows(db, "SELECT MIN(id) FROM journal_changes")[0][0]
    return None if found is None else int(found)


def _marks(ids: Sequence[object]) -> str:
    return ", ".join("?" * len(ids))
