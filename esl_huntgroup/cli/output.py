"""Where commands write: a terminal of any encoding, a file on a disk that may be full, a pipe that may be closed."""

from __future__ import annotations

import codecs
import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import click

from esl_huntgroup.db.engine import Progress

_ESCAPES: Final = "esl_huntgroup.escapes"


def set_up() -> None:
    r"""Let a character that the output has no code for be written as JSON does (``\u00fc``), instead of a traceback."""
    codecs.register_error(_ESCAPES, _escaped)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_ESCAPES)


def color() -> bool | None:
    """Return False where somebody wants no colours (https://no-color.org), else None: the terminal decides."""
    return False if os.environ.get("NO_COLOR") else None


def width() -> int | None:
    """Return how many columns the terminal has; None where the output goes to a file or a program, which wants all."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def tell(told: Mapping[str, Any], sentences: Iterable[str], *, as_json: bool) -> None:
    """Say what was done: to a program with one JSON object, to people in sentences."""
    for line in [json.dumps(told, ensure_ascii=False)] if as_json else sentences:
        click.echo(line)


@contextmanager
def progress_shown() -> Iterator[Progress]:
    """Give what shows each step on one line of standard error, if a person looks at it; the line goes at the end."""
    is_seen = sys.stderr.isatty()

    def show(step: str) -> None:
        if is_seen:
            click.echo(f"\r\x1b[K{step} ...", nl=False, err=True)

    try:
        yield show
    finally:
        if is_seen:
            click.echo("\r\x1b[K", nl=False, err=True)


def abandon() -> None:
    """Write nothing more to standard output, not even what waits in its buffer: it takes nothing."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{high:02x}{low:02x}" for high, low in zip(units[::2], units[1::2], strict=True)), error.end
