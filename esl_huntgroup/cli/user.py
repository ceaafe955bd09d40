"""``esl-huntgroup user``: people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from esl_huntgroup.cli.ask import ask
from esl_huntgroup.cli.complete import GROUPS, USERS
from esl_huntgroup.cli.context import settings_of
from esl_huntgroup.cli.tree import one, tree
from esl_huntgroup.db import lookup
from esl_huntgroup.provisioning.admin import reading, users
from esl_huntgroup.provisioning.admin.desk import Desk, unknown
from esl_huntgroup.provisioning.change import Change

user_tree = tree("user", "Users: people with lines, in groups.", example="user list")


def _ask_about_twin(desk: Desk, name: str, **_: Any) -> None:
    """Ask whether to add a name beside one that differs in capitals alone. Raises InputError for a no."""
    twins = lookup.users_in_other_capitals(desk.db, name)
    if twins:
        ask(f"There is a user {twins[0]!r} already. Add {name!r}, which differs in capitals alone, as well?")


@user_tree.change("add", example="user add anna --display-name 'Anna Berg'", before=_ask_about_twin)
@click.argument("name", shell_complete=USERS)
@click.option("--display-name", help="what people read; default: the name", metavar="TEXT")
def add(desk: Desk, name: str, display_name: str | None) -> Iterable[Change]:
    """Add a user. A line comes with `line add`, membership with `member add`."""
    return users.add(desk, name, display_name)


@user_tree.change("set", example="user set anna --display-name 'Anna Berg-Tal'")
@click.argument("name", shell_complete=USERS)
@click.option("--name", "new_name", help="the new name", metavar="NAME")
@click.option("--display-name", help="what people read", metavar="TEXT")
def change(desk: Desk, **given: Any) -> Iterable[Change]:
    """Rename a user, or change what others read. Journal entries keep the name of their time."""
    return users.change(desk, **given)


@user_tree.change("remove", example="user remove anna --dry-run", asks=True)
@click.argument("name", shell_complete=USERS)
def remove(desk: Desk, name: str) -> Iterable[Change]:
    """Remove a user with lines, memberships, levels and places in lists. The journal keeps the name."""
    return users.remove(desk, name)


@user_tree.give("invite", example="user invite anna")
@click.argument("name", shell_complete=USERS)
@click.option("--days", type=int, default=7, show_default=True, help="how long the link is valid", metavar="DAYS")
def invite(desk: Desk, name: str, days: int) -> tuple[Change, str, str]:
    """Print a link by which a user sets the password of the members' page, once. It replaces the one of before."""
    from esl_huntgroup.web.identity import administration

    settings = settings_of(click.get_current_context())
    return administration.invite(desk.db, desk.user_id(name), name, settings, days)


@user_tree.view("show", example="user show anna")
@click.argument("name", shell_complete=USERS)
def show(desk: Desk, name: str) -> Mapping[str, Any]:
    """Show a user with lines, groups and own services."""
    return one(reading.users(desk.db, user=name), unknown("user", name))


@user_tree.view("list", example="user list --group Vertrieb")
@click.option("--group", shell_complete=GROUPS, help="only members of this group", metavar="NAME")
@click.option("--match", default="", help="only who has this text in a name or a line", metavar="TEXT")
def list_all(desk: Desk, group: str | None, match: str) -> Sequence[Mapping[str, Any]]:
    """List users by name, all or some."""
    if group is not None:
        desk.group_id(group)
    return [
        user
        for user in reading.users(desk.db)
        if (group is None or group in user["groups"])
        and any(match.casefold() in text.casefold() for text in (user["name"], user["display_name"], *user["lines"]))
    ]
