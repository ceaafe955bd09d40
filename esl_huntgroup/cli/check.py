"""``esl-huntgroup check``."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from pathlib import Path

import click
import peewee

from esl_huntgroup.cli.context import database_of, settings_of
from esl_huntgroup.cli.help import Overview
from esl_huntgroup.cli.options import json_option
from esl_huntgroup.diagnostics.check import findings
from esl_huntgroup.diagnostics.checks.database import numbers_by_domain
from esl_huntgroup.diagnostics.finding import Finding, right, wrong
from esl_huntgroup.diagnostics.kamailio_devices import registered_numbers
from esl_huntgroup.diagnostics.switch_numbers import Sources, compare, of_files, of_switches
from esl_huntgroup.errors import SwitchError
from esl_huntgroup.model.numbers import normal_number

_json_option = json_option("one JSON object a line, with ok and text")


@click.group("check", cls=Overview, invoke_without_command=True)
@_json_option
@click.pass_context
def check_command(ctx: click.Context, /, as_json: bool) -> None:
    """
    Look at settings, database, service and switch; say of each that it is right, or what to do.

    The exit status is 1 if there is anything to do. The password for the switch comes from the settings file or from
    ESL_HUNTGROUP_ESL_PASSWORD.

    Example: esl-huntgroup --esl-address 127.0.0.1:8021 check
    """
    if ctx.invoked_subcommand is None:
        _show(ctx, findings(settings_of(ctx)), as_json=as_json)


@check_command.command("numbers")
@click.option("--directory-xml", type=click.Path(path_type=Path), help="directory: a file or a folder", metavar="FILE")
@click.option("--dialplan-xml", type=click.Path(path_type=Path), help="dialplan: a file or a folder", metavar="FILE")
@_json_option
@click.option("--accept", multiple=True, help="say nothing about this number; may be repeated", metavar="NUMBER")
@click.pass_context
def numbers_command(
    ctx: click.Context, /, directory_xml: Path | None, dialplan_xml: Path | None, accept: tuple[str, ...], as_json: bool
) -> None:
    """
    Compare the numbers of groups and lines with what the switch knows: directory, dialplan, gateways.

    One line for each conflict; the exit status is 1 if there is any. Without files the switch is asked (settings
    esl_address and esl_password), each of several, and each Kamailio for phones that have the number of a group. With
    files no switch is needed, for example in a CI job.

    Example: esl-huntgroup check numbers --directory-xml directory/ --dialplan-xml dialplan/default.xml
    """
    settings, accepted = settings_of(ctx), [normal_number(number) for number in accept]
    has_files = directory_xml or dialplan_xml
    every = [of_files(directory_xml, dialplan_xml)] if has_files else of_switches(settings)
    with database_of(settings) as db:
        shown = [finding for sources in every for finding in _compared(db, sources, accepted)]
    if settings.kamailio and not has_files:
        wanted = numbers_by_domain(settings)
        shown += registered_numbers(
            settings, {domain: [it for it in some if it not in accepted] for domain, some in wanted.items()}
        )
    _show(ctx, shown, as_json=as_json)


def _compared(db: peewee.Database, sources: Sources | SwitchError, accepted: Collection[str]) -> list[Finding]:
    """Return what is wrong with one switch, or that nothing is."""
    if isinstance(sources, SwitchError):
        return [wrong(f"switch: {sources}")]
    found, sentence = compare(db, sources)
    return [wrong(it.sentence) for it in found if it.number not in accepted] or [right(sentence)]


def _show(ctx: click.Context, found: Iterable[Finding], *, as_json: bool) -> None:
    is_ok = True
    for finding in found:
        is_ok = is_ok and finding.is_ok
        if as_json:
            click.echo(json.dumps({"ok": finding.is_ok, "text": finding.text}))
        else:
            click.secho(str(finding), fg=None if finding.is_ok else "red")
    ctx.exit(0 if is_ok else 1)
