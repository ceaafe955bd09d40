"""
PURE: Kamailio as registrar: phones register there, and FreeSWITCH rings them through it.

Each device is a leg of its own, dialled by its temporary GRUU. A line without an answer is one leg, dialled by its
address: Kamailio rings whatever is registered there, and the call is never lost because the look-up is.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from esl_huntgroup.model.group import Line
from esl_huntgroup.registrars.contacts import NONE, Contacts
from esl_huntgroup.registrars.device import by_address, is_by_address
from esl_huntgroup.registrars.gruu import AORS_KNOWN_MAX, is_gruu
from esl_huntgroup.registrars.lookups import AOR, Answer, Found, LookUp, LookUpFault, Rpc, read_answer
from esl_huntgroup.registrars.registrar import Destination
from esl_huntgroup.registrars.registrations import Registration

NOT_ASKED: Final = "Kamailio is not asked here (no RPC address in the setting kamailio)"
NOT_ASKABLE: Final = "an account with '*' or '#' cannot be asked for"
BY_ADDRESS_HEADER: Final = ("sip_h_X-Huntgroup", "line")
"""By this Kamailio knows a call of ours to a line from others: ``kamailio/README.md``. A GRUU needs nothing."""


@dataclass(frozen=True)
class Kamailio:
    """
    One Kamailio. ``rpc`` is where it is asked, None where it is not: then every line is dialled by its address.

    ``sip`` is where FreeSWITCH sends its calls, ``HOST:PORT`` or ``HOST:PORT;transport=tcp``; ``profile`` the SIP
    profile by which it does.
    """

    rpc: Rpc | None
    sip: str
    profile: str = "internal"

    def name(self, line: Line) -> str:  # noqa: ARG002
        """Return how people call it."""
        return f"Kamailio {self.sip}"

    def questions(self, lines: Sequence[Line], marker: str) -> list[str]:  # noqa: ARG002
        """Return nothing: the switch does not know."""
        return []

    def lookups(self, lines: Sequence[Line]) -> list[LookUp]:
        """Return a look-up for each line that can be asked for."""
        return [LookUp(self.rpc, line.address) for line in lines if _is_askable(line)] if self.rpc else []

    def contacts(
        self,
        lines: Sequence[Line],
        answers: Sequence[bytes],  # noqa: ARG002
        marker: str,  # noqa: ARG002
        told: Sequence[Answer] = (),
    ) -> dict[Line, Contacts]:
        """Return the devices of each line, or its address where no answer tells of them."""
        known: dict[tuple[str, str, str], str] = {}
        return {line: _contacts(line, read, known) for line, read in self._read(lines, told).items()}

    def _read(self, lines: Sequence[Line], told: Sequence[Answer]) -> dict[Line, list[Found] | str]:
        """Return the devices of each line, or why they are not known."""
        answers = iter(told)
        return {line: self._read_line(line, answers) for line in lines}

    def _read_line(self, line: Line, answers: Iterator[Answer]) -> list[Found] | str:
        if self.rpc is None:
            return NOT_ASKED
        if not _is_askable(line):
            return NOT_ASKABLE
        try:
            return read_answer(next(answers), line.address)
        except LookUpFault as error:
            return str(error)

    def destination(self, line: Line, contact: str) -> Destination:
        """
        Return the way to a device or a line through Kamailio.

        A phone that is dialled by its GRUU would see that in the To header, so it is told the line. Raises ValueError
        for what is neither: nothing else may stand in a dial string.
        """
        uri = contact.partition(" ")[0]
        if is_gruu(uri):
            own: tuple[str, str] = ("sip_invite_to_uri", f"<{by_address(line.account, line.domain)}>")
        elif is_by_address(uri):
            own = BY_ADDRESS_HEADER
        else:
            raise ValueError(f"{contact!r} is no contact at Kamailio")
        return Destination(f"sofia/{self.profile}/{uri};fs_path=sip:{self.sip.replace(';', '%3B')}%3Blr", (own,))

    def further_questions(self, contacts: Mapping[Line, Contacts]) -> list[str]:  # noqa: ARG002
        """Return nothing: a look-up has told everything."""
        return []

    def registrations(
        self,
        contacts: Mapping[Line, Contacts],
        answers: Sequence[bytes],  # noqa: ARG002
        told: Sequence[Answer] = (),
    ) -> dict[str, Registration]:
        """Return what the look-ups tell of each device, and why a line is dialled by its address."""
        found: dict[str, Registration] = {}
        for line, read in self._read(tuple(contacts), told).items():
            if isinstance(read, str):
                contact = by_address(line.account, line.domain)
                found[contact] = Registration(contact, None, "", f"dialled by its address, because {read}")
                continue
            for item in read:
                contact, by = str(item.device), f" by {item.transport}" if item.transport else ""
                where = f"registered at {self.name(line)}{by}"
                found[contact] = Registration(contact, item.expires_in_s, item.device.agent, where)
        return found


@functools.lru_cache(AORS_KNOWN_MAX)
def _is_askable(line: Line) -> bool:
    return AOR.fullmatch(line.address) is not None


def _contacts(line: Line, read: list[Found] | str, known: dict[tuple[str, str, str], str]) -> Contacts:
    """
    Return what can be dialled of a line.

    Several registrations of one phone (same address, NAT binding and path) are one contact, also when they are of two
    lines: it rings once. ``known`` has those of the lines before.
    """
    if isinstance(read, str):
        return Contacts((by_address(line.account, line.domain),), fault="" if read is NOT_ASKED else read)
    if not read:
        return NONE
    return Contacts(tuple(dict.fromkeys(known.setdefault(item.place, str(item.device)) for item in read)))
