"""
How every change is made, whoever makes it: read, edit, check, compare, write, and note in the audit, or not at all.

All of that is one transaction, and no other change is made meanwhile: the second of two administrators begins with what
the first has left, so that nobody's change is lost.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import peewee

from esl_huntgroup.db.engine import Progress, dialect, fetch
from esl_huntgroup.db.tables import SchemaVersion
from esl_huntgroup.provisioning.differences import Difference, differences
from esl_huntgroup.provisioning.model import Inventory
from esl_huntgroup.provisioning.write import write_inventory


@contextlib.contextmanager
def alone(db: peewee.Database) -> Iterator[None]:
    """
    Run a transaction while no other one that changes the configuration runs; they wait for one another.

    SQLite lets only one write anyway. The servers lock the rows that say which version the schema has, so that an
    upgrade waits as well; calls never do. Raises peewee's exceptions.
    """
    with db.atomic():
        if dialect(db) != "sqlite":
            fetch(db, SchemaVersion.select(SchemaVersion.version).for_update())
        yield


def apply(
    db: peewee.Database, current: Inventory, wanted: Inventory, progress: Progress = lambda _step: None
) -> list[Difference]:
    """
    Make the database hold what is wanted instead of what is there, and return what has changed.

    Belongs in ``alone``, and so does the reading of ``current``. Raises peewee's exceptions.
    """
    write_inventory(db, current, wanted, progress)
    return differences(current, wanted)
