"""
PURE: what cannot be in a configuration, each rule once, for files, imports and commands alike.

The rules look at what differs between two configurations. Each problem says where its reason stands: a path of names,
such as ``("groups", "Vertrieb", "members", 2)``, which ``load_plan`` turns into a place in a file. Of two things that
exclude each other the newer one is to blame.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from esl_huntgroup.errors import InputError
from esl_huntgroup.model.group import HuntMode, Overflow, OverflowAction
from esl_huntgroup.model.numbers import normal_number
from esl_huntgroup.model.text import accepted
from esl_huntgroup.provisioning.document import Problem
from esl_huntgroup.provisioning.model import (
    LISTS,
    ROLES,
    Inventory,
    Key,
    StoredGroup,
    StoredUser,
)
from esl_huntgroup.provisioning.values import DEFAULT_CONTEXT, UNREADABLE, Content

_NOBODY = StoredUser("")
_NO_GROUP = StoredGroup("")


def problems(current: Inventory, wanted: Inventory, hunt_modes: Sequence[str]) -> Iterator[Problem]:
    """
    Return what cannot be in the wanted configuration, of that which differs from the current one.

    ``hunt_modes`` are those that may be set beside ``disabled``. Both hold the same part of everything.
    """
    for name, user in wanted.users.items():
        if user != current.users.get(name):
            yield from _of_user(name, user, current, wanted)
    for key, line in wanted.lines.items():
        if line != current.lines.get(key):
            yield from _of_line(key, line.user, current, wanted)
    for name, group in wanted.groups.items():
        if group != current.groups.get(name):
            yield from _of_group(name, group, current, wanted)
            yield from _mode(name, group, current.groups.get(name, _NO_GROUP), hunt_modes)
    yield from _numbers(current, wanted)


def unknown(kind: str, name: str) -> str:
    """Return the sentence for somebody who typed a name that nothing of this kind has."""
    return f"there is no {kind} {name!r}: a name that `esl-huntgroup {kind} list` shows is accepted"


def owner_of(key: Key, inventory: Inventory) -> str:
    """Return in words who has a number, empty when nobody has."""
    if key in inventory.lines:
        return f"a line of user {inventory.lines[key].user!r}"
    return next((_owner(name) for name, group in inventory.groups.items() if (group.domain, group.number) == key), "")


def line_taken(key: Key, user: str, owner: str) -> Problem:
    """Return the problem that a line cannot be a user's, because its number is somebody's."""
    return Problem(
        ("users", user, "lines", "@".join(key)),
        f"line {key[1]} cannot be of user {user!r}, it is {owner.removeprefix('a line ')}: a free number is accepted",
        typed=f"user {user!r} cannot have the line {key[1]}, it is {owner}: a free number is accepted",
    )


def _of_user(name: str, user: StoredUser, current: Inventory, wanted: Inventory) -> Iterator[Problem]:
    before = current.users.get(name, _NOBODY)
    yield from _services(("users", name), f"user {name!r}", user.services, before.services, (current, wanted))
    for other, level in user.levels.items():
        path = ("users", name, "levels", other)
        if other == name:
            yield Problem(
                path,
                f"user {other!r} cannot have a level on themselves: another user is accepted",
                typed=f"user {other!r} needs no level on himself: two users are accepted",
            )
        elif _is_missing(other, before.levels, current, wanted):
            yield _unknown_user(path, f"user {name!r} grants {level} to", other)


def _of_line(key: Key, user: str, current: Inventory, wanted: Inventory) -> Iterator[Problem]:
    path = ("users", user, "lines", "@".join(key))
    if not key[0]:
        what = f"line {key[1]} of user {user!r}"
        yield Problem(path, f"{what} has no domain: give 'domain' here or set default_domain", of=[(*path, "domain")])
    before = current.lines.get(key)
    if _is_missing(user, {before.user} if before else set(), current, wanted):
        yield _unknown_user(path, f"line {key[1]} has", user)


def _of_group(name: str, group: StoredGroup, current: Inventory, wanted: Inventory) -> Iterator[Problem]:
    before = current.groups.get(name, _NO_GROUP)
    if not group.domain:
        path = ("groups", name, "domain")
        what = f"group {name!r} has no domain"
        yield Problem(
            path[:2],
            f"{what}: give 'domain' here or set default_domain",
            typed=f"{what}: give --domain or set default_domain",
            of=[path],
        )
    yield from _members(name, group, before, current, wanted)
    yield from _superiors(name, group, before, current, wanted)
    yield from _overflows(name, group, before)
    for kind in LISTS:
        yield from _contents(name, kind, getattr(group, kind), before, (current, wanted))
    yield from _services(("groups", name), f"group {name!r}", group.services, before.services, (current, wanted))


def _mode(name: str, group: StoredGroup, before: StoredGroup, hunt_modes: Sequence[str]) -> Iterator[Problem]:
    path = ("groups", name, "hunt_mode")
    offered = [mode.value for mode in HuntMode if mode is HuntMode.DISABLED or mode in hunt_modes]
    if group.hunt_mode != before.hunt_mode and group.hunt_mode not in offered:
        yield Problem(
            path,
            f"hunt mode {group.hunt_mode} is not offered by this installation (setting hunt_modes): "
            f"{accepted(offered)}",
        )
    if group.hunt_mode == HuntMode.SOFTPHONE and group.number is None:
        what = f"group {name!r} has hunt mode softphone and no group number"
        yield Problem(
            path,
            f"{what}: give 'number' too",
            typed=f"{what}: give a number too",
            of=[("groups", name, "number")],
        )
    if group.wait_for_phones and not group.joinable:
        what = f"group {name!r} waits for phones, which cannot join a call of it"
        yield Problem(
            ("groups", name, "wait_for_phones"),
            f"{what}: give 'joinable: true' too",
            typed=f"{what}: --joinable is accepted too, or --overflow-at-once",
            of=[("groups", name, "joinable")],
        )


def _members(
    name: str, group: StoredGroup, before: StoredGroup, current: Inventory, wanted: Inventory
) -> Iterator[Problem]:
    if group.members == before.members and not _are_gone(group.members, current, wanted):
        return
    known, seen = before.users(), set()
    for position, member in enumerate(group.members):
        path = ("groups", name, "members", position)
        if member and member in seen:
            yield Problem(
                path,
                f"group {name!r} has member {member!r} twice: each member is accepted once",
                typed=f"user {member!r} is a member of group {name!r} already: each member is accepted once",
            )
        elif _is_missing(member, known, current, wanted):
            yield _unknown_user(path, f"group {name!r} has", member)
        seen.add(member)


def _superiors(
    name: str, group: StoredGroup, before: StoredGroup, current: Inventory, wanted: Inventory
) -> Iterator[Problem]:
    users = [superior.user if (superior := getattr(group, role)) else None for role in ROLES]
    known = before.users()
    for role, user in zip(ROLES, users, strict=True):
        if user is not None and _is_missing(user, known, current, wanted):
            yield _unknown_user(("groups", name, role), f"group {name!r} has as {role}", user)
    if users[0] is not None and users[0] == users[1] and (group.leader, group.deputy) != (before.leader, before.deputy):
        yield Problem(
            ("groups", name, "deputy"),
            f"the leader of group {name!r} cannot be its deputy too: another user is accepted",
        )


def _overflows(name: str, group: StoredGroup, before: StoredGroup) -> Iterator[Problem]:
    """
    Say which overflows lead back to the group itself.

    Two groups that overflow to one another are accepted: the one may have members there when the other has none, and
    a call ends after its third visit to a group (``hunt.VISITS_MAX``).
    """
    if (group.domain, group.number, group.overflows) == (before.domain, before.number, before.overflows):
        return
    for outcome, overflow in group.overflows.items():
        if _leads_to(overflow, group):
            path = ("groups", name, "overflow", outcome.value)
            yield Problem(
                path,
                f"the overflow {outcome.value} of group {name!r} cannot be its own number {group.number}: another "
                "extension is accepted",
                of=[path, ("groups", name, "number"), ("groups", name, "domain")],
            )


def _leads_to(overflow: Overflow, group: StoredGroup) -> bool:
    """
    Return whether a transfer certainly leads to the number of the group.

    It does in the context of a target that names none, and in one that is named like the domain. In other contexts the
    same extension may be something else, such as the voice mail of that number.
    """
    if overflow.action is not OverflowAction.TRANSFER or group.number is None:
        return False
    extension, _, rest = overflow.target.partition(" ")
    context = rest.partition(" ")[2] or DEFAULT_CONTEXT
    try:
        is_its_number = normal_number(extension) == group.number
    except InputError:  # "hangup", say
        return False
    return is_its_number and context.lower() in (DEFAULT_CONTEXT, group.domain)


def _contents(
    name: str,
    kind: str,
    contents: Sequence[Content],
    before: StoredGroup,
    both: tuple[Inventory, Inventory],
) -> Iterator[Problem]:
    known, seen = before.users(), set()
    for position, content in enumerate(contents):
        path = ("groups", name, kind, position)
        key = (content.user, content.number)
        if key in seen and any(key):
            what = f"user {content.user!r}" if content.user else f"number {content.number}"
            yield Problem(
                path,
                f"group {name!r} has {content.user or content.number!r} in {kind} twice: each is accepted once",
                typed=f"{what} is in the {kind} of group {name!r} already: each entry is accepted once",
            )
        elif _is_missing(content.user, known, *both):
            yield _unknown_user(path, f"group {name!r} has in {kind}", content.user)
        seen.add(key)


def _services(
    path: tuple[str, str],
    what: str,
    services: Sequence[str],
    before: Sequence[str],
    both: tuple[Inventory, Inventory],
) -> Iterator[Problem]:
    current, wanted = both
    for service in services:
        was_there = service in before and service not in current.services
        if service and service not in wanted.services and not was_there:
            yield Problem(
                (*path, "services", service),
                f"{what} has the unknown service {service!r}: services of this file and of the database are accepted",
                typed=unknown("service", service),
            )


def _claims(inventory: Inventory) -> dict[Key, list[str]]:
    """Return which groups have a number, in their order."""
    found: dict[Key, list[str]] = {}
    for name, group in inventory.groups.items():
        if group.number is not None:
            found.setdefault((group.domain, group.number), []).append(name)
    return found


def _numbers(current: Inventory, wanted: Inventory) -> Iterator[Problem]:
    """Compare every group number with every line and every other group: who had it keeps it, lines before groups."""
    for key, names in _claims(wanted).items():
        line = wanted.lines.get(key)
        if not key[0] or (line is None and len(names) == 1):
            continue
        groups = sorted(names, key=lambda name: not _has(name, key, current))
        first = groups[0]
        if line is not None and (key in current.lines or not _has(first, key, current)):
            owner, newer = f"a line of user {line.user!r}", groups
        else:
            owner, newer = _owner(first), groups[1:]
            if line is not None:
                yield line_taken(key, line.user, owner)
        for name in newer:
            sentence = f"group {name!r} cannot have the number {key[1]}, it is {owner}: a free number is accepted"
            yield Problem(("groups", name, "number"), sentence)


def _owner(group: str) -> str:
    return f"the number of group {group!r}"


def _has(name: str, key: Key, inventory: Inventory) -> bool:
    group = inventory.groups.get(name)
    return group is not None and (group.domain, group.number) == key


def _is_missing(user: str, known: Collection[str], current: Inventory, wanted: Inventory) -> bool:
    """Return whether a user is named who is not there; one who was named before is, unless known to be gone."""
    if user == UNREADABLE or user in wanted.users:
        return False
    return user not in known or user in current.users


def _are_gone(users: Collection[str], current: Inventory, wanted: Inventory) -> bool:
    return any(user in current.users and user not in wanted.users for user in users)


def _unknown_user(path: Sequence[str | int], what: str, name: str) -> Problem:
    return Problem(
        path,
        f"{what} the unknown user {name!r}: users of this file and of the database are accepted",
        typed=unknown("user", name),
    )
