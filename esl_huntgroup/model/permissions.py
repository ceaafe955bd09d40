"""
PURE: the levels, what each allows, and which one a user has on another.

Levels are ordered; whatever a level allows, the higher ones allow too. What counts is the highest that anything gives:
a shared active group, the lead of an active group, or what the other user grants. So a user can widen what the
administrator gave, and never narrow it.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from esl_huntgroup.errors import InputError


class Level(enum.IntEnum):
    """A permission level; the higher includes the lower."""

    BLOCKED = 0
    PUBLIC = 1
    BUSINESS = 2
    TEAM = 3
    PERSONAL = 4

    @property
    def word(self) -> str:
        """The level as it is written: in commands, files and the database."""
        return self.name.lower()


LEVEL_WORDS = tuple(level.word for level in Level)


class Right(enum.StrEnum):
    """Something that one user may see or do of another."""

    SEE_PRESENCE = "see presence"
    SEE_PUBLIC_DATES = "see public dates"
    SEE_FIRST_LINE = "see numbers and forwarding of the first line"
    SET_PRESENCE = "set presence"
    PICK_UP_FIRST_LINE = "pick up on the first line"
    SEE_SECOND_LINE = "see numbers of the second line"
    SEE_PRIVATE_DATES = "see private dates"
    SET_FORWARDING = "set forwarding"
    PICK_UP_SECOND_LINE = "pick up on the second line"


LEAST_LEVEL: Mapping[Right, Level] = {
    Right.SEE_PRESENCE: Level.PUBLIC,
    Right.SEE_PUBLIC_DATES: Level.BUSINESS,
    Right.SEE_FIRST_LINE: Level.BUSINESS,
    Right.SET_PRESENCE: Level.TEAM,
    Right.PICK_UP_FIRST_LINE: Level.TEAM,
    Right.SEE_SECOND_LINE: Level.TEAM,
    Right.SEE_PRIVATE_DATES: Level.PERSONAL,
    Right.SET_FORWARDING: Level.PERSONAL,
    Right.PICK_UP_SECOND_LINE: Level.PERSONAL,
}
"""The permission matrix: the least level that allows each right."""


class Role(enum.StrEnum):
    """What gives a user a level on another."""

    MEMBER = "member"
    LEADER = "leader"
    DEPUTY = "deputy"
    GRANT = "grant"
    SELF = "self"


@dataclass(frozen=True, slots=True)
class SharedGroup:
    """
    A group that B is a member of, as it concerns A.

    ``by_role`` has the level that each role of A in this group gives: as member, leader, deputy; empty for none.
    """

    name: str
    is_active: bool
    by_role: Mapping[Role, Level]


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that gives A a level on B. ``group`` is empty for a grant, and for a user's rights on himself."""

    level: Level
    role: Role
    group: str = ""

    def __str__(self) -> str:
        """Return it in words: ``team as leader of 'Vertrieb'``."""
        match self.role:
            case Role.GRANT:
                return f"{self.level.word} by the user's own grant"
            case Role.SELF:
                return f"{self.level.word} because it is the same user"
            case _:
                return f"{self.level.word} as {self.role} of {self.group!r}"


ON_ONESELF = Reason(Level.PERSONAL, Role.SELF)


def level(text: str) -> Level:
    """Return the level with this name. Raises InputError for an unknown one."""
    for found in Level:
        if found.word == text:
            return found
    raise InputError(f"{text!r} is not a level: {', '.join(LEVEL_WORDS)} are accepted")


def reasons(groups: Iterable[SharedGroup], grant: Level | None) -> tuple[Reason, ...]:
    """Return everything that gives A a level on B, the highest first. A group that is not active gives nothing."""
    given = [
        Reason(its_level, role, group.name)
        for group in groups
        if group.is_active
        for role, its_level in group.by_role.items()
    ]
    if grant is not None:
        given.append(Reason(grant, Role.GRANT))
    return tuple(sorted(given, key=lambda reason: -reason.level))


def effective(found: Iterable[Reason]) -> Level:
    """Return the highest level of all reasons; without any, BLOCKED."""
    return max((reason.level for reason in found), default=Level.BLOCKED)


def allows(has: Level, right: Right) -> bool:
    """Return whether the level includes the right."""
    return has >= LEAST_LEVEL[right]


def rights(has: Level) -> dict[Right, bool]:
    """Return every right, and whether the level includes it."""
    return {right: allows(has, right) for right in Right}
