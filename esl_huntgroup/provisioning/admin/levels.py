"""What users grant to others on themselves, and what everything together gives."""

from __future__ import annotations

from collections.abc import Sequence

import peewee

from esl_huntgroup.model.permissions import ON_ONESELF, Reason
from esl_huntgroup.provisioning.admin.desk import Desk
from esl_huntgroup.provisioning.change import Change
from esl_huntgroup.provisioning.edits import people
from esl_huntgroup.provisioning.rights import reasons_between
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
    return reasons_between(db, user_id, on_id)
