"""
PURE: who has a caller that was taken away while the group rang, read from what the switch says of the channels.

``intercept``, an INVITE with Replaces and ``uuid_bridge`` connect the caller with another channel at once; a transfer
sends them to an extension. Names and numbers are cleaned here: they were written by phones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from esl_huntgroup.calls import callerid
from esl_huntgroup.calls.inbound_call import known_caller

NAMELESS: Final = "Outbound Call"
"""What FreeSWITCH calls whoever it calls and has no name of (switch_ivr_originate.c)."""

Get = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """
    Where a caller is: connected with the channel ``partner_uuid``, or (without one) at the extension ``number``.

    ``number`` is empty where the switch knows no such caller any more.
    """

    partner_uuid: str = ""
    number: str = ""


def whereabouts(get: Get) -> Whereabouts:
    """Return where the caller is whose channel this is; ``get`` gives its values as events name them."""
    if partner := get("variable_signal_bond") or get("variable_bridge_uuid"):
        return Whereabouts(partner, callerid.number(get("Other-Leg-Caller-ID-Number") or ""))
    return Whereabouts("", callerid.number(get("Caller-Destination-Number") or ""))


def shown_name(get: Get) -> str:
    """Return how to call whoever has this channel: by the number if there is one, else by the channel's own name."""
    return callerid.number(get("Caller-Caller-ID-Number") or "") or callerid.name(get("Channel-Name") or "")


def callerid_of(get: Get) -> tuple[str, str]:
    """Return name and number of whoever has a channel that called, or that was called (a colleague's call to them)."""
    if get("Call-Direction") != "outbound":
        known = known_caller(get)
        return known.name, known.number
    name, number = get("Caller-Callee-ID-Name") or "", get("Caller-Callee-ID-Number") or ""
    return "" if name == NAMELESS else callerid.name(name), callerid.number(number)
