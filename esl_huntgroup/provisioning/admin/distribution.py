"""What a member gets out of it: the favourites and monitor contents that the active groups of a user distribute."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import peewee

from esl_huntgroup.provisioning.admin.desk import Desk
from esl_huntgroup.provisioning.admin.reading import rows
from esl_huntgroup.provisioning.resource_lists import ListEntry, merged


def entries_of(db: peewee.Database, list_name: str, user: str) -> list[ListEntry]:
    """
    Return a user's ``favourites`` or ``monitor``: by name of the group, then in the group's order.

    What two groups distribute is there once, with both; the user himself is left out. Two queries. Raises InputError
    for an unknown user, and peewee's exceptions.
    """
    user_id = Desk(db).user_id(user)
    found = rows(
        db, "SELECT g.name, g.domain, p.position, u.name, u.display_name, p.name, p.number,"
            " l.number, l.account, l.domain"
            ' FROM members m JOIN "groups" g ON g.id = m.group_id JOIN prepared_contents p ON p.group_id = g.id'
            ' LEFT JOIN users u ON u.id = p.user_id LEFT JOIN "lines" l ON l.user_id = u.id'
            " WHERE m.user_id = ? AND g.is_active = ? AND p.list = ? AND (p.user_id IS NULL OR p.user_id <> ?)"
            " ORDER BY g.name, p.position, l.kind DESC, l.id", user_id, True, list_name, user_id
    )  # fmt: skip
    return merged(_entry(list_name, row) for row in _first_lines(found))


def _first_lines(found: Iterable[tuple[Any, ...]]) -> Iterable[tuple[Any, ...]]:
    """Keep of each place the row with the user's first line; softphones come before desk phones."""
    places: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for group, domain, position, *rest in found:
        places.setdefault((group, position), (group, domain, *rest))
    return places.values()


def _entry(list_name: str, row: tuple[Any, ...]) -> ListEntry:
    group, group_domain, user, display_name, name, number, line_number, account, line_domain = row
    if user is None:
        return ListEntry(name, number, group_domain, groups=(group,))
    # A favourite is called, so its number is dialled; what is monitored is what registers.
    dialled = account if list_name == "monitor" else line_number
    return ListEntry(display_name, dialled, line_domain, user=user, groups=(group,))
