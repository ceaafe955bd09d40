"""
PURE: whether a call of the journal is over, goes on, or has an end that nobody has told.

The row of a call gets its end from the service that carries the call, or from the second witness. Where both are gone,
as when a worker is killed and no witness is set up, the row stays open. For how long it may still be true is decided by
what it says itself: nobody rings longer than the group rings, and hardly a conversation lasts for a day.
"""

from __future__ import annotations

import enum
from typing import Final

from esl_huntgroup.model.limits import RING_TIMEOUT_MAX_S

CONVERSATION_MAX_MS: Final = 24 * 3600 * 1000
"""After this time a call counts as over: hardly a conversation lasts so long."""
RING_GRACE_MS: Final = 30 * 1000
"""What may pass beside the ringing: the look-up, the guard of the switch, the way of the last row to the database."""


class CallState(enum.StrEnum):
    """Where a call is. Of one that is not ``ENDED`` the journal has no outcome."""

    RINGING = "ringing"
    TALKING = "talking"
    ENDED = "ended"
    END_UNKNOWN = "end_unknown"


def call_state(*, is_over: bool, is_answered: bool, age_ms: int, ring_timeout_s: int | None = None) -> CallState:
    """
    Return where a call is whose row says this.

    ``age_ms`` is the time since the call arrived; ``ring_timeout_s`` the ring limit of its group, None where the group
    is gone: then the longest that a group can have counts.
    """
    if is_over:
        return CallState.ENDED
    if is_answered:
        return CallState.TALKING if age_ms <= CONVERSATION_MAX_MS else CallState.END_UNKNOWN
    rings_for_ms = (ring_timeout_s or RING_TIMEOUT_MAX_S) * 1000
    return CallState.RINGING if age_ms <= rings_for_ms + RING_GRACE_MS else CallState.END_UNKNOWN
