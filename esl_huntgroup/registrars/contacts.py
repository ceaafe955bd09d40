"""
PURE: the contacts that phones registered, read from the answer to ``sofia_contact``.

A contact is the phone's own text, and the dial string in which it will stand is a program. Everything that RFC 3261
allows in a SIP URI is dialled, but for what hurts there (switch_ivr_originate.c):

=======================  =======================================================================================
``,``                    begins another leg: whatever the phone likes
``'``                    takes everything up to the next one, of this contact or of another, for a part of its own leg
``[`` without its ``]``  does the same up to the next ``]``
``:_:``                  makes an enterprise originate of the whole call, without causes and without ringing
``?`` behind the host    header fields for the INVITE, which are not the phone's to choose
=======================  =======================================================================================

What RFC 3261 wants escaped (braces, ``|``, ``^``, quotes, ``<``, ``>``, the backslash, blanks, everything that is not
ASCII) is not dialled either: some of it is syntax as well. The rest means nothing: expansion is off where contacts are
dialled, so ``$`` is a character; ``~`` separates in brackets only; and what mod_sofia makes of ``;fs_path=`` and ``%``
is what a plain ``bridge`` gets too.

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
    r"sips?:(?:[A-Za-z0-9_.!~*()%&=+$;?/-]+@)?"  # the user, which a gateway may leave out
    r"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"  # host name, IPv4, or IPv6 in brackets
    r"(?:;[A-Za-z0-9_.!~*()%&+$/:\[\]-]+(?:=[A-Za-z0-9_.!~*()%&=+$/:\[\]-]*)?)*",  # parameters
    re.ASCII,
)
_NEVER = re.compile(r"[^A-Za-z0-9_.!~*()%&=+$;?/@:,'\[\]-]", re.ASCII)
"""What RFC 3261 allows in no part of a contact (25.1, SIP-URI)."""
_NOBODY = "error/"
ENTERPRISE: Final = ":_:"
"""This turns a whole dial string into an enterprise originate (switch_ivr_originate.c)."""


class Contacts(NamedTuple):
    """
    The live registrations of one line: what can be dialled, and what is refused as the phone's own text.

    From FreeSWITCH ``dialable`` is ``sofia/PROFILE/URI``, from Kamailio a ``registrars.device``. ``fault`` is why a
    line is dialled by its address: whoever knows what is registered there gave no answer.
    """

    dialable: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    fault: str = ""


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
    """Whether the contact is a SIP URI in which nothing hurts a dial string."""
    return (
        _CONTACT.fullmatch(contact) is not None
        and len(contact) <= CONTACT_MAX_CHARS
        and ENTERPRISE not in contact
        and not _has_open_bracket(contact)
    )


def _has_open_bracket(contact: str) -> bool:
    """Whether a bracket is open at the end; one that only closes finds nothing to close (switch_find_end_paren)."""
    if "[" not in contact:
        return False
    depth = 0
    for char in contact:
        depth = depth + 1 if char == "[" else max(depth - 1, 0) if char == "]" else depth
    return depth > 0


def device_of(contact: str) -> str:
    """
    Return what tells the devices of a line apart, whatever parameters a device registers with next time.

    Two behind NAT may have the same address of their own, and differ in where they are reached (``fs_path``).
    """
    address, *parameters = contact.split(";")
    return ";".join([address, *[parameter for parameter in parameters if parameter.startswith("fs_path=")]])


def why_refused(contact: str) -> str:
    """Return, in words, what keeps a contact from being dialable; empty for one that is."""
    if is_dialable(contact):
        return ""
    if len(contact) > CONTACT_MAX_CHARS:
        return f"it has more than {CONTACT_MAX_CHARS} characters"
    for syntax, what in _DANGERS.items():
        if syntax in contact:
            return f"it contains {syntax!r}, which {what}"
    if strange := _NEVER.search(contact):
        return f"it contains {strange[0]!r}, which RFC 3261 allows in no contact"
    if _has_open_bracket(contact):
        return "it contains '[' without its ']', which takes in other phones in a dial string"
    if "?" in contact.rpartition("@")[2]:
        return "it contains '?' behind the host, which adds header fields to the INVITE"
    return "it is not of the form sofia/PROFILE/sip:USER@HOST:PORT;PARAMETERS"


_DANGERS: Final = {
    ENTERPRISE: "is syntax in a dial string",
    ",": "begins another leg in a dial string",
    "'": "takes in other phones in a dial string",
}
"""What RFC 3261 allows in a contact, and what it would do. The others of the table above need a look around."""
