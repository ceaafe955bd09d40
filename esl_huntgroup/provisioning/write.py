"""
The configuration into the database, with a few statements for each table.

Writing takes what is there and what is to be there, and touches only what differs. The order matters: names change
first; what goes gives its number up before anybody takes it, and numbers may change hands.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import peewee

from esl_huntgroup.db.engine import Progress, execute_many, fetch, insert_rows, run, update_sql
from esl_huntgroup.db.tables import (
    Group,
    GroupService,
    Line,
    Member,
    Overflow,
    PreparedContent,
    Service,
    Superior,
    User,
    UserLevel,
    UserService,
)
from esl_huntgroup.model.group import HuntMode
from esl_huntgroup.provisioning.differences import added_and_changed, removed
from esl_huntgroup.provisioning.model import (
    ATTRIBUTE_NAMES,
    LISTS,
    ROLES,
    Inventory,
    Key,
    StoredGroup,
    StoredUser,
)

_NO_GROUP = StoredGroup("")
_NOBODY = StoredUser("")
_LISTED_MAX = 500
"""More ids than that are not asked for one by one."""


def write_inventory(db: peewee.Database, current: Inventory, wanted: Inventory, progress: Progress) -> None:
    """Make the database hold what is wanted instead of what is there. Belongs in a transaction."""
    progress("removing what goes")
    _rename(db, wanted)
    current = current.renamed_like(wanted)
    _remove(db, Group, removed(current.groups, wanted.groups))
    _give_up_numbers(db, current, wanted)
    for domain, number in removed(current.lines, wanted.lines):
        run(db, Line.delete().where((Line.domain == domain) & (Line.number == number)))
    _remove(db, Service, removed(current.services, wanted.services))
    _write_services(db, current, wanted)
    progress("writing users")
    user_ids = _write_users(db, current, wanted)
    progress("writing lines")
    _write_lines(db, current, wanted, user_ids)
    progress("writing groups")
    _write_groups(db, current, wanted, user_ids)
    # Last, when nobody's lines and places are theirs any more: what the database still deletes with them is nothing.
    _remove(db, User, removed(current.users, wanted.users))


def _rename(db: peewee.Database, wanted: Inventory) -> None:
    for (kind, new), old in wanted.renamed.items():
        if kind == "lines":
            there = (Line.domain == old[0]) & (Line.number == old[1])
            run(db, Line.update(domain=new[0], number=new[1]).where(there))
        else:
            table: Any = {"users": User, "groups": Group}[kind]
            run(db, table.update(name=new).where(table.name == old))


def _remove(db: peewee.Database, table: Any, names: Sequence[str]) -> None:
    for part in _in_parts(names):
        run(db, table.delete().where(table.name.in_(part)))


def _in_parts(things: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """Return the things in parts that one statement can name."""
    return (things[begin : begin + _LISTED_MAX] for begin in range(0, len(things), _LISTED_MAX))


def _give_up_numbers(db: peewee.Database, current: Inventory, wanted: Inventory) -> None:
    kept = [name for name in current.groups if name in wanted.groups]
    moving = [name for name in kept if _number(current, name) not in (None, _number(wanted, name))]
    give_up = update_sql(db, "groups", ("hunt_mode", "number"), ("name",))
    execute_many(db, give_up, [(HuntMode.DISABLED.value, None, name) for name in moving])


def _number(inventory: Inventory, name: str) -> Key | None:
    group = inventory.groups[name]
    return None if group.number is None else (group.domain, group.number)


def _write_services(db: peewee.Database, current: Inventory, wanted: Inventory) -> None:
    added, changed = added_and_changed(current.services, wanted.services)
    insert_rows(db, "services", ("name", "description"), [(name, wanted.services[name]) for name in added])
    sql = update_sql(db, "services", ("description",), ("name",))
    execute_many(db, sql, [(wanted.services[name], name) for name in changed])


def _write_users(db: peewee.Database, current: Inventory, wanted: Inventory) -> dict[str, int]:
    """Write users, their services and levels; return the ids of those who are named in what differs."""
    added, changed = added_and_changed(current.users, wanted.users)
    users = wanted.users
    insert_rows(db, "users", ("name", "display_name"), [(name, users[name].display_name) for name in added])
    sql = update_sql(db, "users", ("display_name",), ("name",))
    execute_many(db, sql, [(users[name].display_name, name) for name in changed])
    ids = _ids(db, User, _users_named(current, wanted))
    differing = (*added, *changed)
    served = [name for name in differing if users[name].services != current.users.get(name, _NOBODY).services]
    granting = [name for name in differing if users[name].levels != current.users.get(name, _NOBODY).levels]
    _empty(db, UserService.user, [ids[name] for name in served if name in current.users])
    _empty(db, UserLevel.owner_user, [ids[name] for name in granting if name in current.users])
    services = [(ids[name], service) for name in served for service in users[name].services]
    insert_rows(db, "user_services", ("user_id", "service"), services)
    levels = [(ids[name], ids[other], level) for name in granting for other, level in users[name].levels.items()]
    insert_rows(db, "user_levels", ("owner_user_id", "other_user_id", "level"), levels)
    return ids


def _write_lines(db: peewee.Database, current: Inventory, wanted: Inventory, user_ids: dict[str, int]) -> None:
    added, changed = added_and_changed(current.lines, wanted.lines)

    def row(key: Key) -> tuple[object, ...]:
        line = wanted.lines[key]
        return (user_ids[line.user], line.kind, line.account, *key)

    columns = ("user_id", "kind", "account")
    insert_rows(db, "lines", (*columns, "domain", "number"), [row(key) for key in added])
    execute_many(db, update_sql(db, "lines", columns, ("domain", "number")), [row(key) for key in changed])


def _write_groups(db: peewee.Database, current: Inventory, wanted: Inventory, user_ids: dict[str, int]) -> None:
    added, changed = added_and_changed(current.groups, wanted.groups)

    def row(name: str, inventory: Inventory = wanted) -> tuple[object, ...]:
        return (*(getattr(inventory.groups[name], column) for column in ATTRIBUTE_NAMES), name)

    differing = [name for name in changed if row(name) != row(name, current)]
    execute_many(db, update_sql(db, "groups", ATTRIBUTE_NAMES, ("name",)), [row(name) for name in differing])
    insert_rows(db, "groups", (*ATTRIBUTE_NAMES, "name"), [row(name) for name in added])
    ids = _ids(db, Group, [*added, *changed])
    for table, columns, rows_of in _PARTS:
        before = {name: list(rows_of(current.groups.get(name, _NO_GROUP))) for name in (*added, *changed)}
        after = {name: list(rows_of(wanted.groups[name])) for name in (*added, *changed)}
        differing = [name for name in after if after[name] != before[name]]
        _empty(db, table.group, [ids[name] for name in differing if before[name]])
        rows = [(ids[name], *_with_user_ids(part, columns, user_ids)) for name in differing for part in after[name]]
        insert_rows(db, table._meta.table_name, ("group_id", *columns), rows)


def _with_user_ids(part: Sequence[object], columns: Sequence[str], user_ids: dict[str, int]) -> Iterable[object]:
    """Return one row with the id in place of a user's name; no name, no id."""
    for column, value in zip(columns, part, strict=True):
        yield user_ids.get(str(value)) if column == "user_id" else value


def _members(group: StoredGroup) -> Iterable[tuple[object, ...]]:
    return enumerate(group.members, start=1)


def _overflows(group: StoredGroup) -> Iterable[tuple[object, ...]]:
    return ((outcome.value, it.action.value, it.target) for outcome, it in sorted(group.overflows.items()))


def _superiors(group: StoredGroup) -> Iterable[tuple[object, ...]]:
    return ((role, *superior) for role in ROLES if (superior := getattr(group, role)))


def _services(group: StoredGroup) -> Iterable[tuple[object, ...]]:
    return ((service,) for service in group.services)


def _contents(group: StoredGroup) -> Iterable[tuple[object, ...]]:
    return (
        (kind, position, content.user or None, content.name or None, content.number or None)
        for kind in LISTS
        for position, content in enumerate(getattr(group, kind), start=1)
    )


_Part = tuple[Any, tuple[str, ...], Callable[[StoredGroup], Iterable[tuple[object, ...]]]]
_PARTS: tuple[_Part, ...] = (
    (Member, ("position", "user_id"), _members),
    (Overflow, ("outcome", "action", "target"), _overflows),
    (Superior, ("role", "user_id", "level"), _superiors),
    (GroupService, ("service",), _services),
    (PreparedContent, ("list", "position", "user_id", "name", "number"), _contents),
)
"""The tables that belong to groups: the columns beside ``group_id``, and how their rows come of a group."""


def _users_named(current: Inventory, wanted: Inventory) -> set[str]:
    """Return the users that what differs names, in whatever way."""
    lines, groups = (
        [*added, *changed]
        for added, changed in (
            added_and_changed(current.lines, wanted.lines),
            added_and_changed(current.groups, wanted.groups),
        )
    )
    users = [name for both in added_and_changed(current.users, wanted.users) for name in both]
    found = {wanted.lines[key].user for key in lines} | set(users)
    for name in users:
        found.update(wanted.users[name].levels)
    for name in groups:
        found.update(wanted.groups[name].users())
    return found


def _ids(db: peewee.Database, table: Any, names: Collection[str]) -> dict[str, int]:
    """Return the ids of what has these names."""
    query = table.select(table.name, table.id)
    if len(names) > _LISTED_MAX:
        return dict(fetch(db, query))
    return dict(fetch(db, query.where(table.name.in_(list(names))))) if names else {}


def _empty(db: peewee.Database, column: Any, ids: Sequence[int]) -> None:
    for part in _in_parts(ids):
        run(db, column.model.delete().where(column.in_(part)))
