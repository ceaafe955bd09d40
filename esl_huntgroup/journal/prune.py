"""Old calls out of the journal, a few at a time: nobody who writes a call meanwhile has to wait for long."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import peewee

from esl_huntgroup.db.engine import Progress, database_errors, execute, marks, update_sql
from esl_huntgroup.errors import InputError
from esl_huntgroup.journal import figures_marks
from esl_huntgroup.model.limits import DAY_MS
from esl_huntgroup.model.text import counted
from esl_huntgroup.provisioning import audit
from esl_huntgroup.provisioning.audit import Change

CALLS_AT_ONCE = 200
"""Calls in one transaction: milliseconds, even with the legs and entries of large groups."""
DAYS_MAX = 36_500


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows of each table go."""

    calls: int
    legs: int
    journal_entries: int

    def plus(self, more: Pruned) -> Pruned:
        """Return both together."""
        return Pruned(self.calls + more.calls, self.legs + more.legs, self.journal_entries + more.journal_entries)

    def __str__(self) -> str:
        """Return it in words."""
        return ", ".join(
            (
                counted(self.calls, "call"),
                counted(self.legs, "leg"),
                counted(self.journal_entries, "journal entry", "journal entries"),
            )
        )


def age_days(text: str) -> int:
    """Return the days of an age such as ``365d``. Raises InputError."""
    match = re.fullmatch(r"([0-9]{1,5})d", text, re.ASCII)
    if match and 1 <= int(match[1]) <= DAYS_MAX:
        return int(match[1])
    raise InputError(f"{text!r} is not an age: days such as '365d' are accepted, from 1d to {DAYS_MAX}d")


def before_ms(days: int, now_ms: int) -> int:
    """Return the moment so many days ago."""
    return now_ms - days * DAY_MS


def prunable(db: peewee.Database, moment_ms: int) -> Pruned:
    """Return how much of the journal is older than the moment. Three queries; raises DatabaseError."""
    old = f"SELECT call_id FROM calls WHERE arrived_at_ms < {db.param}"
    counts = ["calls WHERE arrived_at_ms < " + db.param]
    counts += [f"{table} WHERE call_id IN ({old})" for table in ("legs", "journal_entries")]
    with database_errors(db):
        return Pruned(*(execute(db, f"SELECT COUNT(*) FROM {it}", (moment_ms,)).fetchone()[0] for it in counts))


def prune(db: peewee.Database, moment_ms: int, who: str, progress: Progress = lambda _step: None) -> Pruned:
    """
    Delete every call that arrived before the moment, with its legs and entries, and write it into the audit.

    An interruption loses nothing that should stay: doing it again deletes the rest. The row of the audit grows with
    each transaction, so that it tells what has gone even if the program is killed. Raises DatabaseError.
    """
    found = prunable(db, moment_ms)
    done = Pruned(0, 0, 0)
    row: int | None = None
    with database_errors(db):
        figures_marks.move(db, figures_marks.PRUNED, moment_ms)  # before anything goes
        while ids := _oldest(db, moment_ms):
            with db.atomic():
                done = done.plus(_of_calls(db, ids))
                execute(db, f"DELETE FROM calls WHERE call_id IN ({marks(db, ids)})", ids)
                row = _note(db, row, who, Change("remove", "journal", f"before {_date(moment_ms)}", asdict(done), None))
            progress(f"deleted {done.calls} of {counted(found.calls, 'call')}")
    return done


def _of_calls(db: peewee.Database, ids: Sequence[str]) -> Pruned:
    """Return how many rows go with these calls."""
    tables = ("legs", "journal_entries")
    counts = [f"SELECT COUNT(*) FROM {table} WHERE call_id IN ({marks(db, ids)})" for table in tables]
    return Pruned(len(ids), *(execute(db, sql, ids).fetchone()[0] for sql in counts))


def _note(db: peewee.Database, row: int | None, who: str, change: Change) -> int:
    """Write what has gone so far into the audit, or anew into its row, and return the number of that row."""
    if row is None:
        audit.record(db, who, change)
        sql = f"SELECT MAX(id) FROM audit WHERE kind = {db.param} AND name = {db.param} AND who = {db.param}"
        return int(execute(db, sql, (change.kind, change.name, who)).fetchone()[0])
    sql = update_sql(db, "audit", ("before",), ("id",))
    execute(db, sql, (json.dumps(change.before), row))
    return row


def _oldest(db: peewee.Database, moment_ms: int) -> list[str]:
    sql = f"SELECT call_id FROM calls WHERE arrived_at_ms < {db.param} ORDER BY call_id LIMIT {CALLS_AT_ONCE}"
    return [row[0] for row in execute(db, sql, (moment_ms,)).fetchall()]


def _date(moment_ms: int) -> str:
    return datetime.datetime.fromtimestamp(moment_ms / 1000, datetime.UTC).isoformat(timespec="seconds")
