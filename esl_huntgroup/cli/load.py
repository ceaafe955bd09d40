"""``esl-huntgroup load`` and ``export``: the configuration as a file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from esl_huntgroup.cli import output
from esl_huntgroup.cli.context import database_of, pass_settings
from esl_huntgroup.cli.options import as_option, json_option
from esl_huntgroup.cli.tree import name_of
from esl_huntgroup.provisioning.change import Change
from esl_huntgroup.provisioning.diff import sentence
from esl_huntgroup.provisioning.export import export
from esl_huntgroup.provisioning.load import Rules, load_document, preview, read_document
from esl_huntgroup.settings import Settings

NOTHING = "nothing would change"


@click.command("load")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--diff", "--dry-run", "only_diff", is_flag=True, help="say what would change, and change nothing")
@as_option
@json_option("one JSON object")
@pass_settings
def load_command(settings: Settings, file: Path, only_diff: bool, who: str | None, as_json: bool) -> None:
    """
    Bring in services, users, lines, groups and members from FILE (YAML), whole or not at all.

    What FILE does not mention stays. A user, line, group or service with "remove: true" goes, and so does a value that
    is "none". A list of members, services, favourites or monitor is the whole list: who is not in it goes from it.

    Example: esl-huntgroup load db/examples/small-firm.yaml --diff
    """
    with database_of(settings) as db, output.progress_shown() as progress:
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
    output.tell(told, sentences, as_json=as_json)


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
    with database_of(settings) as db:
        text = export(db)
    click.echo(text.encode(), nl=False)
