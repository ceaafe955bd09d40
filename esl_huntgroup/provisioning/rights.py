"""What gives one user a level on another, as the database says: for commands, and for who picks up a call."""

from __future__ import annotations

from collections.abc import Iterator

import peewee

from esl_huntgroup.db.engine import fetch
from esl_huntgroup.db.tables import Group, Member, Superior, UserLevel
from esl_huntgroup.model.permissions import Reason, Role, SharedGroup, level, reasons


def reasons_between(db: peewee.Database, user_id: int, on_id: int) -> tuple[Reason, ...]:
    """
    Return everything that gives one user a level on another, the highest first.

    Three queries, whatever the number of groups. Raises peewee's exceptions.
    """
    granted = fetch(
        db, UserLevel.select(UserLevel.level).where((UserLevel.owner_user == on_id) & (UserLevel.other_user == user_id))
    )
    return reasons(_shared(db, user_id, on_id), level(granted[0][0]) if granted else None)


def _shared(db: peewee.Database, user_id: int, on_id: int) -> Iterator[SharedGroup]:
    mine = Member.alias()
    members = (
        Member.select(Group.name, Group.is_active, peewee.Value(Role.MEMBER.value), Group.member_level)
        .join(mine, on=(mine.group == Member.group))
        .join_from(Member, Group, on=(Group.id == Member.group))
        .where((Member.user == on_id) & (mine.user == user_id))
    )
    superiors = (
        Member.select(Group.name, Group.is_active, Superior.role, Superior.level)
        .join(Superior, on=(Superior.group == Member.group))
        .join_from(Member, Group, on=(Group.id == Member.group))
        .where((Member.user == on_id) & (Superior.user == user_id))
    )
    found = sorted((*fetch(db, members), *fetch(db, superiors)), key=lambda row: str(row[0]))
    for name, is_active, role, its_level in found:
        yield SharedGroup(name, bool(is_active), {Role(role): level(its_level)})
