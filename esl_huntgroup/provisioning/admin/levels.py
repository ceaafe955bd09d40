"""What users grant to others on themselves, and what everything together gives."""

from __future__ import annotations

from collections.abc import Iterator

import peewee

from esl_huntgroup.errors import InputError
from esl_huntgroup.model.permissions import ON_ONESELF, Reason, Role, SharedGroup, level, reasons
from esl_huntgroup.provisioning.admin import reading
from esl_huntgroup.provisioning.admin.desk import Desk
from esl_huntgroup.provisioning.change import Change, Shown


def grant(desk: Desk, owner: str, other: str, text: str) -> Iterator[Change]:
    """Let ``owner`` grant ``other`` a level on himself, instead of the one that was granted before."""
    key = _key(desk, owner, other)
    granted, before = level(text), _shown(desk, owner, other)
    if owner == other:
        raise InputError(f"user {owner!r} needs no level on himself: two users are accepted")
    desk.delete("user_levels", **key)
    desk.insert("user_levels", **key, level=granted.word)
    yield Change("add" if before is None else "set", "level", _name(owner, other), before, _shown(desk, owner, other))


def remove(desk: Desk, owner: str, other: str) -> Iterator[Change]:
    """Take back what ``owner`` granted to ``other``; what groups give stays."""
    key, before = _key(desk, owner, other), _shown(desk, owner, other)
    if before is None:
        raise InputError(
            f"user {owner!r} grants user {other!r} nothing: a grant that `esl-huntgroup level list` shows is accepted"
        )
    desk.delete("user_levels", **key)
    yield Change("remove", "level", _name(owner, other), before, None)


def why(db: peewee.Database, user: str, on: str) -> tuple[Reason, ...]:
    """
    Return everything that gives ``user`` a level on the user ``on``, the highest first.

    Four queries, whatever the number of groups. Raises InputError for an unknown user, and peewee's exceptions.
    """
    desk = Desk(db)
    user_id, on_id = desk.user_id(user), desk.user_id(on)
    if user_id == on_id:
        return (ON_ONESELF,)
    granted = reading.rows(
        db, "SELECT level FROM user_levels WHERE owner_user_id = ? AND other_user_id = ?", on_id, user_id
    )
    return reasons(_shared(db, user_id, on_id), level(granted[0][0]) if granted else None)


def _shared(db: peewee.Database, user_id: int, on_id: int) -> Iterator[SharedGroup]:
    found = reading.rows(
        db, "SELECT g.name, g.is_active, 'member', g.member_level FROM members b"
            ' JOIN members a ON a.group_id = b.group_id'
            ' JOIN "groups" g ON g.id = b.group_id WHERE b.user_id = ? AND a.user_id = ?'
            " UNION ALL SELECT g.name, g.is_active, s.role, s.level FROM members b JOIN superiors s"
            ' ON s.group_id = b.group_id JOIN "groups" g ON g.id = b.group_id WHERE b.user_id = ? AND s.user_id = ?'
            " ORDER BY 1", on_id, user_id, on_id, user_id
    )  # fmt: skip
    for name, is_active, role, its_level in found:
        yield SharedGroup(name, bool(is_active), {Role(role): level(its_level)})


def _key(desk: Desk, owner: str, other: str) -> dict[str, int]:
    return {"owner_user_id": desk.user_id(owner), "other_user_id": desk.user_id(other)}


def _name(owner: str, other: str) -> str:
    return f"{owner}/{other}"


def _shown(desk: Desk, owner: str, other: str) -> Shown | None:
    found = reading.levels(desk.db, owner=owner, other=other)
    return found[0] if found else None
