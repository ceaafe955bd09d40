"""``esl-huntgroup db``: the database as a whole: its version, a copy of it, and how far back the journal goes."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import click
import peewee

from esl_huntgroup.cli import output
from esl_huntgroup.cli.ask import ask
from esl_huntgroup.cli.context import database_of, pass_settings
from esl_huntgroup.cli.help import Overview
from esl_huntgroup.cli.options import as_option, json_option
from esl_huntgroup.cli.tree import name_of
from esl_huntgroup.db import backup, migrate
from esl_huntgroup.db.engine import describe, open_database
from esl_huntgroup.journal import prune
from esl_huntgroup.settings import Settings


@click.group("db", cls=Overview)
def db_group() -> None:
    """
    Set up, upgrade, back up and clean up the database.

    Example: esl-huntgroup db status
    """


@db_group.command("upgrade")
@click.option("--dry-run", is_flag=True, help="say what would be applied, and change nothing")
@pass_settings
def upgrade_command(settings: Settings, dry_run: bool) -> None:
    """
    Bring the database to the newest version, and say what was done. Doing it again does no harm.

    Example: esl-huntgroup --database sqlite:///firm.db db upgrade
    """
    with closing(open_database(settings.database)) as db:
        sentences = _would_apply(db) if dry_run else migrate.upgrade(db)
        for sentence in (f"database {describe(db)}", *sentences):
            click.echo(sentence)


def _would_apply(db: peewee.Database) -> list[str]:
    found = [f"would apply {migration}: {migration.summary}" for migration in migrate.pending(db)]
    return found or [f"nothing to do: the schema is at version {migrate.version(db)}, the newest"]


@db_group.command("status")
@json_option("one JSON object")
@pass_settings
def status_command(settings: Settings, as_json: bool) -> None:
    """
    Say which version the database has, and what an upgrade would do. Changes nothing.

    The exit status is 1 unless it is the version that this program needs.

    Example: esl-huntgroup db status
    """
    with closing(open_database(settings.database)) as db:
        version, pending = migrate.version(db), migrate.pending(db)
        names, needed = [str(migration) for migration in pending], migrate.newest_version()
        told = {"database": describe(db), "version": version, "needed": needed, "pending": names}
        sentences = [f"database {describe(db)} is at version {version}, this program needs {needed}"]
        sentences += [f"not applied yet: {migration}: {migration.summary}" for migration in pending]
        output.tell(told, sentences, as_json=as_json)
        migrate.require_current(db)


@db_group.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@json_option("one JSON object")
@pass_settings
def backup_command(settings: Settings, file: Path, as_json: bool) -> None:
    """
    Copy a SQLite database to FILE while calls go on. A server has its own tools: see db/scripts/backup.

    Example: esl-huntgroup db backup /var/backups/esl-huntgroup.db
    """
    with database_of(settings) as db:
        backup.back_up(db, file)
        told = {"database": describe(db), "file": str(file)}
    output.tell(told, [f"{told['database']} is copied to {file}"], as_json=as_json)


@db_group.command("prune")
@click.option("--older-than", required=True, help="days, such as 365d", metavar="AGE")
@click.option("--dry-run", is_flag=True, help="say what would be deleted, and delete nothing")
@click.option("--yes", is_flag=True, help="do not ask")
@as_option
@json_option("one JSON object")
@pass_settings
def prune_command(
    settings: Settings, *, older_than: str, dry_run: bool, yes: bool, who: str | None, as_json: bool
) -> None:
    """
    Delete the calls of the journal that are older than AGE, with their legs and entries.

    Example: esl-huntgroup db prune --older-than 365d --dry-run
    """
    moment_ms = prune.before_ms(prune.age_days(older_than), time.time_ns() // 1_000_000)
    by = name_of(who)
    with database_of(settings) as db:
        found = prune.prunable(db, moment_ms)
        sentence = f"would delete {found}" if found.calls else f"nothing is older than {older_than}"
        if found.calls and not dry_run:
            if not yes:
                ask(f"Delete {found}? This cannot be undone.")
            with output.progress_shown() as progress:
                found = prune.prune(db, moment_ms, by, progress)
            sentence = f"deleted {found}"
    output.tell({"dry_run": dry_run, **asdict(found)}, [sentence], as_json=as_json)
