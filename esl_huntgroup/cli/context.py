"""
What a command has around it: the settings and the database, each when it asks for them and not before.

This is the frame of every command: what fails in it is one sentence, and the database is closed at its end.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import peewee

from esl_huntgroup.db.engine import database_errors, open_database
from esl_huntgroup.db.migrate import require_current
from esl_huntgroup.errors import SettingsError
from esl_huntgroup.settings import Settings, load_settings


def settings_of(ctx: click.Context) -> Settings:
    """
    Return the settings of this run; they are read at the first call. Raises SettingsError.

    So ``--help``, ``completion`` and whatever else needs none works with a settings file that is bad or unreadable.
    """
    if ctx.obj is None:
        ctx.obj = settings_loader(ctx)()
    found: Settings = ctx.obj
    return found


def settings_loader(ctx: click.Context) -> Callable[[], Settings]:
    """Return what reads the settings from where this command line says, now and, after a SIGHUP, again."""
    options = dict(ctx.find_root().params)
    return functools.partial(load_settings, options.pop("config", None), dict(os.environ), options)


def language_of(ctx: click.Context) -> str:
    """Return the language, for what needs no other setting: a file that cannot be used does not count."""
    with contextlib.suppress(SettingsError):
        return settings_of(ctx).language
    options = {"language": ctx.find_root().params.get("language")}
    return load_settings(Path(os.devnull), {}, options).language


def pass_settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give the settings to a command, as its first argument."""

    @click.pass_context
    @functools.wraps(command)
    def run(ctx: click.Context, /, *arguments: Any, **given: Any) -> Any:
        return ctx.invoke(command, settings_of(ctx), *arguments, **given)

    return run


@contextlib.contextmanager
def database_of(settings: Settings) -> Iterator[peewee.Database]:
    """
    Give the database, which has the version that this program needs, and close it at the end.

    Raises DatabaseError, also for whatever the database refuses meanwhile.
    """
    with contextlib.closing(open_database(settings.database)) as db:
        require_current(db)
        with database_errors(db):
            yield db
