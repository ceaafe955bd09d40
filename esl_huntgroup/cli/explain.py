"""``esl-huntgroup explain``: why a phone rings or does not, without a call."""

from __future__ import annotations

import json

import click

from esl_huntgroup.calls.seams import Seams
from esl_huntgroup.cli.context import database_of, pass_settings
from esl_huntgroup.cli.options import json_option
from esl_huntgroup.diagnostics.explain import explain
from esl_huntgroup.model.text import normal_name
from esl_huntgroup.registrars.chosen import registrar_of
from esl_huntgroup.settings import Settings


@click.command("explain")
@click.argument("what", type=normal_name, metavar="GROUP|CALL")
@click.option("--caller", default="", help="the line that would call; it does not ring", metavar="ACCOUNT@DOMAIN")
@json_option("one JSON object a line")
@pass_settings
def explain_command(settings: Settings, what: str, caller: str, as_json: bool) -> None:
    """
    Say for each member of GROUP whether a call to it would ring there now, and if not, why. Nobody is called.

    GROUP is a name, a number or NUMBER@DOMAIN. With the id of a CALL, as the journal shows it, say what became of every
    phone in that call. The switch is asked who is registered (settings esl_address and esl_password). Of several
    switches each is asked, and told by itself: a call rings the phones that are registered at its own. If one does not
    answer, the exit status is 1.

    Example: esl-huntgroup --esl-address 127.0.0.1:8021 explain Vertrieb --caller 101@pbx.example.org
    """
    with database_of(settings) as db:
        for explanation in explain(db, settings, what, caller, seams=Seams(registrar=registrar_of(settings))):
            for line in [json.dumps(explanation.as_dict())] if as_json else explanation.sentences():
                click.echo(line)
