"""
The configuration in the database: read with a fixed number of queries, written with a few statements for each table.

Writing takes what is there and what is to be there, and touches only what differs. The order matters: what goes gives
its number up before anybody takes it, and numbers may change hands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import peewee

from esl_huntgroup.db.engine import Progress, execute, execute_many, insert_rows, quoted, update_sql
from esl_huntgroup.model.group import HuntMode, Overflow, OverflowAction
from esl_huntgroup.model.outcome import Outcome
from esl_huntgroup.provisioning.diff import added_and_changed, removed
from esl_huntgroup.provisioning.model import (
    LISTS,
    ROLES,
    Content,
    Inventory,
    Key,
    StoredGroup,
    StoredLine,
    StoredUser,
    Superior,
)

_GROUP_COLUMNS = ("domain", "number", "is_active", "hunt_mode", "ring_timeout_s", "ringback", "member_level")
_GONE = StoredGroup("")


# -- reading ----------------------------------------------------------------------------------------------------------


def read_inventory(db: peewee.Database) -> Inventory:
    """Return all that the database holds, in eleven queries. Raises peewee's exceptions."""
    found = Inventory(services=dict(_rows(db, "SELECT name, description FROM services")))
    services = _gathered(db, "SELECT u.name, s.service FROM user_services s JOIN users u ON u.id = s.user_id")
    levels = _gathered(
        db,
        "SELECT a.name, b.name, l.level FROM user_levels l JOIN users a ON a.id = l.owner_user_id "
        "JOIN users b ON b.id = l.other_user_id",
    )
    for name, display_name in _rows(db, "SELECT name, display_name FROM users"):
        its_services = tuple(sorted(service for (service,) in services.get(name, ())))
        found.users[name] = StoredUser(display_name, its_services, dict(sorted(levels.get(name, ()))))
    lines = quoted(db, "lines")
    for domain, number, *line in _rows(
        db, f"SELECT l.domain, l.number, u.name, l.kind, l.account FROM {lines} l JOIN users u ON u.id = l.user_id"
    ):
        found.lines[domain, number] = StoredLine(*line)
    _read_groups(db, found)
    return found


def _read_groups(db: peewee.Database, found: Inventory) -> None:
    members = _gathered(
        db, "SELECT m.group_id, u.name FROM members m JOIN users u ON u.id = m.user_id ORDER BY m.group_id, m.position"
    )
    overflows = _gathered(db, "SELECT group_id, outcome, action, target FROM overflows")
    superiors = _gathered(
        db, "SELECT s.group_id, s.role, u.name, s.level FROM superiors s JOIN users u ON u.id = s.user_id"
    )
    services = _gathered(db, "SELECT group_id, service FROM group_services")
    contents = _gathered(
        db,
        f"SELECT p.group_id, p.{quoted(db, 'list')}, u.name, p.name, p.{quoted(db, 'number')} "
        "FROM prepared_contents p LEFT JOIN users u ON u.id = p.user_id ORDER BY p.group_id, p.position",
    )
    for group_id, name, *values in _rows(
        db, f"SELECT id, name, {', '.join(_GROUP_COLUMNS)} FROM {quoted(db, 'groups')}"
    ):
        given: dict[str, Any] = dict(zip(_GROUP_COLUMNS, values, strict=True))
        given["is_active"] = bool(given["is_active"])
        given |= {role: Superior(user, level) for role, user, level in superiors.get(group_id, ())}
        placed = contents.get(group_id, ())
        given |= {it: tuple(_content(*row) for kind, *row in placed if kind == it) for it in LISTS}
        found.groups[name] = StoredGroup(
            **given,
            members=tuple(member for (member,) in members.get(group_id, ())),
            services=tuple(sorted(service for (service,) in services.get(group_id, ()))),
            overflows={
                Outcome(outcome): Overflow(OverflowAction(action), target)
                for outcome, action, target in overflows.get(group_id, ())
            },
        )


def _content(user: str | None, name: str | None, number: str | None) -> Content:
    return Content(user or "", name or "", number or "")


def _gathered(db: peewee.Database, sql: str) -> dict[Any, list[tuple[Any, ...]]]:
    """Return the rows by their first column, without it."""
    found: dict[Any, list[tuple[Any, ...]]] = {}
    for key, *row in _rows(db, sql):
        found.setdefault(key, []).append(tuple(row))
    return found


def _rows(db: peewee.Database, sql: str) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = execute(db, sql).fetchall()
    return rows


# -- writing ----------------------------------------------------------------------------------------------------------


def write_inventory(db: peewee.Database, current: Inventory, wanted: Inventory, progress: Progress) -> None:
    """Make the database hold what is wanted instead of what is there. Belongs in a transaction."""
    progress("removing what goes")
    _remove(db, "groups", ("name",), [(name,) for name in removed(current.groups, wanted.groups)])
    _give_up_numbers(db, current, wanted)
    gone = removed(current.lines, wanted.lines)
    _remove(db, "lines", ("domain", "number"), gone)
    _remove(db, "services", ("name",), [(name,) for name in removed(current.services, wanted.services)])
    _write_services(db, current, wanted)
    progress("writing users")
    user_ids = _write_users(db, current, wanted)
    progress("writing lines")
    _write_lines(db, current, wanted, user_ids)
    progress("writing groups")
    _write_groups(db, current, wanted, user_ids)
    # Last, when nobody's lines and places are theirs any more: what the database still deletes with them is nothing.
    _remove(db, "users", ("name",), [(name,) for name in removed(current.users, wanted.users)])


def _remove(db: peewee.Database, table: str, key: Sequence[str], keys: Sequence[Sequence[str]]) -> None:
    conditions = " AND ".join(f"{quoted(db, column)} = {db.param}" for column in key)
    execute_many(db, f"DELETE FROM {quoted(db, table)} WHERE {conditions}", keys)


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
    """Write users, their services and levels; return the ids of all users by name."""
    added, changed = added_and_changed(current.users, wanted.users)
    users = wanted.users
    insert_rows(db, "users", ("name", "display_name"), [(name, users[name].display_name) for name in added])
    sql = update_sql(db, "users", ("display_name",), ("name",))
    execute_many(db, sql, [(users[name].display_name, name) for name in changed])
    ids = _ids(db, "users")
    nobody = StoredUser("")
    served = [name for name in (*added, *changed) if users[name].services != current.users.get(name, nobody).services]
    granting = [name for name in (*added, *changed) if users[name].levels != current.users.get(name, nobody).levels]
    _empty(db, "user_services", "user_id", [ids[name] for name in served if name in current.users])
    _empty(db, "user_levels", "owner_user_id", [ids[name] for name in granting if name in current.users])
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

    def row(name: str) -> tuple[object, ...]:
        return (*(getattr(wanted.groups[name], column) for column in _GROUP_COLUMNS), name)

    execute_many(db, update_sql(db, "groups", _GROUP_COLUMNS, ("name",)), [row(name) for name in changed])
    insert_rows(db, "groups", (*_GROUP_COLUMNS, "name"), [row(name) for name in added])
    if not added and not changed:
        return
    ids = _ids(db, "groups")
    for table, columns, rows_of in _PARTS:
        before = {name: list(rows_of(current.groups.get(name, _GONE))) for name in (*added, *changed)}
        after = {name: list(rows_of(wanted.groups[name])) for name in (*added, *changed)}
        differing = [name for name in after if after[name] != before[name]]
        _empty(db, table, "group_id", [ids[name] for name in differing if before[name]])
        rows = [(ids[name], *_with_user_ids(part, columns, user_ids)) for name in differing for part in after[name]]
        insert_rows(db, table, ("group_id", *columns), rows)


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


_Part = tuple[str, tuple[str, ...], Callable[[StoredGroup], Iterable[tuple[object, ...]]]]
_PARTS: tuple[_Part, ...] = (
    ("members", ("position", "user_id"), _members),
    ("overflows", ("outcome", "action", "target"), _overflows),
    ("superiors", ("role", "user_id", "level"), _superiors),
    ("group_services", ("service",), _services),
    ("prepared_contents", ("list", "position", "user_id", "name", "number"), _contents),
)
"""The tables that belong to groups: the columns beside ``group_id``, and how their rows come of a group."""


def _ids(db: peewee.Database, table: str) -> dict[str, int]:
    return dict(_rows(db, f"SELECT name, id FROM {quoted(db, table)}"))


def _empty(db: peewee.Database, table: str, column: str, ids: Sequence[int]) -> None:
    execute_many(db, f"DELETE FROM {table} WHERE {column} = {db.param}", [(it,) for it in ids])
