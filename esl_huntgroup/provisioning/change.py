"""PURE: one change by an administrator, and how it is said to people who made it or are about to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Shown = Mapping[str, Any]
"""What is shown of a thing: text, numbers, yes or no, and lists and mappings of these."""

_DONE = {"add": "added", "set": "changed", "move": "moved", "remove": "removed"}
_WOULD = {"add": "would add", "set": "would change", "move": "would move", "remove": "would remove"}


@dataclass(frozen=True, slots=True)
class Change:
    """
    One thing that was added, set, moved or removed. ``kind`` and ``name`` say which, as the commands call it.

    ``before`` and ``after`` are None when there was, or is, no such thing.
    """

    action: str
    kind: str
    name: str
    before: Shown | None
    after: Shown | None


def sentence(change: Change, *, is_dry_run: bool = False) -> str:
    """Return what was, or would be, done to what, with the values that differ."""
    verbs = _WOULD if is_dry_run else _DONE
    said = ", ".join(_details(change))
    return f"{verbs.get(change.action, change.action)} {change.kind} {change.name}" + (f": {said}" if said else "")


def value_words(value: Any) -> str:
    """Return a value as people read it: yes or no, a list with commas, ``-`` for nothing."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={value_words(inner)}" for key, inner in value.items()) or "-"
    if isinstance(value, list | tuple):
        return ", ".join(map(value_words, value)) or "-"
    return "-" if value is None or value == "" else str(value)


def _details(change: Change) -> Iterator[str]:
    before, after = change.before, change.after
    if before is not None and after is not None:
        for key in (*before, *(key for key in after if key not in before)):
            old, new = before.get(key), after.get(key)
            if old != new:
                yield f"{key} {_difference(old, new)}"
        return
    for key, value in (after or before or {}).items():
        if key != "name" and value not in (None, "", [], {}):
            yield f"{key} {value_words(value)}"


def _difference(old: Any, new: Any) -> str:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        keys = [key for key in (*old, *(key for key in new if key not in old)) if old.get(key) != new.get(key)]
        return ", ".join(f"{key} {_difference(old.get(key), new.get(key))}" for key in keys)
    return f"{value_words(old)} → {value_words(new)}"
