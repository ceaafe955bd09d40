"""
PURE: the note that the service leaves on the caller's channel when the phones begin to ring.

It says whose phone each leg is, so that whoever completes the journal of a call that lost its service (``recovery``)
knows what had been planned.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Final

from esl_huntgroup.calls.ring_plan import PLANS_KNOWN_MAX, RingPlan

NOTE: Final = "huntgroup_legs"
"""The channel variable with the note: the call's id, a colon, and the id of each leg's user, in order."""

Get = Callable[[str], str | None]


def note(call_id: str, plan: RingPlan) -> str:
    """Return the note that the service leaves on the caller's channel."""
    return f"{call_id}:{_users(plan)}"


@functools.lru_cache(PLANS_KNOWN_MAX)
def _users(plan: RingPlan) -> str:
    return ",".join([str(leg.member.user_id) for leg in plan.legs])


def call_id_of(get: Get) -> str:
    """Return the id of the call that a channel's note is of, empty without a note."""
    return (get(f"variable_{NOTE}") or "").partition(":")[0]


def users_in(get: Get, call_id: str) -> tuple[int, ...]:
    """Return the id of each leg's user, in order; none where the channel has no note, or one of another call."""
    its_id, _, users = (get(f"variable_{NOTE}") or "").partition(":")
    return tuple(int(user) for user in users.split(",") if user.isdecimal()) if its_id == call_id else ()
