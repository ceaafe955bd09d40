"""PURE: lists whose order means something: members of a group, and the favourites it gives. Positions start with 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from esl_huntgroup.errors import InputError

T = TypeVar("T")


def inserted(current: Sequence[T], items: Sequence[T], position: int | None) -> list[T]:
    """Return the list with the items from this position on, or at its end. Raises InputError for a gap."""
    before = _before(position, len(current) + 1)
    return [*current[:before], *items, *current[before:]]


def moved(current: Sequence[T], item: T, position: int) -> list[T]:
    """Return the list with one of its items at another position. Raises InputError for one that is not there."""
    before = _before(position, len(current))
    rest = [other for other in current if other != item]
    return [*rest[:before], item, *rest[before:]]


def at(current: Sequence[T], position: int) -> T:
    """Return what is at the position. Raises InputError when nothing is."""
    if not current:
        raise InputError(f"there is no position {position}: the list is empty")
    return current[_before(position, len(current))]


def _before(position: int | None, last: int) -> int:
    if position is None:
        return last - 1
    if not 1 <= position <= last:
        raise InputError(f"there is no position {position}: {'1' if last == 1 else f'1 to {last}'} is accepted")
    return position - 1
