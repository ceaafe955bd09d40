"""PURE: what a document takes away, and everything that goes with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from esl_huntgroup.provisioning.document import Problem
from esl_huntgroup.provisioning.model import Inventory, StoredGroup, StoredUser

Item = Mapping[str, Any]


def take_away(file: Item, wanted: Inventory, default_domain: str) -> Iterator[Problem]:
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
