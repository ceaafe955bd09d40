"""
PURE: which phones a group call rings, and of every other one, why not.

Members in position order, their softphone lines, the live contacts of each. The caller's own line never rings; a
contact that two members share rings once, for the first. When there are more contacts than one call can have legs,
every member gets one device before anybody gets a second.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final, NamedTuple

from esl_huntgroup import causes
from esl_huntgroup.contact import NONE, Contacts
from esl_huntgroup.group import HuntGroup, Line, Member

LEG_LIMIT: Final = 127
"""Legs one parallel ``bridge`` can have: MAX_PEERS is 128, and the last one takes the rest of the string with it."""


class WhyNot(enum.StrEnum):
    """Why something of a member does not ring."""

    NO_SOFTPHONE_LINE = "no_softphone_line"
    NOT_REGISTERED = "not_registered"
    IS_THE_CALLER = "is_the_caller"
    CONTACT_REFUSED = "contact_refused"
    SHARED_CONTACT = "shared_contact"
    LEG_LIMIT = "leg_limit"


class Leg(NamedTuple):
    """One destination. ``contact`` is ready to dial."""

    call_id: str
    number: int
    member: Member
    line: Line
    contact: str

    @property
    def uuid(self) -> str:
        """
        The uuid of the leg's channel: the call's id with the leg's number in its last four hex digits.

        It is made when it is asked for: a waiting call would hold a hundred of them.
        """
        return f"{self.call_id[:-4]}{self.number:04x}"


class NotRung(NamedTuple):
    """What does not ring, and why. ``line`` is None for a member without any, ``contact`` empty for a whole line."""

    member: Member
    line: Line | None
    contact: str
    why: WhyNot


@dataclass(frozen=True, slots=True)
class Plan:
    """The legs of one group call in dial-string order, and everything that was left out."""

    legs: tuple[Leg, ...]
    not_rung: tuple[NotRung, ...]

    def left_out(self, why: WhyNot) -> tuple[NotRung, ...]:
        """Return what was left out for one reason."""
        return tuple(item for item in self.not_rung if item.why is why)


_Candidate = tuple[Member, Line, str]


def make_plan(
    group: HuntGroup,
    contacts: Mapping[Line, Contacts],
    caller_address: str,
    call_id: str,
    leg_limit: int = LEG_LIMIT,
) -> Plan:
    """
    Return who rings.

    ``caller_address`` is ``account@domain`` of the caller, empty for somebody from outside. ``call_id`` comes from
    ``CallIds``.
    """
    not_rung: list[NotRung] = []
    seen: set[str] = set()
    caller = caller_address.lower()
    per_member = [_candidates(member, contacts, caller, seen, not_rung) for member in group.members]
    ordered = [item for round_ in zip_longest(*per_member) for item in round_ if item is not None]
    legs = [Leg(call_id, number, *item) for number, item in enumerate(ordered[:leg_limit], start=1)]
    not_rung += [NotRung(member, line, uri, WhyNot.LEG_LIMIT) for member, line, uri in ordered[leg_limit:]]
    return Plan(tuple(legs), tuple(not_rung))


class CallIds:
    """
    Ids for group calls: UUIDs of version 7 whose last four hex digits are zero.

    They begin with the time, and each sorts behind the one before: calls of one millisecond, and those after a clock
    was set back, are told apart by a counter (RFC 9562, 6.2, method 1).
    """

    def __init__(self) -> None:
        """Begin without a past."""
        self._ms = 0
        self._count = 0

    def next(self, now_ms: int, chance: bytes) -> str:
        """Return the next id. ``chance`` is at least 6 random bytes, 46 bits of which are used."""
        if now_ms > self._ms:
            self._ms, self._count = now_ms, 0
        else:
            self._ms, self._count = self._ms + (self._count + 1 >> 12), self._count + 1 & 0xFFF
        time = f"{self._ms & (1 << 48) - 1:012x}"
        random = int.from_bytes(chance[:6])
        return f"{time[:8]}-{time[8:]}-7{self._count:03x}-{0x8000 | random & 0x3FFF:04x}-{random >> 16:08x}0000"


def _candidates(
    member: Member,
    contacts: Mapping[Line, Contacts],
    caller: str,
    seen: set[str],
    not_rung: list[NotRung],
) -> list[_Candidate]:
    """Return the contacts of one member that could ring; note the others in ``not_rung`` and all in ``seen``."""
    if not member.lines:
        not_rung.append(NotRung(member, None, "", WhyNot.NO_SOFTPHONE_LINE))
    found = []
    for line in member.lines:
        if caller and line.address.lower() == caller:
            not_rung.append(NotRung(member, line, "", WhyNot.IS_THE_CALLER))
            continue
        dialable, refused = contacts.get(line, NONE)
        if not dialable and not refused:
            not_rung.append(NotRung(member, line, "", WhyNot.NOT_REGISTERED))
        not_rung += [NotRung(member, line, contact, WhyNot.CONTACT_REFUSED) for contact in refused]
        for contact in dialable:
            if contact in seen:
                not_rung.append(NotRung(member, line, contact, WhyNot.SHARED_CONTACT))
                continue
            seen.add(contact)
            found.append((member, line, contact))
    return found


CAUSE_OF = {WhyNot.LEG_LIMIT: causes.LEG_LIMIT, WhyNot.CONTACT_REFUSED: causes.CONTACT_REFUSED}
"""The reasons that leave a row in the table of legs, and the cause that row has."""
