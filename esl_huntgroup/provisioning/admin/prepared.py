"""
Favourites and monitor contents that a group prepares for its members.

A group has two lists; each place holds a user, or the name and number of an external contact.
"""

from __future__ import annotations

from collections.abc import Sequence

from esl_huntgroup.errors import InputError
from esl_huntgroup.model.numbers import normal_number
from esl_huntgroup.provisioning.admin.desk import Desk
from esl_huntgroup.provisioning.change import Change
from esl_huntgroup.provisioning.differences import COMMAND_OF
from esl_huntgroup.provisioning.edits import groups
from esl_huntgroup.provisioning.store import Scope
from esl_huntgroup.provisioning.values import Content, display_name

LISTS = COMMAND_OF
"""The lists, as the database has them, and the command for each."""


def content(user: str | None, name: str | None, number: str | None) -> Content:
    """Return a checked entry. Raises InputError unless it is a user alone, or a name with a number."""
    if user is not None and name is None and number is None:
        return Content(user=user)
    if user is None and name is not None and number is not None:
        return Content(name=display_name(name), number=normal_number(number))
    raise InputError("an entry is a user or an external contact: --user, or --name and --number, is accepted")


def add(desk: Desk, kind: str, group: str, new: Content, *, position: int | None = None) -> Sequence[Change]:
    """Put an entry into a list of a group, at a position or at the end."""
    return desk.change(Scope(groups=[group]), lambda now: groups.add_content(now, kind, group, new, position=position))


def replace(desk: Desk, kind: str, group: str, position: int, new: Content) -> Sequence[Change]:
    """Put an entry in the place of another."""
    return desk.change(Scope(groups=[group]), lambda now: groups.replace_content(now, kind, group, position, new))


def move(desk: Desk, kind: str, group: str, position: int, to: int) -> Sequence[Change]:
    """Put an entry at another position; the others keep their order."""
    return desk.change(Scope(groups=[group]), lambda now: groups.move_content(now, kind, group, position, to))


def remove(desk: Desk, kind: str, group: str, position: int) -> Sequence[Change]:
    """Take the entry at a position out of a list."""
    return desk.change(Scope(groups=[group]), lambda now: groups.remove_content(now, kind, group, position))
