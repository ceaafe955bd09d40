"""
The configuration in the database, read: all of it, or what a command touches, in a fixed number of queries.

``Scope`` says what is read. Whoever is named in what was read (a member of a group, say) is known to be there without
being read. ``write`` writes.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, NamedTuple

import peewee

from esl_huntgroup.db.engine import fetch
from esl_huntgroup.db.tables import (
    Group,
    GroupService,
    Line,
    Member,
    Number,
    PreparedContent,
    Service,
    Superior,
    User,
    UserLevel,
    UserService,
)
from esl_huntgroup.db.tables import Overflow as OverflowRow
from esl_huntgroup.model.group import Overflow, OverflowAction
from esl_huntgroup.model.outcome import Outcome
from esl_huntgroup.provisioning import values
from esl_huntgroup.provisioning.model import (
    ATTRIBUTES,
    LISTS,
    Inventory,
    Key,
    StoredGroup,
    StoredLine,
    StoredUser,
)
from esl_huntgroup.provisioning.values import Content

NAMES_MAX = 500
"""More names than that are not listed in a query: everything is read, which costs less."""

Names = Collection[str] | None
"""Which things of a kind; None is all of them."""


class Scope(NamedTuple):
    """What is read: things by name, lines by domain and number; None is all of them."""

    services: Names = ()
    users: Names = ()
    lines: Collection[Key] | None = ()
    groups: Names = ()


WHOLE = Scope(None, None, None, None)


def read_inventory(db: peewee.Database, scope: Scope = WHOLE) -> Inventory:
    """Return what the database holds of the scope, in at most eleven queries. Raises peewee's exceptions."""
    found = Inventory()
    if _is_wanted(scope.services):
        named = _named(Service, scope.services)
        found.services = dict(_rows(db, Service.select(Service.name, Service.description), named))
    if _is_wanted(scope.users):
        found.users = _users(db, _named(User, scope.users))
    if _is_wanted(scope.lines):
        found.lines = _lines(db, scope.lines)
    if _is_wanted(scope.groups):
        found.groups = _groups(db, _named(Group, scope.groups))
    return found


def scope_about_user(db: peewee.Database, name: str) -> Scope:
    """Return the scope of a user and of everything that names this user. Five queries."""
    user = User.select(User.id).where(User.name == name)
    groups: set[str] = set()
    for table in (Member, Superior, PreparedContent):
        groups |= _names(db, Group.select(Group.name).join(table).where(table.user == user))
    owners = User.select(User.name).join(UserLevel, on=(UserLevel.owner_user == User.id))
    lines = fetch(db, Line.select(Line.domain, Line.number).where(Line.user == user))
    users = {name} | _names(db, owners.where(UserLevel.other_user == user))
    return Scope((), _few(users), [(domain, number) for domain, number in lines], _few(groups))


def scope_about_service(db: peewee.Database, name: str) -> Scope:
    """Return the scope of a service and of everybody who has it. Two queries."""
    users = _names(db, User.select(User.name).join(UserService).where(UserService.service == name))
    groups = _names(db, Group.select(Group.name).join(GroupService).where(GroupService.service == name))
    return Scope((name,), _few(users), (), _few(groups))


def read_owners(db: peewee.Database, keys: Iterable[Key]) -> Inventory:
    """Return the lines and groups that have these numbers. Raises peewee's exceptions."""
    wanted = set(keys)
    if not wanted:
        return Inventory()
    lines = read_inventory(db, Scope(lines=wanted))
    owned = (Number.owner_kind == "group") & _any(Number, wanted)
    names = _names(db, Group.select(Group.name).join(Number, on=(Number.owner_id == Group.id)).where(owned))
    return lines.along_with(read_inventory(db, Scope(groups=names)))


# -- the parts --------------------------------------------------------------------------------------------------------


def _users(db: peewee.Database, named: Any) -> dict[str, StoredUser]:
    services = _gathered(_rows(db, UserService.select(User.name, UserService.service).join(User), named))
    other = User.alias()
    granted = (
        UserLevel.select(User.name, other.name, UserLevel.level)
        .join(User, on=(UserLevel.owner_user == User.id))
        .join(other, on=(UserLevel.other_user == other.id))
    )
    levels = _gathered(_rows(db, granted, named))
    return {
        name: StoredUser(
            display_name,
            tuple(sorted(service for (service,) in services.get(name, ()))),
            dict(sorted(levels.get(name, ()))),
        )
        for name, display_name in _rows(db, User.select(User.name, User.display_name), named)
    }


def _lines(db: peewee.Database, keys: Collection[Key] | None) -> dict[Key, StoredLine]:
    query = Line.select(Line.domain, Line.number, User.name, Line.kind, Line.account).join(User)
    found = _rows(db, query, None if keys is None or len(keys) > NAMES_MAX else _any(Line, keys))
    return {(domain, number): StoredLine(*line) for domain, number, *line in found}


_FLAGS = tuple(it.name for it in ATTRIBUTES if it.check is values.flag)
"""What SQLite and MariaDB have as numbers."""
_OF_GROUPS: tuple[tuple[type[Any], Callable[[], Any]], ...] = (
    (Member, lambda: Member.select(Group.name, User.name).order_by(Member.group, Member.position)),
    (Superior, lambda: Superior.select(Group.name, Superior.role, User.name, Superior.level)),
    (
        PreparedContent,
        lambda: PreparedContent.select(
            Group.name, PreparedContent.list, User.name, PreparedContent.name, PreparedContent.number
        ).order_by(PreparedContent.group, PreparedContent.position),
    ),
    (GroupService, lambda: GroupService.select(Group.name, GroupService.service)),
    (OverflowRow, lambda: OverflowRow.select(Group.name, OverflowRow.outcome, OverflowRow.action, OverflowRow.target)),
)
"""What belongs to groups: a query for each table, with the name of the group first."""


def _groups(db: peewee.Database, named: Any) -> dict[str, StoredGroup]:
    of = {table: _gathered(_rows(db, _joined(table, query()), named)) for table, query in _OF_GROUPS}
    columns = [Group._meta.fields[it.name] for it in ATTRIBUTES]
    return {
        name: _group(given, {table: by_group.get(name, ()) for table, by_group in of.items()})
        for name, *given in _rows(db, Group.select(Group.name, *columns), named)
    }


def _joined(table: type[Any], query: Any) -> Any:
    query = query.join(Group, on=(table.group == Group.id))
    if table not in (Member, Superior, PreparedContent):
        return query
    return query.join_from(table, User, peewee.JOIN.LEFT_OUTER, on=(table.user == User.id))


def _group(given: Sequence[Any], of: Any) -> StoredGroup:
    attributes = {it.name: value for it, value in zip(ATTRIBUTES, given, strict=True)}
    for name in _FLAGS:
        attributes[name] = bool(attributes[name])
    attributes |= {role: values.Superior(user, level) for role, user, level in of[Superior]}
    contents = of[PreparedContent]
    attributes |= {it: tuple(_content(*row) for kind, *row in contents if kind == it) for it in LISTS}
    return StoredGroup(
        **attributes,
        members=tuple(user for (user,) in of[Member]),
        services=tuple(sorted(service for (service,) in of[GroupService])),
        overflows={
            Outcome(outcome): Overflow(OverflowAction(action), target) for outcome, action, target in of[OverflowRow]
        },
    )


def _content(user: str | None, name: str | None, number: str | None) -> Content:
    return Content(user or "", name or "", number or "")


# -- queries ----------------------------------------------------------------------------------------------------------


def _is_wanted(names: Collection[Any] | None) -> bool:
    return names is None or len(names) > 0


def _named(table: type[Any], names: Names) -> Any:
    """Return the condition that a thing has one of these names; None for no condition."""
    return None if names is None or len(names) > NAMES_MAX else table.name.in_(list(names))


def _any(table: type[Any], keys: Collection[Key]) -> Any:
    """Return the condition that a row has one of these domains and numbers; there is at least one."""
    numbers: dict[str, list[str]] = {}
    for domain, number in keys:
        numbers.setdefault(domain, []).append(number)
    each = [(table.domain == domain) & table.number.in_(its) for domain, its in numbers.items()]
    return functools.reduce(operator.or_, each)


def _few(names: set[str]) -> Names:
    return names if len(names) <= NAMES_MAX else None


def _names(db: peewee.Database, query: Any) -> set[str]:
    return {name for (name,) in fetch(db, query)}


def _rows(db: peewee.Database, query: Any, condition: Any) -> list[tuple[Any, ...]]:
    return fetch(db, query if condition is None else query.where(condition))


def _gathered(rows: Iterable[tuple[Any, ...]]) -> dict[Any, list[tuple[Any, ...]]]:
    """Return the rows by their first column, without it."""
    found: dict[Any, list[tuple[Any, ...]]] = {}
    for key, *row in rows:
        found.setdefault(key, []).append(tuple(row))
    return found
