"""
The web process: ``python -m esl_huntgroup.web.server``, a ``sidecar`` of the workers, or ``esl-huntgroup web`` alone.

No call depends on it. It may be killed at any moment: what it has done is in the database.
"""

from __future__ import annotations

import logging
import signal
import sys
from typing import Final

import gevent
import gevent.os
from gevent.pool import Pool
from gevent.pywsgi import WSGIServer
from gevent.threadpool import ThreadPool

from esl_huntgroup import logs
from esl_huntgroup.errors import HuntgroupError, SettingsError
from esl_huntgroup.processes import child
from esl_huntgroup.web.app import make_app
from esl_huntgroup.web.config import WebConfig
from esl_huntgroup.web.threads import THREADS, InThreads

CONNECTIONS_MAX: Final = 4000
STOP_S: Final = 1.0

log = logging.getLogger(__name__)


def serve(config: WebConfig, until: gevent.Greenlet) -> None:
    """Serve the page until this greenlet ends. Raises SettingsError where the address cannot be had."""
    pool = ThreadPool(THREADS)
    application = InThreads(make_app(config), pool)
    server = WSGIServer(config.listen, application, spawn=Pool(CONNECTIONS_MAX), log=None, error_log=log)
    try:
        server.start()
    except OSError as error:
        host, port = config.listen
        raise SettingsError(
            f"web_listen: cannot listen on {host} port {port}: {error.strerror}; an address of this machine "
            "and a free port are needed"
        ) from None
    log.info("the page is at %s", config.public_url)
    try:
        until.join()
    finally:
        server.stop(STOP_S)


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
