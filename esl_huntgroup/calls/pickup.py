"""
PURE: who may pick up which ringing call, and what the switch says of the calls that ring.

Every call that can be picked up has a pickup leg at the switch (``joining``), whichever process serves it. No list has
that leg; its key, with group and call, is in a column of the caller, and the legs of the phones that ring have uuids
that begin as the call's id does.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from esl_huntgroup.calls import callerid
from esl_huntgroup.calls.dialstring import PICKUP
from esl_huntgroup.calls.joining import MARK, Key, read_key
from esl_huntgroup.calls.ring_plan import is_leg_of
from esl_huntgroup.model.group import HuntGroup

WANTED: Final = "huntgroup_pickup"
"""The channel variable with what was dialled behind the code: the number of a group, or of a colleague."""
CALLS_MAX: Final = 20
"""Ringing calls that are looked at for one picker, the oldest first."""

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RingingCall:
    """A call that rings, its key, and who calls, as the phones are shown."""

    key: Key
    caller_name: str
    caller_number: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing is picked up: ``status`` is what the picker's phone gets, ``why`` is for the log."""

    status: str
    why: str


NOBODY: Final = Refusal("403 Forbidden", "who asks has no line here")
NO_TARGET: Final = Refusal("404 Not Found", "there is no such group or line")
NOTHING_RINGS: Final = Refusal("480 Temporarily Unavailable", "nothing rings there that can be picked up")
NO_RIGHT: Final = Refusal("403 Forbidden", "no right to pick up there")
TOO_LATE: Final = Refusal("480 Temporarily Unavailable", "somebody else was faster")


def read_rows(answer: str) -> list[Row]:
    """Return the rows of ``show channels … as json``; none for an answer that is none."""
    try:
        rows = json.loads(answer, strict=False).get("rows", [])
    except (AttributeError, RecursionError, ValueError):
        return []
    if not isinstance(rows, list):
        return []
    return [{str(name): str(value) for name, value in row.items()} for row in rows if isinstance(row, dict)]


def ringing_calls(rows: Iterable[Row]) -> Iterator[RingingCall]:
    """Return the calls that could be picked up when the switch wrote its list, the oldest first."""
    for row in rows:
        mark = row.get(MARK, "")
        its_key = read_key(mark.removeprefix(PICKUP)) if mark.startswith(PICKUP) else None
        if its_key and row.get("direction") == "inbound":
            name, number = row.get("cid_name", ""), row.get("cid_num", "")
            yield RingingCall(its_key, callerid.name(name), callerid.number(number))


def rings_at(call: RingingCall, rows: Iterable[Row]) -> tuple[str, ...]:
    """Return the lines ``account@domain`` at which a call rings: the legs among the rows."""
    legs = [row for row in rows if is_leg_of(call.key.call_id, row.get("uuid", ""))]
    return tuple(dict.fromkeys(row["presence_id"] for row in legs if "@" in row.get("presence_id", "")))


def is_of_group(call: RingingCall, group: HuntGroup) -> bool:
    """Return whether it is a call to this group."""
    return (call.key.number, call.key.domain) == (group.number, group.domain)


def is_member(user_id: int, group: HuntGroup | None) -> bool:
    """Return whether the user is a member of the group."""
    return group is not None and any(member.user_id == user_id for member in group.members)


def allowed(
    found: Sequence[tuple[RingingCall, tuple[str, ...], HuntGroup | None]], user_id: int, rights: Collection[str]
) -> list[RingingCall]:
    """
    Return the calls that a user may pick up, of those that were ``found``, the oldest first.

    Each is found with the lines where it rings and with its group; ``rights`` are the lines at which the user may pick
    up by the level on who has them. A call to a group of one's own may always be picked up.
    """
    return [call for call, lines, group in found if is_member(user_id, group) or any(line in rights for line in lines)]
