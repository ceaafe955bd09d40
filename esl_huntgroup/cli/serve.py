"""``esl-huntgroup serve``."""

from __future__ import annotations

import click

from esl_huntgroup import service
from esl_huntgroup.settings import Settings


@click.command("serve")
@click.pass_obj
def serve_command(settings: Settings) -> None:
    """
    Serve group calls until SIGTERM or SIGINT.

    Example: esl-huntgroup --listen 127.0.0.1:8084,[::1]:8084 serve
    """
    service.run(settings)
