"""
PURE: the configuration as a file has it: in an exported file, and in the words of a difference.

A user, line, group or service becomes a mapping of text, numbers, yes or no, and lists of these, under the keys that a
file has for it. ``shown`` has it as the audit and the commands show it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from esl_huntgroup.model.group import OVERFLOW_OUTCOMES, Overflow, OverflowAction
from esl_huntgroup.provisioning.model import (
    ATTRIBUTE_NAMES,
    LISTS,
    ROLES,
    Inventory,
    Key,
    StoredGroup,
    StoredLine,
    StoredUser,
)
from esl_huntgroup.provisioning.values import Content, Superior

Shown = dict[str, Any]


def shown_user_alone(user: StoredUser) -> Shown:
    """Return a user without name, lines and levels, which are things of their own."""
    return {"display_name": user.display_name, "services": list(user.services)}


def shown_line(line: StoredLine) -> Shown:
    """Return a line without its number."""
    return {"user": line.user, "kind": line.kind, "account": line.account}


def shown_group(group: StoredGroup) -> Shown:
    """Return a group without its name; what is not there is None or empty."""
    return {
        **{it: getattr(group, it) for it in ATTRIBUTE_NAMES},
        "members": list(group.members),
        **{role: _superior(getattr(group, role)) for role in ROLES},
        "services": list(group.services),
        **{kind: [_content(content) for content in getattr(group, kind)] for kind in LISTS},
        "overflow": {
            outcome.value: _overflow(group.overflows[outcome])
            for outcome in sorted(OVERFLOW_OUTCOMES)
            if outcome in group.overflows
        },
    }


def _superior(superior: Superior | None) -> Shown | None:
    return superior and {"user": superior.user, "level": superior.level}


def _content(content: Content) -> str | Shown:
    return content.user or {"name": content.name, "number": content.number}


def _overflow(overflow: Overflow) -> str | Shown:
    if overflow.action is OverflowAction.DIALPLAN:
        return overflow.action.value
    return {overflow.action.value: overflow.target}


def exported(inventory: Inventory) -> Shown:
    """Return everything as a file has it, sorted by name and number, so that equal configurations are equal texts."""
    lines: dict[str, list[Shown]] = {}
    for key, line in sorted(inventory.lines.items()):
        lines.setdefault(line.user, []).append(_file_line(key, line))
    return {
        "services": [
            _without_empty({"name": name, "description": text}) for name, text in sorted(inventory.services.items())
        ],
        "users": [
            _without_empty({"name": name, **_user(user, lines.get(name, []))})
            for name, user in sorted(inventory.users.items())
        ],
        "groups": [_without_empty({"name": name, **shown_group(it)}) for name, it in sorted(inventory.groups.items())],
    }


def _file_line(key: Key, line: StoredLine) -> Shown:
    domain, number = key
    return {"number": number, "domain": domain, "kind": line.kind, "account": line.account}


def _user(user: StoredUser, lines: list[Shown]) -> Shown:
    alone = shown_user_alone(user)
    return {"display_name": alone["display_name"], "lines": lines, **alone, "levels": dict(user.levels)}


def _without_empty(item: Mapping[str, Any]) -> Shown:
    return {key: value for key, value in item.items() if value not in (None, "", [], {})}


def in_words(value: Any) -> str:
    """Return a value of the above for a sentence."""
    if value in (None, "", [], {}):
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return " ".join(f"{key} {in_words(item)}" for key, item in value.items())
    if isinstance(value, str) or not isinstance(value, Iterable):
        return str(value)
    return ", ".join(in_words(item) for item in value)
