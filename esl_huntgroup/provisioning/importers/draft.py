"""
PURE: a document in the making, of users and groups that come from somewhere else, each with the place it comes from.

What an import cannot use is noted with its place; the rest becomes the same document that a YAML file is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from esl_huntgroup.provisioning.document import Document, Node, node_of
from esl_huntgroup.provisioning.model import Inventory, Key


class Draft:
    """Users and groups by name, in the order in which they came, and what could not be used."""

    def __init__(self, name: str) -> None:
        """Begin; ``name`` is that of the source, for people."""
        self._name = name
        self._places = [name]
        self._users: dict[str, tuple[int, dict[str, Any]]] = {}
        self._groups: dict[str, tuple[int, dict[str, Any]]] = {}
        self.problems: list[str] = []
        """What could not be used, each with its place."""
        self.notes: list[str] = []
        """What has no counterpart here and is not in the document."""

    def refuse(self, place: str, sentence: str) -> None:
        """Note what cannot be imported."""
        self.problems.append(f"{place}: {sentence}")

    def note(self, place: str, sentence: str) -> None:
        """Note what has no counterpart here and is left out, without a reason to refuse the rest."""
        self.notes.append(f"{place}: {sentence}")

    def user(self, name: str, place: str, **values: str) -> None:
        """Add a user, or values to one who is there; a value that is different already is refused."""
        self._set(self._users, "user", name, place, values)

    def line(self, user: str, place: str, **values: str) -> None:
        """Add a line to a user who is there; the same line again is the same line."""
        _, item = self._users[user]
        lines = item.setdefault("lines", [])
        line = node_of(self._at(place), {key: value for key, value in values.items() if value})
        if line.plain() not in [other.plain() for other in lines]:
            lines.append(line)

    def group(self, name: str, place: str, **values: Any) -> None:
        """Add a group, or values to one that is there; a value that is different already is refused."""
        self._set(self._groups, "group", name, place, values)

    def member(self, group: str, user: str, place: str) -> None:
        """Add a member at the end of a group that is there; the same again is the same."""
        _, item = self._groups[group]
        members = item.setdefault("members", [])
        if user not in [other.plain() for other in members]:
            members.append(node_of(self._at(place), user))

    def document(self) -> Document:
        """Return the document of what could be used."""
        root = {"users": _nodes(self._users), "groups": _nodes(self._groups)}
        return Document(node_of(0, root), self._name, tuple(self._places))

    def _set(
        self, items: dict[str, tuple[int, dict[str, Any]]], kind: str, name: str, place: str, values: Mapping[str, Any]
    ) -> None:
        line = self._at(place)
        _, item = items.setdefault(name, (line, {"name": node_of(line, name)}))
        if kind == "group":
            item.setdefault("members", [])
        for key, value in values.items():
            if value in ("", None):
                continue
            node = node_of(line, value)
            if key in item and item[key].plain() != node.plain():
                there = item[key]
                self.refuse(
                    place,
                    f"{kind} {name!r} has the {key} {node.plain()!r} here and {there.plain()!r} at "
                    f"{self._places[there.line]}: one is accepted",
                )
                continue
            item[key] = node

    def _at(self, place: str) -> int:
        if self._places[-1] != place:
            self._places.append(place)
        return len(self._places) - 1


def _nodes(items: Mapping[str, tuple[int, dict[str, Any]]]) -> list[Node]:
    return [node_of(line, item) for line, item in items.values()]


def user_names(current: Inventory) -> dict[Key, str]:
    """Return whose each line is: a line that is there already says which user is meant."""
    return {key: line.user for key, line in current.lines.items()}


def group_names(current: Inventory) -> dict[Key, str]:
    """Return which group has each number: a number that is there already says which group is meant."""
    return {(group.domain, group.number): name for name, group in current.groups.items() if group.number}
