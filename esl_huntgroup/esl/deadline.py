"""
A deadline that costs next to nothing as long as it is kept.

gevent makes a timer for each wait, and removes it. A call waits ten times and hardly ever for too long, so a socket has
one timer for all its waits: it is moved only when a deadline comes before the time for which it is set already. When it
goes off too early for the deadline of the moment, it is set once more.
"""

from __future__ import annotations

import math
import time
from typing import Any

from gevent import get_hub, getcurrent


class Deadline:
    """
    Raises TimeoutError in the greenlet that waits too long.

    ``with alarm.until(deadline): …`` for one greenlet at a time; ``close`` when there is nothing more to wait for.
    """

    __slots__ = ("_deadline", "_goes_off_at", "_timer", "_waiting")

    def __init__(self) -> None:
        """Set nothing yet."""
        self._deadline = math.inf
        self._goes_off_at = math.inf
        self._timer: Any = None
        self._waiting: Any = None

    def until(self, deadline: float) -> Deadline:
        """Name the deadline of the next wait, in seconds of ``time.monotonic``."""
        self._deadline = deadline
        return self

    def __enter__(self) -> None:
        """Begin to wait. A deadline that has passed goes off as soon as anything is really waited for."""
        self._waiting = getcurrent()
        if self._deadline < self._goes_off_at:
            self._set()

    def __exit__(self, *_: object) -> None:
        """Wait no longer."""
        self._waiting = None

    def close(self) -> None:
        """Go off no more, until somebody waits again. May be called twice."""
        if self._timer is not None:
            self._timer.close()
            self._timer = None
        self._goes_off_at = math.inf

    def _set(self) -> None:
        self.close()
        self._goes_off_at = self._deadline
        self._timer = get_hub().loop.timer(max(self._deadline - time.monotonic(), 0.0))
        self._timer.start(self._go_off)

    def _go_off(self) -> None:
        """Run by gevent's hub."""
        self.close()
        if self._waiting is None:
            return
        if time.monotonic() < self._deadline:
            self._set()
        else:
            self._waiting.throw(TimeoutError)
