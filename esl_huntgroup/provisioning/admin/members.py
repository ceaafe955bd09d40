"""Members: who is in a group, in the order of the phones."""

from __future__ import annotations

from collections.abc import Sequence

from esl_huntgroup.provisioning.admin.desk import Desk
from esl_huntgroup.provisioning.change import Change
from esl_huntgroup.provisioning.edits import groups
from esl_huntgroup.provisioning.store import Scope


def add(desk: Desk, group: str, users: Sequence[str], *, position: int | None = None) -> Sequence[Change]:
    """Put users into a group from a position on, in the order they are given; without a position, at the end."""
    return desk.change(Scope(groups=[group]), lambda now: groups.add_members(now, group, users, position=position))


def move(desk: Desk, group: str, user: str, position: int) -> Sequence[Change]:
    """Put a member at another position; the others keep their order."""
    return desk.change(Scope(groups=[group]), lambda now: groups.move_member(now, group, user, position))


def remove(desk: Desk, group: str, users: Sequence[str]) -> Sequence[Change]:
    """Take users out of a group."""
    return desk.change(Scope(groups=[group]), lambda now: groups.remove_members(now, group, users))
