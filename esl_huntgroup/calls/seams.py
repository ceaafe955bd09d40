"""PURE: what a hunt can do in more than one way, and the way that it has: calls and ``explain`` are given the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from esl_huntgroup.calls.ring_strategy import PARALLEL, RingStrategy
from esl_huntgroup.registrars.freeswitch import FREESWITCH
from esl_huntgroup.registrars.registrar import Registrar


@dataclass(frozen=True, slots=True)
class Seams:
    """Who rings when, and who knows where everybody is registered."""

    strategy: RingStrategy = PARALLEL
    registrar: Registrar = FREESWITCH


SEAMS: Final = Seams()
"""Those of an installation that chooses nothing."""
