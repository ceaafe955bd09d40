"""
PURE: who sees a call, and what of it.

Somebody sees a call who has an entry of it, or who sees the journal of its group. While it rings there are no entries
yet: those see it who will have one, the members of the group who can be rung.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from esl_huntgroup.web.access import Access
from esl_huntgroup.web.reading.rows import Call, Entry, Row


@dataclass(frozen=True, slots=True)
class Facts:
    """
    A call as the database has it now, with all its entries.

    ``members`` are the members of its group who can be rung, ``others`` those who cannot. ``is_shared`` is whether one
    handles a missed call of this group for all.
    """

    call: Call
    entries: tuple[Entry, ...]
    members: frozenset[int]
    others: frozenset[int]
    is_shared: bool

    @property
    def is_open(self) -> bool:
        """Whether nobody has an entry yet, and the end is still to come."""
        return self.call.outcome is None and not self.entries


@dataclass(frozen=True, slots=True)
class View:
    """
    What one reader sees of a call.

    ``is_own`` is whether the reader's own journal has it: there is an entry, or there will be one when it has rung;
    ``is_shared`` whether one handles it for all.
    """

    row: Row
    is_own: bool
    is_shared: bool


def view(facts: Facts, access: Access) -> View | None:
    """Return what somebody with this access sees of a call, None where that is nothing."""
    own = next((entry for entry in facts.entries if entry.user_id == access.user_id), None)
    is_whole = access.sees_journal(facts.call.group_id)
    is_own = own is not None or (facts.is_open and access.user_id in facts.members)
    if not (is_whole or is_own):
        return None
    return View(Row(facts.call, own, facts.entries if is_whole else None), is_own, facts.is_shared)


def shared(view: View, user_id: int) -> tuple[View, bool]:
    """
    Return what a view and those of others have in common that look the same to their readers.

    That is everything but whose entry it is; and it is whether the reader has taken the call.
    """
    row, taken = view.row, view.row.call.answered_by_user_id == user_id
    if row.own is None:
        return view, taken
    return replace(view, row=replace(row, own=replace(row.own, user_id=None, user_name=""))), taken


def concerned(facts: Facts, leaders: Mapping[int, Collection[int]]) -> set[int]:
    """
    Return the users who may have a view of the call, or have had one while it rang.

    ``leaders`` has for each group who sees its journal.
    """
    with_entry = {entry.user_id for entry in facts.entries if entry.user_id is not None}
    return with_entry | facts.members | facts.others | set(leaders.get(facts.call.group_id or 0, ()))


def leaders_of(accesses: Iterable[Access]) -> dict[int, list[int]]:
    """Return for each group which of these users see its journal."""
    found: dict[int, list[int]] = {}
    for access in accesses:
        for group_id in access.journal_groups:
            found.setdefault(group_id, []).append(access.user_id)
    return found
