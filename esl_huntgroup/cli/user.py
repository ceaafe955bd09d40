"""``esl-huntgroup user``: people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from esl_huntgroup.cli.tree import one, tree
from esl_huntgroup.provisioning.admin import reading, users
from esl_huntgroup.provisioning.admin.desk import Desk, unknown
from esl_huntgroup.provisioning.change import Change

user_tree = tree("user", "Users: people with lines, in groups.", example="user list")


@user_tree.change("add", example="user add anna --display-name 'Anna Berg'")
@click.argument("name")
@click.option("--display-name", help="what people read; default: the name", metavar="TEXT")
def add(desk: Desk, name: str, display_name: str | None) -> Iterable[Change]:
    """Add a user. A line comes with `line add`, membership with `member add`."""
    return users.add(desk, name, display_name)


@user_tree.change("set", example="user set anna --display-name 'Anna Berg-Tal'")
@click.argument("name")
@click.option("--name", "new_name", help="the new name", metavar="NAME")
@click.option("--display-name", help="what people read", metavar="TEXT")
def change(desk: Desk, **given: Any) -> Iterable[Change]:
    """Rename a user, or change what others read. Journal entries keep the name of their time."""
    return users.change(desk, **given)


@user_tree.change("remove", example="user remove anna --dry-run", asks=True)
@click.argument("name")
def remove(desk: Desk, name: str) -> Iterable[Change]:
    """Remove a user with lines, memberships, levels and places in lists. The journal keeps the name."""
    return users.remove(desk, name)


@user_tree.view("show", example="user show anna")
@click.argument("name")
def show(desk: Desk, name: str) -> Mapping[str, Any]:
    """Show a user with lines, groups and own services."""
    return one(reading.users(desk.db, user=name), unknown("user", name))


@user_tree.view("list", example="user list --json")
def list_all(desk: Desk) -> Sequence[Mapping[str, Any]]:
    """List all users."""
    return reading.users(desk.db)
