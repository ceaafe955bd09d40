"""PURE: what is different between two configurations, as rows of the audit and in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from esl_huntgroup.provisioning.change import Change
from esl_huntgroup.provisioning.model import Inventory, Key
from esl_huntgroup.provisioning.serialize import Shown, in_words, shown_group, shown_line, shown_user_alone

K = TypeVar("K")
V = TypeVar("V")


_WOULD = {"add": "would add", "set": "would change", "remove": "would remove"}


def sentence(change: Change) -> str:
    """Return in words what would change; of a list, what is new in it and what is not there any more."""
    what = f"{_WOULD[change.action]} {change.kind} {change.name}"
    before, after = change.before, change.after
    if after is None:
        return what
    if before is None:
        said = [f"{key} {in_words(value)}" for key, value in after.items() if value not in (None, "", [], {})]
    else:
        said = [_changed(key, before[key], after[key]) for key in after if before[key] != after[key]]
    return f"{what}: {'; '.join(said)}" if said else what


def differences(current: Inventory, wanted: Inventory) -> list[Change]:
    """Return every difference: of services, users, levels, lines and groups what goes, comes and changes."""
    return [
        *_of("service", current.services, wanted.services, str, lambda text: {"description": text}),
        *_of("user", current.users, wanted.users, str, shown_user_alone),
        *_of("level", _levels(current), _levels(wanted), "/".join, lambda level: {"level": level}),
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
) -> Iterator[Change]:
    added, changed = added_and_changed(current, wanted)
    for key in removed(current, wanted):
        yield Change("remove", kind, name(key), shown(current[key]), None)
    for key in added:
        yield Change("add", kind, name(key), None, shown(wanted[key]))
    for key in changed:
        before, after = shown(current[key]), shown(wanted[key])
        if before != after:
            yield Change("set", kind, name(key), before, after)


def _levels(inventory: Inventory) -> dict[tuple[str, str], str]:
    return {(name, other): level for name, user in inventory.users.items() for other, level in user.levels.items()}


def _line_name(key: Key) -> str:
    domain, number = key
    return f"{number}@{domain}"


def _changed(key: str, before: Any, after: Any) -> str:
    if isinstance(after, list) and isinstance(before, list):
        return f"{key} {_changed_list(before, after)}"
    if isinstance(after, dict) and isinstance(before, dict) and key == "overflow":
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
