"""PURE: which part of the journal somebody asks for, read from what stands in the address of a page."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from esl_huntgroup.errors import InputError
from esl_huntgroup.model.call_ids import is_call_id
from esl_huntgroup.model.outcome import EntryKind
from esl_huntgroup.model.text import accepted, is_harmless, normal_name, shortened

SEARCH_MAX_CHARS: Final = 128
SHOWN_MAX_CHARS: Final = 60
"""Characters of refused input that a sentence repeats."""
LIMIT_DEFAULT: Final = 50
LIMIT_MAX: Final = 500
_TIME: Final = "2026-11-22, 2026-11-22T18:30 or 2026-11-22T18:30:00+01:00 is accepted"


@dataclass(frozen=True, slots=True)
class Filters:
    """What of a journal is wanted; None and empty are no condition. ``until_ms`` is excluded."""

    from_ms: int | None = None
    until_ms: int | None = None
    group_id: int | None = None
    kind: EntryKind | None = None
    unhandled: bool = False
    search: str = ""
    number: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether everything is wanted."""
        return self == Filters()


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page is: behind (older than) or before (newer than) a call; neither: the newest."""

    older_than: str | None = None
    newer_than: str | None = None


def filters(given: Mapping[str, str], zone: datetime.tzinfo | None = None) -> Filters:
    """
    Return what is asked for by ``from``, ``until``, ``kind``, ``unhandled``, ``search`` and ``number``.

    Times without a zone are in ``zone`` (None: the machine's); a day without a time is its beginning, and as ``until``
    its end. An empty value is none. Raises InputError with one sentence.
    """
    found = Filters(
        from_ms=_moment(given.get("from", ""), zone),
        until_ms=_moment(given.get("until", ""), zone, is_end=True),
        kind=_kind(given.get("kind", "")),
        unhandled=_flag("unhandled", given.get("unhandled", "")),
        search=_text("search", given.get("search", "")),
        number=_text("number", given.get("number", "")),
    )
    if found.from_ms is not None and found.until_ms is not None and found.from_ms >= found.until_ms:
        raise InputError(
            f"from {_shown(given['from'])} until {_shown(given['until'])} is no period: a beginning before its end is "
            "accepted"
        )
    return found


def of_group(found: Filters, group_id: int | None) -> Filters:
    """Return the same filters for calls to one group, or to all."""
    return replace(found, group_id=group_id)


def position(given: Mapping[str, str]) -> Position:
    """Return where the page is that ``before`` or ``after`` names: the id of a call. Raises InputError."""
    older, newer = _call("before", given.get("before", "")), _call("after", given.get("after", ""))
    if older and newer:
        raise InputError("before and after exclude each other: one of them is accepted")
    return Position(older, newer)


def number_of_rows(text: str, default: int = LIMIT_DEFAULT) -> int:
    """Return how many rows a page has. Raises InputError."""
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) <= 6 and 1 <= int(text) <= LIMIT_MAX):
        raise InputError(f"limit {_shown(text)} is refused: 1 to {LIMIT_MAX} is accepted")
    return int(text)


def _moment(text: str, zone: datetime.tzinfo | None, *, is_end: bool = False) -> int | None:
    if not text:
        return None
    try:
        moment = datetime.datetime.fromisoformat(text.strip())
        if is_end and _is_day(text.strip()):
            moment += datetime.timedelta(days=1)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone) if zone is not None else moment.astimezone()
        return round(moment.timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        raise InputError(f"{_shown(text)} is not a time: {_TIME}") from None


def _is_day(text: str) -> bool:
    return "T" not in text and " " not in text and ":" not in text


def _kind(text: str) -> EntryKind | None:
    if not text:
        return None
    try:
        return EntryKind(text)
    except ValueError:
        raise InputError(f"kind {_shown(text)} is refused: {accepted(list(EntryKind))}") from None


def _flag(name: str, text: str) -> bool:
    if text in ("", "0", "false"):
        return False
    if text in ("1", "true", "on"):
        return True
    raise InputError(f"{name} {_shown(text)} is refused: true or false is accepted")


def _text(name: str, text: str) -> str:
    stripped = normal_name(text.strip())
    if len(stripped) > SEARCH_MAX_CHARS:
        raise InputError(f"{name} {_shown(stripped)} is too long: at most {SEARCH_MAX_CHARS} characters are accepted")
    if not all(map(_is_searched, stripped)):
        raise InputError(f"{name} {_shown(stripped)} is refused: printable characters are accepted")
    return stripped


def _is_searched(char: str) -> bool:
    return is_harmless(char) or char.isspace()


def _call(name: str, text: str) -> str | None:
    if not text:
        return None
    if not is_call_id(text.lower()):
        raise InputError(f"{name} {_shown(text)} is refused: an id that the journal shows is accepted")
    return text.lower()


def _shown(text: str) -> str:
    return repr(shortened(text, SHOWN_MAX_CHARS))
