"""Something that the log should say, but not each time that it happens: whoever connects decides how often that is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

EVERY_S: Final = 10.0


class LogThrottle:
    """Counts what happens, and says when it is time to tell."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with nothing to tell."""
        self._clock = clock
        self._count = 0
        self._next_at = 0.0

    def is_due(self) -> int:
        """Count one more; return how many have not been told if it is time to tell them, else 0."""
        self._count += 1
        now = self._clock()
        if now < self._next_at:
            return 0
        self._next_at = now + EVERY_S
        count, self._count = self._count, 0
        return count
