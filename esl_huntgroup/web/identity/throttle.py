"""
How often somebody may try: a number of failures within a time, for each account and for each address.

Kept in the memory of the process, which is bounded: who is remembered longest without a new failure is forgotten first.
A restart forgets all, and each of several web processes counts for itself.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

REMEMBERED_MAX: Final = 20_000


class Throttle:
    """Counts failures by key. Of ``most`` failures, one is forgiven each ``window_s / most`` seconds."""

    def __init__(
        self,
        most: int,
        window_s: float,
        clock: Callable[[], float] = time.monotonic,
        remembered_max: int = REMEMBERED_MAX,
    ) -> None:
        """Take how many failures there may be, in how many seconds."""
        self._most = most
        self._forgiven_s = window_s / most
        self._clock = clock
        self._remembered_max = remembered_max
        self._failures: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait_s(self, key: str) -> float:
        """Return how many seconds this one has to wait; 0: another try is allowed."""
        with self._lock:
            excess = self._count(key) - self._most + 1
        return max(0.0, excess * self._forgiven_s)

    def count(self, key: str) -> None:
        """Count a try."""
        with self._lock:
            self._failures[key] = (self._count(key) + 1, self._clock())
            self._failures.move_to_end(key)
            while len(self._failures) > self._remembered_max:
                self._failures.popitem(last=False)

    def forgive(self, key: str) -> None:
        """Take the last try back: it was right."""
        with self._lock:
            if key in self._failures:
                self._failures[key] = (max(0.0, self._count(key) - 1), self._clock())

    def _count(self, key: str) -> float:
        count, at = self._failures.get(key, (0.0, 0.0))
        return max(0.0, count - (self._clock() - at) / self._forgiven_s)

    def __len__(self) -> int:
        """Return how many are remembered."""
        return len(self._failures)


def address_key(address: str) -> str:
    """Return what counts as one address: of IPv6 the network that one customer of a provider has."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if ip.version == 6 and ip.ipv4_mapped is None:
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(getattr(ip, "ipv4_mapped", None) or ip)
