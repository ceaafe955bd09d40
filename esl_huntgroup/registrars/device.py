"""
PURE: a device at Kamailio, as plan, journal and ``explain`` carry it: one line of text.

``GRUU ADDRESS RECEIVED USER-AGENT``. The first word alone is dialled. The others are what people know a phone by, and
were written by the phone: they are kept without anything that a terminal would obey, and never without end. A line that
is dialled by its address, whatever is registered there, has the first word only: ``sip:ACCOUNT@DOMAIN``. Once a phone
has answered there, that has the record id behind it, and the other words.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from esl_huntgroup.model.text import clean
from esl_huntgroup.registrars.gruu import is_gruu

UNSET: Final = "[not set]"
"""What Kamailio says of what a registration does not have."""
_MAX_CHARS: Final = 200
_BLANKS = re.compile(r"\s+")
_LINE = re.compile(r"sip:[A-Za-z0-9_.+*%-]{1,192}@[a-z0-9_.-]{1,253}", re.ASCII)


_ANSWERED = re.compile(r"sip:[A-Za-z0-9_.+*%-]{1,192}@[a-z0-9_.-]{1,253};ruid=[a-z0-9-]{1,64}", re.ASCII)


class Device(NamedTuple):
    """One registration. ``received`` is where a phone behind NAT really is, empty for one that is not."""

    gruu: str
    address: str = ""
    received: str = ""
    agent: str = ""

    def __str__(self) -> str:
        """Return the device as one line of text; ``read_device`` reads it."""
        words = [_word(self.address) or "?", _word(self.received) or "-", _BLANKS.sub(" ", _short(self.agent)).strip()]
        return " ".join([self.gruu, *filter(None, words)])


def read_device(contact: str) -> Device | None:
    """Return the device that a contact is, None for one of another registrar and for a line dialled by its address."""
    first, *rest = contact.split(" ", 3)
    if len(rest) < 2 or not (is_gruu(first) or _ANSWERED.fullmatch(first)):
        return None
    address, received, *agent = rest
    return Device(first, address, "" if received == "-" else received, "".join(agent))


def by_address(account: str, domain: str) -> str:
    """Return the contact of a line that is dialled by its address: Kamailio rings whatever is registered there."""
    return f"sip:{account.replace('#', '%23')}@{domain}"


def is_by_address(contact: str) -> bool:
    """Whether this contact is what ``by_address`` makes."""
    return _LINE.fullmatch(contact) is not None


def answered(contact: str, ruid: str, address: str, agent: str) -> str:
    """
    Return the contact of a line that was dialled by its address, once one of its phones has answered.

    ``ruid`` is what Kamailio says which it was; without it nobody knows, and the contact stays. The rest is the phone's
    own text.
    """
    known = f"{contact};ruid={ruid}"
    return str(Device(known, address, "", agent)) if _ANSWERED.fullmatch(known) else contact


def in_words(contact: str) -> str:
    """Return a contact of any registrar for people: which phone it is, and at the end how it is dialled."""
    if is_by_address(contact):
        return f"every phone of {contact.removeprefix('sip:').replace('%23', '#')}"
    device = read_device(contact)
    if device is None:
        return contact
    nat = f" behind NAT at {device.received.removeprefix('sip:')}" if device.received else ""
    return f"{device.agent or 'a phone'} at {device.address}{nat} ({device.gruu})"


def _word(text: str) -> str:
    """Return a text without blanks: those, and what is nothing for a terminal, become ``?``."""
    return _BLANKS.sub("?", _short(text))


def _short(text: str) -> str:
    return clean("" if text == UNSET else text if len(text) <= _MAX_CHARS else text[:_MAX_CHARS] + "...")
