"""PURE: a user group as a call sees it. Frozen values, read once when the caller arrives."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from esl_huntgroup.model.outcome import Outcome


class HuntMode(enum.StrEnum):
    """What a call to the group number does."""

    DISABLED = "disabled"
    SOFTPHONE = "softphone"
    VOICE_SERVICES = "voice_services"


class LineKind(enum.StrEnum):
    """How a line reaches its user. Only softphone lines are ever rung by a hunt group."""

    SOFTPHONE = "softphone"
    HARDPHONE = "hardphone"


OVERFLOW_OUTCOMES = frozenset(
    {
        Outcome.NO_ANSWER,
        Outcome.NOBODY_REGISTERED,
        Outcome.ALL_BUSY,
        Outcome.GROUP_DISABLED,
        Outcome.SERVICE_FAULT,
    }
)
"""The outcomes after which a caller of a known group is still there and needs to go somewhere."""


class OverflowAction(enum.StrEnum):
    """What is done with a caller whom nobody answered."""

    TRANSFER = "transfer"
    RESPOND = "respond"
    DIALPLAN = "dialplan"


@dataclass(frozen=True, slots=True)
class Overflow:
    """
    Where the caller goes.

    ``target`` is ``EXTENSION DIALPLAN CONTEXT`` for a transfer, three digits (a SIP status, 400-699) for a
    response, and empty when the call is given back to the dialplan.
    """

    action: OverflowAction
    target: str = ""


TO_DIALPLAN = Overflow(OverflowAction.DIALPLAN)


class Line(NamedTuple):
    """A softphone line: ``account@domain`` is what registers, ``number`` what people dial."""

    number: str
    domain: str
    account: str

    @property
    def address(self) -> str:
        """The address of record, ``account@domain``."""
        return f"{self.account}@{self.domain}"


class Member(NamedTuple):
    """A user in a group, in position order, with every softphone line of that user (possibly none)."""

    user_id: int
    name: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Taker:
    """Who has the call: a user of ours, or (without ``user_id``) whoever has that number or channel."""

    name: str
    user_id: int | None = None


@dataclass(frozen=True)
class HuntGroup:
    """
    A user group with its group number, as it was when the caller arrived.

    One that is not active has hunt mode ``disabled`` here, whatever is stored. ``joinable`` is whether its ringing call
    can be joined, ``wait_for_phones`` whether a caller waits for phones where none is registered.
    """

    id: int
    name: str
    domain: str
    number: str
    hunt_mode: HuntMode
    ring_timeout_s: int
    ringback: str = ""
    members: tuple[Member, ...] = ()
    overflows: Mapping[Outcome, Overflow] = field(default_factory=dict)
    is_active: bool = True
    joinable: bool = False
    wait_for_phones: bool = False

    def __hash__(self) -> int:
        """Return what equal groups have in common, without a look at each member."""
        return hash((self.id, self.number, self.domain))

    def overflow_after(self, outcome: Outcome) -> Overflow:
        """Return where a caller goes after ``outcome``: to the dialplan unless the group says otherwise."""
        return self.overflows.get(outcome, TO_DIALPLAN)

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """Every softphone line, in member order, each once."""
        return tuple(dict.fromkeys(line for member in self.members for line in member.lines))

    @cached_property
    def addresses(self) -> frozenset[str]:
        """The address of every softphone line, in lower case."""
        return frozenset(line.address.lower() for line in self.lines)
