"""What a member gets out of it: the favourites and monitor contents that the active groups of a user distribute."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import peewee

from esl_huntgroup.db.engine import fetch
from esl_huntgroup.db.tables import Group, Line, Member, PreparedContent, User
from esl_huntgroup.provisioning.admin.desk import Desk
from esl_huntgroup.provisioning.resource_lists import ListEntry, merged


def entries_of(db: peewee.Database, list_name: str, user: str) -> list[ListEntry]:
    """
    Return a user's ``favourites`` or ``monitor``: by name of the group, then in the group's order.

    What two groups distribute is there once, with both; the user himself is left out. Two queries. Raises InputError
    for an unknown user, and peewee's exceptions.
    """
    user_id = Desk(db).user_id(user)
    its, owner = PreparedContent, User.alias()
    query = (
        Member.select(
            Group.name, Group.domain, its.position, owner.name, owner.display_name, its.name, its.number,
            Line.number, Line.account, Line.domain,
        )
        .join(Group)
        .join(its, on=(its.group == Group.id))
        .join(owner, peewee.JOIN.LEFT_OUTER, on=(its.user == owner.id))
        .join(Line, peewee.JOIN.LEFT_OUTER, on=(Line.user == owner.id))
        .where(
            (Member.user == user_id) & (Group.is_active == True) & (its.list == list_name)  # noqa: E712  # as peewee does
            & (its.user.is_null() | (its.user != user_id))
        )
        .order_by(Group.name, its.position, Line.kind.desc(), Line.id)
    )  # fmt: skip
    found = fetch(db, query)
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
