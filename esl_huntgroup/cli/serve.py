"""``esl-huntgroup serve``."""

from __future__ import annotations

import click

from esl_huntgroup.cli.context import settings_loader, settings_of
from esl_huntgroup.service import run
from esl_huntgroup.web.sidecar import web_sidecars


@click.command("serve")
@click.pass_context
def serve_command(ctx: click.Context) -> None:
    """
    Serve group calls until SIGTERM or SIGINT; SIGHUP reads the settings again.

    Example: esl-huntgroup --listen 127.0.0.1:8084,[::1]:8084 serve
    """
    run.run(settings_of(ctx), settings_loader(ctx), more_sidecars=web_sidecars)
