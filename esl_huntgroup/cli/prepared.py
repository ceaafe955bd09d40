"""``esl-huntgroup favourite`` and ``monitor``: what groups prepare for their members. The commands are alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from esl_huntgroup.cli.complete import GROUPS, USERS
from esl_huntgroup.cli.tree import Tree, tree
from esl_huntgroup.provisioning.admin import prepared, reading
from esl_huntgroup.provisioning.admin.desk import Desk
from esl_huntgroup.provisioning.admin.distribution import entries_of
from esl_huntgroup.provisioning.change import Change
from esl_huntgroup.provisioning.order import at
from esl_huntgroup.provisioning.resource_lists import ListEntry, resource_lists

_group = click.argument("group", shell_complete=GROUPS)
_position = click.argument("position", type=int)


def _entry_options(function: Any) -> Any:
    function = click.option("--number", help="the number of the external contact", metavar="NUMBER")(function)
    function = click.option("--name", help="the name of an external contact", metavar="TEXT")(function)
    return click.option("--user", help="a user", shell_complete=USERS, metavar="NAME")(function)


def _tree(list_name: str, command: str) -> Tree:
    commands = tree(
        command, f"What groups prepare for the {list_name} of their members.", example=f"{command} list anna"
    )

    @commands.change("add", example=f"{command} add Vertrieb --name Taxi --number +4930202020 --position 1")
    @_group
    @click.argument("member", required=False, metavar="[USER]", shell_complete=USERS)
    @_entry_options
    @click.option("--position", type=int, help="default: at the end", metavar="POSITION")
    def add(desk: Desk, group: str, member: str | None, position: int | None, **entry: Any) -> Iterable[Change]:
        """Prepare an entry: a USER, or an external contact."""
        entry["user"] = _one_user(member, entry["user"])
        return prepared.add(desk, list_name, group, prepared.content(**entry), position=position)

    @commands.change("set", example=f"{command} set Vertrieb 1 --user anna")
    @_group
    @_position
    @_entry_options
    def change(desk: Desk, group: str, position: int, **entry: Any) -> Iterable[Change]:
        """Put an entry in the place of another."""
        return prepared.replace(desk, list_name, group, position, prepared.content(**entry))

    @commands.change("move", example=f"{command} move Vertrieb 3 1")
    @_group
    @_position
    @click.argument("to", type=int)
    def move(desk: Desk, group: str, position: int, to: int) -> Iterable[Change]:
        """Put an entry at another position."""
        return prepared.move(desk, list_name, group, position, to)

    @commands.change("remove", example=f"{command} remove Vertrieb 1")
    @_group
    @_position
    def remove(desk: Desk, group: str, position: int) -> Iterable[Change]:
        """Take the entry at a position away."""
        return prepared.remove(desk, list_name, group, position)

    @commands.view("show", example=f"{command} show Vertrieb 1")
    @_group
    @_position
    def show(desk: Desk, group: str, position: int) -> Mapping[str, Any]:
        """Show the entry at a position."""
        desk.group_id(group)
        return at(reading.contents(desk.db, list_name, group=group), position)

    @commands.view("list", example=f"{command} list anna --resource-lists")
    @click.argument("user", required=False, shell_complete=USERS)
    @click.option("--user", "named", shell_complete=USERS, help="the same as USER", metavar="NAME")
    @click.option("--group", help="only what this group has prepared", shell_complete=GROUPS, metavar="NAME")
    @click.option("--resource-lists", "as_xml", is_flag=True, help="for phones: XML of RFC 4826; needs USER")
    def list_all(
        desk: Desk, user: str | None, named: str | None, group: str | None, as_xml: bool
    ) -> Sequence[Mapping[str, Any]] | str:
        """List what groups have prepared; or, with USER, what this user gets, and from which groups."""
        user = _one_user(user, named)
        if user is None and not as_xml:
            if group is not None:
                desk.group_id(group)
            return reading.contents(desk.db, list_name, group=group)
        if user is None or group is not None:
            raise click.UsageError("USER goes with --resource-lists, and without --group")
        found = entries_of(desk.db, list_name, user)
        return resource_lists(list_name, found) if as_xml else [_shown(entry) for entry in found]

    return commands


def _one_user(argument: str | None, option: str | None) -> str | None:
    """Return the user that is named, as an argument or by ``--user``."""
    if argument is not None and option not in (None, argument):
        raise click.UsageError("USER and --user exclude each other")
    return option if argument is None else argument


def _shown(entry: ListEntry) -> Mapping[str, Any]:
    return {
        "display_name": entry.display_name,
        "user": entry.user or None,
        "number": entry.address,
        "uri": entry.uri,
        "groups": list(entry.groups),
    }


favourite_tree = _tree("favourites", prepared.LISTS["favourites"])
monitor_tree = _tree("monitor", prepared.LISTS["monitor"])
