"""What a shell completes from the database: the names of users, groups and services. Where it cannot, nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import closing
from typing import Final

import click

from esl_huntgroup.cli.context import settings_of
from esl_huntgroup.db.engine import database_errors, execute, open_database, quoted
from esl_huntgroup.errors import HuntgroupError
from esl_huntgroup.model.text import normal_name

AT_MOST: Final = 100

Completion = Callable[[click.Context, click.Parameter, str], list[str]]


def names(table: str) -> Completion:
    """Return what completes a name of this table. It raises nothing: a shell has no use for a complaint."""

    def complete(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
        with contextlib.suppress(HuntgroupError, OSError):
            return _found(ctx, table, normal_name(incomplete))
        return []

    return complete


def _found(ctx: click.Context, table: str, begins: str) -> list[str]:
    with closing(open_database(settings_of(ctx).database, busy_timeout_ms=100)) as db, database_errors(db):
        end = begins[:-1] + chr(ord(begins[-1]) + 1) if begins else ""
        where = f"name >= {db.param} AND name < {db.param}" if end else "1 = 1"
        sql = f"SELECT name FROM {quoted(db, table)} WHERE {where} ORDER BY name LIMIT {AT_MOST}"
        return [row[0] for row in execute(db, sql, (begins, end) if end else ()).fetchall()]


USERS: Final = names("users")
GROUPS: Final = names("groups")
SERVICES: Final = names("services")
