"""
PURE: a configuration that somebody wrote, as nodes that know where each value stands.

YAML files, imported rows and imported XML all become this, so that one program checks, compares and stores them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from esl_huntgroup.errors import DocumentRefused

Path = Sequence[str | int]
"""The keys and positions that lead to a value."""
PROBLEMS_SHOWN_MAX = 100
"""More than that is one problem a hundred times."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value and the line it starts in, counted from 1."""

    line: int
    value: str | list[Node] | dict[str, Node]

    def plain(self) -> Any:
        """Return the value without the lines."""
        if isinstance(self.value, str):
            return self.value
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        return {key: item.plain() for key, item in self.value.items()}

    def at(self, path: Path) -> Node:
        """Return the node at the end of the path, or the deepest one on the way there that exists."""
        node = self
        for step in path:
            deeper = _child(node, step)
            if deeper is None:
                return node
            node = deeper
        return node


@dataclass(frozen=True, slots=True)
class Problem:
    """
    A sentence, and where in the document the reason stands.

    ``typed`` is the sentence for somebody who typed a command instead, where it is another one. ``of`` are the paths of
    the other values that the rule looked at: where one of them could not be read, nothing can be said.
    """

    path: Path
    sentence: str
    typed: str = ""
    of: Sequence[Path] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """
    What was read, and from where: ``name`` is that of the file or the database.

    Where it has no lines of its own, ``places`` says in words what each number in a node's ``line`` stands for.
    """

    root: Node
    name: str
    places: Sequence[str] = ()

    def place(self, line: int) -> str:
        """Return in words where a node stands."""
        return self.places[line] if self.places else f"{self.name}, line {line}"

    def shown(self, lines: Sequence[str]) -> list[str]:
        """Return the lines, or the first of very many and how many more there are."""
        more = len(lines) - PROBLEMS_SHOWN_MAX
        return [*lines[:PROBLEMS_SHOWN_MAX], f"{self.name}: and {more} more"] if more > 0 else list(lines)

    def without(self, paths: Iterable[Path]) -> Document:
        """Return the document without the items (a user, a line, a member, a group) that the paths lead into."""
        return replace(self, root=_without(self.root, [tuple(path) for path in map(_to_item, paths) if path]))

    def refusal(self, problems: Iterable[Problem]) -> DocumentRefused:
        """Return the exception that lists the problems, each with its place, in the order of the document."""
        problems = list(problems)
        placed = sorted((self.root.at(problem.path).line, problem.sentence) for problem in problems)
        lines = self.shown([f"{self.place(line)}: {what}" for line, what in placed])
        return DocumentRefused("\n".join(lines), tuple(tuple(problem.path) for problem in problems))


def _to_item(path: Path) -> Sequence[str | int]:
    """Return the path as far as the last item of a list on it; empty where there is none."""
    last = max((index for index, step in enumerate(path) if isinstance(step, int)), default=-1)
    return path[: last + 1]


def _without(node: Node, paths: Sequence[tuple[str | int, ...]]) -> Node:
    if not paths or isinstance(node.value, str):
        return node
    deeper = {path[0]: [other[1:] for other in paths if other[0] == path[0] and other[1:]] for path in paths}
    if isinstance(node.value, dict):
        return Node(node.line, {key: _without(child, deeper.get(key, ())) for key, child in node.value.items()})
    kept = [(index, child) for index, child in enumerate(node.value) if (index,) not in paths]
    return Node(node.line, [_without(child, deeper.get(index, ())) for index, child in kept])


def node_of(line: int, value: Any) -> Node:
    """Return a plain value as a node, all of it in one line; a node in it stays what it is."""
    if isinstance(value, Node):
        return value
    if isinstance(value, Mapping):
        return Node(line, {key: node_of(line, item) for key, item in value.items()})
    if isinstance(value, list):
        return Node(line, [node_of(line, item) for item in value])
    return Node(line, str(value))


def _child(node: Node, step: str | int) -> Node | None:
    if isinstance(node.value, dict) and isinstance(step, str):
        return node.value.get(step)
    if isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
        return node.value[step]
    return None
