"""The time of the simulated switch, which may run faster than that of the world."""

from __future__ import annotations

import time
from collections.abc import Callable

import gevent

TICK_S = 0.02
"""How often a session, an originate and a listener look around (switch_yield(20000), switch_poll(…, 20000))."""


class Clock:
    """
    Seconds since the epoch, ``speed`` times as fast as real ones, starting now.

    Everything in the switch uses it: phones, time limits, linger, ticks and the stamps in events. Only the service on
    the other side of the socket does not; with a real service keep ``speed`` at 1.
    """

    def __init__(self, speed: float = 1.0) -> None:
        """Start now; ``speed`` seconds of the switch pass in a real one."""
        self._speed = speed
        self._began = time.time()
        self._zero = time.monotonic()

    def now(self) -> float:
        """Return seconds since the epoch."""
        return self._began + (time.monotonic() - self._zero) * self._speed

    def micros(self) -> int:
        """Return microseconds since the epoch, as in Event-Date-Timestamp."""
        return int(self.now() * 1_000_000)

    def real(self, seconds: float) -> float:
        """Return how many real seconds these are."""
        return seconds / self._speed

    def sleep(self, seconds: float) -> None:
        """Let others run for so many seconds of the switch."""
        gevent.sleep(seconds / self._speed)

    def later(self, seconds: float, action: Callable[[], object]) -> gevent.Greenlet:
        """Call ``action`` after so many seconds of the switch. Kill the returned greenlet to forget it."""
        greenlet: gevent.Greenlet = gevent.spawn_later(seconds / self._speed, action)
        return greenlet
