"""
PURE: what the lamp of a group shows, from the calls that the journal has of it.

Several calls at once are one state, for a phone has one lamp: it rings if any of them rings, else it talks if any of
them talks. Who calls is the caller of the oldest call in that state, the one whom a pickup takes first.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from esl_huntgroup.model.call_state import CallState, call_state


class LampState(enum.StrEnum):
    """What a lamp shows, in the words of RFC 4235 for the state of a dialog."""

    IDLE = "terminated"
    RINGING = "early"
    TALKING = "confirmed"


@dataclass(frozen=True, slots=True)
class Lamp:
    """What a lamp shows, and who calls; both are empty for a caller who is not known, and where there is none."""

    state: LampState
    name: str = ""
    number: str = ""

    @property
    def is_lit(self) -> bool:
        """Whether there is anything to see."""
        return self.state is not LampState.IDLE


IDLE: Final = Lamp(LampState.IDLE)


@dataclass(frozen=True, slots=True)
class LampGroup:
    """A group that has a lamp. ``address`` is what phones watch: ``number@domain``."""

    id: int
    address: str
    ring_timeout_s: int


@dataclass(frozen=True, slots=True)
class GroupCall:
    """A call without an end. ``rings`` is whether phones have been made to ring; times are milliseconds, UTC."""

    call_id: str
    group_id: int
    caller_name: str
    caller_number: str
    arrived_at_ms: int
    is_answered: bool
    rings: bool


def lamps(groups: Iterable[LampGroup], calls: Collection[GroupCall], now_ms: int) -> dict[str, Lamp]:
    """Return what each lamp shows, by its address. ``calls`` are those of all groups, in any order."""
    by_group: dict[int, list[GroupCall]] = {}
    for call in sorted(calls, key=lambda call: call.call_id):  # an id begins with the time
        by_group.setdefault(call.group_id, []).append(call)
    return {group.address: _lamp(group, by_group, now_ms) for group in groups}


def _lamp(group: LampGroup, by_group: Mapping[int, list[GroupCall]], now_ms: int) -> Lamp:
    calls = [(call, _state(call, group, now_ms)) for call in by_group.get(group.id, ())]
    for state in (LampState.RINGING, LampState.TALKING):
        for call, its_state in calls:
            if its_state is state:
                return Lamp(state, call.caller_name, call.caller_number)
    return IDLE


def _state(call: GroupCall, group: LampGroup, now_ms: int) -> LampState:
    """Return what one call alone would show: nothing while nobody rings yet, and when its end is not known."""
    match call_state(
        is_over=False,
        is_answered=call.is_answered,
        age_ms=now_ms - call.arrived_at_ms,
        ring_timeout_s=group.ring_timeout_s,
    ):
        case CallState.RINGING if call.rings:
            return LampState.RINGING
        case CallState.TALKING:
            return LampState.TALKING
    return LampState.IDLE
