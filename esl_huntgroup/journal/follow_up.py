"""
PURE: which missed calls are handled by what happened later.

Somebody reached the number of a missed call afterwards, in either direction: a member called it back, or its owner
called the same group again and a member answered. What happened before the end of the missed call, or before somebody
took the mark "handled" away by hand, does not count. A number that is withheld is that of nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from esl_huntgroup.model.outcome import How


@dataclass(frozen=True, slots=True)
class UnhandledEntry:
    """
    One member's view of a missed call that nobody has handled yet.

    ``reopened_at_ms`` is 0 unless somebody took the mark away.
    """

    position: int
    user_id: int | None
    reopened_at_ms: int = 0


@dataclass(frozen=True, slots=True)
class MissedCall:
    """
    A missed call of a number with entries that nobody has handled.

    ``concerns`` are the users who handle it by calling back: all who have an entry of it, leader and deputy of the
    group. ``is_shared`` is whether one handles it for all; ``group_id`` is None where the group is gone.
    """

    call_id: str
    group_id: int | None
    ended_at_ms: int
    is_shared: bool
    concerns: frozenset[int]
    entries: tuple[UnhandledEntry, ...]


@dataclass(frozen=True, slots=True)
class Contact:
    """
    A user spoke with the owner of the number at ``at_ms``.

    ``group_id`` is the group whose call it was; None for a call of the user's own.
    """

    user_id: int
    user_name: str
    at_ms: int
    group_id: int | None = None

    @property
    def how(self) -> How:
        """How this handles what was missed before."""
        return How.CALLED_BACK if self.group_id is None else How.CALLED_AGAIN


@dataclass(frozen=True, slots=True)
class Mark:
    """These entries of a call are handled by this contact."""

    call_id: str
    positions: tuple[int, ...]
    contact: Contact


def marks(missed: Iterable[MissedCall], contacts: Iterable[Contact]) -> list[Mark]:
    """Return what handles what, of one number, in the order of the calls: each entry the first contact that counts."""
    in_order = sorted(contacts, key=lambda contact: contact.at_ms)
    return [mark for call in sorted(missed, key=lambda call: call.call_id) for mark in _of_call(call, in_order)]


def _of_call(call: MissedCall, contacts: Sequence[Contact]) -> list[Mark]:
    found: list[Mark] = []
    left = list(call.entries)
    for contact in contacts:
        if not _counts(call, contact):
            continue
        handled = [entry for entry in left if _handles(call, contact, entry)]
        if handled:
            found.append(Mark(call.call_id, tuple(entry.position for entry in handled), contact))
            left = [entry for entry in left if entry not in handled]
    return found


def _counts(call: MissedCall, contact: Contact) -> bool:
    if contact.at_ms < call.ended_at_ms:
        return False
    return contact.user_id in call.concerns if contact.group_id is None else contact.group_id == call.group_id


def _handles(call: MissedCall, contact: Contact, entry: UnhandledEntry) -> bool:
    return contact.at_ms >= entry.reopened_at_ms and (call.is_shared or entry.user_id == contact.user_id)
