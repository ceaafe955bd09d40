"""What a switch knows of the phones of some lines: the questions that a call asks, and what else there is to know."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Final

from esl_huntgroup.esl.inbound import InboundSession
from esl_huntgroup.esl.wire import api
from esl_huntgroup.model.group import Line
from esl_huntgroup.registrars import registrations
from esl_huntgroup.registrars.contacts import Contacts, question, read_contacts
from esl_huntgroup.registrars.registrations import Registration
from esl_huntgroup.settings import Address

QUESTIONS_MAX: Final = 64
"""Questions in one write: the answers of so many lines are read before the next ones are sent."""


def ask(address: Address, password: str, lines: Iterable[Line]) -> tuple[dict[Line, Contacts], dict[str, Registration]]:
    """
    Ask one switch for the contacts of each line, as a call does, and for what else it knows of each contact.

    Returns line → contacts, and contact → registration. Raises SwitchError.
    """
    with InboundSession(*address, password) as switch:
        contacts = _contacts(switch, tuple(lines))
        return contacts, _registered(switch, contacts)


def _contacts(switch: InboundSession, lines: tuple[Line, ...]) -> dict[Line, Contacts]:
    marker = f"[h={os.urandom(6).hex()}]"
    answers = _answers(switch, [question(line.address, marker) for line in lines])
    return {line: read_contacts(answer, marker) for line, answer in zip(lines, answers, strict=True)}


def _registered(switch: InboundSession, contacts: Mapping[Line, Contacts]) -> dict[str, Registration]:
    accounts = {
        (profile, line.account): None
        for line, (dialable, refused) in contacts.items()
        for contact in (*dialable, *refused)
        if (profile := registrations.profile_of(contact))
    }
    answers = _answers(switch, [registrations.question(*account) for account in accounts])
    return {
        registration.contact: registration
        for (profile, _), answer in zip(accounts, answers, strict=True)
        for registration in registrations.read_registrations(answer, profile)
    }


def _answers(switch: InboundSession, questions: list[str]) -> list[str]:
    answers: list[str] = []
    for start in range(0, len(questions), QUESTIONS_MAX):
        some = [api(line) for line in questions[start : start + QUESTIONS_MAX]]
        answers += [message.reply for message in switch.exchange(some, switch.timeout_s)]
    return answers
