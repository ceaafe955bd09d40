"""Whether the database is there and up to date, and what it says of the groups."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Final

import peewee

from esl_huntgroup.db import tables
from esl_huntgroup.db.engine import database_errors, open_database, safe_url
from esl_huntgroup.db.migrate import require_current
from esl_huntgroup.diagnostics.checks.groups import check_groups
from esl_huntgroup.diagnostics.checks.journal import check_follower
from esl_huntgroup.diagnostics.finding import Finding, right, wrong
from esl_huntgroup.errors import DatabaseError, HuntgroupError
from esl_huntgroup.model.group import HuntMode, Line, LineKind
from esl_huntgroup.settings import Settings

LINES_MAX: Final = 50
"""Lines that Kamailio is asked for: enough to see whether it tells domains apart."""


def check_database(settings: Settings) -> Iterator[Finding]:
    """Open the database and judge what is in it. Raises nothing: what fails is a finding."""
    shown = safe_url(settings.database)
    try:
        database = open_database(settings.database)
        require_current(database)
    except HuntgroupError as error:
        yield wrong(f"database: {error}")
        return
    try:
        yield right(f"database: {shown} is reachable and up to date")
        with database_errors(database):
            found = _softphone_lines(database)
        yield from check_groups(found)
        yield from check_follower(database, time.time_ns() // 1_000_000)
    except DatabaseError as error:
        yield wrong(f"database: {error}")
    finally:
        database.close()


def _softphone_lines(database: peewee.Database) -> list[tuple[str, bool, int]]:
    """Return the groups in mode softphone as ``check_groups`` takes them."""
    group, member, line = tables.Group, tables.Member, tables.Line
    query = (
        group.select(group.name, group.is_active, peewee.fn.COUNT(line.id))
        .join(member, peewee.JOIN.LEFT_OUTER)
        .join(line, peewee.JOIN.LEFT_OUTER, on=(line.user == member.user) & (line.kind == LineKind.SOFTPHONE))
        .where(group.hunt_mode == HuntMode.SOFTPHONE)
        .group_by(group.id, group.name, group.is_active)
        .order_by(group.name)
    )
    return list(query.tuples().execute(database))


def domains_of_groups(settings: Settings) -> set[str]:
    """Return the domains in which there are group numbers; none where the database cannot say, which is told before."""
    query = tables.Group.select(tables.Group.domain).where(tables.Group.number.is_null(False)).distinct()
    with (
        contextlib.suppress(HuntgroupError, peewee.PeeweeException),
        contextlib.closing(open_database(settings.database)) as database,
    ):
        return {domain for (domain,) in query.tuples().execute(database)}
    return set()


def numbers_by_domain(settings: Settings) -> dict[str, list[str]]:
    """
    Return, for each domain, the group numbers that are dialled there: of its groups, and of groups with members there.

    None where the database cannot say, which is told before.
    """
    group, member, line = tables.Group, tables.Member, tables.Line
    query = (
        group.select(group.number, group.domain, line.domain)
        .join(member, peewee.JOIN.LEFT_OUTER)
        .join(line, peewee.JOIN.LEFT_OUTER, on=(line.user == member.user) & (line.kind == LineKind.SOFTPHONE))
        .where(group.number.is_null(False), group.hunt_mode == HuntMode.SOFTPHONE)
        .distinct()
    )
    found: dict[str, set[str]] = {}
    with (
        contextlib.suppress(HuntgroupError, peewee.PeeweeException),
        contextlib.closing(open_database(settings.database)) as database,
    ):
        for number, *domains in query.tuples().execute(database):
            for domain in filter(None, domains):
                found.setdefault(domain, set()).add(number)
    return {domain: sorted(numbers) for domain, numbers in found.items()}


def has_lamps(settings: Settings) -> bool:
    """Return whether a group has a lamp; no where the database cannot say, which is told before."""
    query = tables.Group.select(tables.Group.id).where(tables.Group.lamp, tables.Group.number.is_null(False)).limit(1)
    with (
        contextlib.suppress(HuntgroupError, peewee.PeeweeException),
        contextlib.closing(open_database(settings.database)) as database,
    ):
        return bool(list(query.tuples().execute(database)))
    return False


def some_lines(settings: Settings) -> list[Line]:
    """Return some of the softphone lines, none where the database cannot say, which is told before."""
    line = tables.Line
    query = line.select(line.number, line.domain, line.account).where(line.kind == LineKind.SOFTPHONE).limit(LINES_MAX)
    with (
        contextlib.suppress(HuntgroupError, peewee.PeeweeException),
        contextlib.closing(open_database(settings.database)) as database,
    ):
        return [Line(number, domain, account or number) for number, domain, account in query.tuples().execute(database)]
    return []
