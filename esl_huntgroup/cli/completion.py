"""``esl-huntgroup completion``: what a shell needs to complete our commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from esl_huntgroup.cli.tree import words
from esl_huntgroup.errors import InputError

SHELLS = ("bash", "zsh", "fish")
_VARIABLE = "_ESL_HUNTGROUP_COMPLETE"


@click.command("completion", epilog="Example: esl-huntgroup completion bash > /etc/bash_completion.d/esl-huntgroup")
@click.argument("shell", metavar="|".join(SHELLS), shell_complete=words(SHELLS))
@click.pass_context
def completion_command(ctx: click.Context, /, shell: str) -> None:
    """Print the completion of commands and options for a shell, to be read by it."""
    completion = get_completion_class(shell) if shell in SHELLS else None
    if completion is None:
        raise InputError(f"{shell!r} is not a shell that is known: {', '.join(SHELLS)} are accepted")
    click.echo(completion(ctx.find_root().command, {}, "esl-huntgroup", _VARIABLE).source())
