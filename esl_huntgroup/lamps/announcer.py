"""
PURE: what one switch has been told of the lamps, and what it is to be told now.

It belongs to one connection: whoever connects anew tells everything again, for the switch may have been started anew,
or another service may have died that had told it something else.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Final

from esl_huntgroup.lamps import presence
from esl_huntgroup.lamps.lamp import IDLE, Lamp
from esl_huntgroup.lamps.presence import LEASE_S, Misled

RENEW_S: Final = 20.0
LAPSES_S: Final = LEASE_S - 5.0
"""A switch counts whole seconds: after so many it may have put out the lamp."""


class Announcer:
    """Remembers what a switch knows. ``now_s`` are seconds of any clock that only goes forward."""

    def __init__(self) -> None:
        """Begin with a switch of which nothing is known."""
        self._told: dict[str, Lamp] = {}
        self._leased_at_s: dict[str, float] = {}

    def news(self, lamps: Mapping[str, Lamp], now_s: float) -> list[list[bytes]]:
        """Return what is to be said, lamp by lamp; nothing of those of which the switch knows the truth."""
        wanted = {**dict.fromkeys(self._told.keys() - lamps.keys(), IDLE), **lamps}
        found = [said for address, lamp in wanted.items() if (said := list(self._about(address, lamp, now_s)))]
        self._told = dict(lamps)
        return found

    def correction(self, lamps: Mapping[str, Lamp], misled: Misled) -> bytes | None:
        """Return what tells phones the truth that the switch does not know; None where it has told them the truth."""
        address = _watched(lamps, misled.address)
        lamp = lamps.get(address)
        if lamp is None or (misled.only_idle and not lamp.is_lit):
            return None
        return presence.told(address, lamp, misled.call_id)

    def _about(self, address: str, lamp: Lamp, now_s: float) -> Iterator[bytes]:
        age_s = now_s - self._leased_at_s.get(address, now_s)
        if self._told.get(address) != lamp or age_s > LAPSES_S:
            yield presence.told(address, lamp)
        elif age_s < RENEW_S:
            return
        if lamp.is_lit:
            yield from presence.lease(address)
            self._leased_at_s[address] = now_s
        else:
            yield presence.no_lease(address)
            self._leased_at_s.pop(address, None)


def _watched(lamps: Mapping[str, Lamp], address: str) -> str:
    """
    Return which lamp a phone watches.

    One that watches ``number@IP address`` means the switch there, which tells it of every domain: the only group with
    this number counts.
    """
    number, _, host = address.partition("@")
    if address in lamps or not _is_ip(host):
        return address
    found = [known for known in lamps if known.startswith(f"{number}@")]
    return found[0] if len(found) == 1 else address


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition(":")[0] if host.count(":") == 1 else host.strip("[]"))
    except ValueError:
        return False
    return True
