"""PURE: the journal as people read it, in English or German, and as programs do."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import click

from esl_huntgroup.journal.words import WORDS
from esl_huntgroup.model.call_ids import short
from esl_huntgroup.model.call_state import CallState
from esl_huntgroup.model.columns import Column, rows
from esl_huntgroup.model.outcome import EntryKind, How, Outcome
from esl_huntgroup.model.text import clean


@dataclass(frozen=True, slots=True)
class JournalLine:
    """
    One member's view of one group call; or a call that no member has an entry of: ``user_name`` empty, ``kind`` None.

    Times are milliseconds since the epoch, UTC; ``wait_ms`` is None while it rings, ``talk_ms`` and ``outcome`` until
    the call has ended; ``state`` says where it is. ``handled_…`` say when, by whom and how a missed call was dealt
    with.
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
    handled_at_ms: int | None = None
    handled_by_name: str = ""
    handled_how: How | None = None


@dataclass(frozen=True, slots=True)
class _Table:
    """What the table says in one language, beside how each call went (``words``)."""

    headings: tuple[str, ...]
    member: str
    call: str
    short_waiting: str
    short_talking: str
    time_format: str
    minute_format: str
    day_format: str
    empty: str


_TABLES: Mapping[str, _Table] = {
    "en": _Table(
        headings=("time", "group", "caller", "seen as", "waiting", "talking"),
        member="member",
        call="call",
        short_waiting="wait",
        short_talking="talk",
        time_format="%Y-%m-%d %H:%M:%S",
        minute_format="%Y-%m-%d %H:%M",
        day_format="%m-%d %H:%M",
        empty="no journal entries",
    ),
    "de": _Table(
        headings=("Zeit", "Gruppe", "Anrufer", "gesehen als", "gewartet", "gesprochen"),
        member="Mitglied",
        call="Anruf",
        short_waiting="warten",
        short_talking="Dauer",
        time_format="%d.%m.%Y %H:%M:%S",
        minute_format="%d.%m.%Y %H:%M",
        day_format="%d.%m. %H:%M",
        empty="keine Journaleinträge",
    ),
}
LANGUAGES = tuple(WORDS)

_STYLE: Mapping[EntryKind | None, Mapping[str, Any]] = {
    None: {"dim": True},
    EntryKind.ANSWERED: {},
    EntryKind.ANSWERED_ELSEWHERE: {"fg": "blue"},
    EntryKind.MISSED: {"bold": True},
    EntryKind.NOT_SIGNALLED: {"dim": True},
}


def table(
    lines: Sequence[JournalLine],
    language: str,
    *,
    with_member: bool,
    zone: datetime.tzinfo | None = None,
    width: int | None = None,
    with_id: bool = False,
) -> list[str]:
    """
    Return the journal as lines for a terminal, a heading first; each entry in the style of its kind.

    ``with_member`` adds whose entry it is, ``with_id`` the short id of the call. Times are in ``zone``, in the
    machine's own when it is None. What does not fit into ``width`` is shortened or left out, the least important first.
    Raises KeyError for a language that is not in LANGUAGES.
    """
    if not lines:
        return [_TABLES[language].empty]
    heading, *shown = rows(_columns(lines, language, with_member, zone, with_id), width)
    return [
        click.style(heading, underline=True),
        *(click.style(row, **_style(line)) for line, row in zip(lines, shown, strict=True)),
    ]


def _style(line: JournalLine) -> Mapping[str, Any]:
    """Return how an entry stands out; a missed call that somebody has handled does not."""
    return _STYLE[EntryKind.ANSWERED if line.handled_how else line.kind]


def handled_as(line: JournalLine, language: str, zone: datetime.tzinfo | None = None) -> str:
    """Return in words how a missed call was handled, by whom and when; empty where it was not."""
    if line.handled_how is None or line.handled_at_ms is None:
        return ""
    at = datetime.datetime.fromtimestamp(line.handled_at_ms / 1000, datetime.UTC).astimezone(zone)
    who = handled_by(line.handled_how, line.handled_by_name, language)
    return f"{who} {at.strftime(_TABLES[language].day_format)}"


def handled_by(how: How, name: str, language: str = "en") -> str:
    """Return in words how a missed call was handled, and by whom. Raises KeyError for a language not in LANGUAGES."""
    return WORDS[language].handled[how] % clean(name)


def seen_as(line: JournalLine, language: str) -> str:
    """
    Return in words how a person sees the entry, or how a call without one ended; while it has not, where it is.

    Raises KeyError for a language that is not in LANGUAGES.
    """
    words = WORDS[language]
    match line.kind:
        case EntryKind.ANSWERED_ELSEWHERE if line.answered_by_name:
            return words.spoken_with % clean(line.answered_by_name)
        case None:
            return words.outcomes[line.outcome] if line.outcome else words.states[line.state]
    return words.kinds[line.kind]


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


def _columns(
    lines: Sequence[JournalLine], language: str, with_member: bool, zone: datetime.tzinfo | None, with_id: bool
) -> list[Column]:
    words = _TABLES[language]
    time, group, caller, seen, waiting, talking = words.headings
    members = Column(words.member, tuple(clean(line.user_name) for line in lines), least=8)
    groups = tuple(_both(line.group_name, line.group_number) for line in lines)
    callers = tuple(_both(line.caller_name, line.caller_number) for line in lines)
    names = tuple(clean(line.group_name or line.group_number) for line in lines)
    ids = Column(words.call, tuple(short(line.call_id) for line in lines))
    waits = tuple(duration(line.wait_ms) for line in lines)
    talks = tuple(_talked(line, language) for line in lines)
    return [
        _times(time, lines, words, zone),
        *([members] if with_member else []),
        Column(group, groups, short=(group, names), least=8, rank=1),
        Column(caller, callers, least=18, keeps_number=True),
        Column(seen, tuple(_seen_and_handled(line, language, zone) for line in lines), least=22),
        Column(waiting, waits, short=(words.short_waiting, waits), rank=3),
        Column(talking, talks, short=(words.short_talking, talks), rank=2),
        *([ids] if with_id else []),
    ]


def _seen_and_handled(line: JournalLine, language: str, zone: datetime.tzinfo | None) -> str:
    return ", ".join(filter(None, (seen_as(line, language), handled_as(line, language, zone))))


def _times(heading: str, lines: Sequence[JournalLine], words: _Table, zone: datetime.tzinfo | None) -> Column:
    """Return when the calls came; the short form has no seconds, and no year where all are of one."""
    times = [datetime.datetime.fromtimestamp(it.arrived_at_ms / 1000, datetime.UTC).astimezone(zone) for it in lines]
    short_format = words.day_format if len({time.year for time in times}) == 1 else words.minute_format
    short_cells = tuple(time.strftime(short_format) for time in times)
    return Column(heading, tuple(time.strftime(words.time_format) for time in times), short=(heading, short_cells))


def _talked(line: JournalLine, language: str) -> str:
    """Return how long they talked. A member's entry of a call that is not over says here where the call is."""
    is_open_entry = line.kind is not None and line.outcome is None
    return WORDS[language].states[line.state] if is_open_entry else duration(line.talk_ms)


def _both(name: str, number: str) -> str:
    """Return name and number, each once, either of which may be missing."""
    return " ".join(dict.fromkeys(filter(None, (clean(name), clean(number)))))
