"""
PURE: from what a document says and what the database holds to what is to be there, or to every reason why not.

A key that the document does not mention stays as it is, and so does whoever it does not mention. A list (members,
services, favourites, monitor) is the complete list. What is to go says so: ``remove: true``, or ``none`` for a value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from esl_huntgroup.model.group import HuntMode, LineKind
from esl_huntgroup.provisioning.document import Problem
from esl_huntgroup.provisioning.load_removal import take_away
from esl_huntgroup.provisioning.model import LISTS, ROLES, Inventory, Key, StoredGroup, StoredLine, StoredUser
from esl_huntgroup.provisioning.rules import (
    Item,
    content_problems,
    level_problems,
    member_problems,
    mode_problems,
    named_twice,
    number_conflicts,
    service_problems,
    superior_problems,
)

_VALUES = ("domain", "number", "is_active", "hunt_mode", "ring_timeout_s", "ringback", "member_level")


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
        *(problem for kind in ("services", "users", "groups") for problem in named_twice(file, kind)),
        *take_away(file, wanted, default_domain),
        *_take_users(file["users"], wanted, default_domain),
        *_take_groups(file["groups"], wanted, default_domain),
    ]
    problems += mode_problems(file["groups"], current, hunt_modes)
    problems += level_problems(file["users"], wanted)
    problems += number_conflicts(file["groups"], wanted)
    return Plan(wanted, tuple(problems))


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
        yield from service_problems(("users", index), f"user {name!r}", user, wanted)
        keys = [(line.get("domain", default_domain), line["number"]) for line in user.get("lines", ())]
        gone = {key for key, line in zip(keys, user.get("lines", ()), strict=True) if line.get("remove")}
        for line_index, (key, line) in enumerate(zip(keys, user.get("lines", ()), strict=True)):
            if line.get("remove"):
                continue
            problem = _line_problem(name, key, wanted, in_file)
            if key in gone:
                problem = f"line {key[1]} of user {name!r} is both removed and kept: one is accepted"
            if problem:
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
        yield from member_problems(index, name, group.get("members", ()), wanted.users)
        yield from superior_problems(index, group, wanted.users)
        yield from content_problems(index, group, wanted.users)
        yield from service_problems(("groups", index), f"group {name!r}", group, wanted)


def _group(group: Item, before: StoredGroup) -> StoredGroup:
    given = {key: group[key] for key in (*_VALUES, *ROLES) if key in group}
    given |= {key: tuple(group[key]) for key in ("members", *LISTS) if key in group}
    services = _sorted(group.get("services", before.services))
    return replace(before, **given, services=services, overflows={**before.overflows, **group.get("overflow", {})})
