"""PURE: differences as a file has its things, and in words, for people who are about to load it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from esl_huntgroup.provisioning.change import Change
from esl_huntgroup.provisioning.differences import Difference
from esl_huntgroup.provisioning.serialize import Shown, in_words, shown_group, shown_line, shown_user_alone
from esl_huntgroup.provisioning.shown import thing_name

_WOULD = {"add": "would add", "set": "would change", "remove": "would remove"}
_SHAPES: Mapping[str, Callable[[Any], Shown]] = {
    "service": lambda it: {"description": it.description},
    "user": shown_user_alone,
    "level": lambda it: {"level": it},
    "line": shown_line,
    "group": shown_group,
}
_KINDS = tuple(_SHAPES)
_ACTIONS = ("remove", "add", "set")


def as_file_changes(found: Iterable[Difference]) -> list[Change]:
    """Return the differences of those things that a file has keys for, by kind: what goes, comes and changes."""
    changes = [change for it in found if it.kind in _SHAPES for change in _file_change(it)]
    return sorted(changes, key=lambda it: (_KINDS.index(it.kind), _ACTIONS.index(it.action)))


def _file_change(it: Difference) -> Iterable[Change]:
    shape = _SHAPES[it.kind]
    before, after = (None if value is None else shape(value) for value in (it.before, it.after))
    if before != after:
        yield Change(it.action, it.kind, thing_name(it), before, after)


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
