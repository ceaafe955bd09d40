"""
The command line. Each command is a module of its own, imported only when it is asked for.

Exit status: 0 done, 1 refused or found wrong (one line on stderr says what), 2 the command line itself is wrong.
"""

from __future__ import annotations

import errno
import importlib
from pathlib import Path
from typing import Any, Final, NoReturn

import click

from esl_huntgroup import __version__
from esl_huntgroup.cli import output
from esl_huntgroup.cli.help import Overview, sentence_of_setting, with_example
from esl_huntgroup.db.engine import user_name, who_may
from esl_huntgroup.errors import HuntgroupError
from esl_huntgroup.model.text import clean, shortened
from esl_huntgroup.settings import FIELDS

COMMANDS: Final = {
    "serve": ("serve", "serve_command"),
    "web": ("web", "web_command"),
    "check": ("check", "check_command"),
    "db": ("db", "db_group"),
    "load": ("load", "load_command"),
    "export": ("load", "export_command"),
    "import": ("imports", "import_group"),
    "user": ("user", "user_tree"),
    "line": ("line", "line_tree"),
    "group": ("group", "group_tree"),
    "member": ("member", "member_tree"),
    "level": ("level", "level_tree"),
    "service": ("service", "service_tree"),
    "favourite": ("prepared", "favourite_tree"),
    "monitor": ("prepared", "monitor_tree"),
    "session": ("session", "session_tree"),
    "token": ("api_token", "token_tree"),
    "rights": ("rights", "rights_command"),
    "audit": ("audit", "audit_command"),
    "journal": ("journal", "journal_command"),
    "explain": ("explain", "explain_command"),
    "demo": ("demo", "demo_command"),
    "completion": ("completion", "completion_command"),
}
"""Name of each command, and the module and function that are it."""
_LINE_MAX_CHARS: Final = 1000
"""Of what is refused a line repeats what was read, however long that is."""
_OUTPUT_IS_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


class _Commands(Overview):
    """A group that imports a command when it is used, and turns refusals into one line and exit status 1."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        name = name if name in COMMANDS else name.removesuffix("s")  # `users list` is understood too
        if name not in COMMANDS:
            return None
        module, function = COMMANDS[name]
        found: click.Command = getattr(importlib.import_module(f"esl_huntgroup.cli.{module}"), function)
        return with_example(found)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except HuntgroupError as error:
            refused = str(error)
        except PermissionError as error:
            refused = f"{error.filename} cannot be used by {user_name()}: {who_may(Path(str(error.filename)))}"
        except OSError as error:
            if error.errno not in _OUTPUT_IS_FULL:
                raise
            refused = f"the output cannot be written: {error.strerror}"
            output.abandon()
        return _refuse(ctx, refused)


def _refuse(ctx: click.Context, why: str) -> NoReturn:
    for line in why.splitlines():
        click.echo(f"esl-huntgroup: {shortened(clean(line), _LINE_MAX_CHARS)}", err=True)
    ctx.exit(1)


def _setting_options(function: Any) -> Any:
    """Add an option for every setting that is not a secret."""
    for name, field in reversed(FIELDS.items()):
        if not field.metadata["is_secret"]:
            option = "--" + name.replace("_", "-")
            function = click.option(option, name, help=sentence_of_setting(name), metavar="VALUE")(function)
    return function


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "color": output.color()})
@click.version_option(__version__, prog_name="esl-huntgroup")
@click.option("--config", type=click.Path(path_type=Path), help="settings file (TOML)", metavar="FILE")
@_setting_options
def cli(**_options: object) -> None:
    """
    Hunt groups for FreeSWITCH.

    Settings come from a TOML file, the environment (ESL_HUNTGROUP_NAME) and these options, in this order; the last
    one counts.

    Example: esl-huntgroup --database sqlite:///firm.db serve
    """


with_example(cli)


def main() -> None:
    """Run the command line."""
    output.set_up()
    cli(prog_name="esl-huntgroup")
