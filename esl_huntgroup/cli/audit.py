"""``esl-huntgroup audit``: who changed what, and when."""

from __future__ import annotations

import datetime
import json
from typing import Any

import click

from esl_huntgroup.cli.context import database_of, pass_settings
from esl_huntgroup.cli.options import json_option
from esl_huntgroup.cli.tree import words
from esl_huntgroup.errors import InputError
from esl_huntgroup.model.text import accepted, clean, normal_name
from esl_huntgroup.provisioning import audit
from esl_huntgroup.provisioning.change import sentence
from esl_huntgroup.settings import Settings

KINDS = (
    *("user", "line", "group", "member", "level", "service", "favourite", "monitor", "journal", "file"),
    *("invitation", "password", "session", "token"),
)
"""What a change can be of; a load is one of a file."""


@click.command("audit", epilog="Example: esl-huntgroup audit --kind group --name Vertrieb --since 2026-11-22")
@click.option(
    "--kind", default="", help=f"only changes of: {', '.join(KINDS)}", metavar="KIND", shell_complete=words(KINDS)
)
@click.option("--name", type=normal_name, default="", help="only the thing with this name", metavar="NAME")
@click.option("--since", help="only changes since then: 2026-11-22 or 2026-11-22T18:30", metavar="TIME")
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=100, show_default=True, help="at most so many")
@json_option("one JSON object a line")
@pass_settings
def audit_command(settings: Settings, *, kind: str, name: str, since: str | None, limit: int, as_json: bool) -> None:
    """
    Show the changes that were made, newest first: when, by whom, what, and what differs.

    A member is named GROUP/USER, a line NUMBER@DOMAIN.
    """
    if kind not in ("", *KINDS):
        raise InputError(f"--kind {kind!r} is no kind of thing: {accepted(KINDS)}")
    since_ms = 0 if since is None else milliseconds(since)
    with database_of(settings) as db:
        found = audit.entries(db, kind=kind, name=name, since_ms=since_ms, limit=limit)
    for entry in found:
        click.echo(json.dumps(_as_dict(entry), ensure_ascii=False) if as_json else _line(entry))
    if not found and not as_json:
        click.echo("no changes")


def milliseconds(text: str) -> int:
    """Return a moment in ISO 8601, local where it names no zone, as milliseconds since 1970. Raises InputError."""
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            f"{text!r} is not a time: 2026-11-22, 2026-11-22T18:30 or 2026-11-22T18:30:00+01:00 is accepted"
        ) from None
    return round(moment.astimezone().timestamp() * 1000)


def _line(entry: audit.Entry) -> str:
    at = datetime.datetime.fromtimestamp(entry.at_ms / 1000, datetime.UTC).astimezone()
    return clean(f"{at:%Y-%m-%d %H:%M:%S}  {entry.who}  {sentence(entry.change)}")


def _as_dict(entry: audit.Entry) -> dict[str, Any]:
    change = entry.change
    return {
        "at_ms": entry.at_ms,
        "at": datetime.datetime.fromtimestamp(entry.at_ms / 1000, datetime.UTC).isoformat(timespec="milliseconds"),
        "who": entry.who,
        "action": change.action,
        "kind": change.kind,
        "name": change.name,
        "before": change.before,
        "after": change.after,
    }
