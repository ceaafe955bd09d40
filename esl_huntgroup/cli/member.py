"""``esl-huntgroup member``: who is in which group, and where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from esl_huntgroup.cli.complete import GROUPS, USERS
from esl_huntgroup.cli.tree import one, tree
from esl_huntgroup.errors import InputError
from esl_huntgroup.provisioning.admin import members, reading
from esl_huntgroup.provisioning.admin.desk import Desk
from esl_huntgroup.provisioning.change import Change

member_tree = tree(
    "member", "Members: who is in a group, in the order of the phones.", example="member list --group Vertrieb"
)
_users = click.argument("users", nargs=-1, required=True, shell_complete=USERS)


@member_tree.change("add", example="member add Vertrieb anna bernd --position 1")
@click.argument("group", shell_complete=GROUPS)
@_users
@click.option("--position", type=int, help="where the first one comes; default: at the end", metavar="POSITION")
def add(desk: Desk, group: str, users: Sequence[str], position: int | None) -> Iterable[Change]:
    """Put users into a group."""
    return members.add(desk, group, users, position=position)


@member_tree.change("move", example="member move Vertrieb anna 2")
@click.argument("group", shell_complete=GROUPS)
@click.argument("user", shell_complete=USERS)
@click.argument("position", type=int)
def move(desk: Desk, group: str, user: str, position: int) -> Iterable[Change]:
    """Put a member at another position."""
    return members.move(desk, group, user, position)


@member_tree.change("remove", example="member remove Vertrieb anna")
@click.argument("group", shell_complete=GROUPS)
@_users
def remove(desk: Desk, group: str, users: Sequence[str]) -> Iterable[Change]:
    """Take users out of a group."""
    return members.remove(desk, group, users)


@member_tree.view("show", example="member show Vertrieb anna")
@click.argument("group", shell_complete=GROUPS)
@click.argument("user", shell_complete=USERS)
def show(desk: Desk, group: str, user: str) -> Mapping[str, Any]:
    """Show where in a group a member is."""
    desk.group_id(group)
    desk.user_id(user)
    refusal = InputError(f"user {user!r} is not a member of group {group!r}: a member is accepted")
    return one(reading.members(desk.db, group=group, user=user), refusal)


@member_tree.view("list", example="member list --group Vertrieb")
@click.option("--group", help="only members of this group", shell_complete=GROUPS, metavar="NAME")
@click.option("--user", help="only memberships of this user", shell_complete=USERS, metavar="NAME")
def list_all(desk: Desk, group: str | None, user: str | None) -> Sequence[Mapping[str, Any]]:
    """List members by group and position."""
    if group is not None:
        desk.group_id(group)
    if user is not None:
        desk.user_id(user)
    return reading.members(desk.db, group=group, user=user)
