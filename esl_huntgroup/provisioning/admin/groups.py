"""User groups: everything about a group itself. Members, services and lists have modules of their own."""

from __future__ import annotations

from collections.abc import Sequence

from esl_huntgroup.provisioning.admin.desk import Desk
from esl_huntgroup.provisioning.change import Change
from esl_huntgroup.provisioning.edits import groups
from esl_huntgroup.provisioning.edits.groups import Values
from esl_huntgroup.provisioning.store import Scope
from esl_huntgroup.provisioning.values import group_name


def add(desk: Desk, name: str, values: Values) -> Sequence[Change]:
    """Add a group. ``values`` are as for ``change``, without a name."""
    name = group_name(name)
    return desk.change(
        Scope(groups=[name]),
        lambda now: groups.add_group(now, name, values, default_domain=desk.default_domain),
    )


def change(desk: Desk, name: str, values: Values) -> Sequence[Change]:
    """Change what ``values`` names; everything else stays."""
    names = [name, group_name(values.get("name", name))]
    return desk.change(Scope(groups=names), lambda now: groups.change_group(now, name, values))


def remove(desk: Desk, name: str) -> Sequence[Change]:
    """Remove a group and all that belongs to it; its number is free then."""
    return desk.change(Scope(groups=[name]), lambda now: groups.remove_group(now, name))
