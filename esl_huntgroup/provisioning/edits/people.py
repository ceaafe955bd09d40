"""PURE: edits of users, of their lines, and of what they grant to one another."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from esl_huntgroup.errors import InputError
from esl_huntgroup.model.numbers import normal_account, normal_number
from esl_huntgroup.model.permissions import level
from esl_huntgroup.provisioning import rules, values
from esl_huntgroup.provisioning.model import Inventory, Key, StoredGroup, StoredLine, StoredUser


def require(kind: str, name: str, things: Collection[str]) -> None:
    """Raise InputError unless there is a thing of this kind and name."""
    if name not in things:
        raise InputError(rules.unknown(kind, name))


def require_new(kind: str, name: str, things: Collection[str]) -> None:
    """Raise InputError when there is a thing of this kind and name already."""
    if name in things:
        raise InputError(f"there is a {kind} {name!r} already: a new name is accepted")


def add_user(now: Inventory, name: str, display_name: str | None = None) -> Inventory:
    """Add a user; without a display name the name is shown."""
    require_new("user", name, now.users)
    wanted = now.copy()
    wanted.users[name] = StoredUser(values.display_name(name if display_name is None else display_name))
    return wanted


def change_user(
    now: Inventory, name: str, *, new_name: str | None = None, display_name: str | None = None
) -> Inventory:
    """Rename a user, or change how others see this user."""
    require("user", name, now.users)
    wanted = now.copy()
    if display_name is not None:
        wanted.users[name] = replace(now.users[name], display_name=values.display_name(display_name))
    if new_name is None or new_name == name:
        return wanted
    require_new("user", new_name, now.users)
    return wanted.renaming("users", name, new_name)


def remove_user(now: Inventory, name: str) -> Inventory:
    """Remove a user with everything that names this user."""
    require("user", name, now.users)
    return without_users(now, {name})


def without_users(now: Inventory, gone: Collection[str]) -> Inventory:
    """Take users away with their lines, memberships, roles, levels and places in prepared lists."""
    wanted = now.copy()
    wanted.users = {name: _without_levels(user, gone) for name, user in now.users.items() if name not in gone}
    wanted.lines = {key: line for key, line in now.lines.items() if line.user not in gone}
    wanted.groups = {name: _without_users(group, gone) for name, group in now.groups.items()}
    return wanted


def add_line(now: Inventory, user: str, key: Key, *, kind: str | None = None, account: str | None = None) -> Inventory:
    """Give a user a line; without an account the number registers."""
    if owner := rules.owner_of(key, now):
        raise InputError(rules.line_taken(key, user, owner).typed)
    wanted = now.copy()
    wanted.lines[key] = line_with(StoredLine(user, values.line_kind("softphone"), key[1]), kind=kind, account=account)
    return wanted


def change_line(
    now: Inventory,
    key: Key,
    *,
    new_number: str | None = None,
    user: str | None = None,
    kind: str | None = None,
    account: str | None = None,
) -> Inventory:
    """Change the number, the user, the kind or the account of a line."""
    line = line_with(require_line(now, key), user=user, kind=kind, account=account)
    wanted = now.copy()
    wanted.lines[key] = line
    new_key = key if new_number is None else (key[0], normal_number(new_number))
    if new_key == key:
        return wanted
    if owner := rules.owner_of(new_key, now):
        raise InputError(rules.line_taken(new_key, line.user, owner).typed)
    return wanted.renaming("lines", key, new_key)


def remove_line(now: Inventory, key: Key) -> Inventory:
    """Remove a line; its number is free then."""
    require_line(now, key)
    wanted = now.copy()
    del wanted.lines[key]
    return wanted


def require_line(now: Inventory, key: Key) -> StoredLine:
    """Return the line. Raises InputError when there is none."""
    if key not in now.lines:
        raise no_line(key)
    return now.lines[key]


def no_line(key: Key) -> InputError:
    """Return the refusal of a number that no line has."""
    domain, number = key
    return InputError(
        f"there is no line {number} in {domain}: a number that `esl-huntgroup line list` shows is accepted"
    )


def line_with(
    line: StoredLine, *, user: str | None = None, kind: str | None = None, account: str | None = None
) -> StoredLine:
    """Return the line with what is given, in normal form; None leaves as it is."""
    return StoredLine(
        line.user if user is None else user,
        line.kind if kind is None else values.line_kind(kind),
        line.account if account is None else normal_account(account),
    )


def grant_level(now: Inventory, owner: str, other: str, text: str) -> Inventory:
    """Let ``owner`` grant ``other`` a level on himself, instead of the one that was granted before."""
    _require_both(now, owner, other)
    return _with_levels(now, owner, {**now.users[owner].levels, other: level(text).word})


def remove_level(now: Inventory, owner: str, other: str) -> Inventory:
    """Take back what ``owner`` granted to ``other``; what groups give stays."""
    _require_both(now, owner, other)
    levels = now.users[owner].levels
    if other not in levels:
        raise InputError(
            f"user {owner!r} grants user {other!r} nothing: a grant that `esl-huntgroup level list` shows is accepted"
        )
    return _with_levels(now, owner, {name: granted for name, granted in levels.items() if name != other})


def _require_both(now: Inventory, owner: str, other: str) -> None:
    for name in (owner, other):
        require("user", name, now.users)


def _with_levels(now: Inventory, owner: str, levels: Mapping[str, str]) -> Inventory:
    wanted = now.copy()
    wanted.users[owner] = replace(now.users[owner], levels=dict(sorted(levels.items())))
    return wanted


def _without_levels(user: StoredUser, gone: Collection[str]) -> StoredUser:
    if not user.levels.keys() & gone:
        return user
    return replace(user, levels={other: level for other, level in user.levels.items() if other not in gone})


def _without_users(group: StoredGroup, gone: Collection[str]) -> StoredGroup:
    leader, deputy = (None if it and it.user in gone else it for it in (group.leader, group.deputy))
    return replace(
        group,
        members=tuple(name for name in group.members if name not in gone),
        leader=leader,
        deputy=deputy,
        favourites=tuple(content for content in group.favourites if content.user not in gone),
        monitor=tuple(content for content in group.monitor if content.user not in gone),
    )
