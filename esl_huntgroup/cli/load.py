"""``esl-huntgroup load``: users, lines, groups and members from a file."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from esl_huntgroup.database import open_database
from esl_huntgroup.loading import load_file
from esl_huntgroup.migrate import require_current
from esl_huntgroup.settings import Settings


@click.command("load")
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def load_command(settings: Settings, file: Path) -> None:
    """
    Bring in users, lines, groups and members from FILE (YAML), whole or not at all.

    Example: esl-huntgroup load db/examples/small-firm.yaml
    """
    with closing(open_database(settings.database)) as db:
        require_current(db)
        report = load_file(db, file, default_domain=settings.default_domain)
    for sentence in report.sentences():
        click.echo(sentence)
