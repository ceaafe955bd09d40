"""``esl-huntgroup explain``: why a phone rings or does not, without a call."""

from __future__ import annotations

import contextlib
import json

import click

from esl_huntgroup.calls.seams import Seams
from esl_huntgroup.cli.context import database_of, pass_settings
from esl_huntgroup.cli.options import json_option
from esl_huntgroup.diagnostics.explain import explain, lines_of_group
from esl_huntgroup.diagnostics.watch import Watch
from esl_huntgroup.errors import DatabaseError, SwitchError
from esl_huntgroup.model.text import normal_name
from esl_huntgroup.registrars.chosen import registrar_of
from esl_huntgroup.settings import Settings


@click.command("explain")
@click.argument("what", type=normal_name, metavar="GROUP|CALL")
@click.option("--caller", default="", help="the line that would call; it does not ring", metavar="ACCOUNT@DOMAIN")
@click.option("--watch", is_flag=True, help="say it again whenever a phone registers at Kamailio, until Ctrl-C")
@json_option("one JSON object a line")
@pass_settings
def explain_command(settings: Settings, what: str, caller: str, watch: bool, as_json: bool) -> None:
    """
    Say for each member of GROUP whether a call to it would ring there now, and if not, why. Nobody is called.

    GROUP is a name, a number or NUMBER@DOMAIN. With the id of a CALL, as the journal shows it, say what became of every
    phone in that call. The switch is asked who is registered (settings esl_address and esl_password). Of several
    switches each is asked, and told by itself: a call rings the phones that are registered at its own. If one does not
    answer, the exit status is 1.

    With --watch, a phone that registers at Kamailio is told, and all of it said again, at once (setting
    kamailio_notices).

    Example: esl-huntgroup --esl-address 127.0.0.1:8021 explain Vertrieb --caller 101@pbx.example.org
    """
    if not watch:
        _show(settings, what, caller, as_json)
        return
    with contextlib.suppress(KeyboardInterrupt), Watch(settings) as watching:
        if watching.lost:
            click.echo(f"nothing is heard of registrations at {', '.join(watching.lost)}; it is tried again", err=True)
        _look(watching, settings, what, caller, as_json)
        while True:
            _tell(watching.news(), as_json)
            try:
                _look(watching, settings, what, caller, as_json)
            except (DatabaseError, SwitchError) as error:
                click.echo(str(error), err=True)  # the next time it may be there again


def _look(watching: Watch, settings: Settings, what: str, caller: str, as_json: bool) -> None:
    """Watch the lines of the group, and then say who can ring: nothing that happens in between is missed."""
    with database_of(settings) as db:
        watching.begin(lines_of_group(db, what, settings.default_domain))
    _show(settings, what, caller, as_json)


def _show(settings: Settings, what: str, caller: str, as_json: bool) -> None:
    with database_of(settings) as db:
        for explanation in explain(db, settings, what, caller, seams=Seams(registrar=registrar_of(settings))):
            for line in [json.dumps(explanation.as_dict())] if as_json else explanation.sentences():
                click.echo(line)


def _tell(registered: list[str], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"registered": registered}))
        return
    click.echo()
    for line in registered:
        click.echo(f"{line} has registered")
    if not registered:
        click.echo("registrations are heard again")
