"""PURE: the journal by calls: one row for each call, and below it what became of each phone."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import click

from esl_huntgroup.journal import view
from esl_huntgroup.journal.view import JournalLine
from esl_huntgroup.model.columns import Column, rows
from esl_huntgroup.model.hangup_causes import LegResult, leg_result
from esl_huntgroup.model.outcome import EntryKind
from esl_huntgroup.model.text import clean

_INDENT = "    "
_WORDS: Mapping[str, Mapping[LegResult, str]] = {
    "en": {
        LegResult.ANSWERED: "answered",
        LegResult.RANG: "rang",
        LegResult.REFUSED: "busy or refused",
        LegResult.UNREACHABLE: "not reached",
        LegResult.NEVER_SENT: "not called",
    },
    "de": {
        LegResult.ANSWERED: "angenommen",
        LegResult.RANG: "hat geklingelt",
        LegResult.REFUSED: "besetzt oder abgelehnt",
        LegResult.UNREACHABLE: "nicht erreicht",
        LegResult.NEVER_SENT: "nicht gerufen",
    },
}


@dataclass(frozen=True, slots=True)
class Phone:
    """What became of one phone in a call: ``line`` is ACCOUNT@DOMAIN."""

    user_name: str
    line: str
    rang: bool
    cause: str


Phones = Mapping[str, Sequence[Phone]]
"""The phones of each call, in the order in which they were to ring."""


def table(
    lines: Sequence[JournalLine],
    phones: Phones,
    language: str,
    *,
    zone: datetime.tzinfo | None = None,
    width: int | None = None,
) -> list[str]:
    """
    Return a row for each call, with its short id, and below it one for each phone and each member without one.

    ``lines`` are the entries of whole calls, in order. Raises KeyError for a language that is not known.
    """
    calls = [_as_call(next(entries)) for _, entries in itertools.groupby(lines, lambda line: line.call_id)]
    heading, *shown = view.table(calls, language, with_member=False, zone=zone, width=width, with_id=True)
    by_call = {
        call_id: list(_below(list(entries), phones.get(call_id, ()), language))
        for call_id, entries in itertools.groupby(lines, lambda line: line.call_id)
    }
    below = iter(_aligned([row for its_rows in by_call.values() for row in its_rows], width))
    found = [heading]
    for call, row in zip(calls, shown, strict=True):
        found += [row, *itertools.islice(below, len(by_call[call.call_id]))]
    return found


def as_dict(entries: Sequence[JournalLine], phones: Sequence[Phone]) -> dict[str, Any]:
    """Return one call for JSON: what is of the call once, its entries, and its phones."""
    of_entry = ("user_name", "kind", "rang", "cause", "handled_at_ms", "handled_by_name", "handled_how")
    first = view.as_dict(entries[0])
    members = [view.as_dict(line) for line in entries if line.kind is not None]
    return {
        **{key: value for key, value in first.items() if key not in of_entry},
        "entries": [{key: member[key] for key in of_entry} for member in members],
        "phones": [{"user_name": it.user_name, "line": it.line, "rang": it.rang, "cause": it.cause} for it in phones],
    }


def _as_call(line: JournalLine) -> JournalLine:
    """Return the line as one of the whole call: with whom the caller spoke, or how it ended."""
    kind = EntryKind.ANSWERED_ELSEWHERE if line.answered_by_name else None
    return replace(line, user_name="", kind=kind, handled_how=None)


def _below(entries: Sequence[JournalLine], phones: Sequence[Phone], language: str) -> Iterator[tuple[str, str, str]]:
    """Give name, line and fate of each phone of a call, and of each member who had none."""
    for phone in phones:
        yield clean(phone.user_name), clean(phone.line), _WORDS[language][leg_result(phone.cause, rang=phone.rang)]
    told = {phone.user_name for phone in phones}
    for entry in entries:
        if entry.kind is not None and entry.user_name not in told:
            yield clean(entry.user_name), "", view.seen_as(entry, language)


def _aligned(below: Sequence[tuple[str, str, str]], width: int | None) -> list[str]:
    if not below:
        return []
    names, lines, fates = zip(*below, strict=True)
    columns = [Column("", names, least=8), Column("", lines, least=8), Column("", fates)]
    most = None if width is None else width - len(_INDENT)
    return [click.style(_INDENT + row, dim=True) for row in rows(columns, most)[1:]]
