"""``esl-huntgroup serve``."""

from __future__ import annotations

import click

from esl_huntgroup.cli import RELOAD
from esl_huntgroup.service import run
from esl_huntgroup.settings import Settings


@click.command("serve")
@click.pass_context
def serve_command(ctx: click.Context) -> None:
    """
    Serve group calls until SIGTERM or SIGINT; SIGHUP reads the settings again.

    Example: esl-huntgroup --listen 127.0.0.1:8084,[::1]:8084 serve
    """
    settings: Settings = ctx.obj
    run.run(settings, ctx.meta[RELOAD])
