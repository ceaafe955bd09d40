"""Calls on the simulated switch: each with a caller's number of its own, and what became of it."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass

import gevent
from gevent.event import Event

from esl_huntgroup.simulator.interference import NONE, Interference
from esl_huntgroup.simulator.sipvars import Caller
from esl_huntgroup.simulator.switch import CallResult
from tests.faults.board import Board
from tests.faults.firm import KINDS, Kind
from tests.faults.truth import Lived

_numbers = itertools.count(3_000_000)
HELD_MAX_S = 3.0


@dataclass(frozen=True, slots=True)
class Made:
    """A call that was begun."""

    kind: Kind
    number: str
    greenlet: gevent.Greenlet

    @property
    def is_over(self) -> bool:
        """Whether the caller is gone and the connection closed."""
        return bool(self.greenlet.ready())


def make(board: Board, kind: Kind, interference: Interference = NONE) -> Made:
    """Begin a call of this kind; it goes on by itself."""
    number = f"0{next(_numbers)}"
    greenlet = board.spawn(
        Caller(number, f"Caller {number}", domain="example.net"),
        kind.number,
        gives_up_after_s=kind.gives_up_s,
        hangs_up_after_talk_s=kind.talks_s,
        interference=interference,
    )
    return Made(kind, number, greenlet)


def lived(board: Board, made: Made) -> Lived:
    """Return what became of a call, as the switch knows it. One that is not over has no status."""
    if not made.is_over:
        return Lived(made.number, made.kind.members, 0, made.kind.outcome)
    result: CallResult = made.greenlet.get()
    return Lived(
        caller=made.number,
        members=made.kind.members,
        status=result.status,
        plan=made.kind.outcome,
        spoken_with=result.spoken_with,
        gave_up=result.cause == "ORIGINATOR_CANCEL" and made.kind.gives_up_s is not None,
        fallback=result.fallback,
        rang="originated_legs" in result.variables,
        waited_s=result.duration_s - result.talk_s,
        talked_s=result.talk_s,
        told_late_s=board.told_late_s(result),
        planned_talk_s=made.kind.shortest_talk_s,
        leg_causes=_causes(result),
        is_heard=board.is_witnessed(result),
        was_cut=result.uuid in board.disturbed,
        has_overflow=bool(made.kind.overflow),
    )


def _causes(result: CallResult) -> tuple[str, ...] | None:
    told = result.variables.get("originate_causes")
    if told is None:
        return None
    return tuple(item.partition(";")[2] for item in told.removeprefix("ARRAY::").split("|:"))


class Load:
    """Calls of every kind, so many a second, at random moments, until it is stopped."""

    def __init__(self, board: Board, chance: random.Random, calls_per_s: float) -> None:
        self.made: list[Made] = []
        self._board = board
        self._chance = chance
        self._pause_s = 1 / calls_per_s
        self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        """Begin no more calls."""
        self._greenlet.kill()

    def _run(self) -> None:
        while True:
            self.made.append(make(self._board, self._chance.choice(KINDS)))
            gevent.sleep(self._chance.uniform(0, 2 * self._pause_s))


class Hold:
    """Holds calls at a message of the switch to the service, until they are let go."""

    def __init__(self, marker: bytes) -> None:
        self.reached = 0
        """How many are held, or were."""
        self.has_expired = False
        """Whether one was let go because it was held for too long."""
        self._marker = marker
        self._gate = Event()

    def interference(self) -> Interference:
        """Return the interference for one call."""
        waited: list[bool] = []

        def hold(message: bytes) -> bytes:
            if not waited and self._marker in message:
                waited.append(True)
                self.reached += 1
                self.has_expired |= not self._gate.wait(HELD_MAX_S)
            return message

        return Interference(rewrite=hold)

    def let_go(self) -> None:
        """Let all go, and those that come."""
        self._gate.set()


AT_CONNECT = b"Event-Name: CHANNEL_DATA"
"""What the switch answers to ``connect``: until then the service knows nothing of the call."""
AT_QUESTIONS = b"Content-Type: api/response"
"""The first answer to the questions of the service: it has looked the group up, and no phone rings yet."""
