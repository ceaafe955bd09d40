"""``esl-huntgroup check``."""

from __future__ import annotations

import click

from esl_huntgroup.check import findings
from esl_huntgroup.settings import Settings


@click.command("check")
@click.pass_context
def check_command(ctx: click.Context, /) -> None:
    """
    Look at settings, database, service and switch; say of each that it is right, or what to do.

    The exit status is 1 if there is anything to do. Example: esl-huntgroup --esl-address 127.0.0.1:8021 check
    (with ESL_HUNTGROUP_ESL_PASSWORD set)
    """
    settings: Settings = ctx.obj
    is_ok = True
    for finding in findings(settings):
        is_ok = is_ok and finding.is_ok
        click.secho(str(finding), fg=None if finding.is_ok else "red")
    ctx.exit(0 if is_ok else 1)
