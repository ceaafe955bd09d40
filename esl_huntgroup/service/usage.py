"""
How many calls go on in each worker, in memory that all of them see: the limit of calls is that of the whole service.

Each worker writes one number of its own and reads all; a number of eight aligned bytes is read whole or not at all.
Two workers that accept at the same moment can pass the limit by one call; nobody waits for a lock.
"""

from __future__ import annotations

import mmap
import os
from typing import Final

NUMBERS_MAX: Final = 256
"""Workers that can live at one time: those that serve, and those that wait for the last calls of before a reload."""
_BYTES: Final = 8 * NUMBERS_MAX


class SharedUsage:
    """The table; each worker writes its own place in it. ``descriptor`` leads to the same table in another process."""

    def __init__(self, number: int = 0, descriptor: int | None = None) -> None:
        """Open the table at the place of worker ``number`` (below NUMBERS_MAX). Without descriptor: make it, empty."""
        if descriptor is None:
            descriptor = os.memfd_create("esl-huntgroup-usage")
            os.ftruncate(descriptor, _BYTES)
        self.descriptor = descriptor
        self._number = number
        self._places = memoryview(mmap.mmap(descriptor, _BYTES)).cast("q")

    @property
    def own(self) -> int:
        """How many calls go on in this worker."""
        return self._places[self._number]

    @own.setter
    def own(self, calls: int) -> None:
        self._places[self._number] = calls

    @property
    def total(self) -> int:
        """Return how many calls go on in all workers."""
        return sum(self._places)

    def forget(self, number: int) -> None:
        """Take the calls of a worker that is gone out of the sum: they live on without us."""
        self._places[number] = 0
