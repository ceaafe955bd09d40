"""
The calls of ``esl-huntgroup demo --web``, which never end: somebody calls, somebody answers or nobody does.

The numbers are of the range that is kept free for films and books.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from esl_huntgroup.model.outcome import Outcome
from esl_huntgroup.simulator.phones import BUSY, RINGING, Script, answering, rejecting
from esl_huntgroup.simulator.showcase import EMPTY_GROUP_NUMBER, GROUP_NUMBER, MEMBERS
from esl_huntgroup.simulator.sipvars import Caller

CALLERS: Final = (
    ("03023125111", "Max Kunde"),
    ("03023125222", "Eva Probst"),
    ("03023125333", "Ole Geduld"),
    ("03023125444", "Rita Pech"),
    ("03023125555", "Udo Eilig"),
    ("+4989123456701", "Bäckerei Grün"),
    ("+4989123456702", "Stadtwerke, Störung"),
    ("04066969123", "Reederei Hansen"),
    ("022147170042", "Praxis Dr. Özdemir"),
    ("06990009815", ""),
    ("+442079460321", "Harriet Lloyd"),
    ("", ""),
)
RINGS_S: Final = (4.0, 14.0)
TALKS_S: Final = (6.0, 40.0)


@dataclass(frozen=True, slots=True)
class Everyday:
    """
    One call: who calls which number, what each registered phone does, and when the caller hangs up.

    ``pause_s`` is how long it is quiet before.
    """

    caller: Caller
    number: str
    scripts: dict[str, Script]
    pause_s: float
    gives_up_after_s: float | None
    hangs_up_after_talk_s: float


def everyday(chance: random.Random) -> Iterator[Everyday]:
    """Give call after call, without an end."""
    while True:
        number, name = chance.choice(CALLERS)
        to_empty = chance.random() < 0.06
        ends = chance.choices(("answered", "nobody", "caller_gone"), (70, 18, 12))[0]
        yield Everyday(
            Caller(number, name, domain="example.net"),
            EMPTY_GROUP_NUMBER if to_empty else GROUP_NUMBER,
            {} if to_empty else _scripts(chance, is_answered=ends == "answered"),
            pause_s=chance.uniform(1.0, 6.0),
            gives_up_after_s=chance.uniform(*RINGS_S) if ends == "caller_gone" else None,
            hangs_up_after_talk_s=chance.uniform(*TALKS_S),
        )


def _scripts(chance: random.Random, *, is_answered: bool) -> dict[str, Script]:
    """Return what the phones do that are registered; the others are switched off."""
    there = [account for account in MEMBERS if chance.random() < 0.8] or list(MEMBERS[:1])
    scripts = {account: chance.choices((RINGING, BUSY, rejecting(2.0)), (8, 1, 1))[0] for account in there}
    if is_answered:
        scripts[chance.choice(there)] = answering(chance.uniform(*RINGS_S))
    return scripts


@dataclass(frozen=True, slots=True)
class Past:
    """A call of the days before: how it ended, who took it, and for how long it rang and was talked."""

    at_ms: int
    caller: Caller
    outcome: Outcome
    answered_by: str
    rang: tuple[str, ...]
    wait_ms: int
    talk_ms: int


def past(chance: random.Random, now_ms: int, days: int = 14) -> list[Past]:
    """Return the calls of so many days before, oldest first: most in working hours, few at the weekend."""
    day_ms, found = 86_400_000, []
    for days_ago in range(days, -1, -1):
        weekday = (now_ms // day_ms - days_ago + 3) % 7
        for _ in range(chance.randint(9, 16) if weekday < 5 else chance.randint(0, 2)):
            hour = chance.choices(range(7, 19), (1, 4, 8, 10, 9, 5, 4, 7, 8, 6, 3, 1))[0]
            at_ms = (now_ms // day_ms - days_ago) * day_ms + hour * 3_600_000 + chance.randrange(3_600_000)
            if at_ms < now_ms - 60_000:
                found.append(_past(chance, at_ms))
    return sorted([*found, *_recent(now_ms)], key=lambda it: it.at_ms)


def _recent(now_ms: int) -> list[Past]:
    """Return what has happened last: calls that nobody has dealt with yet, since these people do not call again."""
    missed = (("08954321098", "Kanzlei Roth", 14), ("+4312345678", "Zimmerei Auer", 52))
    return [
        Past(
            now_ms - minutes * 60_000,
            Caller(number, name, domain="example.net"),
            Outcome.NO_ANSWER,
            "",
            MEMBERS[:3],
            wait_ms=24_000,
            talk_ms=0,
        )
        for number, name, minutes in missed
    ]


def _past(chance: random.Random, at_ms: int) -> Past:
    number, name = chance.choice(CALLERS)
    rang = tuple(account for account in MEMBERS if chance.random() < 0.75) or MEMBERS[:1]
    outcome = chance.choices((Outcome.ANSWERED, Outcome.NO_ANSWER, Outcome.CALLER_GONE), (80, 12, 8))[0]
    is_answered = outcome is Outcome.ANSWERED
    return Past(
        at_ms,
        Caller(number, name, domain="example.net"),
        outcome,
        chance.choice(rang) if is_answered else "",
        rang,
        wait_ms=round(min(chance.expovariate(1 / 9), 58) * 1000) + 1500
        if is_answered
        else chance.randint(8, 40) * 1000,
        talk_ms=round(chance.expovariate(1 / 150) * 1000) + 4000 if is_answered else 0,
    )
