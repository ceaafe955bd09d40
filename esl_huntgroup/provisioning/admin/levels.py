"""What users grant to others on themselves, and what everything together gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import peewee

from esl_huntgroup.db.engine import fetch
from esl_huntgroup.db.tables import Group, Member, Superior, UserLevel
from esl_huntgroup.model.permissions import ON_ONESELF, Reason, Role, SharedGroup, level, reasons
from esl_huntgroup.provisioning.admin.desk import Desk
from esl_huntgroup.provisioning.change import Change
from esl_huntgroup.provisioning.edits import people
from esl_huntgroup.provisioning.store import Scope


def grant(desk: Desk, owner: str, other: str, text: str) -> Sequence[Change]:
    """Let ``owner`` grant ``other`` a level on himself, instead of the one that was granted before."""
    return desk.change(Scope(users=[owner, other]), lambda now: people.grant_level(now, owner, other, text))


def remove(desk: Desk, owner: str, other: str) -> Sequence[Change]:
    """Take back what ``owner`` granted to ``other``; what groups give stays."""
    return desk.change(Scope(users=[owner, other]), lambda now: people.remove_level(now, owner, other))


def why(db: peewee.Database, user: str, on: str) -> tuple[Reason, ...]:
    """
    Return everything that gives ``user`` a level on the user ``on``, the highest first.

    Five queries, whatever the number of groups. Raises InputError for an unknown user, and peewee's exceptions.
    """
    desk = Desk(db)
    user_id, on_id = desk.user_id(user), desk.user_id(on)
    if user_id == on_id:
        return (ON_ONESELF,)
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
