"""``esl-huntgroup load`` and ``export``: the configuration as a file."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from esl_huntgroup.cli.context import pass_settings
from esl_huntgroup.cli.tree import name_of
from esl_huntgroup.db.engine import Progress, open_database
from esl_huntgroup.db.migrate import require_current
from esl_huntgroup.provisioning.change import Change
from esl_huntgroup.provisioning.diff import sentence
from esl_huntgroup.provisioning.export import export
from esl_huntgroup.provisioning.load import Rules, load_document, preview, read_document
from esl_huntgroup.settings import Settings

as_option = click.option("--as", "who", help="who makes the change, for the audit; default: you", metavar="NAME")
json_option = click.option("--json", "as_json", is_flag=True, help="for programs: one JSON object")
NOTHING = "nothing would change"


@click.command("load")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--diff", "--dry-run", "only_diff", is_flag=True, help="say what would change, and change nothing")
@as_option
@json_option
@pass_settings
def load_command(settings: Settings, file: Path, only_diff: bool, who: str | None, as_json: bool) -> None:
    """
    Bring in services, users, lines, groups and members from FILE (YAML), whole or not at all.

    What FILE does not mention stays. A user, line, group or service with "remove: true" goes, and so does a value that
    is "none". A list of members, services, favourites or monitor is the whole list: who is not in it goes from it.

    Example: esl-huntgroup load db/examples/small-firm.yaml --diff
    """
    with closing(open_database(settings.database)) as db, progress_shown() as progress:
        require_current(db)
        progress(f"reading {file}")
        document = read_document(file)
        if only_diff:
            found = preview(db, document, Rules(settings.default_domain, settings.hunt_modes))
            sentences = [sentence(difference) for difference in found] or [NOTHING]
            told = {"dry_run": True, "changes": as_dicts(found)}
        else:
            report = load_document(
                db, document, Rules(settings.default_domain, settings.hunt_modes), who=name_of(who), progress=progress
            )
            sentences = report.sentences()
            told = {"dry_run": False, **asdict(report)}
    for line in [json.dumps(told, ensure_ascii=False)] if as_json else sentences:
        click.echo(line)


def as_dicts(changes: Iterable[Change]) -> list[dict[str, Any]]:
    """Return changes as programs read them."""
    return [asdict(change) for change in changes]


@click.command("export")
@pass_settings
def export_command(settings: Settings) -> None:
    """
    Write the whole configuration as YAML to standard output; "load" makes the same configuration of it again.

    Example: esl-huntgroup export > firm.yaml
    """
    with closing(open_database(settings.database)) as db:
        require_current(db)
        text = export(db)
    click.echo(text.encode(), nl=False)


@contextmanager
def progress_shown() -> Iterator[Progress]:
    """Give what shows each step on one line of standard error, if a person looks at it; the line goes at the end."""
    is_seen = sys.stderr.isatty()

    def show(step: str) -> None:
        if is_seen:
            click.echo(f"\r\x1b[K{step} ...", nl=False, err=True)

    try:
        yield show
    finally:
        if is_seen:
            click.echo("\r\x1b[K", nl=False, err=True)
