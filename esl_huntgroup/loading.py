"""
Files into the database: whole or not at all.

A file is read (``yamlfile``), checked value by value (``schemas``) and as a whole against the database (``load_plan``);
only then anything is written, in one transaction, a fixed number of statements for each kind of row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import peewee
from marshmallow import ValidationError

from esl_huntgroup.database import (
    database_errors,
    execute,
    execute_many,
    insert_rows,
    is_refusal,
    one_line,
    quoted,
    update_sql,
)
from esl_huntgroup.errors import InputError
from esl_huntgroup.group import HuntMode, Outcome, Overflow, OverflowAction
from esl_huntgroup.load_plan import Inventory, Key, Plan, StoredGroup, StoredLine, plan
from esl_huntgroup.schemas import FILE
from esl_huntgroup.yamlfile import Node, read_yaml

PROBLEMS_SHOWN_MAX = 100
"""More than that is one problem a hundred times."""

K = TypeVar("K")
V = TypeVar("V")

_GROUP_COLUMNS = ("domain", "number", "hunt_mode", "ring_timeout_s", "ringback")


@dataclass(frozen=True, slots=True)
class Count:
    """What has become of one kind of thing that the file mentions."""

    added: int
    changed: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a load did."""

    users: Count
    lines: Count
    groups: Count

    def sentences(self) -> list[str]:
        """Return one sentence for each kind."""
        counts = ((kind.name, getattr(self, kind.name)) for kind in fields(self))
        return [
            f"{kind}: {count.added} added, {count.changed} changed, {count.unchanged} unchanged"
            for kind, count in counts
        ]


def load_file(db: peewee.Database, path: Path, *, default_domain: str) -> LoadReport:
    """
    Bring the users, lines, groups and members of the file into the database, all of them or none.

    Users and groups are recognised by name, lines by domain and number. Raises InputError with a line for every
    reason, up to PROBLEMS_SHOWN_MAX of them, and DatabaseError; nothing has been changed then.
    """
    node = read_yaml(path)
    content = _checked(node, path)
    with database_errors(db):
        try:
            return _load(db, content, node, path, default_domain)
        except peewee.DatabaseError as error:
            if not is_refusal(error):
                raise
            # Somebody else was faster: what the file says fits no longer. Look again, for the sentence that says so.
            _planned(_read(db), content, node, path, default_domain)
            raise InputError(f"{path}: the database refuses what the file says: {one_line(error)}") from error


def _load(db: peewee.Database, content: Mapping[str, Any], node: Node, path: Path, default_domain: str) -> LoadReport:
    with db.atomic():
        current = _read(db)
        wanted = _planned(current, content, node, path, default_domain).wanted
        _write_users(db, current, wanted)
        user_ids = _ids(db, "users")
        _write_lines(db, current, wanted, user_ids)
        _write_groups(db, current, wanted, user_ids)
    return _report(content, current, wanted)


def _checked(node: Node, path: Path) -> Mapping[str, Any]:
    """Return what the file says, in normal form. Raises InputError."""
    try:
        content: Mapping[str, Any] = FILE.load(node.plain())
    except ValidationError as error:
        found = ((where, what) for where, what in _flat(error.messages, ()))
        raise _refusal(node, path, ((where, _named(node, where) + what) for where, what in found)) from error
    return content


def _planned(current: Inventory, content: Mapping[str, Any], node: Node, path: Path, default_domain: str) -> Plan:
    planned = plan(content, current, default_domain=default_domain)
    if planned.problems:
        raise _refusal(node, path, ((problem.path, problem.sentence) for problem in planned.problems))
    return planned


def _flat(messages: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Turn marshmallow's nested messages into pairs of a path in the file and a sentence."""
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            yield from _flat(inner, path if key == "_schema" else (*path, key))
    elif isinstance(messages, str):
        yield path, messages
    else:
        for inner in messages:
            yield from _flat(inner, path)


def _named(node: Node, where: Sequence[str | int]) -> str:
    """Return which user or group the path leads into, and to which of its keys, for the start of a sentence."""
    if len(where) < 2:
        return "".join(f"{step}: " for step in where)
    item = node.at(where[:2])
    name = item.at(("name",)).value
    kind = str(where[0]).removesuffix("s")
    named = f"{kind} {name!r}" if isinstance(name, str) else f"{kind} {int(where[1]) + 1}"
    keys = [str(step) for step in where[2:] if isinstance(step, str)]
    return ", ".join([named, *keys]) + ": "


def _refusal(node: Node, path: Path, problems: Iterable[tuple[Sequence[str | int], str]]) -> InputError:
    placed = sorted((node.at(where).line, what) for where, what in problems)
    lines = [f"{path}, line {line}: {what}" for line, what in placed[:PROBLEMS_SHOWN_MAX]]
    if len(placed) > PROBLEMS_SHOWN_MAX:
        lines.append(f"{path}: and {len(placed) - PROBLEMS_SHOWN_MAX} more")
    return InputError("\n".join(lines))


def _read(db: peewee.Database) -> Inventory:
    """Return all that the database holds, in five queries."""
    found = Inventory(users=dict(_rows(db, "SELECT name, display_name FROM users")))
    lines, groups = quoted(db, "lines"), quoted(db, "groups")
    for domain, number, *line in _rows(
        db, f"SELECT l.domain, l.number, u.name, l.kind, l.account FROM {lines} l JOIN users u ON u.id = l.user_id"
    ):
        found.lines[domain, number] = StoredLine(*line)
    members: dict[int, list[str]] = {}
    for group_id, name in _rows(
        db, "SELECT m.group_id, u.name FROM members m JOIN users u ON u.id = m.user_id ORDER BY m.group_id, m.position"
    ):
        members.setdefault(group_id, []).append(name)
    overflows: dict[int, dict[Outcome, Overflow]] = {}
    for group_id, outcome, action, target in _rows(db, "SELECT group_id, outcome, action, target FROM overflows"):
        overflows.setdefault(group_id, {})[Outcome(outcome)] = Overflow(OverflowAction(action), target)
    for group_id, name, *values in _rows(db, f"SELECT id, name, {', '.join(_GROUP_COLUMNS)} FROM {groups}"):
        columns = dict(zip(_GROUP_COLUMNS, values, strict=True))
        its_members, its_overflows = tuple(members.get(group_id, ())), overflows.get(group_id, {})
        found.groups[name] = StoredGroup(**columns, members=its_members, overflows=its_overflows)
    return found


def _rows(db: peewee.Database, sql: str) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = execute(db, sql).fetchall()
    return rows


def _ids(db: peewee.Database, table: str) -> dict[str, int]:
    return dict(_rows(db, f"SELECT name, id FROM {quoted(db, table)}"))


def _write_users(db: peewee.Database, current: Inventory, wanted: Inventory) -> None:
    added, changed = _difference(current.users, wanted.users)
    insert_rows(db, "users", ("name", "display_name"), [(name, wanted.users[name]) for name in added])
    sql = update_sql(db, "users", ("display_name",), ("name",))
    execute_many(db, sql, [(wanted.users[name], name) for name in changed])


def _write_lines(db: peewee.Database, current: Inventory, wanted: Inventory, user_ids: Mapping[str, int]) -> None:
    added, changed = _difference(current.lines, wanted.lines)

    def row(key: Key) -> tuple[object, ...]:
        line = wanted.lines[key]
        return (user_ids[line.user], line.kind, line.account, *key)

    columns = ("user_id", "kind", "account")
    insert_rows(db, "lines", (*columns, "domain", "number"), [row(key) for key in added])
    execute_many(db, update_sql(db, "lines", columns, ("domain", "number")), [row(key) for key in changed])


def _write_groups(db: peewee.Database, current: Inventory, wanted: Inventory, user_ids: Mapping[str, int]) -> None:
    added, changed = _difference(current.groups, wanted.groups)

    def row(name: str) -> tuple[object, ...]:
        return (*(getattr(wanted.groups[name], column) for column in _GROUP_COLUMNS), name)

    # Numbers may change hands within the file: all are given up before the first is taken.
    moving = [name for name in changed if _number(current, name) != _number(wanted, name)]
    give_up = update_sql(db, "groups", ("hunt_mode", "number"), ("name",))
    execute_many(db, give_up, [(HuntMode.DISABLED.value, None, name) for name in moving])
    execute_many(db, update_sql(db, "groups", _GROUP_COLUMNS, ("name",)), [row(name) for name in changed])
    insert_rows(db, "groups", (*_GROUP_COLUMNS, "name"), [row(name) for name in added])
    _write_members(db, current, wanted, [*added, *changed], user_ids)


def _number(inventory: Inventory, name: str) -> Key | None:
    group = inventory.groups[name]
    return None if group.number is None else (group.domain, group.number)


def _write_members(
    db: peewee.Database, current: Inventory, wanted: Inventory, names: Sequence[str], user_ids: Mapping[str, int]
) -> None:
    """Replace the members and overflows of the groups where they differ."""
    if not names:
        return
    ids = _ids(db, "groups")
    nothing = StoredGroup("")
    before = {name: current.groups.get(name, nothing) for name in names}
    regrouped = [name for name in names if wanted.groups[name].members != before[name].members]
    rerouted = [name for name in names if wanted.groups[name].overflows != before[name].overflows]
    _delete_of(db, "members", [ids[name] for name in regrouped if before[name].members])
    _delete_of(db, "overflows", [ids[name] for name in rerouted if before[name].overflows])
    members = [
        (ids[name], position, user_ids[member])
        for name in regrouped
        for position, member in enumerate(wanted.groups[name].members, start=1)
    ]
    insert_rows(db, "members", ("group_id", "position", "user_id"), members)
    overflows = [
        (ids[name], outcome.value, overflow.action.value, overflow.target)
        for name in rerouted
        for outcome, overflow in wanted.groups[name].overflows.items()
    ]
    insert_rows(db, "overflows", ("group_id", "outcome", "action", "target"), overflows)


def _delete_of(db: peewee.Database, table: str, group_ids: Sequence[int]) -> None:
    execute_many(db, f"DELETE FROM {table} WHERE group_id = {db.param}", [(group_id,) for group_id in group_ids])


def _difference(current: Mapping[K, V], wanted: Mapping[K, V]) -> tuple[list[K], list[K]]:
    """Return the keys that are new and those whose value differs."""
    added = [key for key in wanted if key not in current]
    changed = [key for key, value in wanted.items() if key in current and current[key] != value]
    return added, changed


def _report(content: Mapping[str, Any], current: Inventory, wanted: Inventory) -> LoadReport:
    lines = sum(len(user.get("lines", ())) for user in content["users"])
    return LoadReport(
        users=_count(current.users, wanted.users, len(content["users"])),
        lines=_count(current.lines, wanted.lines, lines),
        groups=_count(current.groups, wanted.groups, len(content["groups"])),
    )


def _count(current: Mapping[Any, object], wanted: Mapping[Any, object], mentioned: int) -> Count:
    added, changed = _difference(current, wanted)
    return Count(len(added), len(changed), mentioned - len(added) - len(changed))
