"""
PURE: the calls of ``esl-huntgroup demo``: who does what, and what must come of it.

The group of the demo is Vertrieb, 700, with Anna, Bernd, Clara, Dora and Emil, in this order; the phones of Technik,
701, are all switched off. Every call has a caller of its own, by whose number it is found in the journal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from esl_huntgroup.model.outcome import EntryKind, Outcome
from esl_huntgroup.simulator.phones import BUSY, RINGING, Phone, Script, answering, registered, unregistered
from esl_huntgroup.simulator.sipvars import Caller

DOMAIN: Final = "demo.local"
GROUP_NUMBER: Final = "700"
EMPTY_GROUP_NUMBER: Final = "701"
RING_TIMEOUT_S: Final = 5

PEOPLE: Final = {
    "1001": "Anna Berg",
    "1002": "Bernd Cordes",
    "1003": "Clara Dietz",
    "1004": "Dora Ebert",
    "1005": "Emil Falk",
    "1006": "Frieda Gerber",
}
"""Account, which is also the number, of everybody in the demo."""
MEMBERS: Final = ("1001", "1002", "1003", "1004", "1005")
EMPTY_GROUP_MEMBERS: Final = ("1005", "1006")

_ANNA, _BERND, _CLARA, _DORA, _EMIL, _FRIEDA = PEOPLE


@dataclass(frozen=True, slots=True)
class Scene:
    """
    One call. ``scripts`` holds the phones that are registered; the others are switched off.

    ``journal`` is what each member must find in the journal, by account.
    """

    title: str
    caller: Caller
    scripts: Mapping[str, Script]
    status: int
    outcome: Outcome
    journal: Mapping[str, EntryKind]
    number: str = GROUP_NUMBER
    winner: str = ""
    gives_up_after_s: float | None = None
    hangs_up_after_talk_s: float | None = None

    def phones(self) -> tuple[Phone, ...]:
        """Return everybody's phone, as it is during this call."""
        return tuple(self._phone(account) for account in PEOPLE)

    def _phone(self, account: str) -> Phone:
        address = f"{account}@{DOMAIN}"
        script = self.scripts.get(account)
        if script is None:
            return unregistered(PEOPLE[account], address)
        return registered(PEOPLE[account], address, script, port=int(account) + 4000)


def _caller(number: str, name: str) -> Caller:
    return Caller(number, name, domain="example.net")


SCENES: Final = (
    Scene(
        "Anna answers; Clara is busy, Emil's phone is switched off",
        _caller("030111", "Max Kunde"),
        {_ANNA: answering(1.2), _BERND: RINGING, _CLARA: BUSY, _DORA: RINGING},
        status=200,
        outcome=Outcome.ANSWERED,
        winner=_ANNA,
        hangs_up_after_talk_s=1.0,
        journal={
            _ANNA: EntryKind.ANSWERED,
            _BERND: EntryKind.ANSWERED_ELSEWHERE,
            _CLARA: EntryKind.ANSWERED_ELSEWHERE,
            _DORA: EntryKind.ANSWERED_ELSEWHERE,
            _EMIL: EntryKind.ANSWERED_ELSEWHERE,
        },
    ),
    Scene(
        "Bernd and Dora answer in the same instant; one of them gets the call",
        _caller("030222", "Eva Probst"),
        {_ANNA: RINGING, _BERND: answering(0.8), _CLARA: RINGING, _DORA: answering(0.8)},
        status=200,
        outcome=Outcome.ANSWERED,
        winner=_BERND,
        hangs_up_after_talk_s=0.8,
        journal={
            _ANNA: EntryKind.ANSWERED_ELSEWHERE,
            _BERND: EntryKind.ANSWERED,
            _CLARA: EntryKind.ANSWERED_ELSEWHERE,
            _DORA: EntryKind.ANSWERED_ELSEWHERE,
            _EMIL: EntryKind.ANSWERED_ELSEWHERE,
        },
    ),
    Scene(
        "nobody answers",
        _caller("030333", "Ole Geduld"),
        {_ANNA: RINGING, _BERND: RINGING},
        status=480,
        outcome=Outcome.NO_ANSWER,
        journal={
            _ANNA: EntryKind.MISSED,
            _BERND: EntryKind.MISSED,
            _CLARA: EntryKind.NOT_SIGNALLED,
            _DORA: EntryKind.NOT_SIGNALLED,
            _EMIL: EntryKind.NOT_SIGNALLED,
        },
    ),
    Scene(
        "all phones of the group are switched off",
        _caller("030444", "Rita Pech"),
        {},
        number=EMPTY_GROUP_NUMBER,
        status=480,
        outcome=Outcome.NOBODY_REGISTERED,
        journal={_EMIL: EntryKind.NOT_SIGNALLED, _FRIEDA: EntryKind.NOT_SIGNALLED},
    ),
    Scene(
        "the caller gives up",
        _caller("030555", "Udo Eilig"),
        {_ANNA: RINGING, _CLARA: RINGING, _DORA: RINGING},
        status=487,
        outcome=Outcome.CALLER_GONE,
        gives_up_after_s=1.5,
        journal={
            _ANNA: EntryKind.MISSED,
            _BERND: EntryKind.NOT_SIGNALLED,
            _CLARA: EntryKind.MISSED,
            _DORA: EntryKind.MISSED,
            _EMIL: EntryKind.NOT_SIGNALLED,
        },
    ),
)
