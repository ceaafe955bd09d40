"""
What all commands of administrators have in common: how a change is made, asked about and told, how things are shown.

A command is a function that takes the desk and its own arguments. One that changes returns the changes (``@x.change``);
one that looks returns what is to be shown (``@x.view``). The options ``--json``, ``--dry-run``, ``--as`` and ``--yes``
and everything that they mean are here, once.
"""

from __future__ import annotations

import functools
import json
import os
import pwd
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import click

from esl_huntgroup.cli import output
from esl_huntgroup.cli.context import database_of, settings_of
from esl_huntgroup.cli.help import Overview
from esl_huntgroup.cli.options import as_option, json_option
from esl_huntgroup.cli.table import sheet, table
from esl_huntgroup.errors import InputError
from esl_huntgroup.model.text import clean, normal_name
from esl_huntgroup.provisioning.admin.desk import Desk, Work, perform
from esl_huntgroup.provisioning.change import Change, sentence

WHO_MAX_CHARS = 128

Changing = Callable[..., Iterable[Change]]
Giving = Callable[..., tuple[Change, str, str]]
Found = Sequence[Mapping[str, Any]] | Mapping[str, Any] | str
Viewing = Callable[..., Found]
_dry_run_option = click.option("--dry-run", "is_dry_run", is_flag=True, help="say what would change; change nothing")
_yes_option = click.option("--yes", "is_sure", is_flag=True, help="do not ask")


class Tree(Overview):
    """The commands for one kind of thing."""

    def change(
        self, verb: str, *, example: str, asks: bool = False, before: Callable[..., None] | None = None
    ) -> Callable[[Changing], click.Command]:
        """
        Register what changes something; one that ``asks`` is done only after a yes.

        ``before`` may ask as well, or raise InputError: it is called with the same arguments before anything is begun,
        except for a dry run and after ``--yes``.
        """

        def register(function: Changing) -> click.Command:
            @functools.wraps(function)
            def run(who: str | None, is_dry_run: bool, as_json: bool, is_sure: bool = False, **given: Any) -> None:
                with desk_of(click.get_current_context()) as desk:
                    if before is not None and not (is_sure or is_dry_run):
                        before(desk, **_normal(given))
                    make(
                        desk,
                        who,
                        lambda at: function(at, **_normal(given)),
                        is_dry_run=is_dry_run,
                        as_json=as_json,
                        asks=asks and not is_sure,
                    )

            options = (json_option(), _dry_run_option, as_option, *((_yes_option,) if asks or before else ()))
            return self._register(verb, run, options, example)

        return register

    def give(self, verb: str, *, example: str) -> Callable[[Giving], click.Command]:
        """
        Register what makes something that holds a secret, which is shown this once and stored nowhere.

        The function returns the change, the name under which programs find the secret, and the secret.
        """

        def register(function: Giving) -> click.Command:
            @functools.wraps(function)
            def run(who: str | None, is_dry_run: bool, as_json: bool, **given: Any) -> None:
                told: dict[str, str] = {}

                def work(at: Desk) -> Iterable[Change]:
                    change, name, secret = function(at, **_normal(given))
                    told[name] = secret
                    return [change]

                with desk_of(click.get_current_context()) as desk:
                    changes = perform(desk, name_of(who), work, is_dry_run=is_dry_run)
                _tell_given(changes, {} if is_dry_run else told, is_dry_run=is_dry_run, as_json=as_json)

            return self._register(verb, run, (json_option(), _dry_run_option, as_option), example)

        return register

    def view(self, verb: str, *, example: str) -> Callable[[Viewing], click.Command]:
        """Register what shows something: a mapping, a sequence of them with the same keys, or a document."""

        def register(function: Viewing) -> click.Command:
            @functools.wraps(function)
            def run(as_json: bool, **given: Any) -> None:
                with desk_of(click.get_current_context()) as desk:
                    found = function(desk, **_normal(given))
                show(found, as_json=as_json)

            return self._register(verb, run, (json_option(),), example)

        return register

    def _register(self, verb: str, run: Callable[..., None], options: Iterable[Any], example: str) -> click.Command:
        for option in options:
            run = option(run)
        return self.command(verb, epilog=f"Example: esl-huntgroup {example}")(run)


def tree(name: str, what: str, *, example: str) -> Tree:
    """Return an empty tree of commands with its sentence."""
    return Tree(name, help=what, epilog=f"Example: esl-huntgroup {example}")


def words(accepted: Iterable[str]) -> Callable[..., list[str]]:
    """Return what completes one of a few words in a shell."""
    known = tuple(accepted)
    return lambda _ctx, _param, incomplete: [word for word in known if word.startswith(incomplete)]


@contextmanager
def desk_of(ctx: click.Context) -> Iterator[Desk]:
    """Give the desk with the database and the settings of this run. Raises DatabaseError, as ``database_of`` does."""
    settings = settings_of(ctx)
    with database_of(settings) as db:
        yield Desk(db, settings.default_domain, settings.hunt_modes)


def make(desk: Desk, who: str | None, work: Work, *, is_dry_run: bool, as_json: bool, asks: bool) -> None:
    """Make the changes and tell them; ask first where that is due. Raises InputError and DatabaseError."""
    by = name_of(who)
    if asks and not is_dry_run:
        _ask(perform(desk, by, work, is_dry_run=True))
    changes = perform(desk, by, work, is_dry_run=is_dry_run)
    if as_json:
        click.echo(json.dumps([asdict(change) for change in changes], ensure_ascii=False, indent=2))
        return
    for change in changes:
        click.echo(clean(sentence(change, is_dry_run=is_dry_run)))
    if not changes:
        click.echo("nothing to change")


def _tell_given(changes: Iterable[Change], told: Mapping[str, str], *, is_dry_run: bool, as_json: bool) -> None:
    """Tell what was made, and the secret on a line of its own, so that it can be copied."""
    if as_json:
        click.echo(json.dumps({"changes": [asdict(it) for it in changes], **told}, ensure_ascii=False, indent=2))
        return
    for change in changes:
        click.echo(clean(sentence(change, is_dry_run=is_dry_run)))
    for secret in told.values():
        click.echo(secret)


def show(found: Found, *, as_json: bool) -> None:
    """Print what was found: a document as it is, else JSON for programs, a table or a sheet for people."""
    if isinstance(found, str):
        click.echo(found, nl=False)
        return
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    for line in sheet(found) if isinstance(found, Mapping) else table(found, output.width()):
        click.echo(line)


def one(found: Sequence[Mapping[str, Any]], refusal: InputError) -> Mapping[str, Any]:
    """Return the only thing that was found. Raises the refusal when there is none."""
    if not found:
        raise refusal
    return found[0]


def name_of(given: str | None) -> str:
    """Return who makes the change: the name that is given, or the user of the operating system. Raises InputError."""
    if given is None:
        return _system_user()
    name = normal_name(given.strip())
    if name and name.isprintable() and len(name) <= WHO_MAX_CHARS:
        return name
    raise InputError(f"--as {given!r} is not a name: 1 to {WHO_MAX_CHARS} printable characters are accepted")


def _normal(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was given with every text in its one Unicode form."""
    return {key: _normal_text(value) for key, value in given.items()}


def _normal_text(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_normal_text, value))
    return normal_name(value) if isinstance(value, str) else value


def _system_user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def can_answer() -> bool:
    """Return whether somebody is there to be asked."""
    return sys.stdin.isatty()


def _ask(changes: Sequence[Change]) -> None:
    """Ask whether to do what cannot be undone. Raises InputError for a no, and where nobody can answer."""
    for change in changes:
        click.echo(clean(sentence(change, is_dry_run=True)), err=True)
    if not can_answer():
        raise InputError("this cannot be undone, and nobody is there to ask: --yes is accepted; nothing changed")
    if not click.confirm("This cannot be undone. Go on?", err=True):
        raise InputError("nothing changed")
