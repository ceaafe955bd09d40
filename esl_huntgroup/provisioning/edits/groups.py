"""PURE: edits of groups: what they are, who is in them and leads them, and the lists that they prepare."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from esl_huntgroup.errors import InputError
from esl_huntgroup.model.group import OVERFLOW_OUTCOMES, Overflow
from esl_huntgroup.model.outcome import Outcome
from esl_huntgroup.model.permissions import Level, level
from esl_huntgroup.provisioning import order, values
from esl_huntgroup.provisioning.edits.people import require, require_new
from esl_huntgroup.provisioning.model import ATTRIBUTES, ROLES, Inventory, StoredGroup
from esl_huntgroup.provisioning.values import Content, Superior

SUPERIOR_LEVEL = Level.TEAM
"""What a new leader or deputy has on the members when nothing else is said."""

Values = Mapping[str, Any]
"""
What is to be set of a group, as text: its attributes, ``leader``, ``leader_level``, ``deputy``, ``deputy_level``, and
``overflow``, a list of ``OUTCOME=WHERE``. A switch is a bool; None takes a number or a superior away.
"""


def add_group(now: Inventory, name: str, values_: Values, *, default_domain: str) -> Inventory:
    """Add a group."""
    require_new("group", name, now.groups)
    wanted = now.copy()
    wanted.groups[name] = _with(name, StoredGroup(default_domain), values_)
    return wanted


def change_group(now: Inventory, name: str, values_: Values) -> Inventory:
    """Change what is named; everything else stays. ``name`` is the new name."""
    require("group", name, now.groups)
    wanted = now.copy()
    wanted.groups[name] = _with(name, now.groups[name], values_)
    new_name = values.group_name(values_.get("name", name))
    if new_name == name:
        return wanted
    require_new("group", new_name, now.groups)
    return wanted.renaming("groups", name, new_name)


def remove_group(now: Inventory, name: str) -> Inventory:
    """Remove a group and all that belongs to it; its number is free then."""
    require("group", name, now.groups)
    wanted = now.copy()
    del wanted.groups[name]
    return wanted


def add_members(now: Inventory, group: str, users: Sequence[str], *, position: int | None = None) -> Inventory:
    """Put users into a group from a position on, in the order they are given; without a position, at the end."""
    return _edited(now, group, "members", lambda members: order.inserted(members, users, position))


def move_member(now: Inventory, group: str, user: str, position: int) -> Inventory:
    """Put a member at another position; the others keep their order."""
    _require_members(now, group, [user])
    return _edited(now, group, "members", lambda members: order.moved(members, user, position))


def remove_members(now: Inventory, group: str, users: Sequence[str]) -> Inventory:
    """Take users out of a group; those behind them move up."""
    _require_members(now, group, users)
    return _edited(now, group, "members", lambda members: [user for user in members if user not in users])


def add_content(now: Inventory, kind: str, group: str, new: Content, *, position: int | None = None) -> Inventory:
    """Put an entry into a prepared list of a group, at a position or at the end."""
    return _edited(now, group, kind, lambda current: order.inserted(current, [new], position))


def replace_content(now: Inventory, kind: str, group: str, position: int, new: Content) -> Inventory:
    """Put an entry in the place of another."""

    def edit(current: Sequence[Content]) -> Sequence[Content]:
        order.at(current, position)
        return [new if place == position else old for place, old in enumerate(current, start=1)]

    return _edited(now, group, kind, edit)


def move_content(now: Inventory, kind: str, group: str, position: int, to: int) -> Inventory:
    """Put an entry at another position; the others keep their order."""
    return _edited(now, group, kind, lambda current: order.moved(current, order.at(current, position), to))


def remove_content(now: Inventory, kind: str, group: str, position: int) -> Inventory:
    """Take the entry at a position out of a list."""

    def edit(current: Sequence[Content]) -> Sequence[Content]:
        gone = order.at(current, position)
        return [entry for entry in current if entry != gone]

    return _edited(now, group, kind, edit)


def _edited(now: Inventory, group: str, kind: str, edit: Callable[[Sequence[Any]], Sequence[Any]]) -> Inventory:
    """Return the configuration with one list of a group edited."""
    require("group", group, now.groups)
    wanted, before = now.copy(), now.groups[group]
    changed: dict[str, Any] = {kind: tuple(edit(getattr(before, kind)))}
    wanted.groups[group] = replace(before, **changed)
    return wanted


def _require_members(now: Inventory, group: str, users: Sequence[str]) -> None:
    require("group", group, now.groups)
    for user in users:
        if user not in now.groups[group].members:
            raise InputError(
                f"user {user!r} is not a member of group {group!r}: "
                "a member that `esl-huntgroup member list --group` shows is accepted"
            )


def _with(name: str, group: StoredGroup, given: Values) -> StoredGroup:
    """Return the group with what is given, in normal form."""
    changed: dict[str, Any] = {it.name: _normal(it.check, given[it.name]) for it in ATTRIBUTES if it.name in given}
    changed |= {role: _superior(name, role, getattr(group, role), given) for role in ROLES}
    return replace(group, **changed, overflows={**group.overflows, **dict(map(_overflow, given.get("overflow", ())))})


def _normal(check: Callable[[str], Any], value: Any) -> Any:
    return check(value) if isinstance(value, str) else value


def _superior(name: str, role: str, before: Superior | None, given: Values) -> Superior | None:
    user = given.get(role, before and before.user)
    given_level = given.get(f"{role}_level")
    if user is None:
        if given_level is not None:
            raise InputError(f"group {name!r} has no {role} for a level: give --{role} too")
        return None
    return Superior(user, level(given_level or (before and before.level) or SUPERIOR_LEVEL.word).word)


def _overflow(text: str) -> tuple[Outcome, Overflow]:
    outcome, has_value, where = text.partition("=")
    action, _, target = where.partition(":")
    if not has_value or outcome not in {str(known) for known in OVERFLOW_OUTCOMES}:
        accepted = ", ".join(sorted(OVERFLOW_OUTCOMES))
        raise InputError(f"{text!r} is not an overflow: OUTCOME=WHERE is accepted, with {accepted}")
    return values.overflow_outcome(outcome), values.overflow({action: target} if target else action)
