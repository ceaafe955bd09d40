"""``esl-huntgroup rights``: what one user may see and do of another, and why."""

from __future__ import annotations

import json

import click

from esl_huntgroup.cli.complete import USERS
from esl_huntgroup.cli.context import database_of, pass_settings
from esl_huntgroup.cli.options import json_option
from esl_huntgroup.model.permissions import Level, Reason, effective, rights
from esl_huntgroup.model.text import clean, normal_name
from esl_huntgroup.provisioning.admin.levels import why
from esl_huntgroup.settings import Settings


@click.command("rights", epilog="Example: esl-huntgroup rights anna bernd")
@click.argument("user", type=normal_name, shell_complete=USERS)
@click.argument("on", type=normal_name, shell_complete=USERS)
@json_option()
@pass_settings
def rights_command(settings: Settings, user: str, on: str, as_json: bool) -> None:
    """Say which level USER has on the user ON, each right, and which groups, roles and grants give it."""
    with database_of(settings) as db:
        reasons = why(db, user, on)
    level = effective(reasons)
    if as_json:
        click.echo(json.dumps(_as_dict(user, on, level, reasons), ensure_ascii=False, indent=2))
        return
    click.echo(f"{user} on {on}: {level.word}")
    for right, is_allowed in rights(level).items():
        click.echo(f"  {'yes' if is_allowed else 'no ':3}  {right}")
    click.echo("because:" if reasons else "because no active group, role or grant gives more")
    for reason in reasons:
        click.echo(clean(f"  {reason}"))


def _as_dict(user: str, on: str, level: Level, reasons: tuple[Reason, ...]) -> dict[str, object]:
    return {
        "user": user,
        "on": on,
        "level": level.word,
        "rights": {right.name.lower(): is_allowed for right, is_allowed in rights(level).items()},
        "reasons": [
            {"level": reason.level.word, "role": reason.role.value, "group": reason.group or None} for reason in reasons
        ],
    }
