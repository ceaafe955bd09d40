"""
Keeps the figures of days that are over, so that those of a year are there at once.

A thread of the web process counts each group's finished days and stores them (``group_figures``), and throws a day away
when one of its calls has changed. It may be killed at any moment, and there may be one in each of several processes:

- A day is counted outside of any transaction, so that no writer waits for that. It is stored only if nobody has moved
  the mark ``position`` since before it was counted.
- The mark is moved across changes in the transaction that throws away the days that they touch, and waits for ids that
  are missing yet (``ChangeReader``).

So every stored day holds what the changes up to the mark say. Who reads them looks at the later ones (``days``).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import flask
import peewee

from esl_huntgroup.db.engine import dialect, drop_connection, execute, explain, insert_rows, portions, quoted
from esl_huntgroup.db.statements import rows
from esl_huntgroup.journal import changes, figures_marks
from esl_huntgroup.journal.changes import ChangeReader
from esl_huntgroup.journal.conditions import CLOCK_MAX_MS
from esl_huntgroup.model.call_ids import is_call_id
from esl_huntgroup.model.limits import DAY_MS
from esl_huntgroup.web import clock
from esl_huntgroup.web.reading import counting, days
from esl_huntgroup.web.reading.periods import HOUR_MS
from esl_huntgroup.web.reading.sums import Sums

EVERY_S: Final = 10.0
"""How often the mark is moved; what has changed since is looked through for each page of figures."""
LOOK_EVERY_S: Final = 600.0
"""How often it is looked whether days are missing that nothing here has thrown away."""
RETRY_S: Final = 60.0
RESTS: Final = 4
"""It rests so many times as long as it has counted: others want the database, too."""
STEP_S: Final = 0.1
"""What is counted at once is to take about so long."""
DAYS_MAX: Final = 64
CHANGES_AT_ONCE: Final = 500
_KEY: Final = "esl_huntgroup.figures"
CACHE_KB: Final = 2000
"""SQLite need not keep in memory what is read once."""

log = logging.getLogger(__name__)


class Keeper:
    """Keeps the figures in one database. ``step`` and ``close`` belong to one thread."""

    def __init__(self, db: peewee.Database, now_ms: Callable[[], int] = clock.now_ms) -> None:
        """Take the database, which need not be there. Connects to nothing."""
        self._db = db
        self._now_ms = now_ms
        self._reader: ChangeReader | None = None
        self._pending: dict[int, Sequence[str]] = {}
        self._wanted: dict[int, None] = {}
        """The groups of which days may be missing."""
        self._moved_to: int | None = None
        self._looked_at: float | None = None
        self._looked_until = 0
        self._days = 1
        self._stopping = threading.Event()
        self._is_out = False

    def start(self) -> None:
        """Begin, in a thread of its own that ends with the process."""
        threading.Thread(target=self._run, name="figures", daemon=True).start()

    def stop(self) -> None:
        """End soon."""
        self._stopping.set()

    def _run(self) -> None:
        move_at, rest_s = 0.0, 0.0
        while not self._stopping.wait(rest_s):
            began = time.monotonic()
            try:
                if began >= move_at:
                    self.move()
                    move_at = began + EVERY_S
                is_more = self.store_some()
                rest_s = RESTS * (time.monotonic() - began) if is_more else EVERY_S
                self._is_out = False
            except peewee.PeeweeException as error:
                self._failed(error)
                rest_s = RETRY_S
        drop_connection(self._db)

    def _failed(self, error: peewee.PeeweeException) -> None:
        drop_connection(self._db)
        self._forget()
        if not self._is_out:
            log.warning("figures: days that are over are not stored: %s", explain(self._db, error))
        self._is_out = True

    def _forget(self) -> None:
        self._reader = self._moved_to = None
        self._pending.clear()
        self._looked_at = None

    # -- what has changed ---------------------------------------------------------------------------------------------

    def move(self) -> None:
        """Move the mark across what has changed, and throw away the days that this touches. Raises peewee's errors."""
        if dialect(self._db) == "sqlite":
            execute(self._db, f"PRAGMA cache_size = -{CACHE_KB}")
        if self._reader is None:
            self._begin()
        assert self._reader is not None
        while True:
            found = self._reader.read(self._db, CHANGES_AT_ONCE)
            self._pending |= {change.id: change.call_ids for change in found}
            if len(found) < CHANGES_AT_ONCE:
                break
        position = self._reader.position
        if position == self._moved_to and figures_marks.POSITION in figures_marks.read(self._db):
            return
        # The mark first: whoever is about to store a day waits for it, and then does not.
        with self._db.atomic():
            held = figures_marks.held_position(self._db)
            if held is not None and held < position:
                figures_marks.move(self._db, figures_marks.POSITION, position)
                self._throw_away([it for number, ids in self._pending.items() if number <= position for it in ids])
        if held is None:
            self._forget()  # changes have been deleted that nobody here had read
            return
        self._pending = {number: ids for number, ids in self._pending.items() if number > position}
        self._moved_to = position

    def _begin(self) -> None:
        """Go on where somebody has come to, or begin anew."""
        with self._db.atomic():
            position = figures_marks.held_position(self._db)
            if position is None:
                position = max(changes.newest(self._db) - changes.BACK, 0)
                figures_marks.move(self._db, figures_marks.POSITION, position)
                execute(self._db, "DELETE FROM group_figures")
        self._reader = ChangeReader(position)

    def _throw_away(self, call_ids: Iterable[str]) -> None:
        """Delete the days of these calls, as far as there are such."""
        old = days.before(call_ids, self._end())
        known: set[str] = set()
        for some in portions(old):
            sql = f"SELECT call_id, group_id, arrived_at_ms FROM calls WHERE call_id IN ({', '.join('?' * len(some))})"
            for call_id, group_id, arrived_at_ms in rows(self._db, sql, some):
                known.add(str(call_id))
                if group_id is not None:
                    self._delete("group_id = {0} AND day = {0}", int(group_id), int(arrived_at_ms) // DAY_MS)
                    self._wanted[int(group_id)] = None
        for call_id in old:
            if call_id not in known:  # it has been deleted, and with it whose it was
                self._looked_at = None
                for day in days.days_of(call_id) if is_call_id(call_id) else ():
                    self._delete("day = {0}", day)

    def _delete(self, where: str, *values: int) -> None:
        execute(self._db, f"DELETE FROM group_figures WHERE {where.format(self._db.param)}", values)

    def _end(self) -> int:
        """
        Return the day before which days are stored.

        It is yesterday: an id tells of a call's arrival to a day, and those of today are to touch nothing stored.
        """
        return (self._now_ms() - HOUR_MS - CLOCK_MAX_MS) // DAY_MS

    # -- what is stored -----------------------------------------------------------------------------------------------

    def store_some(self) -> bool:
        """Count and store some days of one group; return whether more are missing. Raises peewee's exceptions."""
        self._look()
        if not self._wanted:
            return False
        marks = figures_marks.read(self._db)
        position = marks.get(figures_marks.POSITION)
        if position is None:
            return False
        group_id = next(iter(self._wanted))
        missing = self._missing(group_id, days.first_whole(marks))
        if not missing:
            del self._wanted[group_id]
            return bool(self._wanted)
        began = time.monotonic()
        some = _newest_run(missing, self._days)
        counted = self._counted(group_id, some)
        took = time.monotonic() - began
        self._days = max(1, self._days // 2) if took > STEP_S else min(DAYS_MAX, self._days * 2)
        try:
            with self._db.atomic():
                if figures_marks.held_position(self._db) == position:
                    insert_rows(self._db, "group_figures", ("group_id", "day", "figures"), counted, once=True)
        except peewee.IntegrityError:  # the group has been deleted meanwhile
            self._looked_at = None
        return True

    def _look(self) -> None:
        """Have every group looked through at times, and when a day more is over."""
        now, end = time.monotonic(), self._end()
        if self._looked_at is not None and now < self._looked_at + LOOK_EVERY_S and end == self._looked_until:
            return
        found = execute(self._db, f"SELECT id FROM {quoted(self._db, 'groups')}").fetchall()
        self._wanted = {int(row[0]): None for row in found}
        self._delete("day < {0}", days.first_whole(figures_marks.read(self._db)))
        self._looked_at, self._looked_until = now, end

    def _missing(self, group_id: int, first: int) -> list[int]:
        """Return which days of a group are not stored, from its first call on."""
        (oldest,) = rows(self._db, "SELECT MIN(call_id) FROM calls WHERE group_id = ?", (group_id,))[0]
        if oldest is None or not is_call_id(str(oldest)):
            return []
        begin = max(days.days_of(str(oldest)).start, first)
        sql = "SELECT day FROM group_figures WHERE group_id = ?"
        there = {int(row[0]) for row in rows(self._db, sql, (group_id,))}
        return [day for day in range(begin, self._end()) if day not in there]

    def _counted(self, group_id: int, some: range) -> list[tuple[object, ...]]:
        """Return the rows of these days. Two statements."""
        span = (some.start * DAY_MS, some.stop * DAY_MS)
        found: dict[int, Sums] = {day: Sums() for day in some}
        for day, *row in counting.calls_by_day(self._db, group_id, span):
            found[int(day)].add_calls([row])
        for day, *row in counting.entries_by_day(self._db, group_id, span):
            found[int(day)].add_entries([row])
        return [(group_id, day, days.encoded(sums.day()).decode()) for day, sums in found.items()]


def _newest_run(missing: Sequence[int], most: int) -> range:
    """Return the newest of these days that follow one another, at most so many."""
    last = missing[-1]
    first = last
    for day in reversed(missing[-most:]):
        if day < first - 1:
            break
        first = day
    return range(first, last + 1)


def install(app: flask.Flask, db: peewee.Database) -> None:
    """Give the application what keeps the figures of its database. Starts nothing."""
    app.extensions[_KEY] = Keeper(db)


def keeper_of(app: flask.Flask) -> Keeper | None:
    """Return what keeps the figures for this application, None where nothing does."""
    found: Keeper | None = app.extensions.get(_KEY)
    return found
