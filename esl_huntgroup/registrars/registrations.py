"""
PURE: what the switch knows of a registration beyond its contact: how long it is good for, and whose device it is.

``sofia xmlstatus`` writes Call-ID, user and network address as they came (mod_sofia.c, show_reg_callback_xml), so its
answer need not be XML. But it writes each element on a line of its own, and nothing in a SIP header has a line break:
so it is read by lines.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import NamedTuple

_ELEMENT = re.compile(r" {8}<(contact|agent|status)>(.*)</\1>")
_EXPIRES = re.compile(r"expsecs\((-?\d{1,10})\)$", re.ASCII)
_PROFILE = re.compile(r"sofia/([A-Za-z0-9_.-]+)/", re.ASCII)
_QUOTED_NAME = re.compile(r' *"[^"]*"? *')


class Registration(NamedTuple):
    """
    One live registration; ``contact`` is the registrar's, ``agent`` is the phone's own text.

    ``where`` says, in words, at whom it is registered where that is not the switch, or why a line is dialled as a
    whole.
    """

    contact: str
    expires_in_s: int | None
    agent: str
    where: str = ""


def question(profile: str, account: str) -> str:
    """Return the api command that lists the registrations of an account, whatever domain they are stored under."""
    return f"sofia xmlstatus profile {profile} user {account}@"


def profile_of(contact: str) -> str:
    """Return the SIP profile of a contact as ``sofia_contact`` writes it, empty where none can be read."""
    match = _PROFILE.match(contact)
    return match[1] if match else ""


def read_registrations(answer: str, profile: str) -> tuple[Registration, ...]:
    """Return the registrations in the answer to ``question``; none when the switch knows no such profile."""
    return tuple(_registrations(answer, profile))


def _registrations(answer: str, profile: str) -> Iterator[Registration]:
    elements: dict[str, str] = {}
    for line in answer.split("\n"):
        if match := _ELEMENT.fullmatch(line):
            elements[match[1]] = html.unescape(match[2])
        elif line == "    </registration>":
            expires = _EXPIRES.search(elements.get("status", ""))
            yield Registration(
                f"sofia/{profile}/sip:{_without_scheme(_url(elements.get('contact', '')))}",
                int(expires[1]) if expires else None,
                elements.get("agent", ""),
            )
            elements = {}


def _url(contact: str) -> str:
    """Return what stands in the angle brackets of a Contact (sofia_glue.c, sofia_glue_get_url_from_contact)."""
    match = _QUOTED_NAME.match(contact)
    rest = contact[match.end() if match else 0 :].lstrip(" ")
    before, bracket, after = rest.partition("<")
    return after.partition(">")[0] if bracket else before


def _without_scheme(url: str) -> str:
    return url.partition(":")[2] or url
