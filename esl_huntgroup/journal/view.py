"""PURE: the journal as people read it, in English or German, and as programs do."""

from __future__ import annotations

import datetime
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import click

from esl_huntgroup.model.call_state import CallState
from esl_huntgroup.model.outcome import EntryKind, Outcome
from esl_huntgroup.model.text import clean


@dataclass(frozen=True, slots=True)
class JournalLine:
    """
    One member's view of one group call; or a call that no member has an entry of: ``user_name`` empty, ``kind`` None.

    Times are milliseconds since the epoch, UTC; ``wait_ms`` is None while it rings, ``talk_ms`` and ``outcome`` until
    the call has ended; ``state`` says where it is.
    """

    call_id: str
    arrived_at_ms: int
    group_name: str
    group_number: str
    group_domain: str
    caller_name: str
    caller_number: str
    user_name: str
    kind: EntryKind | None
    rang: bool
    cause: str
    answered_by_name: str
    wait_ms: int | None
    talk_ms: int | None
    outcome: Outcome | None
    state: CallState


@dataclass(frozen=True, slots=True)
class _Words:
    """What the table says in one language. ``spoken_with`` has a place for the name."""

    headings: tuple[str, ...]
    member: str
    time_format: str
    answered: str
    spoken_with: str
    answered_elsewhere: str
    missed: str
    not_signalled: str
    empty: str
    without_entry: Mapping[Outcome, str]
    not_over: Mapping[CallState, str]


_WORDS: Mapping[str, _Words] = {
    "en": _Words(
        headings=("time", "group", "caller", "seen as", "waiting", "talking"),
        member="member",
        time_format="%Y-%m-%d %H:%M:%S",
        answered="answered",
        spoken_with="spoken with {}",
        answered_elsewhere="answered elsewhere",
        missed="missed",
        not_signalled="not signalled",
        empty="no journal entries",
        without_entry={
            Outcome.ANSWERED: "answered",
            Outcome.NO_ANSWER: "nobody answered",
            Outcome.NOBODY_REGISTERED: "nobody registered",
            Outcome.ALL_BUSY: "all busy",
            Outcome.CALLER_GONE: "caller gone",
            Outcome.GROUP_DISABLED: "group switched off",
            Outcome.UNKNOWN_NUMBER: "unknown number",
            Outcome.SWITCH_GONE: "switch gone",
            Outcome.SERVICE_FAULT: "fault of the service",
            Outcome.INTERRUPTED: "interrupted",
            Outcome.PICKED_UP: "picked up",
            Outcome.LOOP: "loop",
        },
        not_over={
            CallState.RINGING: "ringing now",
            CallState.TALKING: "talking now",
            CallState.END_UNKNOWN: "end unknown",
        },
    ),
    "de": _Words(
        headings=("Zeit", "Gruppe", "Anrufer", "gesehen als", "gewartet", "gesprochen"),
        member="Mitglied",
        time_format="%d.%m.%Y %H:%M:%S",
        answered="angenommen",
        spoken_with="gesprochen mit {}",
        answered_elsewhere="anderswo angenommen",
        missed="verpasst",
        not_signalled="nicht signalisiert",
        empty="keine Journaleinträge",
        without_entry={
            Outcome.ANSWERED: "angenommen",
            Outcome.NO_ANSWER: "niemand hat abgenommen",
            Outcome.NOBODY_REGISTERED: "niemand angemeldet",
            Outcome.ALL_BUSY: "alle besetzt",
            Outcome.CALLER_GONE: "Anrufer hat aufgelegt",
            Outcome.GROUP_DISABLED: "Gruppe ausgeschaltet",
            Outcome.UNKNOWN_NUMBER: "unbekannte Nummer",
            Outcome.SWITCH_GONE: "Telefonanlage fort",
            Outcome.SERVICE_FAULT: "Fehler im Dienst",
            Outcome.INTERRUPTED: "unterbrochen",
            Outcome.PICKED_UP: "herangeholt",
            Outcome.LOOP: "Schleife",
        },
        not_over={
            CallState.RINGING: "klingelt gerade",
            CallState.TALKING: "spricht gerade",
            CallState.END_UNKNOWN: "Ende unbekannt",
        },
    ),
}
LANGUAGES = tuple(_WORDS)

_STYLE: Mapping[EntryKind | None, Mapping[str, Any]] = {
    None: {"dim": True},
    EntryKind.ANSWERED: {},
    EntryKind.ANSWERED_ELSEWHERE: {"fg": "blue"},
    EntryKind.MISSED: {"bold": True},
    EntryKind.NOT_SIGNALLED: {"dim": True},
}
_GAP = "  "


def table(
    lines: Sequence[JournalLine], language: str, *, with_member: bool, zone: datetime.tzinfo | None = None
) -> list[str]:
    """
    Return the journal as lines for a terminal, a heading first; each entry in the style of its kind.

    ``with_member`` adds whose entry it is. Times are in ``zone``, in the machine's own when it is None. Raises
    KeyError for a language that is not in LANGUAGES.
    """
    words = _WORDS[language]
    if not lines:
        return [words.empty]
    headings = [words.headings[0], *([words.member] if with_member else []), *words.headings[1:]]
    rows = [_cells(line, language, with_member, zone) for line in lines]
    widths = [max(map(_width, column)) for column in zip(headings, *rows, strict=True)]
    return [
        click.style(_aligned(headings, widths), underline=True),
        *(click.style(_aligned(row, widths), **_STYLE[line.kind]) for line, row in zip(lines, rows, strict=True)),
    ]


def seen_as(line: JournalLine, language: str) -> str:
    """
    Return in words how a person sees the entry, or how a call without one ended; while it has not, where it is.

    Raises KeyError for a language that is not in LANGUAGES.
    """
    words = _WORDS[language]
    match line.kind:
        case EntryKind.ANSWERED:
            return words.answered
        case EntryKind.ANSWERED_ELSEWHERE if line.answered_by_name:
            return words.spoken_with.format(clean(line.answered_by_name))
        case EntryKind.ANSWERED_ELSEWHERE:
            return words.answered_elsewhere
        case EntryKind.MISSED:
            return words.missed
        case EntryKind.NOT_SIGNALLED:
            return words.not_signalled
        case None:
            return words.without_entry[line.outcome] if line.outcome else words.not_over[line.state]


def as_dict(line: JournalLine) -> dict[str, Any]:
    """Return the entry for JSON: every field as it is stored, and the time of arrival once more in ISO 8601, UTC."""
    arrived = datetime.datetime.fromtimestamp(line.arrived_at_ms / 1000, datetime.UTC)
    return asdict(line) | {"arrived_at": arrived.isoformat(timespec="milliseconds")}


def duration(milliseconds: int | None) -> str:
    """Return minutes and seconds, with hours where there are any; ``-`` when it is not known."""
    if milliseconds is None:
        return "-"
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def _cells(line: JournalLine, language: str, with_member: bool, zone: datetime.tzinfo | None) -> list[str]:
    arrived = datetime.datetime.fromtimestamp(line.arrived_at_ms / 1000, datetime.UTC).astimezone(zone)
    return [
        arrived.strftime(_WORDS[language].time_format),
        *([clean(line.user_name)] if with_member else []),
        _both(line.group_name, line.group_number),
        _both(line.caller_name, line.caller_number),
        seen_as(line, language),
        duration(line.wait_ms),
        _talked(line, language),
    ]


def _talked(line: JournalLine, language: str) -> str:
    """Return how long they talked. A member's entry of a call that is not over says here where the call is."""
    is_open_entry = line.kind is not None and line.outcome is None
    return _WORDS[language].not_over[line.state] if is_open_entry else duration(line.talk_ms)


def _both(name: str, number: str) -> str:
    """Return name and number, each once, either of which may be missing."""
    return " ".join(dict.fromkeys(filter(None, (clean(name), clean(number)))))


def _aligned(cells: Iterable[str], widths: Iterable[int]) -> str:
    padded = (cell + " " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=True))
    return _GAP.join(padded).rstrip()


def _width(text: str) -> int:
    """Return how many columns of a terminal the text takes: two for a wide character, none for an accent."""
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
