"""The service: what has to be right before calls are taken, and then the supervisor of those who take them."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

from esl_huntgroup import logs
from esl_huntgroup.database import open_database
from esl_huntgroup.descriptors import raise_limit
from esl_huntgroup.listeners import Listeners
from esl_huntgroup.migrate import require_current
from esl_huntgroup.notify import Notifier, activated_sockets
from esl_huntgroup.settings import Settings
from esl_huntgroup.supervisor import Supervisor

log = logging.getLogger(__name__)


def run(settings: Settings, load: Callable[[], Settings]) -> None:
    """
    Serve until SIGTERM or SIGINT, then stop accepting, let calls end within the limit, and return.

    ``load`` returns the settings that count after SIGHUP. Raises SettingsError if an address cannot be bound,
    DatabaseError if the database is not ready at the start, HuntgroupError if no worker can serve.
    """
    logs.set_up(settings.log_level, settings.log_format, "main")
    notifier, listeners = Notifier(os.environ), Listeners(activated_sockets(os.environ))
    raise_limit()
    _require_database(settings)
    listeners.move(settings.listen)
    Supervisor(settings, listeners, notifier, load, _require_database).run()
    log.info("stopped")


def _require_database(settings: Settings) -> None:
    database = open_database(settings.database)
    try:
        require_current(database)
    finally:
        database.close()
