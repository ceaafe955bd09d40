"""Days, times and durations as people read them, in the language spoken now."""

from __future__ import annotations

import datetime

from babel.dates import format_date, format_datetime

from esl_huntgroup.web import words
from esl_huntgroup.web.words import gettext as _

_FORMATS = {"de": ("EEEE, d. MMMM y", "EEEE, d. MMMM y, HH:mm:ss", "d. MMM, HH:mm")}
_OTHER_FORMATS = ("EEEE, d MMMM y", "EEEE, d MMMM y, HH:mm:ss", "d MMM, HH:mm")


def local(at_ms: int) -> datetime.datetime:
    """Return a moment in the time of this machine."""
    return datetime.datetime.fromtimestamp(at_ms / 1000, datetime.UTC).astimezone()


def iso(at_ms: int) -> str:
    """Return a moment for programs."""
    return local(at_ms).isoformat(timespec="seconds")


def clock(at_ms: int) -> str:
    """Return the time of the day."""
    return local(at_ms).strftime("%H:%M")


def absolute(at_ms: int) -> str:
    """Return the whole moment, with the day of the week."""
    return format_datetime(local(at_ms), _formats()[1], locale=words.language())


def near(at_ms: int, now_ms: int) -> str:
    """Return the time of the day, and the date where that is another one than today's."""
    if day(at_ms) == day(now_ms):
        return clock(at_ms)
    return format_datetime(local(at_ms), _formats()[2], locale=words.language())


def day(at_ms: int) -> str:
    """Return the day of a moment, as programs write it."""
    return local(at_ms).date().isoformat()


def heading(at_ms: int, now_ms: int) -> str:
    """Return the heading of the day of a moment."""
    it, today = local(at_ms).date(), local(now_ms).date()
    written = format_date(it, _formats()[0], locale=words.language())
    if it == today:
        return _("Today, %s") % written
    if (today - it).days == 1:
        return _("Yesterday, %s") % written
    return written


def duration(length_ms: int) -> str:
    """Return a duration: ``0:07``, ``12:30``, ``1:02:03``."""
    minutes, seconds = divmod(round(length_ms / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _formats() -> tuple[str, str, str]:
    return _FORMATS.get(words.language(), _OTHER_FORMATS)
