"""Members: who is in a group, in the order of the phones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from esl_huntgroup.db.engine import insert_rows
from esl_huntgroup.errors import InputError
from esl_huntgroup.provisioning.admin import order, reading
from esl_huntgroup.provisioning.admin.desk import Desk
from esl_huntgroup.provisioning.change import Change, Shown


def add(desk: Desk, group: str, users: Sequence[str], *, position: int | None = None) -> Iterator[Change]:
    """Put users into a group from a position on, in the order they are given; without a position, at the end."""
    group_id, current = desk.group_id(group), _users(desk, group)
    new: dict[str, int] = {}
    for user in users:
        if user in current or user in new:
            raise InputError(f"user {user!r} is a member of group {group!r} already: each member is accepted once")
        new[user] = desk.user_id(user)
    _write(desk, group_id, order.inserted(list(current.values()), list(new.values()), position))
    yield from (Change("add", "member", f"{group}/{user}", None, _shown(desk, group, user)) for user in users)


def move(desk: Desk, group: str, user: str, position: int) -> Iterator[Change]:
    """Put a member at another position; the others keep their order."""
    group_id, current = desk.group_id(group), _users(desk, group)
    _require(group, user, current)
    before = _shown(desk, group, user)
    _write(desk, group_id, order.moved(list(current.values()), current[user], position))
    yield Change("move", "member", f"{group}/{user}", before, _shown(desk, group, user))


def remove(desk: Desk, group: str, users: Sequence[str]) -> Iterator[Change]:
    """Take users out of a group."""
    desk.group_id(group)
    current = _users(desk, group)
    for user in users:
        _require(group, user, current)
    yield from without_members(desk, group, users)


def without_members(desk: Desk, group: str, users: Sequence[str]) -> Iterator[Change]:
    """Take users out of a group who are known to be in it; those behind them move up."""
    before = {user: _shown(desk, group, user) for user in users}
    current = _users(desk, group)
    _write(desk, desk.group_id(group), [user_id for user, user_id in current.items() if user not in before])
    yield from (Change("remove", "member", f"{group}/{user}", shown, None) for user, shown in before.items())


def _require(group: str, user: str, current: Mapping[str, int]) -> None:
    if user not in current:
        raise InputError(
            f"user {user!r} is not a member of group {group!r}: "
            "a member that `esl-huntgroup member list --group` shows is accepted"
        )


def _users(desk: Desk, group: str) -> dict[str, int]:
    """Return name and id of the members, in order."""
    return dict(
        reading.rows(
            desk.db,
            'SELECT u.name, u.id FROM members m JOIN users u ON u.id = m.user_id JOIN "groups" g ON g.id = m.group_id'
            " WHERE g.name = ? ORDER BY m.position",
            group,
        )
    )


def _shown(desk: Desk, group: str, user: str) -> Shown:
    (member,) = reading.members(desk.db, group=group, user=user)
    return member


def _write(desk: Desk, group_id: int, user_ids: Sequence[int]) -> None:
    desk.delete("members", group_id=group_id)
    rows = [(group_id, position, user_id) for position, user_id in enumerate(user_ids, start=1)]
    insert_rows(desk.db, "members", ("group_id", "position", "user_id"), rows)
