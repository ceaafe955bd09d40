"""
Favourites and monitor contents that a group prepares for its members.

A group has two lists; each place holds a user, or the name and number of an external contact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from esl_huntgroup.db.engine import insert_rows
from esl_huntgroup.errors import InputError
from esl_huntgroup.model.numbers import normal_number
from esl_huntgroup.provisioning.admin import order, reading
from esl_huntgroup.provisioning.admin.desk import Desk
from esl_huntgroup.provisioning.change import Change, Shown
from esl_huntgroup.provisioning.schemas import display_name

LISTS = {"favourites": "favourite", "monitor": "monitor"}
"""The lists, as the database has them, and the command for each."""


class Content(NamedTuple):
    """What is in one place: a user's name, or name and number of an external contact."""

    user: str | None = None
    name: str | None = None
    number: str | None = None

    def __str__(self) -> str:
        """Return it in words."""
        return reading.content_words(*self)


Edit = Callable[[Sequence[Content]], Sequence[Content]]


def content(user: str | None, name: str | None, number: str | None) -> Content:
    """Return a checked entry. Raises InputError unless it is a user alone, or a name with a number."""
    if user is not None and name is None and number is None:
        return Content(user=user)
    if user is None and name is not None and number is not None:
        return Content(name=display_name(name), number=normal_number(number))
    raise InputError("an entry is a user or an external contact: --user, or --name and --number, is accepted")


def add(desk: Desk, list_name: str, group: str, new: Content, *, position: int | None = None) -> Iterator[Change]:
    """Put an entry into a list of a group, at a position or at the end."""
    yield from _edited(desk, "add", list_name, group, lambda current: order.inserted(current, [new], position))


def replace(desk: Desk, list_name: str, group: str, position: int, new: Content) -> Iterator[Change]:
    """Put an entry in the place of another."""

    def edit(current: Sequence[Content]) -> Sequence[Content]:
        order.at(current, position)
        return [new if place == position else old for place, old in enumerate(current, start=1)]

    yield from _edited(desk, "set", list_name, group, edit)


def move(desk: Desk, list_name: str, group: str, position: int, to: int) -> Iterator[Change]:
    """Put an entry at another position; the others keep their order."""
    yield from _edited(
        desk, "move", list_name, group, lambda current: order.moved(current, order.at(current, position), to)
    )


def remove(desk: Desk, list_name: str, group: str, position: int) -> Iterator[Change]:
    """Take the entry at a position out of a list."""

    def edit(current: Sequence[Content]) -> Sequence[Content]:
        gone = order.at(current, position)
        return [entry for entry in current if entry != gone]

    yield from _edited(desk, "remove", list_name, group, edit)


def without_user(desk: Desk, list_name: str, user: str) -> Iterator[Change]:
    """Take a user out of the lists of all groups."""
    gone = Content(user=user)
    for place in reading.contents(desk.db, list_name, user=user):
        yield from _edited(desk, "remove", list_name, place["group"], lambda now: [e for e in now if e != gone])


def _edited(desk: Desk, action: str, list_name: str, group: str, edit: Edit) -> Iterator[Change]:
    group_id = desk.group_id(group)
    current = _read(desk, list_name, group)
    wanted = edit(current)
    _require_once(wanted, group, list_name)
    rows = [
        (group_id, list_name, position, None if entry.user is None else desk.user_id(entry.user), *entry[1:])
        for position, entry in enumerate(wanted, start=1)
    ]
    desk.delete("prepared_contents", group_id=group_id, list=list_name)
    insert_rows(desk.db, "prepared_contents", ("group_id", "list", "position", "user_id", "name", "number"), rows)
    yield Change(action, LISTS[list_name], group, _shown(current), _shown(wanted))


def _require_once(wanted: Sequence[Content], group: str, list_name: str) -> None:
    seen: set[str] = set()
    for entry in wanted:
        key = f"user {entry.user!r}" if entry.number is None else f"number {entry.number}"
        if key in seen:
            raise InputError(f"{key} is in the {list_name} of group {group!r} already: each entry is accepted once")
        seen.add(key)


def _read(desk: Desk, list_name: str, group: str) -> list[Content]:
    found = reading.contents(desk.db, list_name, group=group)
    return [Content(entry["user"], entry["name"], entry["number"]) for entry in found]


def _shown(entries: Sequence[Content]) -> Shown:
    return {"entries": [str(entry) for entry in entries]}
