"""
PURE: which phones a group call rings, and of every other one, why not.

Members in position order, their softphone lines, the live contacts of each. The caller's own line never rings; a
contact that two members share rings once, for the first. In which rounds the rest rings says a strategy
(``ring_strategy``); when a round has more devices than one call can have legs, its last ones are left out.
"""

from __future__ import annotations

import enum
import functools
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from esl_huntgroup.calls.ring_strategy import PARALLEL, Device, RingStrategy
from esl_huntgroup.model import hangup_causes
from esl_huntgroup.model.group import HuntGroup, Line, Member, Taker
from esl_huntgroup.model.limits import LEG_LIMIT
from esl_huntgroup.registrars.contacts import NONE, Contacts, device_of

PLANS_KNOWN_MAX: Final = 256
"""Plans that are remembered: the same phones stay registered for days, and the same group is called again."""


class WhyNot(enum.StrEnum):
    """Why something of a member does not ring."""

    NO_SOFTPHONE_LINE = "no_softphone_line"
    NOT_REGISTERED = "not_registered"
    IS_THE_CALLER = "is_the_caller"
    HAS_TRANSFERRED = "has_transferred"
    CONTACT_REFUSED = "contact_refused"
    SHARED_CONTACT = "shared_contact"
    LEG_LIMIT = "leg_limit"


class Leg(NamedTuple):
    """
    One destination. ``contact`` is dialable; how it is dialled, the registrar says.

    The uuid of its channel is the call's id with ``number`` in the last three hex digits: see ``RingPlan.uuids``.
    """

    number: int
    member: Member
    line: Line
    contact: str

    @property
    def taker(self) -> Taker:
        """Who has the call when this leg answers."""
        return Taker(self.member.name, self.member.user_id)


class NotRung(NamedTuple):
    """What does not ring, and why. ``line`` is None for a member without any, ``contact`` empty for a whole line."""

    member: Member
    line: Line | None
    contact: str
    why: WhyNot


@dataclass(frozen=True, eq=False)
class RingPlan:
    """
    The legs of a group call, those that ring at once in one round, and everything that was left out.

    Nothing in it is of one call alone: calls that find the same phones share one plan, and what is made of it.
    ``attempt`` is above 0 when the same phones ring once more in one call, by channels with other uuids. The last
    ``late`` legs are phones that have registered while the others rang; they are no legs of the ``bridge``.
    """

    rounds: tuple[tuple[Leg, ...], ...]
    not_rung: tuple[NotRung, ...]
    attempt: int = 0
    late: int = 0

    @functools.cached_property
    def legs(self) -> tuple[Leg, ...]:
        """The legs of all rounds, in the order of their numbers."""
        return tuple(itertools.chain.from_iterable(self.rounds))

    @functools.cached_property
    def suffixes(self) -> tuple[str, ...]:
        """How the uuid of each leg ends; a late phone rings once, whatever happens to the others."""
        planned = len(self.legs) - self.late
        return tuple(f"{self.attempt if at < planned else 0:x}{leg.number:03x}" for at, leg in enumerate(self.legs))

    @property
    def late_legs(self) -> tuple[Leg, ...]:
        """The legs of late phones."""
        return self.legs[len(self.legs) - self.late :]

    def late_uuids(self, call_id: str) -> list[str]:
        """Return the uuid of each late phone's channel."""
        return self.uuids(call_id)[len(self.legs) - self.late :]

    def without_late(self) -> RingPlan:
        """Return the plan of the ``bridge``: what it rings."""
        if not self.late:
            return self
        (legs,) = self.rounds
        return replace(self, rounds=tuple(filter(None, [legs[: -self.late]])), late=0)

    def with_late(self, devices: Iterable[Device], leg_limit: int) -> RingPlan:
        """Return the plan with these phones, too; those that are one too many are left out. One round only."""
        (legs,) = self.rounds or ((),)
        added = list(devices)
        room = max(leg_limit - len(legs), 0)
        late = [Leg(number, *device) for number, device in enumerate(added[:room], start=len(legs) + 1)]
        known = {(item.line, item.contact) for item in self.not_rung}
        over = [NotRung(*it, WhyNot.LEG_LIMIT) for it in added[room:] if (it.line, it.contact) not in known]
        if not late and not over:
            return self
        return replace(self, rounds=((*legs, *late),), not_rung=(*self.not_rung, *over), late=self.late + len(late))

    def again(self) -> RingPlan:
        """Return the plan for ringing the same phones once more: the switch may still have their channels."""
        return replace(self, attempt=self.attempt + 1)

    def with_contact(self, leg: Leg, contact: str) -> RingPlan:
        """Return the same plan, in which this leg has turned out to be that contact."""
        known = leg._replace(contact=contact)
        rounds = [tuple([known if it is leg else it for it in at_once]) for at_once in self.rounds]
        return replace(self, rounds=tuple(rounds))

    def uuids(self, call_id: str) -> list[str]:
        """Return the uuid of each leg's channel in a call; ``call_id`` comes from ``CallIds``."""
        begin = call_id[:-4]
        return [begin + suffix for suffix in self.suffixes]

    def leg_of(self, call_id: str, uuid: str) -> Leg | None:
        """Return the leg with this channel uuid, or None: a call picked up elsewhere is answered by no leg of ours."""
        if not is_leg_of(call_id, uuid) or uuid[-4:] not in self.suffixes:
            return None
        return self.legs[self.suffixes.index(uuid[-4:])]

    def left_out(self, why: WhyNot) -> tuple[NotRung, ...]:
        """Return what was left out for one reason."""
        return tuple(item for item in self.not_rung if item.why is why)


def is_leg_of(call_id: str, uuid: str) -> bool:
    """Return whether this is how the channel of a leg of this call is named, see ``RingPlan.uuids``."""
    return uuid[:-4] == call_id[:-4]


def attempt_of(uuid: str) -> int:
    """Return in which attempt the channel of a leg was rung, see ``RingPlan.attempt``; 0 for what is no such uuid."""
    return max("0123456789abcdef".find(uuid[-4:-3]), 0)


def make_plan(
    group: HuntGroup,
    contacts: Mapping[Line, Contacts],
    caller_address: str,
    leg_limit: int = LEG_LIMIT,
    *,
    transferred_by: str = "",
    strategy: RingStrategy = PARALLEL,
) -> RingPlan:
    """
    Return who rings, in the rounds of the strategy; ``leg_limit`` is how many legs one round can have.

    ``caller_address`` is ``account@domain`` of the caller, empty for somebody from outside; ``transferred_by`` that of
    who has just sent the caller here, and does not want them back.
    """
    found = tuple([contacts.get(line, NONE) for line in group.lines])
    silent = _silent(caller_address, transferred_by)
    own = tuple((address, why) for address, why in silent.items() if address in group.addresses)
    return _plan(group, found, own, leg_limit, strategy)


def late_devices(
    group: HuntGroup,
    plan: RingPlan,
    contacts: Mapping[Line, Contacts],
    caller_address: str,
    transferred_by: str = "",
) -> list[Device]:
    """
    Return the devices that have registered since the phones of this plan ring, in member order.

    A device that has had a leg in this call is none, whether that still rings or not: somebody may have rejected it.
    """
    silent = _silent(caller_address, transferred_by)
    known = {device_of(leg.contact) for leg in plan.legs}
    found = []
    for member in group.members:
        for line in member.lines:
            if line.address.lower() in silent:
                continue
            for contact in contacts.get(line, NONE).dialable:
                device = device_of(contact)
                if device not in known:
                    known.add(device)
                    found.append(Device(member, line, contact))
    return found


def _silent(caller_address: str, transferred_by: str) -> dict[str, WhyNot]:
    """Return the lines that do not ring, in lower case, and why."""
    return {transferred_by.lower(): WhyNot.HAS_TRANSFERRED, caller_address.lower(): WhyNot.IS_THE_CALLER}


@functools.lru_cache(PLANS_KNOWN_MAX)
def _plan(
    group: HuntGroup,
    found: tuple[Contacts, ...],
    silent: tuple[tuple[str, WhyNot], ...],
    leg_limit: int,
    strategy: RingStrategy,
) -> RingPlan:
    """Return who rings; ``found`` are the contacts of the group's lines, ``silent`` the lines that do not, and why."""
    contacts = dict(zip(group.lines, found, strict=True))
    not_rung: list[NotRung] = []
    seen: set[str] = set()
    devices = [_devices(member, contacts, dict(silent), seen, not_rung) for member in group.members]
    numbers = itertools.count(1)
    rounds = []
    for devices_at_once in strategy.rounds(group, devices):
        rounds.append(tuple([Leg(next(numbers), *device) for device in devices_at_once[:leg_limit]]))
        not_rung += [NotRung(*device, WhyNot.LEG_LIMIT) for device in devices_at_once[leg_limit:]]
    return RingPlan(tuple(filter(None, rounds)), tuple(not_rung))


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


def _devices(
    member: Member,
    contacts: Mapping[Line, Contacts],
    silent: Mapping[str, WhyNot],
    seen: set[str],
    not_rung: list[NotRung],
) -> list[Device]:
    """Return the devices of one member that can ring; note the others in ``not_rung`` and all in ``seen``."""
    if not member.lines:
        not_rung.append(NotRung(member, None, "", WhyNot.NO_SOFTPHONE_LINE))
    found = []
    for line in member.lines:
        if why := silent.get(line.address.lower()):
            not_rung.append(NotRung(member, line, "", why))
            continue
        dialable, refused, _ = contacts.get(line, NONE)
        if not dialable and not refused:
            not_rung.append(NotRung(member, line, "", WhyNot.NOT_REGISTERED))
        not_rung += [NotRung(member, line, contact, WhyNot.CONTACT_REFUSED) for contact in refused]
        for contact in dialable:
            if contact in seen:
                not_rung.append(NotRung(member, line, contact, WhyNot.SHARED_CONTACT))
                continue
            seen.add(contact)
            found.append(Device(member, line, contact))
    return found


CAUSE_OF = {WhyNot.LEG_LIMIT: hangup_causes.LEG_LIMIT, WhyNot.CONTACT_REFUSED: hangup_causes.CONTACT_REFUSED}
"""The reasons that leave a row in the table of legs, and the cause that row has."""
