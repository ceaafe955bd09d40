"""``esl-huntgroup level``: what users grant to one another, and what groups give."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from esl_huntgroup.cli.complete import GROUPS, USERS
from esl_huntgroup.cli.tree import one, tree, words
from esl_huntgroup.errors import InputError
from esl_huntgroup.model.permissions import LEVEL_WORDS
from esl_huntgroup.provisioning.admin import groups, levels, reading
from esl_huntgroup.provisioning.admin.desk import Desk
from esl_huntgroup.provisioning.change import Change

level_tree = tree(
    "level",
    f"Levels that users grant, and that groups give: {', '.join(LEVEL_WORDS)}.",
    example="level set anna bernd team",
)
_owner = click.argument("owner", shell_complete=USERS)
_other = click.argument("other", shell_complete=USERS)
_level = click.argument("level", shell_complete=words(LEVEL_WORDS))


@level_tree.change("add", example="level add anna bernd team")
@_owner
@_other
@_level
def add(desk: Desk, owner: str, other: str, level: str) -> Iterable[Change]:
    """Let OWNER grant OTHER a level on OWNER, as `level set` does. It widens what groups give, and never narrows it."""
    return levels.grant(desk, owner, other, level)


@level_tree.change("set", example="level set anna bernd personal")
@_owner
@_other
@_level
def change(desk: Desk, owner: str, other: str, level: str) -> Iterable[Change]:
    """Let OWNER grant OTHER a level on OWNER, instead of the one before."""
    return levels.grant(desk, owner, other, level)


@level_tree.change("group", example="level group Vertrieb team")
@click.argument("group", shell_complete=GROUPS)
@_level
def change_of_group(desk: Desk, group: str, level: str) -> Iterable[Change]:
    """Set the level that the members of a group have on one another."""
    return groups.change(desk, group, {"member_level": level})


@level_tree.change("remove", example="level remove anna bernd")
@_owner
@_other
def remove(desk: Desk, owner: str, other: str) -> Iterable[Change]:
    """Take back what OWNER grants to OTHER; what groups give stays."""
    return levels.remove(desk, owner, other)


@level_tree.view("show", example="level show anna bernd")
@_owner
@_other
def show(desk: Desk, owner: str, other: str) -> Mapping[str, Any]:
    """Show what OWNER grants to OTHER. `esl-huntgroup rights` says what everything together gives."""
    desk.user_id(owner)
    desk.user_id(other)
    refusal = InputError(f"user {owner!r} grants user {other!r} nothing: two users of `level list` are accepted")
    return one(reading.levels(desk.db, owner=owner, other=other), refusal)


@level_tree.view("list", example="level list --owner anna")
@click.option("--owner", help="only what this user grants", metavar="NAME")
@click.option("--other", help="only what this user is granted", metavar="NAME")
def list_all(desk: Desk, owner: str | None, other: str | None) -> Sequence[Mapping[str, Any]]:
    """List what users grant. What groups give is in `group list`."""
    for name in (owner, other):
        if name is not None:
            desk.user_id(name)
    return reading.levels(desk.db, owner=owner, other=other)
