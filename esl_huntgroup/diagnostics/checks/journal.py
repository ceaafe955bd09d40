"""What of the journal is on its way to the database, since when, and why it is not there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import peewee

from esl_huntgroup.db.engine import database_errors, who_may
from esl_huntgroup.diagnostics.finding import Finding, right, wrong
from esl_huntgroup.journal import spool
from esl_huntgroup.journal.follower import behind_since_ms
from esl_huntgroup.journal.spool import Outage
from esl_huntgroup.model.text import counted

FOLLOWER_LATE_MS: Final = 60_000
_WAIT: Final = ("record waits", "records wait")


def check_spool(directory: Path) -> Iterator[Finding]:
    """Say what waits in the spool, since when and why, and what has been set aside."""
    try:
        if spool.has_rejected(directory):
            rejected = directory / spool.REJECTED
            yield wrong(f"journal: {rejected} holds rows that the database refused; read it, then move it away")
        waiting, outage = spool.waiting_records(directory), spool.outage(directory)
        yield _judged(directory, waiting, outage, has_writer=spool.has_writer(directory))
    except OSError as error:
        what_to_do = f"; {who_may(directory)}" if isinstance(error, PermissionError) else ""
        yield wrong(f"journal: the spool {directory} cannot be read: {error.strerror}{what_to_do}")


def check_follower(db: peewee.Database, now_ms: int) -> Iterator[Finding]:
    """Say since when changes of the journal wait for its follower, where that is long. Raises DatabaseError."""
    with database_errors(db):
        since_ms = behind_since_ms(db)
    if since_ms is not None and now_ms - since_ms > FOLLOWER_LATE_MS:
        since = datetime.fromtimestamp(since_ms // 1000, UTC).isoformat()
        yield wrong(
            f"journal: nobody has followed it since {since}, so missed calls that are called back stay unhandled; "
            "start the service: esl-huntgroup serve, and read its log where it runs"
        )


def _judged(directory: Path, waiting: int, outage: Outage | None, *, has_writer: bool) -> Finding:
    """Say whether what waits is on its way, and why not."""
    if outage:
        since = datetime.fromtimestamp(outage.since_ms // 1000, UTC).isoformat()
        return wrong(f"journal: {counted(waiting, *_WAIT)} in {directory} since {since}, because {outage.why}")
    if not waiting:
        return right("journal: nothing waits for the database")
    if has_writer:
        return right(f"journal: {counted(waiting, 'record is on its', 'records are on their')} way to the database")
    what = f"{counted(waiting, *_WAIT)} in {directory} for the service"
    return wrong(f"journal: {what}; start it: esl-huntgroup serve")
