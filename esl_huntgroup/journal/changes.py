"""
What has changed in the journal: each transaction that writes to it leaves one row that names the calls it touched.

Whoever shows the journal, or follows it, asks for the rows behind the last one that it has seen. Several writers of one
database take their ids in one order and commit in another: an id that is missing may still come. ``ChangeReader`` waits
for such ids, and yet hands on what is there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import peewee

from esl_huntgroup.db.engine import execute, insert_rows
from esl_huntgroup.journal import figures_marks

GAP_S: Final = 65.0
"""
How long an id that is missing is waited for: longer than a transaction of the journal's writer may take. Ids that never
come are those of transactions that failed; they cost only that whoever resumes reads a minute of changes again.
"""
GAPS_MAX: Final = 100
"""Gaps that are remembered; the oldest gives way."""
BACK: Final = 1000
"""Whoever begins with now looks through so many ids for those that are missing yet."""
BACK_AT_ONCE: Final = 500

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(list[str]).decode


@dataclass(frozen=True, slots=True)
class Change:
    """One transaction that changed the journal, and the calls that it touched."""

    id: int
    at_ms: int
    call_ids: tuple[str, ...]


def note(db: peewee.Database, call_ids: Collection[str], at_ms: int | None = None) -> None:
    """
    Say that this transaction has touched these calls; nothing where there are none.

    It is the last statement of a transaction, so that its id is visible soon after it was taken. ``at_ms`` None is now.
    Raises peewee's exceptions.
    """
    if call_ids:
        now_ms = time.time_ns() // 1_000_000 if at_ms is None else at_ms
        text = _encode(list(dict.fromkeys(call_ids))).decode()
        insert_rows(db, "journal_changes", ("at_ms", "call_ids"), [(now_ms, text)])


def newest(db: peewee.Database) -> int:
    """Return the id of the newest change, 0 where there is none. One query; raises peewee's exceptions."""
    return int(execute(db, "SELECT COALESCE(MAX(id), 0) FROM journal_changes").fetchone()[0])


def since(db: peewee.Database, after: int, limit: int) -> list[Change]:
    """
    Return the changes with higher ids that can be seen now, oldest first, at most ``limit``.

    One query; raises peewee's exceptions. What is committed later may have a lower id: see ``ChangeReader``.
    """
    return _read(db, f"id > {db.param}", [after], limit)


def forget(db: peewee.Database, up_to: int, before_ms: int) -> None:
    """
    Delete the changes up to this id that are older; who keeps figures and has not read them begins anew.

    One transaction; raises peewee's exceptions.
    """
    with db.atomic():
        figures_marks.give_up(db, up_to, before_ms)
        execute(db, f"DELETE FROM journal_changes WHERE at_ms < {db.param} AND id <= {db.param}", (before_ms, up_to))


def from_now_on(db: peewee.Database) -> ChangeReader:
    """
    Return a reader that hands on what is committed from now on.

    Whoever reads a table after this misses nothing by both together. Raises peewee's exceptions.
    """
    reader = ChangeReader(max(newest(db) - BACK, 0))
    while len(reader.read(db, BACK_AT_ONCE)) == BACK_AT_ONCE:
        pass
    return reader


@dataclass(slots=True)
class _Gap:
    """Ids that are missing, from the first to the last, and since when; ``clock`` seconds."""

    first: int
    last: int
    since_s: float


class ChangeReader:
    """
    Reads the changes in the order in which they can be seen, each once, and those that are committed late, too.

    ``position`` is what to begin with the next time: the id below which none is missing any more. Belongs to one
    thread; ``clock`` counts seconds.
    """

    def __init__(self, after: int, *, gap_s: float = GAP_S, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin behind this id. Reads nothing."""
        self._highest = after
        self._gaps: list[_Gap] = []
        self._gap_s = gap_s
        self._clock = clock

    @property
    def position(self) -> int:
        """The id up to which everything has been read, or is not waited for any more."""
        return self._gaps[0].first - 1 if self._gaps else self._highest

    @property
    def highest(self) -> int:
        """The highest id that has been read."""
        return self._highest

    @property
    def missing(self) -> tuple[tuple[int, int], ...]:
        """The ids below it that are waited for: ranges in order, ends included."""
        return tuple((gap.first, gap.last) for gap in self._gaps)

    def read(self, db: peewee.Database, limit: int) -> list[Change]:
        """Return what is new, at most ``limit``. One query; raises peewee's exceptions, and then nothing is read."""
        between = [f"id BETWEEN {db.param} AND {db.param}"] * len(self._gaps)
        edges = [edge for gap in self._gaps for edge in (gap.first, gap.last)]
        found = _read(db, " OR ".join([f"id > {db.param}", *between]), [self._highest, *edges], limit)
        self._note([change.id for change in found])
        return found

    def _note(self, ids: Sequence[int]) -> None:
        now = self._clock()
        late = [number for number in ids if number < self._highest]
        for number in late:
            self._fill(number)
        for number in ids[len(late) :]:
            if number > self._highest + 1:
                self._gaps.append(_Gap(self._highest + 1, number - 1, now))
            self._highest = number
        self._gaps = [gap for gap in self._gaps if now - gap.since_s < self._gap_s][-GAPS_MAX:]

    def _fill(self, number: int) -> None:
        """Take an id that has come out of its gap."""
        gaps: list[_Gap] = []
        for gap in self._gaps:
            if gap.first <= number <= gap.last:
                parts = (_Gap(gap.first, number - 1, gap.since_s), _Gap(number + 1, gap.last, gap.since_s))
                gaps += [part for part in parts if part.first <= part.last]
            else:
                gaps.append(gap)
        self._gaps = gaps


def _read(db: peewee.Database, where: str, values: Sequence[Any], limit: int) -> list[Change]:
    sql = f"SELECT id, at_ms, call_ids FROM journal_changes WHERE {where} ORDER BY id LIMIT {db.param}"
    rows = execute(db, sql, (*values, limit)).fetchall()
    return [Change(int(number), int(at_ms), tuple(_decode(text))) for number, at_ms, text in rows]
