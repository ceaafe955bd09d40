"""``esl-huntgroup group``: user groups, which are hunt groups as well when their mode says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import click

from esl_huntgroup.cli.complete import GROUPS, USERS, Completion
from esl_huntgroup.cli.tree import one, tree, words
from esl_huntgroup.db import lookup
from esl_huntgroup.model.permissions import LEVEL_WORDS
from esl_huntgroup.provisioning.admin import groups, reading
from esl_huntgroup.provisioning.admin.desk import Desk, unknown
from esl_huntgroup.provisioning.change import Change
from esl_huntgroup.provisioning.model import ATTRIBUTES

group_tree = tree("group", "Groups: users with common rights, and hunt groups.", example="group show Vertrieb")
_LEVELS = ", ".join(LEVEL_WORDS)
_SUPERIORS = (
    ("leader", "the leader, not necessarily a member", "NAME", ()),
    ("leader_level", f"what the leader has on the members: {_LEVELS}", "LEVEL", LEVEL_WORDS),
    ("deputy", "the deputy of the leader", "NAME", ()),
    ("deputy_level", f"what the deputy has on the members: {_LEVELS}", "LEVEL", LEVEL_WORDS),
)
_TAKEN_AWAY = (*(it.name for it in ATTRIBUTES if it.is_optional), "leader", "deputy")


def _completion(name: str, accepted: Iterable[str]) -> Completion:
    return USERS if name in ("leader", "deputy") else words(accepted)


def _values(function: Callable[..., Iterable[Change]]) -> Callable[..., Iterable[Change]]:
    """Add an option for everything that can be set of a group; its attributes say themselves how."""
    overflow = "after OUTCOME: dialplan, transfer:EXTENSION or respond:STATUS; several times"
    function = click.option("--overflow", multiple=True, help=overflow, metavar="OUTCOME=WHERE")(function)
    for it in reversed([it for it in ATTRIBUTES if it.switch]):
        function = click.option(it.switch, it.name, default=None, help=it.sentence)(function)
    attributes = ((it.name, it.sentence, it.metavar, it.words) for it in ATTRIBUTES if not it.switch)
    for name, what, metavar, accepted in reversed([*attributes, *_SUPERIORS]):
        option, completed = "--" + name.replace("_", "-"), _completion(name, accepted)
        function = click.option(option, name, help=what, metavar=metavar, shell_complete=completed)(function)
    return function


def _no_options(function: Callable[..., Iterable[Change]]) -> Callable[..., Iterable[Change]]:
    """Add ``--no-…`` for everything that can be taken away."""
    for name in reversed(_TAKEN_AWAY):
        help_ = _GIVEN_UP.get(name, f"the group has no {name.replace('_', ' ')} any more")
        function = click.option(f"--no-{name.replace('_', '-')}", is_flag=True, help=help_)(function)
    return function


_GIVEN_UP = {"number": "give the group number up"}


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was given; ``--no-number`` and the like as None."""
    given = {name: value for name, value in options.items() if value is not None and not name.startswith("no_")}
    for name in _TAKEN_AWAY:
        if options.get(f"no_{name}"):
            if name in given:
                raise click.UsageError(f"--{name} and --no-{name} exclude each other")
            given[name] = None
    return given


@group_tree.change("add", example="group add Vertrieb --number 700 --hunt-mode softphone --leader anna")
@click.argument("group", shell_complete=GROUPS)
@_values
def add(desk: Desk, group: str, **options: Any) -> Iterable[Change]:
    """Add a group. Members come with `member add`."""
    return groups.add(desk, group, _given(options))


@group_tree.change("set", example="group set Vertrieb --ring-timeout-s 20 --overflow no_answer=transfer:9000")
@click.argument("group", shell_complete=GROUPS)
@click.option("--name", help="the new name", metavar="NAME")
@_values
@_no_options
def change(desk: Desk, group: str, **options: Any) -> Iterable[Change]:
    """Change a group; what is not named stays."""
    return groups.change(desk, group, _given(options))


@group_tree.change("remove", example="group remove Vertrieb --dry-run", asks=True)
@click.argument("group", shell_complete=GROUPS)
def remove(desk: Desk, group: str) -> Iterable[Change]:
    """Remove a group with its memberships, lists and overflows; its number is free then."""
    return groups.remove(desk, group)


@group_tree.view("show", example="group show Vertrieb")
@click.argument("group", shell_complete=GROUPS)
def show(desk: Desk, group: str) -> Mapping[str, Any]:
    """Show a group with everything that belongs to it. GROUP is its name, number or NUMBER@DOMAIN."""
    return one(reading.groups(desk.db, group=_name_of_group(desk, group)), unknown("group", group))


def _name_of_group(desk: Desk, what: str) -> str:
    """Return the name of the group that is meant. Raises InputError for the number of more than one."""
    found = lookup.groups(desk.db, what)
    if len(found) > 1:
        raise lookup.more_than_one(what, found)
    return found[0].name if found else what


_LISTED = ("name", "is_active", "number", "domain", "hunt_mode", "ring_timeout_s", "member_level", "leader", "members")


@group_tree.view("list", example="group list")
def list_all(desk: Desk) -> Sequence[Mapping[str, Any]]:
    """List all groups by name."""
    found = reading.groups(desk.db)
    if click.get_current_context().params["as_json"]:
        return found
    return [{**{key: group[key] for key in _LISTED}, "members": len(group["members"])} for group in found]
