"""PURE: who may connect: the networks in which the switches are, and the secret that their dialplan sets."""

from __future__ import annotations

import functools
import hmac
import ipaddress
from collections.abc import Callable, Sequence
from typing import Final

SECRET_VARIABLE: Final = "huntgroup_secret"  # noqa: S105  # the name of it, not the secret


def admits(networks: Sequence[str]) -> Callable[[str], bool]:
    """Return what says whether the address of a peer is in one of the networks. Names and nonsense are in none."""
    known = [ipaddress.ip_network(network) for network in networks]

    @functools.lru_cache(maxsize=1024)
    def is_admitted(host: str) -> bool:
        try:
            address = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None) or address  # what an IPv6 listener says of an IPv4 peer
        return any(mapped in network for network in known)

    return is_admitted


def knows_secret(secret: str, told: str | None) -> bool:
    """Return whether a caller's dialplan knows the secret; how long it takes does not tell how much of it was right."""
    return not secret or hmac.compare_digest(secret.encode(), (told or "").encode())


def is_everybody(networks: Sequence[str]) -> bool:
    """Return whether these networks keep nobody out, of one address family at least."""
    return any(ipaddress.ip_network(network).prefixlen == 0 for network in networks)


def are_loopback(networks: Sequence[str]) -> bool:
    """Return whether these networks are all on this machine."""
    return all(ipaddress.ip_network(network).is_loopback for network in networks)
