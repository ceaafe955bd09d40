"""
What the database holds of each kind of thing, as mappings that can be shown, compared and written as JSON.

Each function takes the names of what is wanted and returns everything when none is given, in a fixed number of queries
whatever the size. All raise peewee's exceptions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import peewee

from esl_huntgroup.db.engine import execute
from esl_huntgroup.provisioning.change import Shown

Row = tuple[Any, ...]


def rows(db: peewee.Database, sql: str, *parameters: object) -> list[Row]:
    """Return the rows of a query; its ``"`` and ``?`` are written as this database wants them."""
    found: list[Row] = execute(db, sql.replace('"', db.quote[0]).replace("?", db.param), parameters).fetchall()
    return found


_OF_USERS = {
    "lines": 'SELECT u.name, l.number, l.domain FROM users u JOIN "lines" l ON l.user_id = u.id{only} ORDER BY l.id',
    "groups": "SELECT u.name, g.name FROM users u JOIN members m ON m.user_id = u.id"
    ' JOIN "groups" g ON g.id = m.group_id{only} ORDER BY g.name',
    "leads": "SELECT u.name, g.name, s.role FROM users u JOIN superiors s ON s.user_id = u.id"
    ' JOIN "groups" g ON g.id = s.group_id{only} ORDER BY g.name, s.role',
    "services": "SELECT u.name, s.service FROM users u JOIN user_services s ON s.user_id = u.id{only}"
    " ORDER BY s.service",
}


def users(db: peewee.Database, *, user: str | None = None) -> list[Shown]:
    """Return users by name, each with lines, groups, the groups that it leads, and its own services. Five queries."""
    only, key = _where({"u.name": user})
    of = _related(db, _OF_USERS, only, key)
    return [
        {
            "name": name,
            "display_name": display_name,
            "lines": [address(*line) for line in of["lines"].get(name, ())],
            "groups": _firsts(of["groups"].get(name, ())),
            "leads": [f"{group} ({role})" for group, role in of["leads"].get(name, ())],
            "services": _firsts(of["services"].get(name, ())),
        }
        for name, display_name in rows(db, f"SELECT u.name, u.display_name FROM users u{only} ORDER BY u.name", *key)
    ]


def lines(
    db: peewee.Database, *, user: str | None = None, domain: str | None = None, number: str | None = None
) -> list[Shown]:
    """Return lines by domain and number. One query."""
    only, key = _where({"u.name": user, "l.domain": domain, "l.number": number})
    found = rows(
        db, 'SELECT l.number, l.domain, u.name, l.kind, l.account FROM "lines" l JOIN users u ON u.id = l.user_id'
            f"{only} ORDER BY l.domain, l.number", *key
    )  # fmt: skip
    return _shown(("number", "domain", "user", "kind", "account"), found)


GROUP_COLUMNS = (
    "name",
    "is_active",
    "domain",
    "number",
    "hunt_mode",
    "ring_timeout_s",
    "ringback",
    "member_level",
)
"""The columns of ``groups`` that are shown, in order."""

_OF_GROUPS = {
    "members": 'SELECT g.name, u.name FROM "groups" g JOIN members m ON m.group_id = g.id'
    " JOIN users u ON u.id = m.user_id{only} ORDER BY g.name, m.position",
    "superiors": 'SELECT g.name, s.role, u.name, s.level FROM "groups" g JOIN superiors s ON s.group_id = g.id'
    " JOIN users u ON u.id = s.user_id{only}",
    "services": 'SELECT g.name, s.service FROM "groups" g JOIN group_services s ON s.group_id = g.id{only}'
    " ORDER BY s.service",
    "overflow": 'SELECT g.name, o.outcome, o.action, o.target FROM "groups" g JOIN overflows o'
    " ON o.group_id = g.id{only} ORDER BY o.outcome",
    "prepared": 'SELECT g.name, p.list, u.name, p.name, p.number FROM "groups" g'
    " JOIN prepared_contents p ON p.group_id = g.id LEFT JOIN users u ON u.id = p.user_id{only}"
    " ORDER BY g.name, p.list, p.position",
}


def groups(db: peewee.Database, *, group: str | None = None) -> list[Shown]:
    """Return groups by name, with everything that belongs to them. Six queries."""
    only, key = _where({"g.name": group})
    of = _related(db, _OF_GROUPS, only, key)
    columns = ", ".join(f"g.{column}" for column in GROUP_COLUMNS)
    found = rows(db, f'SELECT {columns} FROM "groups" g{only} ORDER BY g.name', *key)
    return [_group(row, {kind: by_group.get(row[0], []) for kind, by_group in of.items()}) for row in found]


def _group(row: Row, of: Mapping[str, list[Row]]) -> Shown:
    prepared = _gathered(of["prepared"])
    return {
        **dict(zip(GROUP_COLUMNS, row, strict=True)),
        "is_active": bool(row[1]),
        **_superiors(of["superiors"]),
        "members": _firsts(of["members"]),
        "services": _firsts(of["services"]),
        "overflow": {outcome: f"{action}:{target}" if target else action for outcome, action, target in of["overflow"]},
        "favourites": [content_words(*content) for content in prepared.get("favourites", ())],
        "monitor": [content_words(*content) for content in prepared.get("monitor", ())],
    }


def members(db: peewee.Database, *, group: str | None = None, user: str | None = None) -> list[Shown]:
    """Return members by group and position. One query."""
    only, key = _where({"g.name": group, "u.name": user})
    found = rows(
        db, 'SELECT g.name, m.position, u.name, u.display_name FROM members m JOIN "groups" g ON g.id = m.group_id'
            f" JOIN users u ON u.id = m.user_id{only} ORDER BY g.name, m.position", *key
    )  # fmt: skip
    return _shown(("group", "position", "user", "display_name"), found)


def levels(db: peewee.Database, *, owner: str | None = None, other: str | None = None) -> list[Shown]:
    """Return what users grant to others on themselves. One query."""
    only, key = _where({"o.name": owner, "u.name": other})
    found = rows(
        db, "SELECT o.name, u.name, l.level FROM user_levels l JOIN users o ON o.id = l.owner_user_id"
            f" JOIN users u ON u.id = l.other_user_id{only} ORDER BY o.name, u.name", *key
    )  # fmt: skip
    return _shown(("owner", "other", "level"), found)


_OF_SERVICES = {
    "groups": 'SELECT s.service, g.name FROM group_services s JOIN "groups" g ON g.id = s.group_id{only}'
    " ORDER BY g.name",
    "users": "SELECT s.service, u.name FROM user_services s JOIN users u ON u.id = s.user_id{only} ORDER BY u.name",
}


def services(db: peewee.Database, *, service: str | None = None) -> list[Shown]:
    """Return services by name, with the groups and the users that they are granted to. Three queries."""
    of = _related(db, _OF_SERVICES, *_where({"s.service": service}))
    only, key = _where({"name": service})
    return [
        {
            "name": name,
            "description": description,
            "groups": _firsts(of["groups"].get(name, ())),
            "users": _firsts(of["users"].get(name, ())),
        }
        for name, description in rows(db, f"SELECT name, description FROM services{only} ORDER BY name", *key)
    ]


def services_of(db: peewee.Database, user: str) -> list[Shown]:
    """Return what services a user has: which are the user's ``own``, and which active groups give them. One query."""
    found = rows(
        db, "SELECT s.service, '' FROM user_services s JOIN users u ON u.id = s.user_id WHERE u.name = ?"
            " UNION SELECT s.service, g.name FROM group_services s JOIN \"groups\" g ON g.id = s.group_id"
            " JOIN members m ON m.group_id = g.id JOIN users u ON u.id = m.user_id"
            " WHERE u.name = ? AND g.is_active = ? ORDER BY 1, 2", user, user, True
    )  # fmt: skip
    return [
        {"service": name, "own": ("",) in given, "groups": [group for (group,) in given if group]}
        for name, given in _gathered(found).items()
    ]


def contents(db: peewee.Database, list_name: str, *, group: str | None = None, user: str | None = None) -> list[Shown]:
    """Return what groups have prepared as ``favourites`` or ``monitor``, by group and position. One query."""
    only, key = _where({"p.list": list_name, "g.name": group, "u.name": user})
    found = rows(
        db, 'SELECT g.name, p.position, u.name, p.name, p.number FROM prepared_contents p'
            ' JOIN "groups" g ON g.id = p.group_id LEFT JOIN users u ON u.id = p.user_id'
            f"{only} ORDER BY g.name, p.position", *key
    )  # fmt: skip
    return _shown(("group", "position", "user", "name", "number"), found)


def address(number: str, domain: str) -> str:
    """Return a number with its domain, as one word."""
    return f"{number}@{domain}"


def content_words(user: str | None, name: str | None, number: str | None) -> str:
    """Return an entry of a prepared list in words: a user's name, or name and number of a contact."""
    return user if user is not None else f"{name} <{number}>"


def _superiors(found: Iterable[Row]) -> Mapping[str, str | None]:
    by_role = {role: (user, level) for role, user, level in found}
    return {
        key: value
        for role in ("leader", "deputy")
        for key, value in zip((role, f"{role}_level"), by_role.get(role, (None, None)), strict=True)
    }


def _where(wanted: Mapping[str, object | None]) -> tuple[str, tuple[object, ...]]:
    """Return the condition that each given column has its value, and the values."""
    given = {column: value for column, value in wanted.items() if value is not None}
    conditions = " AND ".join(f"{column} = ?" for column in given)
    return (f" WHERE {conditions}" if given else ""), tuple(given.values())


def _related(
    db: peewee.Database, queries: Mapping[str, str], only: str, key: tuple[object, ...]
) -> dict[str, dict[str, list[Row]]]:
    """Return what each query finds, by its first column: the name of what it belongs to."""
    return {kind: _gathered(rows(db, sql.format(only=only), *key)) for kind, sql in queries.items()}


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
