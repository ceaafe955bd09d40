"""The service: what has to be right before calls are taken, and then the supervisor of those who take them."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

from esl_huntgroup import logs
from esl_huntgroup.db.engine import open_database
from esl_huntgroup.db.migrate import require_current
from esl_huntgroup.journal import follower, spool, writer
from esl_huntgroup.journal.followed import Followed
from esl_huntgroup.lamps import process as lamps
from esl_huntgroup.model.text import counted
from esl_huntgroup.recovery import reconciler
from esl_huntgroup.service.descriptors import raise_limit
from esl_huntgroup.service.sd_notify import Notifier, activated_sockets
from esl_huntgroup.service.sidecar import Sidecar
from esl_huntgroup.service.sockets import Listeners
from esl_huntgroup.service.supervisor import Supervisor
from esl_huntgroup.settings import NO_EVENT_SOCKET, Settings

log = logging.getLogger(__name__)


def run(
    settings: Settings,
    load: Callable[[], Settings],
    more_sidecars: Callable[[Settings], list[Sidecar]] = lambda _: [],
) -> None:
    """
    Serve until SIGTERM or SIGINT, then stop accepting, let calls end within the limit, and return.

    ``load`` returns the settings that count after SIGHUP, ``more_sidecars`` the processes that these settings want
    beside those that every service has. Raises SettingsError if an address cannot be bound,
    DatabaseError if the database is not ready at the start, HuntgroupError if no worker can serve.
    """
    logs.set_up(settings.log_level, settings.log_format, "main")
    notifier, listeners = Notifier(os.environ), Listeners(activated_sockets(os.environ))
    raise_limit()
    _prepare(settings)
    listeners.move(settings.listen)

    def sidecars(settings: Settings) -> list[Sidecar]:
        return [*_sidecars(settings), *more_sidecars(settings)]

    Supervisor(settings, listeners, notifier, load=load, prepare=_prepare, sidecars=sidecars).run()
    if left := spool.waiting_records(Path(settings.spool)):
        log.warning(
            "%s stored at the next start",
            counted(left, "journal record is in the spool and will be", "journal records are in the spool and will be"),
        )
    log.info("stopped")


def _prepare(settings: Settings) -> None:
    """See that the database is ours and the spool can be used. Raises DatabaseError and InputError."""
    database = open_database(settings.database)
    try:
        require_current(database)
    finally:
        database.close()
    spool.prepare(Path(settings.spool))


def _sidecars(settings: Settings) -> list[Sidecar]:
    """Return what runs beside the workers: who stores the journal, who follows it, the witness, and the lamps."""
    log_as = settings.log_level, settings.log_format
    directory = str(Path(settings.spool).absolute())
    config = writer.WriterConfig(settings.database, directory, *log_as)
    follows = follower.FollowerConfig(settings.database, settings.country, settings.outside_prefix, *log_as)
    found = [
        Sidecar("journal writer", writer.__name__, config),
        Sidecar("journal follower", follower.__name__, follows, says=Followed),
    ]
    if settings.esl_address:
        second = reconciler.ReconcilerConfig(
            settings.database, settings.esl_address, settings.esl_password, directory, *log_as
        )
        found.append(Sidecar("witness", reconciler.__name__, second))
    else:
        log.warning(NO_EVENT_SOCKET)
    if settings.esl_address or settings.kamailio_presence:
        shown = lamps.LampsConfig(
            settings.database, settings.esl_address, settings.esl_password, settings.kamailio_presence, *log_as
        )
        found.append(Sidecar("lamp process", lamps.__name__, shown))
    return found
