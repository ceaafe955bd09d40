"""A call as a row of a journal: its sign, and what it says, in the language spoken now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from esl_huntgroup.journal.words import WORDS, Words
from esl_huntgroup.model.call_state import CallState
from esl_huntgroup.model.outcome import CAN_BE_HANDLED, EntryKind, How, Outcome
from esl_huntgroup.web.pages import times
from esl_huntgroup.web.reading import rows as read
from esl_huntgroup.web.reading.rows import Entry, Handled
from esl_huntgroup.web.words import gettext as _
from esl_huntgroup.web.words import language

RINGING = "ringing"
NONE = "none"
_KINDS = (EntryKind.MISSED, EntryKind.NOT_SIGNALLED, EntryKind.ANSWERED, EntryKind.ANSWERED_ELSEWHERE)
_TALKED = frozenset({EntryKind.ANSWERED, EntryKind.ANSWERED_ELSEWHERE})


@dataclass(frozen=True, slots=True)
class Row:
    """
    One call in one journal. ``kind`` is None where nobody has an entry: while it rings, or where there is none.

    ``can_handle`` is whether whoever looks may say that it is handled. Texts are as callers and switches sent them.
    """

    call: read.Call
    state: CallState
    kind: EntryKind | None
    handled: Handled | None
    can_handle: bool

    @property
    def mark(self) -> str:
        """What it looks like: ``ringing``, the kind of the entry, or ``none``."""
        if self.state is CallState.RINGING and self.kind is None:
            return RINGING
        return self.kind.value if self.kind else NONE

    @property
    def is_unhandled(self) -> bool:
        """Whether somebody still has to deal with it."""
        return self.kind in CAN_BE_HANDLED and self.handled is None

    @property
    def spoken_with(self) -> str:
        """The name of the colleague who took the call, empty where none did."""
        return self.call.answered_by_name if self.kind is EntryKind.ANSWERED_ELSEWHERE else ""


def own(row: read.Row, now_ms: int) -> Row:
    """Return a call as its reader's own journal shows it."""
    entry, state = row.own, row.call.state(now_ms)
    if entry is None:
        return Row(row.call, state, None, None, can_handle=False)
    return Row(row.call, state, entry.kind, entry.handled, can_handle=row.can_be_handled(is_shared=False))


def of_group(row: read.Row, now_ms: int, reader_id: int | None, *, is_shared: bool = True) -> Row:
    """
    Return a call as the journal of its group shows it: one row for all entries.

    It is handled when every entry is. ``is_shared`` is whether one handles missed calls for all.
    """
    call, entries = row.call, row.entries or ()
    if call.answered_at_ms is not None or call.answered_by_name:
        is_own = reader_id is not None and call.answered_by_user_id == reader_id
        kind = EntryKind.ANSWERED if is_own else EntryKind.ANSWERED_ELSEWHERE
        return Row(call, call.state(now_ms), kind, None, can_handle=False)
    missed = [entry for entry in entries if entry.kind in CAN_BE_HANDLED]
    return Row(
        call, call.state(now_ms), _worst(missed), _handled_by_all(missed), can_handle=row.is_missed and is_shared
    )


def seen(row: read.Row, now_ms: int, reader_id: int, *, is_shared: bool) -> Row:
    """Return a call as its own page shows it: with the reader's entry, else as the journal of the group has it."""
    return own(row, now_ms) if row.own is not None else of_group(row, now_ms, reader_id, is_shared=is_shared)


def _worst(missed: Iterable[Entry]) -> EntryKind | None:
    kinds = {entry.kind for entry in missed}
    return next((kind for kind in (EntryKind.MISSED, EntryKind.NOT_SIGNALLED) if kind in kinds), None)


def _handled_by_all(missed: Iterable[Entry]) -> Handled | None:
    handled = [entry.handled for entry in missed]
    if not handled or None in handled:
        return None
    return max((it for it in handled if it), key=lambda it: it.at_ms)


def said(row: Row) -> str:
    """Return what became of a call, without the name of the colleague who took it."""
    if row.mark == RINGING:
        return _words().states[CallState.RINGING]
    if row.kind is None:
        return ended(row)
    return spoken() if row.spoken_with else _words().kinds[row.kind]


def spoken() -> str:
    """Return with whom the caller spoke, with a place for the name."""
    return _words().spoken_with


def besides(row: Row) -> str:
    """Return what is to be said of it beside that; empty for nothing."""
    if row.kind in _TALKED:
        return _("still talking") if row.state is CallState.TALKING else ""
    return ended(row) if row.kind else ""


def ended(row: Row) -> str:
    """Return how the call ended, or that it goes on."""
    return outcomes()[row.call.outcome] if row.call.outcome else _words().states[row.state]


def outcomes() -> Mapping[Outcome, str]:
    """Return in words how calls end."""
    return _words().outcomes


def kinds() -> Mapping[EntryKind, str]:
    """Return in words how one can have seen a call, what is asked for most first."""
    return {kind: _words().kinds[kind] for kind in _KINDS}


def handled(it: Handled, now_ms: int) -> tuple[str, str]:
    """Return in words how a call was handled, with a place for who has done it, and when."""
    return _words().handled[How(it.how)], times.near(it.at_ms, now_ms)


def _words() -> Words:
    """Return how a call went, in the language that is spoken now: as the terminal says it, too."""
    return WORDS[language()]
