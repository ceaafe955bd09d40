"""A second strategy and a second registrar: whoever uses a seam must do with these what he does with the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from esl_huntgroup.calls.ring_strategy import Device
from esl_huntgroup.calls.seams import Seams
from esl_huntgroup.model.group import HuntGroup, Line
from esl_huntgroup.registrars.contacts import Contacts, question, read_contacts
from esl_huntgroup.registrars.lookups import Answer, LookUp
from esl_huntgroup.registrars.registrar import Destination
from esl_huntgroup.registrars.registrations import Registration

EDGE = "edge/"
EXPIRES_IN_S = 77


class LastMemberFirst:
    """Everybody at once, in the order from the last member to the first."""

    def rounds(self, group: HuntGroup, devices: Sequence[Sequence[Device]]) -> list[list[Device]]:
        return [[device for of_member in reversed(devices) for device in of_member]]


class OneByOne:
    """A round for each member."""

    def rounds(self, group: HuntGroup, devices: Sequence[Sequence[Device]]) -> Sequence[Sequence[Device]]:
        return devices


class TwoAccounts:
    """
    Every line is registered by two accounts, ``desk-…`` and ``soft-…``: a question for each.

    Its contacts are not what is dialled: they begin with ``edge/``. Each phone sees the line in the To header.
    """

    def name(self, line: Line) -> str:
        return "the edge"

    def lookups(self, lines: Sequence[Line]) -> list[LookUp]:
        return []

    def questions(self, lines: Sequence[Line], marker: str) -> list[str]:
        return [question(f"{device}-{line.address}", marker) for line in lines for device in ("desk", "soft")]

    def contacts(
        self, lines: Sequence[Line], answers: Sequence[bytes], marker: str, told: Sequence[Answer] = ()
    ) -> dict[Line, Contacts]:
        found = [_at_the_edge(read_contacts(answer.decode(), marker)) for answer in answers]
        return {line: Contacts((*found[2 * at], *found[2 * at + 1])) for at, line in enumerate(lines)}

    def destination(self, line: Line, contact: str) -> Destination:
        to = (("sip_invite_to_uri", f"<sip:{line.address}>"),)
        return Destination("sofia/internal/" + contact.removeprefix(EDGE), to)

    def further_questions(self, contacts: Mapping[Line, Contacts]) -> list[str]:
        return []

    def registrations(
        self, contacts: Mapping[Line, Contacts], answers: Sequence[bytes], told: Sequence[Answer] = ()
    ) -> dict[str, Registration]:
        found = [contact for of_line in contacts.values() for contact in of_line.dialable]
        return {contact: Registration(contact, EXPIRES_IN_S, "Edge") for contact in found}


def _at_the_edge(contacts: Contacts) -> list[str]:
    return [EDGE + contact.removeprefix("sofia/internal/") for contact in contacts.dialable]


OTHERS = Seams(LastMemberFirst(), TwoAccounts())
