"""
PURE: from what a file says and what the database holds to what has to be written, or to every reason why not.

Users and groups are found by name, lines by domain and number. A key that the file does not mention stays as it is, and
so does whoever the file does not mention; a list of members is the complete list.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from esl_huntgroup.group import HuntMode, LineKind, Outcome, Overflow
from esl_huntgroup.limits import RING_TIMEOUT_DEFAULT_S

Path = tuple[str | int, ...]
Key = tuple[str, str]
"""Domain and number."""


@dataclass(frozen=True, slots=True)
class StoredLine:
    """A line of the database; ``user`` is its user's name."""

    user: str
    kind: str
    account: str


@dataclass(frozen=True, slots=True)
class StoredGroup:
    """A group of the database; the members are names of users, in order."""

    domain: str
    number: str | None = None
    hunt_mode: str = HuntMode.DISABLED.value
    ring_timeout_s: int = RING_TIMEOUT_DEFAULT_S
    ringback: str = ""
    members: tuple[str, ...] = ()
    overflows: Mapping[Outcome, Overflow] = field(default_factory=dict)


@dataclass(slots=True)
class Inventory:
    """Users (display name by name), lines and groups, as they are or as they are to be."""

    users: dict[str, str] = field(default_factory=dict)
    lines: dict[Key, StoredLine] = field(default_factory=dict)
    groups: dict[str, StoredGroup] = field(default_factory=dict)

    def copy(self) -> Inventory:
        """Return one that can be changed without changing this one."""
        return Inventory(dict(self.users), dict(self.lines), dict(self.groups))


@dataclass(frozen=True, slots=True)
class Problem:
    """A sentence, and where in the file the reason stands."""

    path: Path
    sentence: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What the database is to hold afterwards, or why it cannot."""

    wanted: Inventory
    problems: tuple[Problem, ...]


def plan(file: Mapping[str, Any], current: Inventory, *, default_domain: str) -> Plan:
    """
    Return what the database is to hold after the file, a value that FILE of ``schemas`` has accepted.

    ``default_domain`` counts where a line or a new group names no domain; it may be empty when all of them do.
    """
    wanted = current.copy()
    problems = [
        *_named_twice(file, "users"),
        *_named_twice(file, "groups"),
        *_take_users(file["users"], wanted, default_domain),
        *_take_groups(file["groups"], wanted, default_domain),
    ]
    problems += _number_conflicts(file["groups"], wanted)
    return Plan(wanted, tuple(problems))


def _named_twice(file: Mapping[str, Any], kind: str) -> Iterator[Problem]:
    count = Counter(item["name"] for item in file[kind])
    for index, item in enumerate(file[kind]):
        if count[item["name"]] > 1:
            count[item["name"]] = 0
            yield Problem((kind, index), f"{kind[:-1]} {item['name']!r} is in the file twice: each is accepted once")


def _take_users(users: Sequence[Mapping[str, Any]], wanted: Inventory, default_domain: str) -> Iterator[Problem]:
    in_file: dict[Key, str] = {}
    for index, user in enumerate(users):
        name = user["name"]
        wanted.users[name] = user.get("display_name", wanted.users.get(name, name))
        for line_index, line in enumerate(user.get("lines", ())):
            path: Path = ("users", index, "lines", line_index)
            key = (line.get("domain", default_domain), line["number"])
            if problem := _line_problem(name, key, wanted, in_file):
                yield Problem(path, problem)
                continue
            in_file[key] = name
            wanted.lines[key] = _line(name, line, wanted.lines.get(key))


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


def _line(user: str, line: Mapping[str, Any], current: StoredLine | None) -> StoredLine:
    before = current or StoredLine(user, LineKind.SOFTPHONE.value, line["number"])
    return StoredLine(user, line.get("kind", before.kind), line.get("account", before.account))


def _take_groups(groups: Sequence[Mapping[str, Any]], wanted: Inventory, default_domain: str) -> Iterator[Problem]:
    for index, group in enumerate(groups):
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


def _group(group: Mapping[str, Any], before: StoredGroup) -> StoredGroup:
    return StoredGroup(
        domain=group.get("domain", before.domain),
        number=group.get("number", before.number),
        hunt_mode=group.get("hunt_mode", before.hunt_mode),
        ring_timeout_s=group.get("ring_timeout_s", before.ring_timeout_s),
        ringback=group.get("ringback", before.ringback),
        members=tuple(group.get("members", before.members)),
        overflows={**before.overflows, **group.get("overflow", {})},
    )


def _member_problems(index: int, name: str, members: Sequence[str], users: Mapping[str, str]) -> Iterator[Problem]:
    seen: set[str] = set()
    for position, member in enumerate(members):
        path: Path = ("groups", index, "members", position)
        if member in seen:
            yield Problem(path, f"group {name!r} has member {member!r} twice: each member is accepted once")
        elif member not in users:
            yield Problem(
                path,
                f"group {name!r} has the unknown user {member!r}: users of this file and of the database are accepted",
            )
        seen.add(member)


def _number_conflicts(groups: Sequence[Mapping[str, Any]], wanted: Inventory) -> Iterator[Problem]:
    """Compare every group number with every line and every other group, as they are to be; name the owner."""
    place = {group["name"]: index for index, group in enumerate(groups)}
    owner_of: dict[Key, str] = {}
    for name in sorted(wanted.groups, key=lambda name: place.get(name, -1)):
        group = wanted.groups[name]
        if group.number is None:
            continue
        key = (group.domain, group.number)
        path: Path = ("groups", place[name], "number") if name in place else ()
        if key in wanted.lines:
            owner = f"a line of user {wanted.lines[key].user!r}"
        elif key in owner_of:
            owner = f"the number of group {owner_of[key]!r}"
        else:
            owner_of[key] = name
            continue
        sentence = f"group {name!r} cannot have the number {group.number}, it is {owner}: a free number is accepted"
        yield Problem(path, sentence)
