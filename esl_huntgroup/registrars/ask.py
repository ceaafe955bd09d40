"""Asks a switch, and Kamailio, for the phones of lines outside of a call: what a call asks, and what else is known."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from esl_huntgroup.esl.inbound import InboundSession
from esl_huntgroup.esl.wire import api
from esl_huntgroup.model.group import Line
from esl_huntgroup.registrars.contacts import Contacts
from esl_huntgroup.registrars.kamailio_client import KamailioClient
from esl_huntgroup.registrars.registrar import Registrar
from esl_huntgroup.registrars.registrations import Registration
from esl_huntgroup.settings import Address

QUESTIONS_MAX: Final = 64
"""Questions in one write: the answers of so many are read before the next ones are sent."""


def ask(
    registrar: Registrar, address: Address, password: str, lines: Iterable[Line], kamailio: KamailioClient
) -> tuple[Mapping[Line, Contacts], Mapping[str, Registration]]:
    """
    Ask one switch for the contacts of each line, as a call does, and for what else is known of each contact.

    Returns line → contacts, and contact → registration. Raises SwitchError.
    """
    asked, marker = tuple(lines), f"[h={os.urandom(6).hex()}]"
    lookups = kamailio.ask(registrar.lookups(asked))
    with InboundSession(*address, password) as switch:
        answers = _answers(switch, registrar.questions(asked, marker))
        told = lookups.answers()
        contacts = registrar.contacts(asked, answers, marker, told)
        further = _answers(switch, registrar.further_questions(contacts))
        return contacts, registrar.registrations(contacts, further, told)


def _answers(switch: InboundSession, questions: Sequence[str]) -> list[bytes]:
    answers: list[bytes] = []
    for start in range(0, len(questions), QUESTIONS_MAX):
        some = [api(line) for line in questions[start : start + QUESTIONS_MAX]]
        answers += [message.body for message in switch.exchange(some, switch.timeout_s)]
    return answers
