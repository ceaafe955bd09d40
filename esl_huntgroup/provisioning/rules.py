"""PURE: what of a document cannot be, each with a sentence and the place where the reason stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from esl_huntgroup.model.group import HuntMode
from esl_huntgroup.model.text import accepted
from esl_huntgroup.provisioning.document import Problem
from esl_huntgroup.provisioning.model import LISTS, ROLES, Content, Inventory, Key

Item = Mapping[str, Any]
"""A user, group, line or service as FILE of ``schemas`` gives it."""


def named_twice(file: Item, kind: str) -> Iterator[Problem]:
    """Say which users, groups or services stand in the document more than once."""
    count = Counter(item["name"] for item in file[kind])
    for index, item in enumerate(file[kind]):
        if count[item["name"]] > 1:
            count[item["name"]] = 0
            yield Problem((kind, index), f"{kind[:-1]} {item['name']!r} is in the file twice: each is accepted once")


def _unknown_user(what: str, name: str) -> str:
    return f"{what} the unknown user {name!r}: users of this file and of the database are accepted"


def mode_problems(groups: Sequence[Item], current: Inventory, hunt_modes: Sequence[str]) -> Iterator[Problem]:
    """Say which groups are to have a hunt mode that is not offered, and do not have it already."""
    offered = [mode.value for mode in HuntMode if mode is HuntMode.DISABLED or mode in hunt_modes]
    for index, group in enumerate(groups):
        mode, before = group.get("hunt_mode"), current.groups.get(group["name"])
        if mode is not None and mode not in offered and (before is None or before.hunt_mode != mode):
            yield Problem(
                ("groups", index, "hunt_mode"),
                f"hunt mode {mode} is not offered by this installation (setting hunt_modes): {accepted(offered)}",
            )


def member_problems(index: int, name: str, members: Sequence[str], users: Mapping[str, object]) -> Iterator[Problem]:
    """Say which members stand there twice or are no users."""
    seen: set[str] = set()
    for position, member in enumerate(members):
        path = ("groups", index, "members", position)
        if member in seen:
            yield Problem(path, f"group {name!r} has member {member!r} twice: each member is accepted once")
        elif member not in users:
            yield Problem(path, _unknown_user(f"group {name!r} has", member))
        seen.add(member)


def superior_problems(index: int, group: Item, users: Mapping[str, object]) -> Iterator[Problem]:
    """Say which leaders and deputies are no users."""
    for role in ROLES:
        superior = group.get(role)
        if superior is not None and superior.user not in users:
            yield Problem(
                ("groups", index, role), _unknown_user(f"group {group['name']!r} has as {role}", superior.user)
            )


def content_problems(index: int, group: Item, users: Mapping[str, object]) -> Iterator[Problem]:
    """Say what stands twice in a prepared list, or is no user."""
    for kind in LISTS:
        seen: set[str] = set()
        for position, content in enumerate(group.get(kind, ())):
            path = ("groups", index, kind, position)
            what = _content_key(content)
            if what in seen:
                yield Problem(path, f"group {group['name']!r} has {what!r} in {kind} twice: each is accepted once")
            elif content.user and content.user not in users:
                yield Problem(path, _unknown_user(f"group {group['name']!r} has in {kind}", content.user))
            seen.add(what)


def _content_key(content: Content) -> str:
    return content.user or content.number


def service_problems(path: Sequence[str | int], what: str, item: Item, wanted: Inventory) -> Iterator[Problem]:
    """Say which services of a user or group do not exist."""
    for position, service in enumerate(item.get("services", ())):
        if service not in wanted.services:
            yield Problem(
                (*path, "services", position),
                f"{what} has the unknown service {service!r}: services of this file and of the database are accepted",
            )


def level_problems(users: Sequence[Item], wanted: Inventory) -> Iterator[Problem]:
    """Look at levels last: a user may grant something to one who comes later in the document."""
    for index, user in enumerate(users):
        for other, level in user.get("levels", {}).items():
            path = ("users", index, "levels", other)
            if other == user["name"]:
                yield Problem(path, f"user {other!r} cannot have a level on themselves: another user is accepted")
            elif level is not None and other not in wanted.users:
                yield Problem(path, _unknown_user(f"user {user['name']!r} grants {level} to", other))


def number_conflicts(groups: Sequence[Item], wanted: Inventory) -> Iterator[Problem]:
    """Compare every group number with every line and every other group, as they are to be; name the owner."""
    place = {group["name"]: index for index, group in enumerate(groups)}
    owner_of: dict[Key, str] = {}
    for name in sorted(wanted.groups, key=lambda name: place.get(name, -1)):
        group = wanted.groups[name]
        if group.number is None:
            continue
        key = (group.domain, group.number)
        path = ("groups", place[name], "number") if name in place else ()
        if key in wanted.lines:
            owner = f"a line of user {wanted.lines[key].user!r}"
        elif key in owner_of:
            owner = f"the number of group {owner_of[key]!r}"
        else:
            owner_of[key] = name
            continue
        sentence = f"group {name!r} cannot have the number {group.number}, it is {owner}: a free number is accepted"
        yield Problem(path, sentence)
