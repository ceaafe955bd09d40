"""PURE: how settings and a dialplan name this machine."""

from __future__ import annotations

import ipaddress
from typing import Final

EVERYWHERE: Final = ("0.0.0.0", "::")
"""Who listens there is reached by every address of the machine."""
SAME_MACHINE: Final = frozenset({"127.0.0.1", "localhost"})


def is_loopback(host: str) -> bool:
    """Return whether this machine alone reaches who listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
