"""
PURE: whether a ringback that cannot be played has ended the ringing, which FreeSWITCH does without a word.

The first phone rings, the switch begins to play, has nothing to play, and gives up: a single leg ends with NO_ANSWER,
several with LOSE_RACE though nobody won (switch_ivr_originate.c, the loop around setup_ringback). The phones get a
CANCEL, and the caller would get 480.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

ALONE: Final = "NO_ANSWER"
AMONG_SEVERAL: Final = "LOSE_RACE"
"""With these the switch itself ends legs. A phone can cause the former, by a Reason that says so: after a while."""
AT_ONCE_MS: Final = 5000
"""So long a phone may take to ring for the first time; its own limit for ringing is longer."""
LIMIT_MARGIN_MS: Final = 1000
"""The switch counts whole seconds: this much before the ring limit, an end is that of the limit."""
RINGING_TONE: Final = "%(2000,4000,440,480)"
"""What a caller hears instead: the ringing tone of FreeSWITCH's own configuration."""
INSTEAD: Final[Mapping[str, str]] = {"ringback": RINGING_TONE, "transfer_ringback": RINGING_TONE}
"""The caller has early media by now, and would hear nothing at all without a tone."""


def has_broken_off(leg_causes: Collection[str], rang_ms: int, ring_timeout_s: int) -> bool:
    """Return whether the switch ended the ringing by itself, and too early for the ring limit."""
    if rang_ms >= ring_timeout_s * 1000 - LIMIT_MARGIN_MS:
        return False
    return AMONG_SEVERAL in leg_causes or (ALONE in leg_causes and rang_ms < AT_ONCE_MS)
