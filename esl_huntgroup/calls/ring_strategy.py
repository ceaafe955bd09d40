"""
PURE: in which order the devices of a group ring, and which of them at once.

Which devices can ring at all is the same for every strategy, see ``ring_plan``; here they only become rounds.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import zip_longest
from typing import Final, NamedTuple, Protocol

from esl_huntgroup.model.group import HuntGroup, Line, Member


class Device(NamedTuple):
    """A contact that can ring, and whose it is. No contact of a group call is there twice."""

    member: Member
    line: Line
    contact: str


class RingStrategy(Hashable, Protocol):
    """
    From the members' devices to rounds: those of one round ring at once, and a round rings when the one before is over.

    An implementation is PURE: for the same group and devices it says the same, and plans are remembered by it.
    """

    def rounds(self, group: HuntGroup, devices: Sequence[Sequence[Device]]) -> Sequence[Sequence[Device]]:
        """
        Return the rounds, in order; each device is in one of them.

        ``devices`` are those of each member, in position order; a member without any has an empty sequence. When a
        round has more devices than one call can ring, those at its end do not.
        """


class Parallel:
    """Every device in one round; each member's first before anybody's second."""

    def rounds(self, group: HuntGroup, devices: Sequence[Sequence[Device]]) -> tuple[tuple[Device, ...]]:  # noqa: ARG002
        """Return the one round."""
        return (tuple([device for turn in zip_longest(*devices) for device in turn if device is not None]),)


PARALLEL: Final = Parallel()
