"""
One row of the matrix: a service under load, calls in every phase at the same instant, and a fault at that instant.

Every cell exists: a fault does not choose among the calls that are there, so a row has all of its phases at once, and
the load beside them.
"""

from __future__ import annotations

import functools
import random
from pathlib import Path

import gevent

from esl_huntgroup.simulator.phones import answering
from tests.database.servers import Server
from tests.faults.calls import AT_CONNECT, AT_QUESTIONS, Hold, Load, Made, make
from tests.faults.firm import PHASES
from tests.faults.injections import Fault
from tests.faults.installed import until
from tests.faults.stage import Stage
from tests.faults.truth import Examined

CALLS_PER_CELL = 6
LOAD_PER_S = 8.0
UNDER_LOAD = "load"
COLUMNS = (*PHASES, UNDER_LOAD)
WARM_S = 1.0
"""How long the load goes on before and after: calls to be hit, and calls that come to what was hit."""
OVER_WITHIN_S = 60.0
STEP_S = 0.005
"""Between the calls that answer, or end, and the fault: so the switch has seen some and not others."""

ATTEMPTS = 4
"""How often a row is begun: on a machine that is busy with other things, not all calls reach their phase in time."""

Row = dict[str, list[Examined]]


class NotFilledError(Exception):
    """Not every phase had its calls at the instant of the fault: there was nothing to examine yet."""


class Run:
    """One fault on one stage."""

    def __init__(self, stage: Stage, fault: Fault, server: Server | None = None) -> None:
        self._stage = stage
        self._board = stage.board
        self._fault = fault
        stage.spares_callers = fault.spares_callers
        self._injection = fault.injection(stage, stage.board, stage.relay, server)
        self._made: dict[str, list[Made]] = {}
        self._holds = {"connecting": Hold(AT_CONNECT), "asking": Hold(AT_QUESTIONS)}

    def go(self) -> Row:
        """Serve, hit, mend, and wait for all to be over; return the calls of each phase after the check."""
        self._stage.serve()
        load = Load(self._board, random.Random(self._fault.name), LOAD_PER_S)
        gevent.sleep(WARM_S)
        try:
            self._fill_phases()
        except AssertionError as error:
            load.stop()
            raise NotFilledError(str(error)) from error
        self._strike()
        if any(hold.has_expired for hold in self._holds.values()):
            load.stop()
            self._injection.mend()
            raise NotFilledError("calls were held for too long")
        gevent.sleep(self._fault.lasts_s)
        self._injection.mend()
        gevent.sleep(WARM_S)
        load.stop()
        self._made[UNDER_LOAD] = load.made
        self._await_the_end()
        assert self._fault.trace in self._stage.log_text(), f"the log says nothing of {self._fault.trace!r}"
        return {column: self._stage.examine(self._made[column]) for column in COLUMNS}

    # -- calls in every phase -------------------------------------------------------------------------------------

    def _fill_phases(self) -> None:
        for phase in ("talking", "ending"):
            self._begin(phase)
        for phase in ("talking", "ending"):
            self._await_ringing(phase)
            self._answer(phase)
            self._await_talking(phase)
        for phase in ("ringing", "answering"):
            self._begin(phase)
        for phase in ("ringing", "answering"):
            self._await_ringing(phase)
        for phase in self._holds:  # last, as the service waits for these only so long
            self._begin(phase)
        for phase, hold in self._holds.items():
            self._answer(phase)
            until(functools.partial(_has_all, hold), 10, f"{phase}: not all are there")
        self._stage.first_callers = [made[0].number for made in self._made.values()]

    def _begin(self, phase: str) -> None:
        hold = self._holds.get(phase)
        self._made[phase] = []
        for _ in range(CALLS_PER_CELL):
            args = [hold.interference()] if hold else []
            self._made[phase].append(make(self._board, PHASES[phase], *args))
            gevent.sleep(STEP_S)

    def _answer(self, phase: str) -> None:
        self._stage.phones[phase][0].script = answering(0.1)

    def _await_ringing(self, phase: str) -> None:
        phone = self._stage.phones[phase][0]
        until(lambda: len(phone.did("ringing")) == CALLS_PER_CELL, 10, f"{phase}: not all ring")

    def _await_talking(self, phase: str) -> None:
        phone = self._stage.phones[phase][0]
        until(lambda: len(phone.did("answered")) == CALLS_PER_CELL, 10, f"{phase}: not all are answered")
        channels = [self._board.caller(made.number) for made in self._made[phase]]
        until(lambda: all(it and it.profile.times.bridged for it in channels), 10, f"{phase}: not all talk")

    # -- the instant ----------------------------------------------------------------------------------------------

    def _strike(self) -> None:
        """Let some answer and some hang up within 30 ms, and hit in the midst of it."""
        for number, made in enumerate(self._made["ending"]):
            channel = self._board.caller(made.number)
            assert channel is not None
            channel.caller_hangs_up()
            if number == CALLS_PER_CELL // 2:
                self._answer("answering")
            gevent.sleep(STEP_S)
        self._injection.inject()
        gevent.sleep(STEP_S)
        for hold in self._holds.values():
            hold.let_go()
        gevent.sleep(0.3)
        self._answer("ringing")

    def _await_the_end(self) -> None:
        everything = [made for phase in self._made.values() for made in phase]
        until(lambda: all(made.is_over for made in everything), OVER_WITHIN_S, "calls are not over:", self._left)
        self._stage.settle()

    def _left(self) -> list[tuple[str, str]]:
        return [(phase, it.number) for phase, made in self._made.items() for it in made if not it.is_over]


def _has_all(hold: Hold) -> bool:
    return hold.reached == CALLS_PER_CELL


def run(folder: Path, fault: Fault, database: Path | str, server: Server | None = None) -> Row:
    """Run one row of the matrix in a folder of its own, with nothing left behind."""
    for attempt in range(1, ATTEMPTS + 1):
        home = folder / str(attempt)
        home.mkdir()
        stage = Stage(
            home,
            database,
            with_relay=fault.with_relay,
            with_web=fault.with_web,
            with_registrar=fault.with_registrar,
        )
        try:
            return Run(stage, fault, server).go()
        except NotFilledError as error:
            unfilled = str(error)
        finally:
            stage.close()
    raise AssertionError(f"{ATTEMPTS} times: {unfilled}")
