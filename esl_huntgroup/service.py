"""The service: wires the parts together, runs them, and stops them in order. The only place that knows them all."""

from __future__ import annotations

import functools
import gc
import logging
import signal
from pathlib import Path

import gevent
from gevent.event import Event

from esl_huntgroup import call
from esl_huntgroup.database import open_database, safe_url
from esl_huntgroup.directory import Directory
from esl_huntgroup.esl.server import Server
from esl_huntgroup.journal import Journal
from esl_huntgroup.migrate import require_current
from esl_huntgroup.settings import Settings

log = logging.getLogger(__name__)

JOURNAL_FLUSH_S = 10.0
"""How long a stopping service waits for the journal to reach the database; the rest stays in the spool."""


def run(settings: Settings) -> None:
    """
    Serve until SIGTERM or SIGINT, then stop accepting, let calls end within the limit, and return.

    Raises SettingsError if an address cannot be bound, DatabaseError if the database is not ready at the start.
    """
    _set_up_logging(settings.log_level)
    database = open_database(settings.database)
    require_current(database)
    database.close()
    journal = Journal(settings.database, Path(settings.spool), log_level=settings.log_level)
    directory = Directory(
        settings.database, max_age_s=settings.directory_max_age_s, deadline_s=settings.lookup_timeout_s
    )
    around = call.Surroundings(
        directory, journal, settings.default_domain, settings.reply_timeout_s, settings.leg_limit
    )
    server = Server(
        settings.listen,
        serve=functools.partial(call.serve, around=around),
        refuse=functools.partial(call.refuse, around=around),
        max_calls=settings.max_calls,
    )
    stop = _stop_on_signals()
    journal.start()
    server.listen()
    shown = " ".join(f"{host}:{port}" for host, port in server.bound_addresses)
    log.info("serving on %s with %s", shown, safe_url(settings.database))
    _spare_the_collector()
    stop.wait()
    _stop(server, journal, directory, settings.drain_timeout_s)


def _set_up_logging(level: str) -> None:
    logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)s %(message)s")
    # The lines name neither thread nor process nor source line, so nobody needs to find them out for each.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # documented in the logging HOWTO, "Optimization"


def _spare_the_collector() -> None:
    """Do not search for garbage what lives as long as the process; a call leaves none that needs searching."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _stop_on_signals() -> Event:
    """Return an event that the first SIGTERM or SIGINT sets; a second one ends the process as usual."""
    stop = Event()

    def received() -> None:
        for watcher in watchers:
            watcher.cancel()
        stop.set()

    watchers = [gevent.signal_handler(number, received) for number in (signal.SIGTERM, signal.SIGINT)]
    return stop


def _stop(server: Server, journal: Journal, directory: Directory, drain_timeout_s: float) -> None:
    log.info("stopping: no new calls, %d are going on", server.connection_count)
    if left := server.stop(drain_timeout_s):
        log.warning("%d calls are still going on; they live on without the service", left)
    if spooled := journal.stop(JOURNAL_FLUSH_S):
        log.warning("%d journal records are in the spool and will be stored at the next start", spooled)
    directory.close()
    log.info("stopped")
