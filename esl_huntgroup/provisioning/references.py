"""PURE: whom and what a change names: what has to be looked at beside the things that it changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeVar

from esl_huntgroup.provisioning.differences import added_and_changed, removed
from esl_huntgroup.provisioning.model import Inventory, Key, StoredGroup, StoredLine, StoredUser

K = TypeVar("K")
V = TypeVar("V")

_NOBODY = StoredUser("")
_NO_LINE = StoredLine("", "", "")
_NO_GROUP = StoredGroup("")


class Named(NamedTuple):
    """Users and services by name, and the numbers that a line or a group wants to have."""

    users: set[str]
    services: set[str]
    numbers: set[Key]


def named(current: Inventory, wanted: Inventory) -> Named:
    """Return what the wanted configuration names and the current one did not, and the services that come or go."""
    found = Named(set(), set(), set())
    for user, user_before in _pairs(current.users, wanted.users, _NOBODY):
        found.users.update(user.levels.keys() - user_before.levels.keys())
        found.services.update(set(user.services) ^ set(user_before.services))
    for line, line_before in _pairs(current.lines, wanted.lines, _NO_LINE):
        found.users.update({line.user} - {line_before.user, ""})
    for group, group_before in _pairs(current.groups, wanted.groups, _NO_GROUP):
        found.users.update(group.users() - group_before.users())
        found.services.update(set(group.services) ^ set(group_before.services))
        if group.number is not None and (group.domain, group.number) != (group_before.domain, group_before.number):
            found.numbers.add((group.domain, group.number))
    found.numbers.update(wanted.lines.keys() - current.lines.keys())
    return found


def _pairs(current: dict[K, V], wanted: dict[K, V], nothing: V) -> Iterator[tuple[V, V]]:
    """Return what differs as it is to be and as it is, with ``nothing`` for what is not."""
    added, changed = added_and_changed(current, wanted)
    for key in (*added, *changed):
        yield wanted[key], current.get(key, nothing)
    for key in removed(current, wanted):
        yield nothing, current[key]
