"""
PURE: what Kamailio is asked over HTTP (JSON-RPC, ``ul.lookup``), and what its answer says.

Three things can be in an answer: the devices of a line; that nobody is registered there; or neither, which is a fault
of the set-up or of the way. The last is never taken for "nobody": such a line is dialled by its address.

The status of HTTP says little: that nobody is registered is a 500. What counts is a JSON body with the number of the
question. Bytes of a phone come as they are, and need not be UTF-8. A request that Kamailio does not understand gets an
empty ``result``, and no error.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

import msgspec

from esl_huntgroup.model.text import clean
from esl_huntgroup.registrars.device import UNSET, Device
from esl_huntgroup.registrars.gruu import RUID, gruu

AOR: Final = re.compile(r"[A-Za-z0-9_.+@-]{1,200}", re.ASCII)
"""What can be asked for: the endpoint lets through nothing else (``kamailio/README.md``)."""
_NOBODY: Final = ("AOR not found", "AOR has no contacts")
_DOMAIN_MISSING: Final = "Domain missing"
_SHOWN_MAX_CHARS: Final = 80


class Rpc(NamedTuple):
    """Where a Kamailio answers: HTTP without TLS."""

    host: str
    port: int
    path: str

    def __str__(self) -> str:
        """Return it as the settings have it."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}{self.path}"


class LookUp(NamedTuple):
    """A question that somebody else than the switch answers: who is registered at this address of record."""

    rpc: Rpc
    aor: str


class Answer(NamedTuple):
    """
    What came of a look-up: status and body of HTTP; ``number`` is the one that the question had.

    ``why`` is empty, or why there is no answer.
    """

    number: int = 0
    status: int = 0
    body: bytes = b""
    why: str = ""


class Found(NamedTuple):
    """A device at Kamailio. ``place`` is where it is for the network, by which one phone is known as one."""

    device: Device
    place: tuple[str, str, str]
    expires_in_s: int | None
    transport: str


class LookUpFault(Exception):
    """There is no answer, or it is none: why, in words."""


def request_body(number: int, aor: str) -> bytes:
    """Return the body of the question, without a blank: the endpoint compares it with a pattern."""
    return f'{{"jsonrpc":"2.0","method":"ul.lookup","params":["location","{aor}"],"id":{number}}}'.encode("ascii")


class _Contact(msgspec.Struct, frozen=True):
    ruid: str = msgspec.field(name="Ruid")
    address: str = msgspec.field(name="Address", default="")
    expires: int | str | None = msgspec.field(name="Expires", default=None)
    agent: str = msgspec.field(name="User-Agent", default="")
    received: str = msgspec.field(name="Received", default=UNSET)
    path: str = msgspec.field(name="Path", default=UNSET)
    socket: str = msgspec.field(name="Socket", default=UNSET)
    state: str = msgspec.field(name="State", default="")


class _Item(msgspec.Struct, frozen=True):
    contact: _Contact = msgspec.field(name="Contact")


class _Result(msgspec.Struct, frozen=True):
    aor: str = msgspec.field(name="AoR", default="")
    items: list[_Item] = msgspec.field(name="Contacts", default_factory=list)


class _Error(msgspec.Struct, frozen=True):
    code: int = 0
    message: str = ""


class _Reply(msgspec.Struct, frozen=True):
    id: int | None = None
    result: _Result | None = None
    error: _Error | None = None


_DECODER: Final = msgspec.json.Decoder(_Reply)


def read_answer(answer: Answer, aor: str) -> list[Found]:
    """Return the devices that are registered at ``account@domain``, none when nobody is. Raises LookUpFault."""
    if answer.why:
        raise LookUpFault(answer.why)
    reply = _reply(answer)
    if reply.id != answer.number:
        raise LookUpFault(f"the answer belongs to another question (HTTP status {answer.status})")
    if reply.error:
        if reply.error.code == 500 and reply.error.message.startswith(_NOBODY):
            return []
        raise LookUpFault(f"Kamailio says {_shown(reply.error.message)}")
    if not reply.result or not reply.result.items:
        raise LookUpFault("the answer is an empty result, which Kamailio gives to what it does not understand")
    return _found(reply.result, aor)


def _reply(answer: Answer) -> _Reply:
    try:
        return _DECODER.decode(answer.body.decode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError):
        pass
    if answer.status in (401, 403):
        raise LookUpFault(
            f"HTTP status {answer.status}: the endpoint refuses ul.lookup or this service (address, kamailio_secret)"
        )
    shown = _shown(answer.body.decode("latin-1"))
    raise LookUpFault(f"HTTP status {answer.status}, and the answer is none of JSON-RPC: {shown}")


def _found(result: _Result, aor: str) -> list[Found]:
    """Return the devices of a line. Kamailio writes its address in lower case; with use_domain=0 without the domain."""
    account, _, domain = aor.lower().partition("@")
    if not result.aor.isascii() or result.aor.lower() not in (aor.lower(), account):
        raise LookUpFault(f"the answer is about {_shown(result.aor)}")
    return [_device(item.contact, result.aor, domain) for item in result.items]


def _device(contact: _Contact, aor: str, domain: str) -> Found:
    if not RUID.fullmatch(contact.ruid):
        raise LookUpFault(f"the record id {_shown(contact.ruid)} is none that a device can be dialled by")
    received = "" if contact.received == UNSET else contact.received
    device = Device(gruu(contact.ruid, aor, domain), contact.address, received, contact.agent)
    expires = contact.expires if isinstance(contact.expires, int) else None
    return Found(device, (contact.address, received, contact.path), expires, _transport(contact))


def _transport(contact: _Contact) -> str:
    """Return by what the phone is connected, as far as Kamailio tells."""
    where = (contact.received if contact.received != UNSET else contact.address).lower()
    if "transport=ws" in where or "transport=ws" in contact.address.lower():
        return "websocket"
    protocol = contact.socket.partition(":")[0]
    return protocol if protocol in ("udp", "tcp", "tls", "sctp") else ""


def has_domains(answer: Answer) -> bool | None:
    """
    Return whether Kamailio tells domains apart (``use_domain``), by what it says of an account without one.

    None where it does not say.
    """
    try:
        error = _reply(answer).error
    except LookUpFault:
        return None
    if error and error.message.startswith(_DOMAIN_MISSING):
        return True
    return False if error and error.message.startswith(_NOBODY) else None


def states(answer: Answer) -> list[str]:
    """
    Return the state of each registration, none where the answer has none: where usrloc keeps it.

    ``CS_NEW`` is in memory alone, ``CS_SYNC`` in the database too, ``CS_DIRTY`` there in an earlier form (ucontact.h).
    """
    try:
        result = _reply(answer).result
    except LookUpFault:
        return []
    return [item.contact.state for item in result.items if item.contact.state] if result else []


def _shown(text: str) -> str:
    return ascii(clean(text[:_SHOWN_MAX_CHARS]))
