"""User groups: everything about a group itself. Members, services and lists have modules of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from esl_huntgroup.errors import InputError
from esl_huntgroup.model.group import OVERFLOW_OUTCOMES, HuntMode
from esl_huntgroup.model.numbers import normal_domain, normal_number
from esl_huntgroup.model.permissions import Level, level
from esl_huntgroup.model.text import accepted
from esl_huntgroup.provisioning.admin import reading
from esl_huntgroup.provisioning.admin.desk import Desk, exists
from esl_huntgroup.provisioning.change import Change, Shown
from esl_huntgroup.provisioning.ringback import ringback
from esl_huntgroup.provisioning.schemas import group_name, hunt_mode, overflow, ring_timeout_s

SUPERIOR_LEVEL = Level.TEAM
"""What a new leader or deputy has on the members when nothing else is said."""
ROLES = ("leader", "deputy")

Values = Mapping[str, Any]
"""What is to be set, as text; ``is_active`` is a bool, and None for a number or a superior takes it away."""


def _level_word(text: str) -> str:
    return level(text).word


_CHECKS: Mapping[str, Callable[[str], object]] = {
    "name": group_name,
    "domain": normal_domain,
    "number": normal_number,
    "hunt_mode": hunt_mode,
    "ring_timeout_s": ring_timeout_s,
    "ringback": ringback,
    "member_level": _level_word,
}
"""The columns of a group that are written as text, and what brings each into its normal form."""


def add(desk: Desk, name: str, values: Values) -> Iterator[Change]:
    """Add a group. ``values`` are as for ``change``, without a name."""
    name = group_name(name)
    if _named(desk, name):
        raise exists("group", name)
    desk.insert("groups", name=name, domain=desk.domain(values.get("domain"), f"group {name!r}"))
    _apply(desk, _shown(desk, name), values)
    yield Change("add", "group", name, None, _shown(desk, name))


def change(desk: Desk, name: str, values: Values) -> Iterator[Change]:
    """
    Change what ``values`` names; everything else stays.

    These are columns of the group, ``leader``, ``leader_level``, ``deputy``, ``deputy_level``, and ``overflow``, a list
    of ``OUTCOME=WHERE``.
    """
    desk.group_id(name)
    before = _shown(desk, name)
    new_name = _apply(desk, before, values)
    yield Change("set", "group", name, before, _shown(desk, new_name))


def remove(desk: Desk, name: str) -> Iterator[Change]:
    """Remove a group and all that belongs to it; its number is free then."""
    group_id, before = desk.group_id(name), _shown(desk, name)
    desk.delete("groups", id=group_id)
    yield Change("remove", "group", name, before, None)


def _apply(desk: Desk, before: Shown, values: Values) -> str:
    """Write what is to be set; return the name of the group afterwards."""
    group_id = desk.group_id(before["name"])
    columns = _columns(desk, before, values)
    desk.update("groups", {"id": group_id}, columns)
    for role in ROLES:
        _set_superior(desk, group_id, before, role, values)
    _require_two_superiors(desk, group_id, str(before["name"]))
    for text in values.get("overflow", ()):
        _set_overflow(desk, group_id, text)
    return str(columns.get("name", before["name"]))


def _columns(desk: Desk, before: Shown, values: Values) -> dict[str, Any]:
    """Return the columns that are to be written, in normal form and fit for one another."""
    columns = {name: None if values[name] is None else check(values[name])
               for name, check in _CHECKS.items() if name in values}  # fmt: skip
    if "is_active" in values:
        columns["is_active"] = values["is_active"]
    after = {**before, **columns}
    if after["name"] != before["name"] and _named(desk, after["name"]):
        raise exists("group", after["name"])
    _require_mode(desk, after, is_chosen="hunt_mode" in columns)
    key = (after["domain"], after["number"])
    if after["number"] is not None and key != (before["domain"], before["number"]):
        desk.require_free(*key, f"group {after['name']!r} cannot have the number")
    return columns


def _require_mode(desk: Desk, after: Values, *, is_chosen: bool) -> None:
    mode = after["hunt_mode"]
    offered = [one.value for one in HuntMode if one is HuntMode.DISABLED or one in desk.hunt_modes]
    if is_chosen and mode not in offered:
        raise InputError(
            f"hunt mode {mode} is not offered by this installation (setting hunt_modes): {accepted(offered)}"
        )
    if mode == HuntMode.SOFTPHONE and after["number"] is None:
        raise InputError(f"group {after['name']!r} has hunt mode softphone and no group number: give a number too")


def _set_superior(desk: Desk, group_id: int, before: Shown, role: str, values: Values) -> None:
    user, given_level = values.get(role, before[role]), values.get(f"{role}_level")
    if given_level is not None and user is None:
        raise InputError(f"group {before['name']!r} has no {role} for a level: give --{role} too")
    if role not in values and given_level is None:
        return
    its_level = level(given_level or before[f"{role}_level"] or SUPERIOR_LEVEL.word).word
    desk.delete("superiors", group_id=group_id, role=role)
    if user is not None:
        desk.insert("superiors", group_id=group_id, role=role, user_id=desk.user_id(user), level=its_level)


def _require_two_superiors(desk: Desk, group_id: int, name: str) -> None:
    users = reading.rows(desk.db, "SELECT user_id FROM superiors WHERE group_id = ?", group_id)
    if len(set(users)) < len(users):
        raise InputError(f"the leader of group {name!r} cannot be its deputy too: another user is accepted")


def _set_overflow(desk: Desk, group_id: int, text: str) -> None:
    outcome, has_value, where = text.partition("=")
    action, _, target = where.partition(":")
    if not has_value or outcome not in {str(known) for known in OVERFLOW_OUTCOMES}:
        accepted = ", ".join(sorted(OVERFLOW_OUTCOMES))
        raise InputError(f"{text!r} is not an overflow: OUTCOME=WHERE is accepted, with {accepted}")
    found = overflow({action: target} if target else action)
    desk.delete("overflows", group_id=group_id, outcome=outcome)
    desk.insert("overflows", group_id=group_id, outcome=outcome, action=found.action.value, target=found.target)


def _named(desk: Desk, name: str) -> Sequence[object]:
    return reading.rows(desk.db, 'SELECT 1 FROM "groups" WHERE name = ?', name)


def _shown(desk: Desk, name: str) -> Shown:
    return reading.groups(desk.db, group=name)[0]
