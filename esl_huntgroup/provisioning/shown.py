"""
PURE: the configuration as the audit keeps it and commands show it: whole and flat, whichever way a change came.

A thing becomes a mapping of text, numbers, yes or no, and lists of these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from esl_huntgroup.model.group import Overflow
from esl_huntgroup.provisioning.change import Change, Shown
from esl_huntgroup.provisioning.differences import COMMAND_OF, Difference, Granted
from esl_huntgroup.provisioning.model import (
    ATTRIBUTES,
    LISTS,
    ROLES,
    StoredGroup,
    StoredLine,
    StoredUser,
)
from esl_huntgroup.provisioning.values import Content, Superior

_ATTRIBUTES = tuple(it.name for it in sorted(ATTRIBUTES, key=lambda it: not it.switch))
"""In the order in which they are shown: the master switch first."""
_PARTS = frozenset({"member", *COMMAND_OF.values()})
"""Kinds of things that are parts of a group: the name of the group begins theirs."""
_TOLD_BY_PARTS: Mapping[str, AbstractSet[str]] = {
    "group": {"members", "services", *LISTS},
    "user": {"services"},
    "service": {"groups", "users"},
}
"""What of a thing is told by other changes."""


def as_change(difference: Difference) -> Change:
    """Return a difference as the audit keeps it and commands tell it."""
    shape = _SHAPES[difference.kind]
    before, after = difference.before, difference.after
    return Change(
        difference.action,
        difference.kind,
        thing_name(difference),
        None if before is None else shape(difference.key, before),
        None if after is None else shape(difference.new_key, after),
    )


def told(changes: Sequence[Change]) -> list[Change]:
    """
    Return the changes without what others of them say already: what somebody is told who has made them.

    A part of a group (a member, a prepared list) tells of a change of the group, unless the whole group comes or goes;
    a service tells of those who get or lose it in the same way.
    """
    whole = {(it.kind, it.name) for it in changes if it.before is None or it.after is None}
    return [it for it in changes if not _is_told_by_others(it, whole)]


def _is_told_by_others(it: Change, whole: AbstractSet[tuple[str, str]]) -> bool:
    if it.kind in _PARTS:
        return ("group", it.name.rpartition("/")[0] if it.kind == "member" else it.name) in whole
    if it.before is None or it.after is None or it.kind not in _TOLD_BY_PARTS:
        return False
    differing = {key for key in it.after if it.before[key] != it.after[key]}
    if it.kind == "service":
        sides = ((kind, side[f"{kind}s"]) for side in (it.before, it.after) for kind in ("group", "user"))
        holders = {(kind, name) for kind, names in sides for name in names}
        return "description" not in differing and holders <= whole
    return differing <= _TOLD_BY_PARTS[it.kind]


def thing_name(difference: Difference) -> str:
    """Return how commands call the thing: ``NUMBER@DOMAIN`` for a line, ``GROUP/USER`` for a member."""
    return "@".join(reversed(difference.key)) if difference.kind == "line" else "/".join(difference.key)


def whole_group(name: str, group: StoredGroup) -> Shown:
    """Return a group with everything that belongs to it."""
    return {
        "name": name,
        **{it: getattr(group, it) for it in _ATTRIBUTES},
        **{key: value for role in ROLES for key, value in _flat_superior(role, getattr(group, role))},
        "members": list(group.members),
        "services": list(group.services),
        "overflow": {
            outcome.value: overflow_words(it) for outcome, it in sorted(group.overflows.items(), key=lambda it: it[0])
        },
        **{kind: [content_words(it) for it in getattr(group, kind)] for kind in LISTS},
    }


def content_words(content: Content) -> str:
    """Return an entry of a prepared list in words: a user's name, or name and number of a contact."""
    return content.user or f"{content.name} <{content.number}>"


def overflow_words(overflow: Overflow) -> str:
    """Return an overflow as commands take it."""
    return f"{overflow.action.value}:{overflow.target}" if overflow.target else overflow.action.value


def _flat_superior(role: str, superior: Superior | None) -> Sequence[tuple[str, str | None]]:
    user, level = superior or (None, None)
    return (role, user), (f"{role}_level", level)


def _service(key: tuple[str, ...], it: Granted) -> Shown:
    return {"name": key[0], "description": it.description, "groups": list(it.groups), "users": list(it.users)}


def _user_alone(key: tuple[str, ...], it: StoredUser) -> Shown:
    return {"name": key[0], "display_name": it.display_name, "services": list(it.services)}


def _line(key: tuple[str, ...], it: StoredLine) -> Shown:
    return {"number": key[1], "domain": key[0], "user": it.user, "kind": it.kind, "account": it.account}


def _contents(_key: tuple[str, ...], its: Sequence[Content]) -> Shown:
    return {"entries": [content_words(it) for it in its]}


_SHAPES: Mapping[str, Callable[[tuple[str, ...], Any], Shown]] = {
    "service": _service,
    "user": _user_alone,
    "level": lambda key, it: {"owner": key[0], "other": key[1], "level": it},
    "line": _line,
    "member": lambda key, it: {"group": key[0], "position": it, "user": key[1]},
    "group": lambda key, it: whole_group(key[0], it),
    **dict.fromkeys(COMMAND_OF.values(), _contents),
}
