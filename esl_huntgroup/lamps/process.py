"""
The process of the lamps: ``python -m esl_huntgroup.lamps.process``, a ``sidecar`` of the workers.

It asks the journal, and tells the switches and presence servers. No call depends on it, and it may be killed at any
moment: the switch puts out a lamp of which nobody has said anything for a minute, and the next process tells all anew.

What it is to do it reads from its standard input (see ``processes.child``).
"""

from __future__ import annotations

import functools
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn, Protocol

import gevent
import gevent.os
import peewee
from gevent.threadpool import ThreadPool

from esl_huntgroup import logs
from esl_huntgroup.db.engine import explain, open_database
from esl_huntgroup.errors import HuntgroupError
from esl_huntgroup.esl.inbound import InboundSession
from esl_huntgroup.lamps.board import Board
from esl_huntgroup.lamps.lamp import Lamp
from esl_huntgroup.lamps.publisher import Publisher
from esl_huntgroup.lamps.switch import LampsOfSwitch
from esl_huntgroup.processes import child
from esl_huntgroup.settings import EVERY_DOMAIN

LOOK_EVERY_S: Final = 0.2
LOOK_RARELY_S: Final = 1.0
"""How often it looks whether a group has a lamp, as long as none has, and whether a database is back."""
VOUCHED_S: Final = 10.0
"""What was read is true for so long; after that a database that does not answer leaves nobody who knows."""
NICE: Final = 5

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LampsConfig:
    """
    What the service tells its lamps: the database, and where the switches are, ``(host, port)`` each.

    ``presence`` are the servers where lamps are published: domain (``*``: every other one), host and port.
    """

    database: str
    addresses: tuple[tuple[str, int], ...]
    password: str
    presence: tuple[tuple[str, str, int], ...] = ()
    log_level: str = "info"
    log_format: str = "text"


class Reader(Protocol):
    """What is looked at: the ``Board``."""

    def look(self) -> Mapping[str, Lamp]:
        """Return what each lamp shows now. Raises peewee's exceptions."""


class Watcher:
    """Looks at the board again and again, in a native thread, so that nobody waits for the database."""

    def __init__(self, db: peewee.Database, board: Reader, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the board. Looks at nothing yet."""
        self._db = db
        self._board = board
        self._clock = clock
        self._pool = ThreadPool(1)
        self._lamps: Mapping[str, Lamp] = {}
        self._read_at_s: float | None = None
        self._is_out = False

    @property
    def current(self) -> Mapping[str, Lamp] | None:
        """What each lamp shows, by its address; None as long as the database does not say."""
        if self._read_at_s is None or self._clock() - self._read_at_s > VOUCHED_S:
            return None
        return self._lamps

    def run(self) -> NoReturn:
        """Look for ever. Returns never."""
        while True:
            self.look()
            gevent.sleep(LOOK_EVERY_S if self._lamps and not self._is_out else LOOK_RARELY_S)

    def look(self) -> None:
        """Look once. Raises nothing that a database that is away could cause."""
        asked_at_s = self._clock()
        asked: Any = self._pool.spawn(self._read)
        found: Mapping[str, Lamp] | peewee.PeeweeException = asked.get()
        if isinstance(found, peewee.PeeweeException):
            if not self._is_out:
                log.warning("lamps: they show what was; then they go out: %s", explain(self._db, found))
            self._is_out = True
            return
        self._lamps, self._read_at_s = found, asked_at_s
        if self._is_out:
            log.warning("lamps: the database can be used again")
        self._is_out = False

    def _read(self) -> Mapping[str, Lamp] | peewee.PeeweeException:
        """Look, in the thread; what is raised there would be printed each time."""
        try:
            return self._board.look()
        except peewee.PeeweeException as error:
            return error


def _is_for(served: str, named: Collection[str]) -> Callable[[str], bool]:
    """Return what says whether a domain is served where this one, or every other than those that are named, is."""
    if served == EVERY_DOMAIN:
        return lambda domain: domain not in named
    return lambda domain: domain == served


def main() -> None:
    """Tell the switches until the service is gone."""
    child.ignore((signal.SIGTERM, signal.SIGINT))
    os.nice(NICE)
    config = child.configuration(LampsConfig)
    logs.set_up(config.log_level, config.log_format, "lamps")
    service_is_gone = gevent.spawn(gevent.os.tp_read, sys.stdin.fileno(), 1)
    try:
        db = open_database(config.database)
    except HuntgroupError as error:
        log.error("lamps: it ends: %s", error)
        sys.exit(1)
    watcher = Watcher(db, Board(db))
    running = [service_is_gone, gevent.spawn(watcher.run)]
    for host, port in config.addresses:
        connect = functools.partial(InboundSession, host, port, config.password)
        running.append(gevent.spawn(LampsOfSwitch(connect, watcher).run))
    named = {domain for domain, _, _ in config.presence} - {EVERY_DOMAIN}
    for domain, host, port in config.presence:
        running.append(gevent.spawn(Publisher((host, port), _is_for(domain, named), watcher).run))
    gevent.joinall(running, count=1)
    if not service_is_gone.ready():
        sys.exit("a fault of this program; it is started again")  # the traceback is above


if __name__ == "__main__":
    main()
