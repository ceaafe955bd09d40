"""Users: adding, changing, and removing one with everything that goes with it."""

from __future__ import annotations

from collections.abc import Iterator

from esl_huntgroup.provisioning.admin import reading
from esl_huntgroup.provisioning.admin.desk import Desk, exists
from esl_huntgroup.provisioning.admin.lines import line_removed
from esl_huntgroup.provisioning.admin.members import without_members
from esl_huntgroup.provisioning.admin.prepared import LISTS, without_user
from esl_huntgroup.provisioning.change import Change, Shown
from esl_huntgroup.provisioning.schemas import display_name as checked_display_name
from esl_huntgroup.provisioning.schemas import user_name


def add(desk: Desk, name: str, display_name: str | None = None) -> Iterator[Change]:
    """Add a user; without a display name the name is shown."""
    name = _free(desk, name)
    shown_as = checked_display_name(name if display_name is None else display_name)
    desk.insert("users", name=name, display_name=shown_as)
    yield Change("add", "user", name, None, _shown(desk, name))


def change(desk: Desk, name: str, *, new_name: str | None = None, display_name: str | None = None) -> Iterator[Change]:
    """Rename a user, or change how others see this user. What the journal has shown stays."""
    user_id = desk.user_id(name)
    before, values = _shown(desk, name), {}
    if new_name is not None and new_name != name:
        values["name"] = _free(desk, new_name)
    if display_name is not None:
        values["display_name"] = checked_display_name(display_name)
    desk.update("users", {"id": user_id}, values)
    yield Change("set", "user", name, before, _shown(desk, values.get("name", name)))


def remove(desk: Desk, name: str) -> Iterator[Change]:
    """Remove a user, and say what goes along: lines, memberships, the lead of groups, levels, places in lists."""
    desk.lock_groups()
    user_id, before = desk.user_id(name), _shown(desk, name)
    yield from (line_removed(desk, line) for line in reading.lines(desk.db, user=name))
    for member in reading.members(desk.db, user=name):
        yield from without_members(desk, member["group"], [name])
    for level in (*reading.levels(desk.db, owner=name), *reading.levels(desk.db, other=name)):
        yield Change("remove", "level", f"{level['owner']}/{level['other']}", level, None)
    for list_name in LISTS:
        yield from without_user(desk, list_name, name)
    yield from _superior_removed(desk, user_id)
    desk.delete("users", id=user_id)
    yield Change("remove", "user", name, before, None)


def _superior_removed(desk: Desk, user_id: int) -> Iterator[Change]:
    sql = 'SELECT DISTINCT g.name FROM superiors s JOIN "groups" g ON g.id = s.group_id WHERE s.user_id = ?'
    led = reading.rows(desk.db, sql, user_id)
    before = {group: reading.groups(desk.db, group=group)[0] for (group,) in led}
    desk.delete("superiors", user_id=user_id)
    for group, shown in before.items():
        yield Change("set", "group", group, shown, reading.groups(desk.db, group=group)[0])


def _free(desk: Desk, text: str) -> str:
    name = user_name(text)
    if reading.rows(desk.db, "SELECT 1 FROM users WHERE name = ?", name):
        raise exists("user", name)
    return name


def _shown(desk: Desk, name: str) -> Shown:
    return reading.users(desk.db, user=name)[0]
