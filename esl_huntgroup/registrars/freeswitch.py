"""PURE: FreeSWITCH as registrar: the switch that the caller is at knows itself who is registered (mod_sofia)."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Final

from esl_huntgroup.model.group import Line
from esl_huntgroup.registrars import contacts as of_contacts
from esl_huntgroup.registrars import registrations as of_registrations
from esl_huntgroup.registrars.contacts import Contacts, read_contacts
from esl_huntgroup.registrars.lookups import Answer, LookUp
from esl_huntgroup.registrars.registrar import Destination
from esl_huntgroup.registrars.registrations import Registration, profile_of, read_registrations

ANSWERS_KNOWN_MAX: Final = 20_000
"""Answers of the switch that are remembered: a phone registers the same contact for days, and each call asks for it."""


class FreeSwitch:
    """One question a line, and a contact that is dialled as it is told."""

    def name(self, line: Line) -> str:  # noqa: ARG002
        """Return nothing: it is the switch."""
        return ""

    def questions(self, lines: Sequence[Line], marker: str) -> list[str]:
        """Return a ``sofia_contact`` for each line."""
        return [of_contacts.question(line.address, marker) for line in lines]

    def lookups(self, lines: Sequence[Line]) -> list[LookUp]:  # noqa: ARG002
        """Return nothing: the switch knows."""
        return []

    def contacts(
        self,
        lines: Sequence[Line],
        answers: Sequence[bytes],
        marker: str,
        told: Sequence[Answer] = (),  # noqa: ARG002
    ) -> dict[Line, Contacts]:
        """Return what each answer tells of its line."""
        return {line: _contacts_of(answer, marker) for line, answer in zip(lines, answers, strict=True)}

    def destination(self, line: Line, contact: str) -> Destination:  # noqa: ARG002
        """Return the contact: ``sofia_contact`` tells it as ``bridge`` takes it."""
        return Destination(contact)

    def further_questions(self, contacts: Mapping[Line, Contacts]) -> list[str]:
        """Return a ``sofia xmlstatus`` for each account, at each SIP profile where it has a contact."""
        return [of_registrations.question(profile, account) for profile, account in _accounts(contacts)]

    def registrations(
        self,
        contacts: Mapping[Line, Contacts],
        answers: Sequence[bytes],
        told: Sequence[Answer] = (),  # noqa: ARG002
    ) -> dict[str, Registration]:
        """Return what each answer tells of the registrations of its account."""
        return {
            registration.contact: registration
            for (profile, _), answer in zip(_accounts(contacts), answers, strict=True)
            for registration in read_registrations(_text(answer), profile)
        }


FREESWITCH: Final = FreeSwitch()


@functools.lru_cache(ANSWERS_KNOWN_MAX)
def _contacts_of(answer: bytes, marker: str) -> Contacts:
    return read_contacts(_text(answer), marker)


def _accounts(contacts: Mapping[Line, Contacts]) -> list[tuple[str, str]]:
    """Return SIP profile and account of whoever has a contact, each pair once."""
    accounts = {
        (profile, line.account): None
        for line, (dialable, refused, _) in contacts.items()
        for contact in (*dialable, *refused)
        if (profile := profile_of(contact))
    }
    return list(accounts)


def _text(answer: bytes) -> str:
    """Return the body of an api answer as text, without its line end."""
    return answer.decode("utf-8", "replace").rstrip("\r\n")
