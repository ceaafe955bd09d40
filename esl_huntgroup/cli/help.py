"""Help that helps: examples that can be copied, whole sentences in the overview, and the default of each setting."""

from __future__ import annotations

import re
from typing import Any, Final

import click

from esl_huntgroup.settings import FIELDS

_EXAMPLE: Final = re.compile(r"\s*Example: (esl-huntgroup .*)\Z", re.DOTALL)
_SENTENCE_MAX_CHARS: Final = 1000
"""click cuts the sentence of the overview where it thinks that the line ends."""


class Overview(click.Group):
    """A group of commands whose overview says the whole sentence of each, over as many lines as it takes."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the name and the sentence of each command."""
        named = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, it.get_short_help_str(_SENTENCE_MAX_CHARS)) for name, it in named if it and not it.hidden]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command, with its example on a line of its own."""
        found = super().get_command(ctx, cmd_name)
        return found and with_example(found)


def with_example(command: click.Command) -> click.Command:
    """Put the example of a command, from the end of its help, on a line that click neither wraps nor joins."""
    for text in (command.epilog, command.help):
        if text and (match := _EXAMPLE.search(text)):
            command.help = _EXAMPLE.sub("", command.help or "")
            command.epilog = f"\b\nExample:\n  {' '.join(match[1].split())}"
            break
    return command


def sentence_of_setting(name: str) -> str:
    """Return what the help says of a setting: what it is, what is accepted, and what counts without it."""
    metadata, default = FIELDS[name].metadata, FIELDS[name].default
    accepted = f"; {metadata['range']}" if metadata.get("range") else ""
    return f"{metadata['sentence']}{accepted}  [default: {_words(default)}]"


def _words(value: Any) -> str:
    """Return a default as it would be written on the command line."""
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], int):
        return f"{value[0]}:{value[1]}"
    if isinstance(value, tuple):
        return ",".join(map(_words, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value) if value not in (None, "") else "none"
