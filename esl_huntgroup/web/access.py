"""
PURE: who may see what of the journal, and of colleagues.

Everybody sees the own entries. The leader and the deputy of an active group that has the service ``journal`` see all
entries of that group's calls. An administrator sees the group page of every group, and no entry of others by that.
A colleague's presence and numbers are seen only as ``model.permissions`` says. Nobody sees anything else.

There is no role "administrator" in the data: a user who has the service ``administration``, on his own or by an active
group that he is a member of, counts as one.

What is decided here is asked for anew with every request (``reading.rights``), so that a right that is taken away is
gone with the next one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from esl_huntgroup.model.permissions import Level, Right, Role, allows

JOURNAL: Final = "journal"
"""The service of a group by which its leader and deputy see its journal."""
ADMINISTRATION: Final = "administration"
"""The service of a user who sees the page of every group."""


@dataclass(frozen=True, slots=True)
class OwnGroup:
    """A group in which somebody has a role. ``has_journal`` is whether the group has the service ``journal``."""

    id: int
    name: str
    number: str
    domain: str
    is_active: bool
    has_journal: bool
    roles: frozenset[Role]

    @property
    def shows_journal(self) -> bool:
        """Whether this role lets somebody see all entries of the group's calls."""
        return self.is_active and self.has_journal and not self.roles.isdisjoint({Role.LEADER, Role.DEPUTY})


@dataclass(frozen=True, slots=True)
class Access:
    """
    What one user may see.

    ``journal_groups`` are the groups of which this user sees all entries, ``member_groups`` those whose calls will
    have an entry of this user.
    """

    user_id: int
    journal_groups: frozenset[int] = frozenset()
    member_groups: frozenset[int] = frozenset()
    is_administrator: bool = False

    def sees_journal(self, group_id: int | None) -> bool:
        """Return whether this user sees all entries of this group's calls."""
        return group_id is not None and group_id in self.journal_groups

    def sees_group_page(self, group_id: int | None) -> bool:
        """Return whether this user sees who would ring there now, and the group's statistics."""
        return self.is_administrator or self.sees_journal(group_id)

    def sees_call(self, group_id: int | None, user_ids: Iterable[int | None]) -> bool:
        """Return whether this user sees a call to this group with entries of these users."""
        return self.sees_journal(group_id) or self.user_id in user_ids


def access(user_id: int, groups: Iterable[OwnGroup], *, is_administrator: bool = False) -> Access:
    """Return what a user may see who has these groups."""
    known = tuple(groups)
    return Access(
        user_id,
        frozenset(group.id for group in known if group.shows_journal),
        frozenset(group.id for group in known if Role.MEMBER in group.roles),
        is_administrator,
    )


@dataclass(frozen=True, slots=True)
class Colleagues:
    """
    What one user may see of others: ``levels`` has the level on each.

    ``lines`` has the lines of each, ACCOUNT@DOMAIN, the first one first.
    """

    user_id: int
    levels: Mapping[int, Level] = field(default_factory=dict)
    lines: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    def level(self, other: int | None) -> Level:
        """Return the level on somebody; on one who is gone there is none."""
        if other is None:
            return Level.BLOCKED
        return Level.PERSONAL if other == self.user_id else self.levels.get(other, Level.BLOCKED)

    def sees_presence(self, other: int | None) -> bool:
        """Return whether this user may see what becomes of the other's phones."""
        return allows(self.level(other), Right.SEE_PRESENCE)

    def sees_line(self, other: int | None, line: str) -> bool:
        """Return whether this user may see this number of the other; a line that is gone counts as a second one."""
        lines = self.lines.get(other, ()) if other is not None else ()
        right = Right.SEE_FIRST_LINE if lines[:1] == (line,) else Right.SEE_SECOND_LINE
        return allows(self.level(other), right)
