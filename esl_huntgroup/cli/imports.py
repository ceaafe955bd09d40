"""``esl-huntgroup import``: users and groups from somewhere else, with the difference first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import click
import peewee
from click.core import ParameterSource

from esl_huntgroup.cli import output
from esl_huntgroup.cli.ask import ask
from esl_huntgroup.cli.context import database_of, pass_settings, settings_of
from esl_huntgroup.cli.help import Overview
from esl_huntgroup.cli.load import NOTHING, as_dicts
from esl_huntgroup.cli.options import as_option, json_option
from esl_huntgroup.cli.tree import name_of
from esl_huntgroup.db.engine import database_errors, open_database
from esl_huntgroup.errors import InputError
from esl_huntgroup.fsxml.files import read_fsxml
from esl_huntgroup.model.text import counted
from esl_huntgroup.provisioning.change import Change
from esl_huntgroup.provisioning.diff import sentence
from esl_huntgroup.provisioning.importers.csv_table import read_csv
from esl_huntgroup.provisioning.importers.directory_xml import read_directory
from esl_huntgroup.provisioning.importers.draft import Draft
from esl_huntgroup.provisioning.importers.fusionpbx import read_fusionpbx
from esl_huntgroup.provisioning.load import Rules, load_document, preview, usable
from esl_huntgroup.provisioning.model import Inventory
from esl_huntgroup.provisioning.store import read_inventory
from esl_huntgroup.settings import Settings, refuse_password


@click.group("import", cls=Overview)
def import_group() -> None:
    """
    Bring in users and groups from FusionPBX, from FreeSWITCH's directory or from a table.

    Example: esl-huntgroup import csv staff.csv --dry-run
    """


def _options(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        as_option,
        json_option("one JSON object"),
        click.option("--skip", is_flag=True, help="leave out what cannot be imported, and list it"),
        click.option("--yes", is_flag=True, help="do not ask"),
        click.option("--dry-run", is_flag=True, help="say what would change, and change nothing"),
    ):
        function = option(function)
    return function


@import_group.command("csv")
@click.argument("file", type=click.Path(path_type=Path))
@_options
@pass_settings
def csv_command(settings: Settings, /, file: Path, **options: Any) -> None:
    """
    Bring in users, lines and groups from a table (CSV, also as Excel writes it).

    The header names the columns: user, display_name, number, domain, kind, account, group, group_number. The rows that
    name a group are its members, all of them, in the order of the rows.

    Example: esl-huntgroup import csv staff.csv --dry-run
    """
    _run(settings, lambda _current: read_csv(file), **options)


@import_group.command("directory-xml")
@click.argument("path", type=click.Path(path_type=Path), metavar="FILE|FOLDER")
@_options
@pass_settings
def directory_command(settings: Settings, /, path: Path, **options: Any) -> None:
    """
    Bring in users and groups from the directory of FreeSWITCH. Its groups have no number: give them one afterwards.

    Example: esl-huntgroup import directory-xml /etc/freeswitch/directory/default.xml
    """
    variables = {"domain": settings.default_domain} if settings.default_domain else {}
    _run(settings, lambda current: read_directory(read_fsxml(path, variables), str(path), current), **options)


@import_group.command("fusionpbx")
@click.argument("url", envvar="FUSIONPBX_DATABASE")
@click.option("--domain", default="", help="only this domain", metavar="DOMAIN")
@_options
@click.pass_context
def fusionpbx_command(ctx: click.Context, /, url: str, domain: str, **options: Any) -> None:
    """
    Bring in extensions and ring groups from the database of a FusionPBX, which is only read.

    URL is postgresql://USER@HOST/fusionpbx. With a password, postgresql://USER:PASSWORD@HOST/fusionpbx, it belongs in
    the variable FUSIONPBX_DATABASE, where ps does not show it.

    Example: esl-huntgroup import fusionpbx --domain pbx.example.org --dry-run
    """
    if ctx.get_parameter_source("url") is ParameterSource.COMMANDLINE:
        refuse_password(url, "URL", "in FUSIONPBX_DATABASE")

    def read(current: Inventory) -> Draft:
        with closing(open_database(url)) as fusionpbx:
            return read_fusionpbx(fusionpbx, current, domain.lower())

    _run(settings_of(ctx), read, **options)


def _run(
    settings: Settings,
    read: Callable[[Inventory], Draft],
    *,
    who: str | None,
    skip: bool,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    with database_of(settings) as db:
        rules = Rules(settings.default_domain, settings.hunt_modes)
        draft = read(_current(db))
        document, wrong, follows = usable(db, draft.document(), rules)
        if (draft.problems or wrong) and not skip:
            raise InputError("\n".join(document.shown([*draft.problems, *wrong])))
        left_out = [str(line) for line in (*draft.problems, *wrong, *follows, *draft.notes)]
        found = preview(db, document, rules)
        if not as_json:
            _show(left_out, found)
        sentences = [NOTHING if not found else f"{counted(len(found), 'change')}; nothing is changed yet"]
        if found and not dry_run:
            if not yes:
                ask("Make this change?" if len(found) == 1 else f"Make these {len(found)} changes?")
            with output.progress_shown() as progress:
                sentences = load_document(db, document, rules, who=name_of(who), progress=progress).sentences()
    told = {"dry_run": dry_run, "left_out": left_out, "changes": as_dicts(found)}
    output.tell(told, sentences, as_json=as_json)


def _show(left_out: Iterable[str], found: Iterable[Change]) -> None:
    for line in left_out:
        click.echo(f"left out: {line}", err=True)
    for difference in found:
        click.echo(sentence(difference))


def _current(db: peewee.Database) -> Inventory:
    with database_errors(db):
        return read_inventory(db)
