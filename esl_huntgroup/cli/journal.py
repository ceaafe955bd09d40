"""``esl-huntgroup journal``: who called a group, and what each member has seen of it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any, TypeVar

import click
import peewee

from esl_huntgroup.cli import output
from esl_huntgroup.cli.audit import milliseconds
from esl_huntgroup.cli.complete import GROUPS, USERS
from esl_huntgroup.cli.context import database_of, pass_settings
from esl_huntgroup.cli.options import json_option
from esl_huntgroup.cli.tree import words
from esl_huntgroup.errors import InputError
from esl_huntgroup.journal import call_view, csv_view, query, view
from esl_huntgroup.journal.conditions import Cursor, Wanted
from esl_huntgroup.journal.query import Page
from esl_huntgroup.journal.view import JournalLine
from esl_huntgroup.model.call_ids import short
from esl_huntgroup.model.numbers import normal_number
from esl_huntgroup.model.outcome import EntryKind, Outcome
from esl_huntgroup.model.text import accepted, normal_name
from esl_huntgroup.settings import Settings

ALL_AT_ONCE = 1000
"""Entries or calls in one query of ``--all``."""

_Word = TypeVar("_Word", bound=StrEnum)


@click.command("journal", epilog="Example: esl-huntgroup journal --user anna --kind missed --since 2026-11-22")
@click.option("--user", type=normal_name, help="only what this user has seen", shell_complete=USERS, metavar="NAME")
@click.option(
    "--group", type=normal_name, help="only calls to this group", shell_complete=GROUPS, metavar="NAME-OR-NUMBER"
)
@click.option("--since", help="only calls since then: 2026-11-22 or 2026-11-22T18:30", metavar="TIME")
@click.option("--until", help="only calls before then", metavar="TIME")
@click.option("--caller", help="only calls from this number", metavar="NUMBER")
@click.option("--outcome", help=f"only calls that ended so: {', '.join(Outcome)}", metavar="OUTCOME",
              shell_complete=words(Outcome))  # fmt: skip
@click.option("--kind", help=f"only what was seen so: {', '.join(EntryKind)}", metavar="KIND",
              shell_complete=words(EntryKind))  # fmt: skip
@click.option("--unhandled", is_flag=True, help="only missed calls that nobody has handled")
@click.option("--calls", "by_call", is_flag=True, help="one row for each call, and its phones below it")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True,
              help="at most so many entries, or calls")  # fmt: skip
@click.option("--before", help="only what is older: as the last line of a table says", metavar="CALL")
@click.option("--all", "is_all", is_flag=True, help="everything, without a limit")
@json_option("one JSON object a line")
@click.option("--csv", "as_csv", is_flag=True, help="for spreadsheets: CSV with a header")
@pass_settings
def journal_command(
    settings: Settings,
    *,
    by_call: bool,
    limit: int,
    is_all: bool,
    as_json: bool,
    as_csv: bool,
    unhandled: bool,
    **given: str | None,
) -> None:
    """
    Show the journal, newest call first.

    Blue: a colleague took the call. Bold: missed. Grey: missed, and the phone was not registered;
    or without a member: no member has an entry, and how the call ended, or that it rings now.
    A missed call that somebody has handled says how, by whom and when, and stands out no more.

    "end unknown": the call cannot go on any more, but nobody has told how it ended. Set esl_address, and the second
    witness does.

    `explain CALL` says what became of every phone of a call; CALL is the id in the last column.
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other")
    with database_of(settings) as db:
        wanted = replace(_wanted(db, given), is_unhandled=unhandled)
        pages = query.all_pages(db, wanted, ALL_AT_ONCE if is_all else limit, by_call=by_call)
        if not is_all:
            pages = itertools.islice(pages, 1)
        if as_csv or as_json:
            things = _things(db, pages, by_call=by_call)
            shown = csv_view.lines(things) if as_csv else map(json.dumps, things)
        else:
            shown = _table(db, pages, settings.language, by_call=by_call, with_member=given["user"] is None)
        for line in shown:
            click.echo(line)


def _wanted(db: peewee.Database, given: Mapping[str, str | None]) -> Wanted:
    """Return what is asked for. Raises InputError for what does not exist or is no time, outcome or kind."""
    since, until, before = given["since"], given["until"], given["before"]
    return replace(
        query.wanted(db, user=given["user"], group=given["group"]),
        since_ms=None if since is None else milliseconds(since),
        until_ms=None if until is None else milliseconds(until),
        caller=None if given["caller"] is None else _caller(given["caller"]),
        outcome=_one_of(Outcome, "--outcome", given["outcome"]),
        kind=_one_of(EntryKind, "--kind", given["kind"]),
        after=None if before is None else _cursor(db, before),
    )


def _one_of(kind: type[_Word], option: str, text: str | None) -> _Word | None:
    if text is None:
        return None
    try:
        return kind(text)
    except ValueError:
        raise InputError(f"{option} {text!r} is refused: {accepted(list(kind))}") from None


def _caller(text: str) -> str:
    """Return the number as the journal has it; who is no number, such as the account of a phone, is taken as it is."""
    try:
        return normal_number(text)
    except InputError:
        return text


def _cursor(db: peewee.Database, text: str) -> Cursor:
    call, colon, position = text.partition(":")
    if colon and not position.isdecimal():
        raise InputError(f"--before {text!r} is refused: an id that the journal shows is accepted")
    return Cursor(query.full_id(db, call), int(position) if colon else None)


def _cursor_words(cursor: Cursor) -> str:
    return short(cursor.call_id) if cursor.position is None else f"{short(cursor.call_id)}:{cursor.position}"


def _things(db: peewee.Database, pages: Iterable[Page], *, by_call: bool) -> Iterator[Mapping[str, Any]]:
    """Give the entries, or the calls, for programs."""
    for page in pages:
        if not by_call:
            yield from map(view.as_dict, page.lines)
            continue
        phones = query.phones(db, _ids(page.lines))
        for call_id, entries in itertools.groupby(page.lines, lambda line: line.call_id):
            yield call_view.as_dict(list(entries), phones.get(call_id, ()))


def _table(
    db: peewee.Database, pages: Iterable[Page], language: str, *, by_call: bool, with_member: bool
) -> Iterator[str]:
    """Give the lines of one table, and at the end how to go on."""
    after, width = None, output.width()
    for number, page in enumerate(pages):
        after = page.after
        if by_call and page.lines:
            lines = call_view.table(page.lines, query.phones(db, _ids(page.lines)), language, width=width)
        else:
            lines = view.table(page.lines, language, with_member=with_member, width=width, with_id=True)
        yield from lines[1:] if number else lines
    if after is not None:
        yield click.style(f"... --before {_cursor_words(after)}", dim=True)


def _ids(lines: Iterable[JournalLine]) -> list[str]:
    return list(dict.fromkeys(line.call_id for line in lines))
