"""``esl-huntgroup demo``."""

from __future__ import annotations

import click

from esl_huntgroup.cli.context import language_of
from esl_huntgroup.simulator import demo


@click.command("demo")
@click.pass_context
def demo_command(ctx: click.Context, /) -> None:
    """
    Show group calls: the real service against a simulated FreeSWITCH.

    Takes about fifteen seconds, needs no FreeSWITCH, no configuration and no network, and leaves nothing behind. Exit
    status 0 if every call went as announced and the journal says so.

    Example: esl-huntgroup demo
    """
    demo.run(language_of(ctx))
