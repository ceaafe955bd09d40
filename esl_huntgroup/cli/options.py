"""Options that several commands have: each has one name and one sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import click

Option = Callable[[Callable[..., Any]], Callable[..., Any]]

as_option: Final[Option] = click.option(
    "--as", "who", help="who makes the change, for the audit; default: you", metavar="NAME"
)


def json_option(shape: str = "JSON") -> Option:
    """Return ``--json``; ``shape`` is what a program gets, such as ``one JSON object a line``."""
    return click.option("--json", "as_json", is_flag=True, help=f"for programs: {shape}")
