"""PURE: what is different between two configurations, as rows of the audit and in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from esl_huntgroup.inventory import Inventory, Key
from esl_huntgroup.shown import Shown, in_words, shown_group, shown_line, shown_user

K = TypeVar("K")
V = TypeVar("V")


class Difference(NamedTuple):
    """One thing that is added (``before`` is None), removed (``after`` is None) or set to something else."""

    action: str
    kind: str
    name: str
    before: Shown | None
    after: Shown | None

    def sentence(self) -> str:
        """Return it in words."""
        what = f"{self.kind} {self.name!r}"
        if self.after is None:
            return f"{what} is removed"
        if self.before is None:
            values = [
                f"{key} {in_words(value)}" for key, value in self.after.items() if value not in (None, "", [], {})
            ]
            return f"{what} is added: {'; '.join(values)}" if values else f"{what} is added"
        changed = [key for key in self.after if self.before[key] != self.after[key]]
        return f"{what} is changed: " + "; ".join(_changed(key, self.before[key], self.after[key]) for key in changed)


def differences(current: Inventory, wanted: Inventory) -> list[Difference]:
    """Return every difference: services, users, lines and groups, and of each what goes, what comes, what changes."""
    return [
        *_of("service", current.services, wanted.services, str, lambda text: {"description": text}),
        *_of("user", current.users, wanted.users, str, shown_user),
        *_of("line", current.lines, wanted.lines, _line_name, shown_line),
        *_of("group", current.groups, wanted.groups, str, shown_group),
    ]


def added_and_changed(current: Mapping[K, V], wanted: Mapping[K, V]) -> tuple[list[K], list[K]]:
    """Return the keys that are new and those whose value differs."""
    added = [key for key in wanted if key not in current]
    changed = [key for key, value in wanted.items() if key in current and current[key] != value]
    return added, changed


def removed(current: Mapping[K, V], wanted: Mapping[K, V]) -> list[K]:
    """Return the keys that are there no more."""
    return [key for key in current if key not in wanted]


def _of(
    kind: str, current: Mapping[K, V], wanted: Mapping[K, V], name: Callable[[K], str], shown: Callable[[V], Shown]
) -> Iterator[Difference]:
    added, changed = added_and_changed(current, wanted)
    for key in removed(current, wanted):
        yield Difference("remove", kind, name(key), shown(current[key]), None)
    for key in added:
        yield Difference("add", kind, name(key), None, shown(wanted[key]))
    for key in changed:
        yield Difference("set", kind, name(key), shown(current[key]), shown(wanted[key]))


def _line_name(key: Key) -> str:
    domain, number = key
    return f"{number}@{domain}"


def _changed(key: str, before: Any, after: Any) -> str:
    if isinstance(after, list) and isinstance(before, list):
        return f"{key} {_changed_list(before, after)}"
    if isinstance(after, dict) and isinstance(before, dict) and key in ("levels", "overflow"):
        parts = [f"{it} {_arrow(before.get(it), after.get(it))}" for it in sorted({*before, *after})
                 if before.get(it) != after.get(it)]  # fmt: skip
        return f"{key} {', '.join(parts)}"
    return f"{key} {_arrow(before, after)}"


def _arrow(before: Any, after: Any) -> str:
    return f"{in_words(before)} -> {in_words(after)}"


def _changed_list(before: list[Any], after: list[Any]) -> str:
    gone, new = [it for it in before if it not in after], [it for it in after if it not in before]
    parts = [f"without {in_words(gone)}"] if gone else []
    parts += [f"with {in_words(new)}"] if new else []
    kept = [it for it in before if it in after]
    if kept != [it for it in after if it in before]:
        parts.append(f"in the order {in_words(after)}")
    return ", ".join(parts) or f"in the order {in_words(after)}"
