"""Several calls are one state, and what the journal cannot know any more lights no lamp."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from esl_huntgroup.lamps.lamp import IDLE, GroupCall, Lamp, LampGroup, LampState, lamps
from esl_huntgroup.model.call_state import CONVERSATION_MAX_MS, RING_GRACE_MS

NOW_MS = 1_795_000_000_000
GROUP = LampGroup(7, "700@pbx.example", 20)
ARRIVES = GroupCall("1", 7, "Anna", "3001", NOW_MS - 1000, is_answered=False, rings=False)
RINGS = replace(ARRIVES, rings=True)
TALKS = replace(RINGS, is_answered=True)


def shown(*calls: GroupCall, now_ms: int = NOW_MS) -> Lamp:
    (lamp,) = lamps([GROUP], calls, now_ms).values()
    return lamp


@pytest.mark.parametrize(
    ("call", "state"),
    [(ARRIVES, LampState.IDLE), (RINGS, LampState.RINGING), (TALKS, LampState.TALKING)],
)
def test_one_call(call: GroupCall, state: LampState) -> None:
    lamp = shown(call)
    assert lamp.state is state
    assert lamp.is_lit == (state is not LampState.IDLE)
    assert (lamp.name, lamp.number) == (("Anna", "3001") if lamp.is_lit else ("", ""))


def test_no_call_is_idle() -> None:
    assert shown() == IDLE


def test_whatever_rings_comes_first_and_of_the_same_the_oldest() -> None:
    older = [replace(TALKS, call_id="2", caller_name="Ben"), replace(RINGS, call_id="3", caller_name="Carla")]
    newer = [replace(RINGS, call_id="4", caller_name="Dora"), replace(TALKS, call_id="5"), replace(ARRIVES)]
    for calls in itertools.permutations([*older, *newer]):
        assert shown(*calls) == Lamp(LampState.RINGING, "Carla", "3001")
    assert shown(newer[1], older[0]) == Lamp(LampState.TALKING, "Ben", "3001")


def test_each_group_has_its_own() -> None:
    other = LampGroup(8, "701@pbx.example", 20)
    assert lamps([GROUP, other], [RINGS, replace(TALKS, group_id=9)], NOW_MS) == {
        GROUP.address: Lamp(LampState.RINGING, "Anna", "3001"),
        other.address: IDLE,
    }


@pytest.mark.parametrize(("call", "max_ms"), [(RINGS, 20_000 + RING_GRACE_MS), (TALKS, CONVERSATION_MAX_MS)])
def test_a_call_without_an_end_lights_no_lamp_for_ever(call: GroupCall, max_ms: int) -> None:
    assert shown(call, now_ms=call.arrived_at_ms + max_ms).is_lit
    assert not shown(call, now_ms=call.arrived_at_ms + max_ms + 1).is_lit
