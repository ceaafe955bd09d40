"""
PURE: what is different between two configurations, thing by thing.

Two things that belong together each have their say: a user who comes into a group is a member more, and a group that
has changed. So the audit of a member and that of a group are each complete.
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

from esl_huntgroup.provisioning.model import LISTS, Inventory, StoredGroup, StoredUser
from esl_huntgroup.provisioning.values import Content

K = TypeVar("K")
V = TypeVar("V")

COMMAND_OF = {"favourites": "favourite", "monitor": "monitor"}
"""How the audit and the commands call what is in a prepared list."""
_NO_GROUP = StoredGroup("")
_NOBODY = StoredUser("")


class Granted(NamedTuple):
    """A service, and those groups and users whose grant comes or goes."""

    description: str | None
    groups: tuple[str, ...] = ()
    users: tuple[str, ...] = ()


class Difference(NamedTuple):
    """
    One thing that came (``add``), changed (``set``), moved or went (``remove``).

    ``key`` is its name before (after, for a new one), as a tuple of one or two words; ``new_key`` is another one only
    where it was renamed. The values are those of ``model``, None where there is none; of a member the position.
    """

    action: str
    kind: str
    key: tuple[str, ...]
    new_key: tuple[str, ...]
    before: Any
    after: Any


def differences(current: Inventory, wanted: Inventory) -> list[Difference]:
    """Return every difference: what a thing consists of first, then the thing; users who go come last."""
    olds = {(kind, new): old for (kind, new), old in wanted.renamed.items()}
    before = current.renamed_like(wanted)
    users = list(_of("user", before.users, wanted.users, _alone, _olds(olds, "users")))
    groups = _changed(before.groups, wanted.groups)
    return [
        *_of_services(before, wanted),
        *(it for it in users if it.action != "remove"),
        *_of("line", before.lines, wanted.lines, None, _olds(olds, "lines")),
        *(it for name in groups for it in _of_members(name, before, wanted)),
        *_of("level", _levels(before), _levels(wanted)),
        *(it for name in groups for it in _of_lists(name, before, wanted)),
        *_of("group", before.groups, wanted.groups, None, _olds(olds, "groups")),
        *(it for it in users if it.action == "remove"),
    ]


def added_and_changed(current: Mapping[K, V], wanted: Mapping[K, V]) -> tuple[list[K], list[K]]:
    """Return the keys that are new and those whose value differs."""
    added = [key for key in wanted if key not in current]
    changed = [key for key, value in wanted.items() if key in current and current[key] != value]
    return added, changed


def removed(current: Mapping[K, V], wanted: Mapping[K, V]) -> list[K]:
    """Return the keys that are there no more."""
    return [key for key in current if key not in wanted]


def _of(
    kind: str,
    current: Mapping[Any, V],
    wanted: Mapping[Any, V],
    as_compared: Any = None,
    olds: Mapping[Any, Any] | None = None,
) -> Iterator[Difference]:
    added, changed = added_and_changed(current, wanted)
    changed += [key for key in olds or () if key in wanted and current.get(key) == wanted[key]]
    value = as_compared or (lambda it: it)
    for key in removed(current, wanted):
        yield Difference("remove", kind, _key(key), _key(key), value(current[key]), None)
    for key in added:
        yield Difference("add", kind, _key(key), _key(key), None, value(wanted[key]))
    for key in changed:
        before, after, old = value(current[key]), value(wanted[key]), (olds or {}).get(key, key)
        if before != after or old != key:
            yield Difference("set", kind, _key(old), _key(key), before, after)


def _key(key: Any) -> tuple[str, ...]:
    return (key,) if isinstance(key, str) else key


def _olds(olds: Mapping[tuple[str, Any], Any], kind: str) -> dict[Any, Any]:
    return {new: old for (its, new), old in olds.items() if its == kind}


def _alone(user: StoredUser) -> StoredUser:
    """Return a user without levels, which are things of their own."""
    return replace(user, levels={}) if user.levels else user


def _levels(inventory: Inventory) -> dict[tuple[str, str], str]:
    return {(name, other): level for name, user in inventory.users.items() for other, level in user.levels.items()}


def _changed(current: Mapping[str, StoredGroup], wanted: Mapping[str, StoredGroup]) -> list[str]:
    """Return the names of what goes, comes and changes."""
    added, changed = added_and_changed(current, wanted)
    return [*removed(current, wanted), *added, *changed]


def _of_lists(group: str, current: Inventory, wanted: Inventory) -> Iterator[Difference]:
    before, after = current.groups.get(group, _NO_GROUP), wanted.groups.get(group, _NO_GROUP)
    for kind in LISTS:
        old, new = getattr(before, kind), getattr(after, kind)
        if old != new:
            yield Difference(_edited(old, new), COMMAND_OF[kind], (group,), (group,), old, new)


def _of_members(group: str, current: Inventory, wanted: Inventory) -> Iterator[Difference]:
    before = current.groups.get(group, _NO_GROUP).members
    after = wanted.groups.get(group, _NO_GROUP).members
    if before == after:
        return
    old = {user: position for position, user in enumerate(before, start=1)}
    new = {user: position for position, user in enumerate(after, start=1)}
    moved = _moved([old[user] for user in after if user in old])
    for user, position in old.items():
        if user not in new:
            yield Difference("remove", "member", (group, user), (group, user), position, None)
    for user, position in new.items():
        if user not in old:
            yield Difference("add", "member", (group, user), (group, user), None, position)
        elif old[user] in moved:
            yield Difference("move", "member", (group, user), (group, user), old[user], position)


def _moved(positions: Sequence[int]) -> set[int]:
    """Return the fewest positions without which the others are in order: all but a longest rising subsequence."""
    last: list[int] = []  # of the rising subsequences of each length, the smallest end
    behind: dict[int, int | None] = {}
    for position in positions:
        length = bisect.bisect_left(last, position)
        behind[position] = last[length - 1] if length else None
        last[length : length + 1] = [position]
    kept, position_or_none = set(), last[-1] if last else None
    while position_or_none is not None:
        kept.add(position_or_none)
        position_or_none = behind[position_or_none]
    return set(positions) - kept


def _edited(before: Sequence[Content], after: Sequence[Content]) -> str:
    """Return the command that makes one list of another."""
    if len(before) != len(after):
        return "add" if len(after) > len(before) else "remove"
    return "move" if Counter(before) == Counter(after) else "set"


def _of_services(current: Inventory, wanted: Inventory) -> Iterator[Difference]:
    lost, got = _grants(current, wanted), _grants(wanted, current)
    texts = (current.services, wanted.services)
    names = [*removed(*texts), *(name for both in added_and_changed(*texts) for name in both)]
    for name in dict.fromkeys([*names, *lost, *got]):
        before = _granted(name, current, lost)
        after = _granted(name, wanted, got)
        if before is None or after is None:
            yield Difference("add" if before is None else "remove", "service", (name,), (name,), before, after)
        else:
            yield Difference("set", "service", (name,), (name,), before, after)


def _granted(name: str, inventory: Inventory, grants: Mapping[str, Granted]) -> Granted | None:
    if name not in inventory.services:
        return None
    return grants.get(name, Granted(None))._replace(description=inventory.services[name])


def _grants(having: Inventory, other: Inventory) -> dict[str, Granted]:
    """Return the groups and users that have a service in one configuration and not in the other, by service."""
    groups: dict[str, list[str]] = {}
    users: dict[str, list[str]] = {}
    for found, theirs, others, nothing in (
        (groups, having.groups, other.groups, _NO_GROUP),
        (users, having.users, other.users, _NOBODY),
    ):
        for name, service in _only_here(theirs, others, nothing):
            found.setdefault(service, []).append(name)
    return {
        service: Granted(None, tuple(sorted(groups.get(service, ()))), tuple(sorted(users.get(service, ()))))
        for service in {**groups, **users}
    }


def _only_here(
    theirs: Mapping[str, Any], others: Mapping[str, Any], nothing: StoredGroup | StoredUser
) -> Iterable[tuple[str, str]]:
    for name, thing in theirs.items():
        if thing.services and thing.services != (before := others.get(name, nothing).services):
            yield from ((name, service) for service in thing.services if service not in before)
