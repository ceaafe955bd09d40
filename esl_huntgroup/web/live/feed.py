"""
The greenlet that tells all open pages what has changed, four times a second.

The database is asked in a native thread that nobody else uses, so that no flood of requests holds it up, and on one
connection, however many pages are open. When the database is away, pages are told so once, and again when it is back:
every change is told then, late.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import gevent
import peewee
from gevent.threadpool import ThreadPool

from esl_huntgroup.db.engine import drop_connection, explain
from esl_huntgroup.web.live import sse
from esl_huntgroup.web.live.positions import Position
from esl_huntgroup.web.live.rounds import Guard, Rounds, Told, Write
from esl_huntgroup.web.live.stream import Stream, Streams, Viewer

EVERY_S: Final = 0.25
PATIENCE_S: Final = 5.0
"""A round that takes longer is told as trouble, and waited for."""
TROUBLE_S: Final = 1.0
"""How long it waits to ask again when something was wrong."""

TROUBLE: Final = sse.event("trouble") + sse.END
WELL: Final = sse.event("well") + sse.END

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Counters:
    """What the feed has done since the start. ``lag_s`` is how old the oldest change of the last round was."""

    rounds: int = 0
    failures: int = 0
    events: int = 0
    overruns: int = 0
    lag_s: float = 0.0
    round_s: float = 0.0


class Feed:
    """Asks, and tells. Belongs to the thread of the hub, but for ``open`` and ``position``."""

    def __init__(self, db: peewee.Database, guard: Guard, forms: Mapping[str, Write]) -> None:
        """Take the database, who may see what, and how each form of stream writes a call. Connects to nothing."""
        self.streams = Streams()
        self.counters = Counters()
        self.position: Position | None = None
        """How far the feed is: what a page shows that is read from now on is not older. None before the first round."""
        self._db = db
        self._rounds = Rounds(db, guard, forms)
        self._pool = ThreadPool(1)
        self._greenlet: gevent.Greenlet | None = None
        self.is_in_trouble = False

    def start(self) -> None:
        """Begin to ask."""
        self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        """Ask no more, and end all streams; their pages come again."""
        if self._greenlet is not None:
            self._greenlet.kill(block=False)
        self.streams.end()

    def open(self, viewer: Viewer, form: str, after: Position | None) -> Stream:
        """Return a stream for somebody, to be iterated in the thread of the hub. Raises TooMany."""
        stream = Stream(self.streams, viewer, form, after)
        self.streams.admit(stream)
        return stream

    def _run(self) -> None:
        while True:
            began = time.monotonic()
            is_well = self._round()
            took = self.counters.round_s = time.monotonic() - began
            gevent.sleep(max(EVERY_S - took, took) if is_well else TROUBLE_S)

    def _round(self) -> bool:
        """Go one round; return whether all is well. Raises nothing."""
        asked: Any = self._pool.spawn(self._go, list(self.streams))
        if not asked.wait(PATIENCE_S):
            self._trouble("the database does not answer")
            asked.wait()
        try:
            told: Told = asked.get()
        except peewee.PeeweeException as error:
            self.counters.failures += 1
            self._trouble(explain(self._db, error))
            return False
        except Exception:
            self.counters.failures += 1
            if not self.is_in_trouble:
                log.exception("live: a fault of this program; pages are told so, and it goes on")
            self._rounds.skip()
            self._trouble("")
            return False
        self._deliver(told)
        self._well()
        return True

    def _go(self, streams: list[Stream]) -> Told:
        """Go one round, in the thread of the rounds."""
        try:
            return self._rounds.go(streams)
        except peewee.PeeweeException:
            drop_connection(self._db)
            raise

    def _deliver(self, told: Told) -> None:
        self.position = told.position
        for stream in told.accepted:
            stream.is_accepted = True
            told.pieces.setdefault(stream, [])
        for stream, pieces in told.pieces.items():
            stream.put(*sse.batch(filter(None, pieces), told.position))
            self.counters.overruns += stream.is_overrun
        for stream in self.streams:
            if stream.is_accepted:
                stream.is_at(told.position)
        for stream in told.ended:
            stream.end()
        self.counters.rounds += 1
        self.counters.events += told.events
        if told.oldest_ms is not None:
            self.counters.lag_s = max(time.time() - told.oldest_ms / 1000, 0.0)

    def _trouble(self, why: str) -> None:
        if self.is_in_trouble:
            return
        self.is_in_trouble = True
        if why:
            log.warning("live: open pages wait: %s", why)
        for stream in self.streams:
            stream.put(TROUBLE)

    def _well(self) -> None:
        if self.is_in_trouble:
            self.is_in_trouble = False
            log.warning("live: open pages are told again what happens")
            for stream in self.streams:
                stream.put(WELL)
