"""
PURE: from what a document says and what the database holds to what is to be there, or to every reason why not.

A key that the document does not mention stays as it is, and so does whoever it does not mention. A list (members,
services, favourites, monitor) is the complete list. What is to go says so: ``remove: true``, or ``none`` for a value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from esl_huntgroup.document import Problem
from esl_huntgroup.group import HuntMode, LineKind
from esl_huntgroup.inventory import (
    LISTS,
    ROLES,
    Content,
    Inventory,
    Key,
    StoredGroup,
    StoredLine,
    StoredUser,
)

_VALUES = ("domain", "number", "is_active", "hunt_mode", "ring_timeout_s", "ringback", "member_level")

Item = Mapping[str, Any]
"""A user, group, line or service as FILE of ``schemas`` gives it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the database is to hold afterwards, or why it cannot."""

    wanted: Inventory
    problems: tuple[Problem, ...]


def plan(file: Item, current: Inventory, *, default_domain: str, hunt_modes: Sequence[str] = tuple(HuntMode)) -> Plan:
    """
    Return what the database is to hold after the document, a value that FILE of ``schemas`` has accepted.

    ``default_domain`` counts where a line or a new group names no domain; it may be empty when all of them do.
    ``hunt_modes`` are those that may be set beside ``disabled``.
    """
    wanted = current.copy()
    _take_services(file["services"], wanted)
    problems = [
        *(problem for kind in ("services", "users", "groups") for problem in _named_twice(file, kind)),
        *_take_away(file, wanted, default_domain),
        *_take_users(file["users"], wanted, default_domain),
        *_take_groups(file["groups"], wanted, default_domain),
    ]
    problems += _mode_problems(file["groups"], current, hunt_modes)
    problems += _level_problems(file["users"], wanted)
    problems += _number_conflicts(file["groups"], wanted)
    return Plan(wanted, tuple(problems))


def _named_twice(file: Item, kind: str) -> Iterator[Problem]:
    count = Counter(item["name"] for item in file[kind])
    for index, item in enumerate(file[kind]):
        if count[item["name"]] > 1:
            count[item["name"]] = 0
            yield Problem((kind, index), f"{kind[:-1]} {item['name']!r} is in the file twice: each is accepted once")


# -- what goes --------------------------------------------------------------------------------------------------------


def _take_away(file: Item, wanted: Inventory, default_domain: str) -> Iterator[Problem]:
    """Take away what the document removes, first of all: its numbers are free for what the document adds."""
    for kind in ("services", "users", "groups"):
        for index, item in enumerate(file[kind]):
            if item.get("remove"):
                yield from _alone(kind, index, item)
    for item in file["groups"]:
        if item.get("remove"):
            wanted.groups.pop(item["name"], None)
    _forget_services({item["name"] for item in file["services"] if item.get("remove")}, wanted)
    _forget_users({item["name"] for item in file["users"] if item.get("remove")}, wanted)
    for index, user in enumerate(file["users"]):
        for line_index, line in enumerate(user.get("lines", ())):
            if line.get("remove"):
                yield from _take_line_away(
                    ("users", index, "lines", line_index), user["name"], line, wanted, default_domain
                )


def _alone(kind: str, index: int, item: Item) -> Iterator[Problem]:
    if more := sorted(item.keys() - {"name", "remove"}):
        what = f"{kind[:-1]} {item['name']!r}"
        yield Problem((kind, index), f"{what} is to be removed, but {more[0]!r} is given too: 'name' alone is accepted")


def _take_line_away(
    path: Sequence[str | int], user: str, line: Item, wanted: Inventory, default_domain: str
) -> Iterator[Problem]:
    key = (line.get("domain", default_domain), line["number"])
    there = wanted.lines.get(key)
    if there is not None and there.user != user:
        sentence = f"line {line['number']} cannot be removed from user {user!r}, it is of user {there.user!r}"
        yield Problem(path, f"{sentence}: a line of that user is accepted")
        return
    wanted.lines.pop(key, None)


def _forget_services(gone: set[str], wanted: Inventory) -> None:
    if not gone:
        return
    wanted.services = {name: text for name, text in wanted.services.items() if name not in gone}
    for name, user in wanted.users.items():
        wanted.users[name] = replace(user, services=_without(user.services, gone))
    for name, group in wanted.groups.items():
        wanted.groups[name] = replace(group, services=_without(group.services, gone))


def _without(names: Sequence[str], gone: set[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in gone)


def _forget_users(gone: set[str], wanted: Inventory) -> None:
    """Take users away with their lines, memberships, roles, levels and places in prepared lists."""
    if not gone:
        return
    wanted.users = {name: _without_levels(user, gone) for name, user in wanted.users.items() if name not in gone}
    wanted.lines = {key: line for key, line in wanted.lines.items() if line.user not in gone}
    wanted.groups = {name: _without_users(group, gone) for name, group in wanted.groups.items()}


def _without_levels(user: StoredUser, gone: set[str]) -> StoredUser:
    if not gone & user.levels.keys():
        return user
    return replace(user, levels={other: level for other, level in user.levels.items() if other not in gone})


def _without_users(group: StoredGroup, gone: set[str]) -> StoredGroup:
    leader, deputy = (None if it and it.user in gone else it for it in (group.leader, group.deputy))
    return replace(
        group,
        members=_without(group.members, gone),
        leader=leader,
        deputy=deputy,
        favourites=tuple(content for content in group.favourites if content.user not in gone),
        monitor=tuple(content for content in group.monitor if content.user not in gone),
    )


# -- what comes, or changes -------------------------------------------------------------------------------------------


def _take_services(services: Sequence[Item], wanted: Inventory) -> None:
    for service in services:
        if not service.get("remove"):
            name = service["name"]
            wanted.services[name] = service.get("description", wanted.services.get(name, ""))


def _take_users(users: Sequence[Item], wanted: Inventory, default_domain: str) -> Iterator[Problem]:
    in_file: dict[Key, str] = {}
    for index, user in enumerate(users):
        if user.get("remove"):
            continue
        name = user["name"]
        wanted.users[name] = _user(user, wanted.users.get(name, StoredUser(name)))
        yield from _service_problems(("users", index), f"user {name!r}", user, wanted)
        for line_index, line in enumerate(user.get("lines", ())):
            if line.get("remove"):
                continue
            key = (line.get("domain", default_domain), line["number"])
            if problem := _line_problem(name, key, wanted, in_file):
                yield Problem(("users", index, "lines", line_index), problem)
                continue
            in_file[key] = name
            wanted.lines[key] = _line(name, line, wanted.lines.get(key))


def _user(user: Item, before: StoredUser) -> StoredUser:
    granted = {**before.levels, **user.get("levels", {})}
    return StoredUser(
        display_name=user.get("display_name", before.display_name),
        services=_sorted(user.get("services", before.services)),
        levels={other: level for other, level in sorted(granted.items()) if level is not None},
    )


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))


def _line_problem(name: str, key: Key, wanted: Inventory, in_file: Mapping[Key, str]) -> str:
    domain, number = key
    if not domain:
        return f"line {number} of user {name!r} has no domain: give 'domain' here or set default_domain"
    if key in in_file:
        return f"line {number} is in the file twice, of user {in_file[key]!r} and of user {name!r}: one is accepted"
    owner = wanted.lines.get(key)
    if owner is not None and owner.user != name:
        return f"line {number} cannot be of user {name!r}, it is of user {owner.user!r}: a free number is accepted"
    return ""


def _line(user: str, line: Item, current: StoredLine | None) -> StoredLine:
    before = current or StoredLine(user, LineKind.SOFTPHONE.value, line["number"])
    return StoredLine(user, line.get("kind", before.kind), line.get("account", before.account))


def _take_groups(groups: Sequence[Item], wanted: Inventory, default_domain: str) -> Iterator[Problem]:
    for index, group in enumerate(groups):
        if group.get("remove"):
            continue
        name = group["name"]
        before = wanted.groups.get(name, StoredGroup(default_domain))
        after = _group(group, before)
        wanted.groups[name] = after
        if not after.domain:
            yield Problem(("groups", index), f"group {name!r} has no domain: give 'domain' here or set default_domain")
        if after.hunt_mode == HuntMode.SOFTPHONE and after.number is None:
            yield Problem(
                ("groups", index, "hunt_mode"),
                f"group {name!r} has hunt mode softphone and no group number: give 'number' too",
            )
        yield from _member_problems(index, name, group.get("members", ()), wanted.users)
        yield from _superior_problems(index, group, wanted.users)
        yield from _content_problems(index, group, wanted.users)
        yield from _service_problems(("groups", index), f"group {name!r}", group, wanted)


def _group(group: Item, before: StoredGroup) -> StoredGroup:
    given = {key: group[key] for key in (*_VALUES, *ROLES) if key in group}
    given |= {key: tuple(group[key]) for key in ("members", *LISTS) if key in group}
    services = _sorted(group.get("services", before.services))
    return replace(before, **given, services=services, overflows={**before.overflows, **group.get("overflow", {})})


# -- what cannot be ---------------------------------------------------------------------------------------------------


def _unknown_user(what: str, name: str) -> str:
    return f"{what} the unknown user {name!r}: users of this file and of the database are accepted"


def _mode_problems(groups: Sequence[Item], current: Inventory, hunt_modes: Sequence[str]) -> Iterator[Problem]:
    offered = [mode.value for mode in HuntMode if mode is HuntMode.DISABLED or mode in hunt_modes]
    for index, group in enumerate(groups):
        mode, before = group.get("hunt_mode"), current.groups.get(group["name"])
        if mode is not None and mode not in offered and (before is None or before.hunt_mode != mode):
            yield Problem(
                ("groups", index, "hunt_mode"),
                f"hunt mode {mode} is not offered by this installation (setting hunt_modes): "
                f"{', '.join(offered)} {'is' if len(offered) == 1 else 'are'} accepted",
            )


def _member_problems(index: int, name: str, members: Sequence[str], users: Mapping[str, object]) -> Iterator[Problem]:
    seen: set[str] = set()
    for position, member in enumerate(members):
        path = ("groups", index, "members", position)
        if member in seen:
            yield Problem(path, f"group {name!r} has member {member!r} twice: each member is accepted once")
        elif member not in users:
            yield Problem(path, _unknown_user(f"group {name!r} has", member))
        seen.add(member)


def _superior_problems(index: int, group: Item, users: Mapping[str, object]) -> Iterator[Problem]:
    for role in ROLES:
        superior = group.get(role)
        if superior is not None and superior.user not in users:
            yield Problem(
                ("groups", index, role), _unknown_user(f"group {group['name']!r} has as {role}", superior.user)
            )


def _content_problems(index: int, group: Item, users: Mapping[str, object]) -> Iterator[Problem]:
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


def _service_problems(path: Sequence[str | int], what: str, item: Item, wanted: Inventory) -> Iterator[Problem]:
    for position, service in enumerate(item.get("services", ())):
        if service not in wanted.services:
            yield Problem(
                (*path, "services", position),
                f"{what} has the unknown service {service!r}: services of this file and of the database are accepted",
            )


def _level_problems(users: Sequence[Item], wanted: Inventory) -> Iterator[Problem]:
    """Look at levels last: a user may grant something to one who comes later in the document."""
    for index, user in enumerate(users):
        for other, level in user.get("levels", {}).items():
            path = ("users", index, "levels", other)
            if other == user["name"]:
                yield Problem(path, f"user {other!r} cannot have a level on themselves: another user is accepted")
            elif level is not None and other not in wanted.users:
                yield Problem(path, _unknown_user(f"user {user['name']!r} grants {level} to", other))


def _number_conflicts(groups: Sequence[Item], wanted: Inventory) -> Iterator[Problem]:
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
