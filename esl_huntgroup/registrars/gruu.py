"""
PURE: one device of a line, as Kamailio's registrar finds it: by its temporary GRUU.

``sip:RUID-HASH@DOMAIN;gr``: ``lookup()`` takes such a request URI apart (registrar/lookup.c), finds the one contact
with this record id, and supplies its address, NAT binding, path and connection as for any call. It does so with
``gruu_enabled=0`` too, and for phones that registered no ``+sip.instance``. Nothing in it was written by a phone.
"""

from __future__ import annotations

import functools
import re
from typing import Final

RUID: Final = re.compile(r"[a-z0-9-]{1,64}", re.ASCII)
"""The record id of a contact as usrloc makes it, such as ``uloc-6b076cc6-678b-1``."""
_GRUU = re.compile(r"sip:[a-z0-9-]{1,64}-[0-9a-f]{1,8}@[a-z0-9_.-]{1,253};gr", re.ASCII)
AORS_KNOWN_MAX: Final = 20_000
"""Addresses of record whose hash is remembered: each call asks for the same ones."""
_MASK: Final = 0xFFFFFFFF


def gruu(ruid: str, aor: str, domain: str) -> str:
    """Return the GRUU of a contact; ``aor`` is the address of record as Kamailio has stored it, in ASCII."""
    return f"sip:{ruid}-{hash_suffix(aor)}@{domain};gr"


def is_gruu(text: str) -> bool:
    """Whether this is what ``gruu`` makes, and so means nothing in a dial string."""
    return _GRUU.fullmatch(text) is not None


@functools.lru_cache(AORS_KNOWN_MAX)
def hash_suffix(aor: str) -> str:
    """Return Kamailio's hash of an address of record (core/hashes.h, core_hash), the lowest hex digit first."""
    data = aor.encode("ascii")
    whole = len(data) - len(data) % 4
    # The rest counts too, also when nothing is left.
    words = [int.from_bytes(data[at : at + 4]) for at in range(0, whole, 4)] + [int.from_bytes(data[whole:])]
    found = sum(word ^ (word >> 3) for word in words) & _MASK
    found = (found + (found >> 11) + (found >> 13) + (found >> 23)) & _MASK
    return f"{found:x}"[::-1]
