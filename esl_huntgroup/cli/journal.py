"""``esl-huntgroup journal``: who called a group, and what each member has seen of it."""

from __future__ import annotations

import json
from contextlib import closing

import click

from esl_huntgroup.cli.context import pass_settings
from esl_huntgroup.db.engine import open_database
from esl_huntgroup.db.migrate import require_current
from esl_huntgroup.journal import view
from esl_huntgroup.journal.recorder import entries
from esl_huntgroup.model.text import normal_name
from esl_huntgroup.settings import Settings


@click.command("journal")
@click.option("--user", type=normal_name, help="only what this user has seen", metavar="NAME")
@click.option("--group", type=normal_name, help="only calls to this group", metavar="NAME-OR-NUMBER")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="at most so many entries")
@click.option("--json", "as_json", is_flag=True, help="for programs: one JSON object a line")
@pass_settings
def journal_command(settings: Settings, user: str | None, group: str | None, limit: int, as_json: bool) -> None:
    """
    Show the journal, newest call first.

    Blue: a colleague took the call. Bold: missed. Grey: missed, and the phone was not registered;
    or without a member: no member has an entry, and how the call ended.

    Example: esl-huntgroup journal --user anna
    """
    with closing(open_database(settings.database)) as db:
        require_current(db)
        lines = entries(db, user=user, group=group, limit=limit)
    if as_json:
        for line in lines:
            click.echo(json.dumps(view.as_dict(line)))
        return
    for row in view.table(lines, settings.language, with_member=user is None):
        click.echo(row)
