"""``esl-huntgroup db``: bring the database to the version of the program, and see which it has."""

from __future__ import annotations

from contextlib import closing

import click

from esl_huntgroup import migrate
from esl_huntgroup.database import describe, open_database
from esl_huntgroup.settings import Settings


@click.group("db")
def db_group() -> None:
    """Set up and upgrade the database."""


@db_group.command("upgrade")
@click.pass_obj
def upgrade_command(settings: Settings) -> None:
    """
    Bring the database to the newest version, and say what was done. Doing it again does no harm.

    Example: esl-huntgroup --database sqlite:///firm.db db upgrade
    """
    with closing(open_database(settings.database)) as db:
        click.echo(f"database {describe(db)}")
        for sentence in migrate.upgrade(db):
            click.echo(sentence)


@db_group.command("status")
@click.pass_obj
def status_command(settings: Settings) -> None:
    """
    Say which version the database has, and what an upgrade would do. Changes nothing.

    Example: esl-huntgroup db status
    """
    with closing(open_database(settings.database)) as db:
        version, pending = migrate.version(db), migrate.pending(db)
        click.echo(f"database {describe(db)} is at version {version}, this program needs {migrate.newest_version()}")
        for migration in pending:
            click.echo(f"not applied yet: {migration}: {migration.summary}")
        migrate.require_current(db)
