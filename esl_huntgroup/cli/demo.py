"""``esl-huntgroup demo``."""

from __future__ import annotations

import click

from esl_huntgroup.cli.context import language_of
from esl_huntgroup.simulator import demo


@click.command("demo")
@click.option("--web", "is_web", is_flag=True, help="show the members' page instead, with calls until Ctrl-C")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="where the page is, with --web; 0 is a free one")
@click.pass_context
def demo_command(ctx: click.Context, /, *, is_web: bool, port: int) -> None:
    """
    Show group calls: the real service against a simulated FreeSWITCH.

    Takes about fifteen seconds, needs no FreeSWITCH, no configuration and no network, and leaves nothing behind. Exit
    status 0 if every call went as announced and the journal says so.

    With --web it prints an address for the browser, at which one is signed in as Anna, and another one as Bernd, who
    leads the group; people go on calling until Ctrl-C.

    Example: esl-huntgroup demo
    """
    if is_web:
        from esl_huntgroup.simulator import demo_web

        demo_web.run(language_of(ctx), port)
        return
    demo.run(language_of(ctx))
