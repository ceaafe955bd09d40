"""
``python -m esl_huntgroup.service.worker``: one process that serves calls; ``supervisor`` starts it and listens to it.

Standard input is a socket to the supervisor. By it come the settings, at first, and the order to end; through it go a
heartbeat each second, with what has been counted, and the refusal to start. A supervisor that is gone means the same
as the order to end: the calls end in peace, and nobody accepts for a service that is no more.
"""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import gc
import logging
import os
import signal
import socket as native_socket
import sys
from pathlib import Path
from typing import Any, Final

import gevent
from gevent import socket
from gevent.queue import Queue

from esl_huntgroup import logs
from esl_huntgroup.calls import handler
from esl_huntgroup.calls.answer_feed import AnswerFeed
from esl_huntgroup.calls.context import CallContext
from esl_huntgroup.calls.counters import Counters
from esl_huntgroup.calls.directory import Directory
from esl_huntgroup.calls.late_phones import LatePhones
from esl_huntgroup.calls.peers import admits
from esl_huntgroup.calls.seams import Seams
from esl_huntgroup.errors import HuntgroupError
from esl_huntgroup.esl.listener import inherited
from esl_huntgroup.esl.server import Server
from esl_huntgroup.journal.recorder import Journal
from esl_huntgroup.model.text import counted
from esl_huntgroup.processes import child
from esl_huntgroup.processes.messages import BYTES_MAX, Leave, decode, encode
from esl_huntgroup.registrars.chosen import client_of, registrar_of
from esl_huntgroup.registrars.notice_feed import NoticeFeed
from esl_huntgroup.registrars.notices import LineRegistered, Notice
from esl_huntgroup.service.descriptors import calls_that_fit, needed, raise_limit
from esl_huntgroup.service.process import Beat, Refusal, WorkerConfig
from esl_huntgroup.service.usage import SharedUsage

log = logging.getLogger(__name__)

BEAT_S: Final = 1.0
LIVING_ON: Final = ("call is still going on; it lives on", "calls are still going on; they live on")


class Worker:
    """The parts of the service, wired together. The only place that knows them all."""

    def __init__(self, config: WorkerConfig) -> None:
        """Wire; nothing is opened yet."""
        settings = config.settings
        self._settings = settings
        self._meter = Counters()
        self._is_draining = False
        self._journal = Journal(Path(settings.spool))
        self._directory = Directory(
            settings.database, max_age_s=settings.directory_max_age_s, deadline_s=settings.lookup_timeout_s
        )
        self._feed = AnswerFeed(settings.esl_address, settings.esl_password)
        self._registrar = registrar_of(settings)
        self._late_phones = LatePhones(settings.esl_address, settings.esl_password, self._registrar)
        self._kamailio = client_of(settings)
        self._notices = NoticeFeed(settings.kamailio_notices, self._hear)
        self._server = self._make_server(config)

    def _make_server(self, config: WorkerConfig) -> Server:
        settings = config.settings
        ctx = CallContext(
            self._directory,
            self._journal,
            settings.default_domain,
            settings.reply_timeout_s,
            settings.leg_limit,
            secret=settings.secret,
            meter=self._meter,
            has_witness=bool(settings.esl_address),
            worker=_name(config.number),
            answer_feed=self._feed,
            late_phones=self._late_phones,
            seams=Seams(registrar=self._registrar),
            kamailio=self._kamailio,
        )
        return Server(
            (),
            serve=functools.partial(handler.serve, ctx=ctx),
            refuse=functools.partial(handler.refuse, ctx=ctx),
            max_calls=_possible_calls(settings.max_calls),
            sockets=[inherited(descriptor) for descriptor in config.listeners],
            admits=admits(settings.allowed_peers),
            usage=SharedUsage(config.number, config.usage),
        )

    def start(self) -> None:
        """Begin to serve. Raises InputError when the spool cannot be used."""
        self._journal.start()
        self._server.listen()
        self._notices.start()
        # Do not search for garbage what lives as long as the process; a call leaves none that needs searching.
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)

    def beat(self) -> Beat:
        """Return what the supervisor is told each second."""
        server = self._server
        counters = {
            "refused_calls": server.refused_calls,
            "refused_peers": server.refused_peers,
            "journal_bytes": self._journal.recorded_bytes,
        }
        gauges = {
            "open": server.connection_count,
            "registrars_down": len(self._kamailio.down),
            "notices_lost": len(self._notices.lost),
        }
        return Beat(self._is_draining, self._meter.reading(counters, {name: float(it) for name, it in gauges.items()}))

    def drain(self, limit_s: float) -> None:
        """Take no new calls, wait for those that are going on, and put everything in order."""
        self._is_draining = True
        log.info("stopping: no new calls, %s going on", counted(self._server.connection_count, "is", "are"))
        if left := self._server.stop(limit_s):
            log.warning("%s without the service", counted(left, *LIVING_ON))
        self._feed.stop()
        self._notices.stop()
        self._late_phones.stop()
        self._kamailio.stop()
        self._directory.close()
        self._journal.stop()  # last: until the process ends, calls go on and tell it what happens

    def _hear(self, notice: Notice) -> None:
        """Take note that a line has registered."""
        if isinstance(notice, LineRegistered):
            self._meter.count("registrar_notices")
            log.debug("%s has registered", notice.address)

    def shorten_drain(self, limit_s: float) -> None:
        """Wait for the calls that are going on no longer than this from now on."""
        gevent.spawn_later(limit_s, self._server.stop_waiting)


def _name(number: int) -> str:
    """Return how the journal names this process: the machine, the worker as in the log, and the process id."""
    return f"{native_socket.gethostname()}:worker-{number}:{os.getpid()}"


def _possible_calls(wanted: int) -> int:
    """Return how many calls this process can serve, which the open files limit too."""
    descriptors = raise_limit()
    possible = calls_that_fit(descriptors)
    if possible < wanted:
        log.warning(
            "max_calls is %d, but %d open files are enough for %s only: raise the limit (LimitNOFILE=) to %d",
            wanted,
            descriptors,
            counted(possible, "call"),
            needed(wanted),
        )
    return min(wanted, possible)


# -- the line to the supervisor ---------------------------------------------------------------------------------------


def main() -> None:
    """Serve until the supervisor says otherwise. Exit status 0: ended in order, 1: could not start."""
    faulthandler.enable()  # the supervisor ends a hanging worker with SIGABRT, and the log shows where it hung
    child.ignore((signal.SIGINT, signal.SIGHUP))
    config = child.configuration(WorkerConfig)
    line = socket.socket(fileno=sys.stdin.fileno())
    logs.set_up(config.settings.log_level, config.settings.log_format, f"worker-{config.number}")
    try:
        worker = Worker(config)
        worker.start()
    except HuntgroupError as error:
        _tell(line, Refusal(str(error)))
        sys.exit(1)
    _serve(worker, line, config.settings.drain_timeout_s)


def _serve(worker: Worker, line: Any, drain_timeout_s: float) -> None:
    orders: Queue = Queue()
    gevent.signal_handler(signal.SIGTERM, orders.put, drain_timeout_s)
    gevent.spawn(_listen, line, orders, drain_timeout_s)
    gevent.spawn(_beat, worker, line)
    limit_s = orders.get()
    gevent.spawn(_shorten_drain, worker, orders)
    worker.drain(limit_s)


def _listen(line: Any, orders: Queue, drain_timeout_s: float) -> None:
    """Pass on each order to end, as a number of seconds; the end of the supervisor is one, too."""
    with contextlib.suppress(OSError):
        while data := line.recv(BYTES_MAX):
            limit_s = decode(data, Leave).limit_s
            orders.put(drain_timeout_s if limit_s is None else limit_s)
    orders.put(drain_timeout_s)


def _shorten_drain(worker: Worker, orders: Queue) -> None:
    while True:
        worker.shorten_drain(orders.get())


def _beat(worker: Worker, line: Any) -> None:
    while True:
        _tell(line, worker.beat())
        gevent.sleep(BEAT_S)


def _tell(line: Any, what: Beat | Refusal) -> None:
    """Tell the supervisor; one that does not listen, because it is stopped or gone, is no reason to wait."""
    with contextlib.suppress(OSError):
        line.send(encode(what), native_socket.MSG_DONTWAIT)


if __name__ == "__main__":
    main()
