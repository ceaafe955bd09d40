"""
Late phones, members, pickers, the caller and the ring limit in the same instant: there is one truth of each call.

Ten callers call a group at a time, and whoever races acts up to 60 ms before or after one moment. Then caller, phones
and journal must agree: there is one conversation, which the row has, or there is none. HUNTGROUP_RACES says how many
calls there are of each race (20), for example

    HUNTGROUP_RACES=200 ./run-tests tests/e2e/test_joined_races.py
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from .agent import Agent, Dialog, Rings
from .journal import Call, assert_whole
from .lab import ELSEWHERE, GAVE_UP, WITNESS_WITHIN_S, Lab

WANTED = int(os.environ.get("HUNTGROUP_RACES", "20"))
CALLS = 10
SPREAD_S = 0.06
RING_S = 6.0
TALK_S = 0.5
PICKER = "Emil Frey"
PICKUP_TAKES_S = 0.25
CLOSE = ("late phone against give-up", "late phone against ring-out")
SETTLES_WITHIN_S = 10.0
NAMES = {"1001": "Anna Berg", "1002": "Ben Wolf", "1003": "Carla Diaz", "1004": "Dora Lang", "1005": "Emil Frey"}


class Moment:
    """The instant around which everybody acts."""

    def __init__(self, after_s: float, spread_s: float) -> None:
        self.after_s, self._spread_s, self.at = after_s, spread_s, 0.0

    def left_s(self) -> float:
        """Return how long to wait from now on, a little more or less."""
        return max(self.at + random.uniform(-self._spread_s, self._spread_s) - time.monotonic(), 0.0)

    def answers(self) -> Rings:
        """Return what a phone does that rings, and is lifted at that moment."""
        return Rings(180, 200, 0.02, self.left_s)


def _when(what: str, *, is_fast: bool) -> tuple[float, float]:
    """Return after how many seconds it is decided, and how much sooner or later people act."""
    if what != "late phone against ring-out":
        return 3.0, SPREAD_S
    # The service ends the ringing of a call to the moment; a task of the switch, a second later, counts whole ones.
    return (RING_S + 1.0, 0.8) if is_fast else (RING_S + 0.15, 0.15)


class Race:
    """One kind of race: who takes part, and what the caller does."""

    def __init__(self, lab: Lab, what: str) -> None:
        self.lab, self.what, self.moment = lab, what, Moment(*_when(what, is_fast=lab.switch.is_fast))
        answers = self.moment.answers()
        anna = answers if what.endswith("against member") else Rings()
        carla = answers
        dora = answers if what == "two late phones" else Rings()
        self.members = [lab.agent("1001", anna), lab.agent("1002")]
        self.late = [lab.stranger("1003", carla), lab.stranger("1004", dora)]
        if what == "picker against member":
            self.late = []

    def run(self) -> Iterator[str]:
        """Yield the outcome of each call, once all agree on it."""
        for _ in range(-(-WANTED // CALLS)):
            yield from self._batch()

    def _batch(self) -> list[str]:
        lab, callers = self.lab, [self.lab.stranger() for _ in range(CALLS)]
        self.moment.at = time.monotonic() + self.moment.after_s
        dialogs = [caller.call("720") for caller in callers]
        for dialog in dialogs:
            dialog.wait_status(180)
        for phone in self.late:
            lab.register(phone.number, phone.contact)
        if self.what == "late phone against give-up":
            with ThreadPoolExecutor(CALLS) as pool:
                list(pool.map(self._gives_up, dialogs))
        pickings: list[Dialog] = []
        if self.what == "picker against member":
            with ThreadPoolExecutor(CALLS) as pool:
                pickings = list(pool.map(self._picks_up, range(CALLS)))
        pairs = list(zip(callers, dialogs, strict=True))
        for caller, dialog in pairs:
            self._settle(caller, dialog)
        time.sleep(TALK_S)  # who hangs up in the moment of the answer was never connected
        settled = [self._settle(caller, dialog) for caller, dialog in pairs]
        for dialog in dialogs:
            if dialog.is_answered and not dialog.is_over:
                dialog.bye()
        for picking in pickings:
            picking.wait_over()
        told = [self._truth(*pair, *its) for pair, its in zip(pairs, settled, strict=True)]
        for phone in self.late:
            lab.forget(phone.number)
        return told

    def _picks_up(self, _number: int) -> Dialog:
        """Dial for the oldest call, a little before the moment: the service asks, and answers the picker first."""
        picker = self.lab.stranger("1005")
        time.sleep(max(self.moment.left_s() - PICKUP_TAKES_S, 0))
        return picker.call("*8720")

    def _gives_up(self, dialog: Dialog) -> None:
        time.sleep(self.moment.left_s())
        if not dialog.is_answered:
            dialog.cancel()

    def _settle(self, caller: Agent, dialog: Dialog) -> tuple[dict[str, Dialog], list[str]]:
        """Wait until the call has its winner or its end; return who was rung, and who talks."""
        dialog.wait_for(lambda it: it.is_answered or it.is_over, "an answer or the end", 20)
        deadline = time.monotonic() + SETTLES_WITHIN_S
        while time.monotonic() < deadline:
            rung = self._rung(caller)
            talking = [name for name, it in rung.items() if not it.is_over]
            if not talking and self.what == "picker against member" and self._is_picked_up(caller):
                talking = [PICKER]
            if len(talking) == (dialog.is_answered and not dialog.is_over):
                break
            time.sleep(0.05)
        talks = dialog.is_answered and not dialog.is_over
        assert len(talking) == talks, (dialog.statuses, rung, self.lab.service.calls_of(caller.number))
        return rung, talking

    def _is_picked_up(self, caller: Agent) -> bool:
        """Whether the journal says so: who picked up which call, no phone tells."""
        calls = self.lab.service.calls_of(caller.number)
        return bool(calls) and calls[-1].answered_by == PICKER

    def _truth(self, caller: Agent, dialog: Dialog, rung: dict[str, Dialog], talking: list[str]) -> str:
        call = self.lab.journal(caller, within_s=WITNESS_WITHIN_S)
        return _one_truth(self.what, call, dialog, rung, talking)

    def _rung(self, caller: Agent) -> dict[str, Dialog]:
        """Return this caller's call at each phone that was asked to ring."""
        phones = [*self.members, *self.late]
        dialogs = [(NAMES[phone.number], dialog) for phone in phones for dialog in list(phone.dialogs)]
        mine = [(name, dialog) for name, dialog in dialogs if f"sip:{caller.number}@" in dialog.remote]
        assert len(mine) == len(dict(mine)), mine
        return dict(mine)


def _one_truth(what: str, call: Call, dialog: Dialog, rung: dict[str, Dialog], talking: list[str]) -> str:
    ends = [(name, it.is_answered, it.is_over, it.reason) for name, it in rung.items()]
    shown = (what, dialog.statuses, dialog.is_answered, dialog.is_over, dialog.reason, ends)
    assert_whole(call)
    assert call.outcome in ("answered", "caller_gone", "no_answer", "picked_up"), (call, shown)
    assert (call.outcome in ("answered", "picked_up")) == dialog.is_answered, (call, shown)
    if call.outcome == "picked_up":
        assert (call.answered_by, talking) == (PICKER, [PICKER]), (call, shown)
        assert dialog.received, shown
    if call.outcome == "answered":
        assert rung[call.answered_by].is_answered, (call, shown)
        assert talking in ([call.answered_by], []), (call, shown)
    losers = {name: it for name, it in rung.items() if name != call.answered_by}
    for name, it in losers.items():
        it.wait_over()
        if dialog.is_answered:
            assert call.kinds[name] == "answered_elsewhere", (name, call, shown)
        else:  # of a phone that begins to ring in the moment of the end, the caller's channel knows nothing any more
            assert call.kinds[name] in ("missed", "not_signalled"), (name, call, shown)
        if not it.is_answered:
            expected = ELSEWHERE if dialog.is_answered else GAVE_UP
            # Whoever was lifted in the moment in which the caller gave up, or the time was over, has won against some.
            is_close = what in CLOSE and any(other.is_answered for other in rung.values())
            assert it.reason in ((ELSEWHERE, GAVE_UP) if is_close else (expected,)), (name, it.reason, call, shown)
    return call.outcome


RACES = {
    "late phone against member": {"answered"},
    "two late phones": {"answered"},
    "late phone against give-up": {"answered", "caller_gone"},
    "late phone against ring-out": {"answered", "no_answer"},
    "picker against member": {"answered", "picked_up"},
}


@pytest.mark.parametrize("what", RACES)
def test_a_race_of_late_phones_has_one_truth(lab: Lab, what: str) -> None:
    outcomes = list(Race(lab, what).run())
    print(what, {outcome: outcomes.count(outcome) for outcome in set(outcomes)})
    assert len(outcomes) >= WANTED
    assert set(outcomes) <= RACES[what]
