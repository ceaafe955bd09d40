"""Who changes something: the person at the keyboard, or whom a script names."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from typing import Any

import click

WHO_MAX_CHARS = 128


def _who(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> str:
    name = value if value is not None else _os_user()
    if not name.strip() or not name.isprintable() or len(name) > WHO_MAX_CHARS:
        raise click.BadParameter(f"{name!r} is no name: 1 to {WHO_MAX_CHARS} printable characters are accepted")
    return name.strip()


def _os_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number without a name, as in some containers
        return "unknown"


def as_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--as``, which the audit records; the user of the operating system is the default."""
    option = click.option("--as", "who", callback=_who, help="who makes this change, for the audit", metavar="NAME")
    return option(function)
