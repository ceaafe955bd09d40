"""
PURE: the contacts that phones registered, read from the answer to ``sofia_contact``.

A contact is the phone's own text, and the dial string in which it will stand is a program: a comma adds a leg, ``${``
runs an api command, ``[`` sets variables. So a contact is taken only if every character of it is on a list.

``sofia_contact`` joins contacts with commas but lets the asker choose what stands before each (mod_sofia.c,
sofia_contact_function, ``concat``). With a word that no phone can know there, a comma inside a contact cannot pass for
the border between two.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

CONTACT_MAX_CHARS: Final = 1023
"""mod_sofia stores no more (sofia_reg.c)."""

_CONTACT = re.compile(
    r"sofia/[A-Za-z0-9_.-]+/"  # the profile
    r"sips?:(?:[A-Za-z0-9_.!~*()+%=&-]+@)?"  # the user, which a gateway may leave out
    r"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"  # host name, IPv4, or IPv6 in brackets
    r"(?:;[A-Za-z0-9_.!~*()+%-]+(?:=[A-Za-z0-9_.!~*()+%/:-]*)?)*",  # parameters
    re.ASCII,
)
_NEVER = re.compile(r"[^A-Za-z0-9_.!~*()+%=&@:;/\[\]-]", re.ASCII)
"""What stands in no part of a contact."""
_NOBODY = "error/"
_ENTERPRISE = ":_:"
"""This turns a whole dial string into an enterprise originate (switch_ivr_originate.c)."""


class Contacts(NamedTuple):
    """The live registrations of one line: ``dialable`` is ``sofia/PROFILE/URI``, ``refused`` the phone's own text."""

    dialable: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


NONE: Final = Contacts()
"""Nobody is registered there."""


def question(address: str, marker: str) -> str:
    """Return the api command that asks for the contacts of ``account@domain``; ``marker`` is hard to guess."""
    return f"sofia_contact */{address}/{marker}"


def read_contacts(answer: str, marker: str) -> Contacts:
    """
    Return the contacts in the answer to ``question``.

    Not registered, and any answer that does not begin with the marker (``-ERR``, an error of ours), is no contact.
    """
    if not answer.startswith(marker):
        return NONE if answer.startswith((_NOBODY, "-ERR")) or not answer else Contacts(refused=(answer,))
    found = tuple(answer[len(marker) :].split("," + marker))
    if len(found) > 1:
        found = tuple(dict.fromkeys(found))
    if all(map(is_dialable, found)):
        return Contacts(found)
    return Contacts(tuple(filter(is_dialable, found)), tuple(uri for uri in found if not is_dialable(uri)))


def is_dialable(contact: str) -> bool:
    """Whether every character of the contact is one that may stand in a dial string."""
    return _CONTACT.fullmatch(contact) is not None and len(contact) <= CONTACT_MAX_CHARS and _ENTERPRISE not in contact


def why_refused(contact: str) -> str:
    """Return, in words, what keeps a contact from being dialable; empty for one that is."""
    if is_dialable(contact):
        return ""
    if len(contact) > CONTACT_MAX_CHARS:
        return f"it has more than {CONTACT_MAX_CHARS} characters"
    if _ENTERPRISE in contact:
        return f"it contains {_ENTERPRISE!r}, which is syntax in a dial string"
    if strange := _NEVER.search(contact):
        return f"it contains {strange[0]!r}, which could be syntax in a dial string"
    return "it is not of the form sofia/PROFILE/sip:USER@HOST:PORT;PARAMETERS"
