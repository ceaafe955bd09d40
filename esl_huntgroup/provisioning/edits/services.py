"""PURE: edits of services and of who has them. A grant adds; not granting forbids nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

from esl_huntgroup.errors import InputError
from esl_huntgroup.provisioning import values
from esl_huntgroup.provisioning.edits.people import require, require_new
from esl_huntgroup.provisioning.model import Inventory


def add_service(now: Inventory, name: str, description: str = "") -> Inventory:
    """Add a service that can be granted."""
    require_new("service", name, now.services)
    return _described(now, name, description)


def change_service(now: Inventory, name: str, description: str) -> Inventory:
    """Describe a service anew."""
    require("service", name, now.services)
    return _described(now, name, description)


def remove_service(now: Inventory, name: str) -> Inventory:
    """Remove a service, and every grant of it."""
    require("service", name, now.services)
    return without_services(now, {name})


def without_services(now: Inventory, gone: Collection[str]) -> Inventory:
    """Take services away, and every grant of them."""
    wanted = now.copy()
    wanted.services = {name: text for name, text in now.services.items() if name not in gone}
    for things in (wanted.users, wanted.groups):
        _each(things, tuple(things), lambda services: [it for it in services if it not in gone])
    return wanted


def grant_service(now: Inventory, name: str, groups: Sequence[str], users: Sequence[str]) -> Inventory:
    """Grant a service to groups, and so to each of their members, and to single users. Again does no harm."""
    return _granted(now, name, groups, users, lambda services: {*services, name})


def revoke_service(now: Inventory, name: str, groups: Sequence[str], users: Sequence[str]) -> Inventory:
    """Take a service back from groups and users who have it. Raises InputError for one who has not."""
    require("service", name, now.services)
    for kind, things, wanted in (("group", now.groups, groups), ("user", now.users, users)):
        for one in wanted:
            if one not in things or name not in things[one].services:
                raise InputError(
                    f"{kind} {one!r} has not been granted service {name!r}: "
                    "one that `esl-huntgroup service show` names is accepted"
                )
    return _granted(now, name, groups, users, lambda services: [it for it in services if it != name])


def _described(now: Inventory, name: str, description: str) -> Inventory:
    wanted = now.copy()
    wanted.services[name] = values.description(description)
    return wanted


def _granted(
    now: Inventory,
    name: str,
    groups: Sequence[str],
    users: Sequence[str],
    edit: Callable[[Sequence[str]], Collection[str]],
) -> Inventory:
    require("service", name, now.services)
    if not groups and not users:
        raise InputError("nobody is named: --group or --user is accepted, several times")
    wanted = now.copy()
    for kind, things, named in (("group", wanted.groups, groups), ("user", wanted.users, users)):
        for one in named:
            require(kind, one, things)
        _each(things, named, edit)
    return wanted


def _each(things: dict[str, Any], names: Sequence[str], edit: Callable[[Sequence[str]], Collection[str]]) -> None:
    for name in names:
        services = tuple(sorted(edit(things[name].services)))
        if services != things[name].services:
            things[name] = replace(things[name], services=services)
