"""
What the database holds of each kind of thing, as mappings that can be shown, compared and written as JSON.

Each function takes the names of what is wanted and returns everything when none is given, in a fixed number of queries
whatever the size. All raise peewee's exceptions.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Mapping
from typing import Any

import peewee

from esl_huntgroup.db.engine import fetch
from esl_huntgroup.db.tables import (
    Group,
    GroupService,
    Line,
    Member,
    PreparedContent,
    Service,
    Superior,
    User,
    UserLevel,
    UserService,
)
from esl_huntgroup.provisioning.change import Shown
from esl_huntgroup.provisioning.shown import whole_group
from esl_huntgroup.provisioning.store import WHOLE, Scope, read_inventory

Row = tuple[Any, ...]


def users(db: peewee.Database, *, user: str | None = None) -> list[Shown]:
    """Return users by name, each with lines, groups, the groups that it leads, and its own services. Five queries."""
    lines_of = User.select(User.name, Line.number, Line.domain).join(Line).order_by(Line.id)
    groups_of = User.select(User.name, Group.name).join(Member).join(Group).order_by(Group.name)
    leads_of = User.select(User.name, Group.name, Superior.role).join(Superior).join(Group)
    services_of = User.select(User.name, UserService.service).join(UserService).order_by(UserService.service)
    ordered = (lines_of, groups_of, leads_of.order_by(Group.name, Superior.role), services_of)
    lines, groups, leads, services = (_gathered(_given(db, query, {User.name: user})) for query in ordered)
    found = _given(db, User.select(User.name, User.display_name).order_by(User.name), {User.name: user})
    return [
        {
            "name": name,
            "display_name": display_name,
            "lines": [address(*line) for line in lines.get(name, ())],
            "groups": _firsts(groups.get(name, ())),
            "leads": [f"{group} ({role})" for group, role in leads.get(name, ())],
            "services": _firsts(services.get(name, ())),
        }
        for name, display_name in found
    ]


def lines(
    db: peewee.Database, *, user: str | None = None, domain: str | None = None, number: str | None = None
) -> list[Shown]:
    """Return lines by domain and number. One query."""
    query = Line.select(Line.number, Line.domain, User.name, Line.kind, Line.account).join(User)
    wanted = {User.name: user, Line.domain: domain, Line.number: number}
    found = _given(db, query.order_by(Line.domain, Line.number), wanted)
    return _shown(("number", "domain", "user", "kind", "account"), found)


def groups(db: peewee.Database, *, group: str | None = None) -> list[Shown]:
    """Return groups by name, with everything that belongs to them. Six queries."""
    found = read_inventory(db, Scope(groups=WHOLE.groups if group is None else [group])).groups
    return [whole_group(name, it) for name, it in sorted(found.items())]


def members(db: peewee.Database, *, group: str | None = None, user: str | None = None) -> list[Shown]:
    """Return members by group and position. One query."""
    query = Member.select(Group.name, Member.position, User.name, User.display_name).join(Group)
    query = query.join_from(Member, User).order_by(Group.name, Member.position)
    found = _given(db, query, {Group.name: group, User.name: user})
    return _shown(("group", "position", "user", "display_name"), found)


def levels(db: peewee.Database, *, owner: str | None = None, other: str | None = None) -> list[Shown]:
    """Return what users grant to others on themselves. One query."""
    owners, others = User.alias(), User.alias()
    query = (
        UserLevel.select(owners.name, others.name, UserLevel.level)
        .join(owners, on=(UserLevel.owner_user == owners.id))
        .join_from(UserLevel, others, on=(UserLevel.other_user == others.id))
        .order_by(owners.name, others.name)
    )
    return _shown(("owner", "other", "level"), _given(db, query, {owners.name: owner, others.name: other}))


def services(db: peewee.Database, *, service: str | None = None) -> list[Shown]:
    """Return services by name, with the groups and the users that they are granted to. Three queries."""
    by_group = GroupService.select(GroupService.service, Group.name).join(Group).order_by(Group.name)
    by_user = UserService.select(UserService.service, User.name).join(User).order_by(User.name)
    of_groups = _gathered(_given(db, by_group, {GroupService.service: service}))
    of_users = _gathered(_given(db, by_user, {UserService.service: service}))
    found = _given(
        db, Service.select(Service.name, Service.description).order_by(Service.name), {Service.name: service}
    )
    return [
        {
            "name": name,
            "description": description,
            "groups": _firsts(of_groups.get(name, ())),
            "users": _firsts(of_users.get(name, ())),
        }
        for name, description in found
    ]


def services_of(db: peewee.Database, user: str) -> list[Shown]:
    """Return what services a user has: which are the user's ``own``, and which active groups give them. Two queries."""
    own = fetch(db, UserService.select(UserService.service).join(User).where(User.name == user))
    of_groups = (
        GroupService.select(GroupService.service, Group.name)
        .join(Group)
        .join(Member)
        .join(User)
        .where((User.name == user) & (Group.is_active == True))  # noqa: E712  # peewee's way to compare
        .order_by(Group.name)
    )
    given = _gathered(fetch(db, of_groups))
    return [
        {"service": name, "own": (name,) in own, "groups": _firsts(given.get(name, ()))}
        for name in sorted({*given, *_firsts(own)})
    ]


def contents(db: peewee.Database, list_name: str, *, group: str | None = None, user: str | None = None) -> list[Shown]:
    """Return what groups have prepared as ``favourites`` or ``monitor``, by group and position. One query."""
    its = PreparedContent
    query = its.select(Group.name, its.position, User.name, its.name, its.number).join(Group)
    query = query.join_from(its, User, peewee.JOIN.LEFT_OUTER).order_by(Group.name, its.position)
    found = _given(db, query, {its.list: list_name, Group.name: group, User.name: user})
    return _shown(("group", "position", "user", "name", "number"), found)


def address(number: str, domain: str) -> str:
    """Return a number with its domain, as one word."""
    return f"{number}@{domain}"


def _given(db: peewee.Database, query: Any, wanted: Mapping[Any, object | None]) -> list[Row]:
    """Return what the query finds, where each given column has its value."""
    conditions = [column == value for column, value in wanted.items() if value is not None]
    return fetch(db, query.where(functools.reduce(operator.and_, conditions)) if conditions else query)


def _firsts(found: Iterable[Row]) -> list[Any]:
    return [row[0] for row in found]


def _gathered(found: Iterable[Row]) -> dict[str, list[Row]]:
    """Return the rows by their first column, without it."""
    by_first: dict[str, list[Row]] = {}
    for first, *rest in found:
        by_first.setdefault(first, []).append(tuple(rest))
    return by_first


def _shown(columns: Iterable[str], found: Iterable[Row]) -> list[Shown]:
    names = tuple(columns)
    return [dict(zip(names, row, strict=True)) for row in found]
