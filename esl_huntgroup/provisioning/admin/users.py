"""Users: adding, changing, and removing one with everything that goes with it."""

from __future__ import annotations

from collections.abc import Sequence

from esl_huntgroup.provisioning import store
from esl_huntgroup.provisioning.admin.desk import Desk
from esl_huntgroup.provisioning.change import Change
from esl_huntgroup.provisioning.edits import people
from esl_huntgroup.provisioning.store import Scope
from esl_huntgroup.provisioning.values import user_name


def add(desk: Desk, name: str, display_name: str | None = None) -> Sequence[Change]:
    """Add a user; without a display name the name is shown."""
    name = user_name(name)
    return desk.change(Scope(users=[name]), lambda now: people.add_user(now, name, display_name))


def change(desk: Desk, name: str, *, new_name: str | None = None, display_name: str | None = None) -> Sequence[Change]:
    """Rename a user, or change how others see this user. What the journal has shown stays."""
    new = name if new_name is None else user_name(new_name)
    return desk.change(
        Scope(users=[name, new]), lambda now: people.change_user(now, name, new_name=new, display_name=display_name)
    )


def remove(desk: Desk, name: str) -> Sequence[Change]:
    """Remove a user, and say what goes along: lines, memberships, the lead of groups, levels, places in lists."""
    return desk.change(store.scope_about_user(desk.db, name), lambda now: people.remove_user(now, name))
