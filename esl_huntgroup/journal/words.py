"""
PURE: how a call went, in English and German: the words that terminal and page share.

``%s`` is the place of a name, which whoever shows it cleans and keeps apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from esl_huntgroup.model.call_state import CallState
from esl_huntgroup.model.outcome import EntryKind, How, Outcome


@dataclass(frozen=True, slots=True)
class Words:
    """What one language says. ``states`` are those of a call without an end."""

    kinds: Mapping[EntryKind, str]
    spoken_with: str
    handled: Mapping[How, str]
    outcomes: Mapping[Outcome, str]
    states: Mapping[CallState, str]


WORDS: Final[Mapping[str, Words]] = {
    "en": Words(
        kinds={
            EntryKind.ANSWERED: "answered",
            EntryKind.ANSWERED_ELSEWHERE: "answered elsewhere",
            EntryKind.MISSED: "missed",
            EntryKind.NOT_SIGNALLED: "not signalled",
        },
        spoken_with="spoken with %s",
        handled={
            How.BY_HAND: "handled by %s",
            How.CALLED_BACK: "called back by %s",
            How.CALLED_AGAIN: "called again, spoken with %s",
        },
        outcomes={
            Outcome.ANSWERED: "answered",
            Outcome.NO_ANSWER: "nobody answered",
            Outcome.NOBODY_REGISTERED: "nobody registered",
            Outcome.ALL_BUSY: "all busy",
            Outcome.CALLER_GONE: "caller gone",
            Outcome.GROUP_DISABLED: "group switched off",
            Outcome.UNKNOWN_NUMBER: "unknown number",
            Outcome.SWITCH_GONE: "switch gone",
            Outcome.SERVICE_FAULT: "fault of the service",
            Outcome.INTERRUPTED: "interrupted",
            Outcome.PICKED_UP: "picked up",
            Outcome.LOOP: "loop",
        },
        states={
            CallState.RINGING: "ringing now",
            CallState.TALKING: "talking now",
            CallState.END_UNKNOWN: "end unknown",
        },
    ),
    "de": Words(
        kinds={
            EntryKind.ANSWERED: "angenommen",
            EntryKind.ANSWERED_ELSEWHERE: "anderswo angenommen",
            EntryKind.MISSED: "verpasst",
            EntryKind.NOT_SIGNALLED: "nicht signalisiert",
        },
        spoken_with="gesprochen mit %s",
        handled={
            How.BY_HAND: "bearbeitet von %s",
            How.CALLED_BACK: "zurückgerufen von %s",
            How.CALLED_AGAIN: "rief wieder an, gesprochen mit %s",
        },
        outcomes={
            Outcome.ANSWERED: "angenommen",
            Outcome.NO_ANSWER: "niemand hat abgenommen",
            Outcome.NOBODY_REGISTERED: "niemand angemeldet",
            Outcome.ALL_BUSY: "alle besetzt",
            Outcome.CALLER_GONE: "Anrufer hat aufgelegt",
            Outcome.GROUP_DISABLED: "Gruppe ausgeschaltet",
            Outcome.UNKNOWN_NUMBER: "unbekannte Nummer",
            Outcome.SWITCH_GONE: "Telefonanlage fort",
            Outcome.SERVICE_FAULT: "Fehler im Dienst",
            Outcome.INTERRUPTED: "unterbrochen",
            Outcome.PICKED_UP: "herangeholt",
            Outcome.LOOP: "Schleife",
        },
        states={
            CallState.RINGING: "klingelt jetzt",
            CallState.TALKING: "im Gespräch",
            CallState.END_UNKNOWN: "Ende unbekannt",
        },
    ),
}
