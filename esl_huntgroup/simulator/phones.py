"""PURE: the simulated phones: where they are registered, what they do when they ring, what they are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

RING_S = 0.04
"""How long a phone takes to say 180."""


@dataclass(frozen=True, slots=True)
class Script:
    """
    What a phone does with an INVITE. Times are seconds after the INVITE; None: never.

    A phone that is not ``reachable`` is registered, but nothing listens at its contact any more.
    """

    rings_after_s: float | None = RING_S
    answers_after_s: float | None = None
    refuses_after_s: float | None = None
    status: int = 486
    redirects_to: str = ""
    early_media_after_s: float | None = None
    talks_s: float | None = None
    reachable: bool = True


RINGING = Script()
DEAD = Script(rings_after_s=None)
UNREACHABLE = Script(reachable=False)
BUSY = Script(rings_after_s=None, refuses_after_s=0.02)


def answering(after_s: float, talks_s: float | None = None) -> Script:
    """Return the script of a phone that answers, and hangs up itself after ``talks_s``."""
    return Script(answers_after_s=after_s, talks_s=talks_s)


def rejecting(after_s: float, status: int = 603) -> Script:
    """Return the script of a phone that rings, then refuses."""
    return Script(refuses_after_s=after_s, status=status)


def redirecting(after_s: float, target: str) -> Script:
    """Return the script of a phone that answers 302 with this Contact."""
    return Script(refuses_after_s=after_s, status=302, redirects_to=target)


def early_media(after_s: float) -> Script:
    """Return the script of a phone that sends 183 with media and never answers."""
    return Script(rings_after_s=None, early_media_after_s=after_s)


@dataclass(frozen=True, slots=True)
class Invitation:
    """What the phone's display and its SIP stack got to see. ``variables`` are those of the leg's channel."""

    leg_uuid: str
    caller_name: str
    caller_number: str
    headers: Mapping[str, str]
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Heard:
    """
    One thing that a phone did or was told.

    ``what`` is ``invite``, ``ringing``, ``early_media``, ``refused``, ``redirected``, ``answered``, ``cancel``,
    ``bye`` (it was told) or ``hangs_up`` (it did). ``detail`` is the Reason header or the SIP status.
    """

    at_s: float
    what: str
    detail: str = ""
    invitation: Invitation | None = None


@dataclass(slots=True)
class Phone:
    """
    One device, or several of one line that behave alike.

    ``contacts`` are the registered contact URIs (``sip:…``) as ``sofia_contact`` returns them, raw; none: the line is
    not registered. A second device with a mind of its own is a second Phone with the same address.
    """

    name: str
    address: str
    contacts: tuple[str, ...] = ()
    script: Script = RINGING
    heard: list[Heard] = field(default_factory=list)

    @property
    def account(self) -> str:
        """The user part of the address."""
        return self.address.partition("@")[0]

    def did(self, what: str) -> list[Heard]:
        """Return everything of one kind that was heard."""
        return [heard for heard in self.heard if heard.what == what]


def registered(name: str, address: str, script: Script = RINGING, *, port: int = 5060, devices: int = 1) -> Phone:
    """Return a phone with as many registered devices, each at a port of its own."""
    account = address.partition("@")[0]
    contacts = tuple(f"sip:{account}@127.0.0.1:{port + number}" for number in range(devices))
    return Phone(name, address, contacts, script)


def unregistered(name: str, address: str) -> Phone:
    """Return a phone that is switched off."""
    return Phone(name, address)


class Registrar:
    """Who is registered: what ``sofia_contact`` answers, and which phone is behind a contact."""

    def __init__(self, phones: tuple[Phone, ...]) -> None:
        """Know these phones."""
        self.phones = phones

    def contacts_of(self, account: str, domain: str) -> list[str]:
        """Return the contacts of a line; accounts are compared without case (sip_registrations)."""
        return [contact for phone in self._line(account, domain) for contact in phone.contacts]

    def at(self, contact: str) -> Phone | None:
        """Return the phone whose contact this is."""
        return next((phone for phone in self.phones if contact in phone.contacts), None)

    def _line(self, account: str, domain: str) -> list[Phone]:
        wanted = account.lower(), domain
        return [phone for phone in self.phones if (phone.account.lower(), phone.address.partition("@")[2]) == wanted]
