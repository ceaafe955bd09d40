"""
The web process: ``python -m esl_huntgroup.web.server``, a ``sidecar`` of the workers, or ``esl-huntgroup web`` alone.

No call depends on it. It may be killed at any moment: what it has done is in the database.
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
import time
from typing import Final

import flask
import gevent
import gevent.os
from gevent.threadpool import ThreadPool

from esl_huntgroup import logs
from esl_huntgroup.errors import HuntgroupError, SettingsError
from esl_huntgroup.processes import child
from esl_huntgroup.service.descriptors import raise_limit
from esl_huntgroup.web.app import make_app
from esl_huntgroup.web.config import WebConfig
from esl_huntgroup.web.connections import CONNECTIONS_MAX, Server
from esl_huntgroup.web.keeper import keeper_of
from esl_huntgroup.web.live import routes as live
from esl_huntgroup.web.threads import THREADS, InThreads

NICE: Final = 10
"""Where the processors are not enough for all, calls come first."""
STOP_S: Final = 1.0
HANDOVER_S: Final = 3.0
"""How long the address is waited for: after a reload the process of before still ends its streams."""
BESIDE: Final = 100
"""Descriptors that are no connections: the database, the threads, the log."""

log = logging.getLogger(__name__)


def serve(config: WebConfig, until: gevent.Greenlet) -> None:
    """Serve the page until this greenlet ends. Raises SettingsError where the address cannot be had."""
    os.nice(NICE)
    descriptors = raise_limit()
    app = make_app(config)
    log.info("the page is at %s", config.public_url)
    serve_app(app, config.listen, until, connections_max=min(CONNECTIONS_MAX, max(descriptors - BESIDE, 16)))


def serve_app(
    app: flask.Flask, listen: tuple[str, int], until: gevent.Greenlet, *, connections_max: int = CONNECTIONS_MAX
) -> None:
    """Serve an application, and the feed and the keeper that it may have, until this ends. Raises SettingsError."""
    server = Server(listen, InThreads(app, ThreadPool(THREADS)), connections_max=connections_max)
    feed, keeper = live.feed_of(app), keeper_of(app)
    _listen(server)
    log.info("serving on %s port %d", *listen)
    if feed:
        feed.start()
    if keeper:
        keeper.start()
    try:
        until.join()
    finally:
        server.close()
        if keeper:
            keeper.stop()
        if feed:
            feed.stop()
        server.end_waiting()
        server.stop(STOP_S)


def _listen(server: Server) -> None:
    """Begin to listen, when a process of before has let go of the address. Raises SettingsError."""
    host, port = server.address
    deadline = time.monotonic() + HANDOVER_S
    while True:
        try:
            server.start()
        except OSError as error:
            if error.errno == errno.EADDRINUSE and time.monotonic() < deadline:
                gevent.sleep(0.05)
                continue
            raise SettingsError(
                f"web_listen: cannot listen on {host} port {port}: {error.strerror}; an address of this machine "
                "and a free port are needed"
            ) from None
        return


def main() -> None:
    """
    Serve until the service is gone.

    It is told what to do by standard input (see ``processes.child``), which ends when the service does.
    """
    child.ignore((signal.SIGTERM, signal.SIGINT))
    config = child.configuration(WebConfig)
    logs.set_up(config.log_level, config.log_format, "web")
    try:
        serve(config, gevent.spawn(gevent.os.tp_read, sys.stdin.fileno(), 1))
    except HuntgroupError as error:
        log.error("%s", error)
        sys.exit(1)


if __name__ == "__main__":
    main()
