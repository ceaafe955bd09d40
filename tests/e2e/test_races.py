"""
The ring limit and an answer in the same instant: whoever ends the ringing, there is one truth of each call.

Three end it: the service, a second later a task that it has left in the switch, and at last the switch's own limit for
a ``bridge``. Each is raced by two phones that lift up to 60 ms before or after it, beside a third that only rings; a
service that was frozen and goes on at that moment races them all. Callers, phones and journal must agree: either there
is one conversation, which the row has (it may end in the moment in which it begins), or there is none, and everybody
has missed a call.
"""

from __future__ import annotations

import itertools
import operator
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from esl_huntgroup.calls.hunt import SWITCH_MARGIN_S

from .agent import Agent, Dialog, Rings
from .journal import Call, assert_whole
from .lab import ELSEWHERE, GAVE_UP, RANG_OUT, WITNESS_WITHIN_S, Lab

RING_S = 5
CALLS = 45
"""In one batch; seven batches are the 315 calls of one variant."""
SPREAD_S = 0.06
APART_S = 0.01
TALK_S = 0.7
NUDGE_S = 0.05
"""How long after the full second the switch is made to look for its tasks; by itself it does so twice a second."""
PHONES = {"1001": "Anna Berg", "1002": "Ben Wolf", "1003": "Carla Diaz"}
"""The first two answer, the third rings only."""
SETTLES_WITHIN_S = 5.0
"""How long a busy switch may take to tell the phones that have lost."""
MORE_BATCHES_MAX = 3
"""How many more there may be until some are answered and some are not: a busy machine is late, always or never."""
NO_ANSWER_STATUS = 480
REASONS = {"LOSE_RACE": ELSEWHERE, "ORIGINATOR_CANCEL": GAVE_UP, "NO_ANSWER": RANG_OUT}
"""What a phone is told, by the cause that the journal has of it."""
_GROUP = re.compile(r"huntgroup-[0-9a-f-]{36}")

Moment = Callable[[float], float]
"""When it is over for a phone that rings since then; both are seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Limit:
    """
    What ends the ringing: ``at`` says when.

    ``frozen_for_s`` is for how long the service is frozen, from before any limit on (0: it is not), counted from the
    full second before the calls. ``keeps_task`` is whether the switch has its task.
    """

    at: Moment
    frozen_for_s: float = 0.0
    keeps_task: bool = True


def by_service(rings_since: float) -> float:
    """PURE: the service counts from its ``bridge`` on."""
    return rings_since + RING_S


def by_task(rings_since: float) -> float:
    """PURE: the switch has whole seconds for its tasks; ``Race`` makes it look just then for those that are due."""
    return rings_since // 1 + RING_S + 1 + NUDGE_S


def by_switch(rings_since: float) -> float:
    """PURE: for its own limit it has whole seconds as well."""
    return rings_since // 1 + RING_S + SWITCH_MARGIN_S


IN_SILENCE = Limit(by_task)
"""A socket without ``async`` cannot be told to end the ringing: there the switch's task does, the service awake."""
LIMITS = {
    "service": Limit(by_service),
    "task": Limit(by_task, frozen_for_s=8),
    "task-and-service": Limit(by_task, frozen_for_s=6),
    "switch": Limit(by_switch, frozen_for_s=10, keeps_task=False),
    "switch-and-service": Limit(by_switch, frozen_for_s=8, keeps_task=False),
}
BATCHES = ("service", "service", "task", "task", "task-and-service", "switch", "switch-and-service")


class Race:
    """Batches of calls to a group whose phones answer around the limit, and what came of each call."""

    def __init__(self, lab: Lab, limit: Limit) -> None:
        self._lab = lab
        self._limit = limit
        self._aim_s = 0.0
        self._offsets = itertools.cycle(SPREAD_S * (7 * number % 31 / 15 - 1) for number in range(31))
        races = Rings(180, 200, 0.0, self._lifts_after)
        rings = {"1003": Rings(180, 0, 0.0)}
        self.phones = {PHONES[account]: lab.agent(account, rings.get(account, races)) for account in PHONES}

    def run(self, batches: int) -> list[str]:
        """Make so many batches of calls, and some more if the answers are always too early or too late."""
        outcomes: list[str] = []
        for batch in range(batches + MORE_BATCHES_MAX):
            if batch >= batches and len(set(outcomes)) > 1:
                break
            latest = self._batch()
            outcomes += latest
            self._aim_s += SPREAD_S * (len(latest) - 2 * latest.count("no_answer")) / len(latest)
        return outcomes

    def _lifts_after(self) -> float:
        """Return in how many seconds a phone that begins to ring is lifted."""
        now = time.time()
        return self._limit.at(now) + self._aim_s + next(self._offsets) - now

    def _batch(self) -> list[str]:
        """Make one batch of calls, and return the outcome of each. Raises AssertionError where there are two truths."""
        callers = [self._lab.stranger() for _ in range(CALLS)]
        second = time.time() // 1 + 1
        _sleep_until(second + 0.02)
        dialogs = []
        for caller in callers:
            dialogs.append(caller.call("700"))
            time.sleep(APART_S)
        self._interfere(second)
        _sleep_until(self._limit.at(second + 1) + SPREAD_S + TALK_S)
        self._lab.service.thaw()
        talking = [dialog.wait_for(_is_decided, "its end").is_answered and not dialog.is_over for dialog in dialogs]
        seen = [self._of(caller) for caller in callers]
        connected = [_settled(rung, talks) for rung, talks in zip(seen, talking, strict=True)]
        for dialog, talks in zip(dialogs, talking, strict=True):
            dialog.bye() if talks else None
        self._lab.switch.wait_without_channels()
        journal = [self._lab.journal(caller, within_s=WITNESS_WITHIN_S) for caller in callers]
        return [_one_truth(*of_call) for of_call in zip(dialogs, talking, seen, connected, journal, strict=True)]

    def _interfere(self, second: float) -> None:
        """Do to service and switch what is to be done; ``second`` is that before the calls."""
        switch, service, limit = self._lab.switch, self._lab.service, self._limit
        if limit.frozen_for_s:
            _sleep_until(second + RING_S - 2)
            service.freeze()
        if not limit.keeps_task:
            for group in set(_GROUP.findall("\n".join(switch.tasks("huntgroup-")))):
                switch.api(f"sched_del {group}")
        doings = [(second + limit.frozen_for_s, service.thaw)] if limit.frozen_for_s else []
        doings += [(limit.at(second), self._run_tasks)] if limit.at is by_task else []
        for at, do in sorted(doings, key=operator.itemgetter(0)):
            _sleep_until(at)
            do()

    def _run_tasks(self) -> None:
        """Have the switch look for tasks that are due: it does when there is a new one."""
        self._lab.switch.api("sched_api +60 race status")
        self._lab.switch.api("sched_del race")

    def _of(self, caller: Agent) -> dict[str, Dialog]:
        """Return the calls that this caller's call has become at the phones."""
        dialogs = ((name, dialog) for name, phone in self.phones.items() for dialog in list(phone.dialogs))
        return {name: dialog for name, dialog in dialogs if f"sip:{caller.number}@" in dialog.remote}


def _one_truth(dialog: Dialog, talks: bool, rung: dict[str, Dialog], connected: list[str], call: Call) -> str:
    """Return the outcome, once caller, phones and journal agree on it."""
    told = (call, dialog.statuses, dialog.reason, {name: (_ends(it), it.is_answered) for name, it in rung.items()})
    assert_whole(call)
    assert call.rang == set(rung) == set(PHONES.values()), told
    assert (call.outcome == "answered") == dialog.is_answered, told
    if dialog.is_answered and not talks:  # the limit came a moment after the answer: both have heard that
        assert rung[call.answered_by].is_answered, told
        assert call.talk_s < TALK_S, told
    assert connected == [call.answered_by] * talks, told
    losers = {name: it for name, it in rung.items() if name != call.answered_by}
    assert all(_ends(it) == REASONS[call.causes[name]] or _was_cut_off(it) for name, it in losers.items()), told
    if not dialog.is_answered:
        assert (dialog.statuses[-1], call.outcome) == (NO_ANSWER_STATUS, "no_answer"), told
        assert all((call.kinds[name] == "missed") == (name in rung) for name in call.kinds), told
        assert {call.causes[name] for name in rung} <= {"ORIGINATOR_CANCEL", "NO_ANSWER"}, told
    return call.outcome


def _settled(rung: dict[str, Dialog], talks: bool) -> list[str]:
    """Return the phones that have a conversation, once there is not one too many, or nothing changes any more."""
    deadline = time.monotonic() + SETTLES_WITHIN_S
    while True:
        connected = [name for name, dialog in rung.items() if not dialog.is_over]
        if len(connected) <= talks or time.monotonic() > deadline:
            return connected
        time.sleep(0.05)


def _was_cut_off(dialog: Dialog) -> bool:
    """
    Whether somebody lifted when it was over, and heard nobody: FreeSWITCH acknowledges that and sends a BYE at once.

    Such a BYE has no Reason, or that of the moment before; a phone that was lifted shows no missed call anyhow.
    """
    return dialog.is_answered and dialog.is_over


def _ends(dialog: Dialog) -> str:
    """Return the Reason with which the switch has ended the call of a phone, by CANCEL or, if that came late, BYE."""
    reasons = [packet.get("reason") for packet in dialog.received if packet.method in ("CANCEL", "BYE")]
    return next(filter(None, reasons), "")


def _is_decided(dialog: Dialog) -> bool:
    return dialog.is_answered or dialog.is_over


def _sleep_until(at: float) -> None:
    time.sleep(max(at - time.time(), 0.0))


@pytest.mark.parametrize("ended_by", LIMITS)
def test_an_answer_at_the_ring_limit_has_one_truth(lab: Lab, ended_by: str) -> None:
    batches = BATCHES.count(ended_by)
    race = Race(lab, IN_SILENCE if lab.switch.is_fast and ended_by == "service" else LIMITS[ended_by])
    outcomes = race.run(batches)
    print(ended_by, {outcome: outcomes.count(outcome) for outcome in set(outcomes)})
    assert len(outcomes) >= batches * CALLS
    assert set(outcomes) == {"answered", "no_answer"}
