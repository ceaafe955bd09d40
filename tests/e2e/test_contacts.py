"""
Every contact that RFC 3261 allows rings as with a plain ``bridge``, or is refused for a danger that is shown here.

The contacts of a table are all devices of one line, so that each table takes two calls.
"""

from __future__ import annotations

import pytest

from . import sipp
from .lab import Lab

PLAIN, PLAIN_WITH_VARIABLES, THE_GROUP = "510", "511", "709"
"""Each rings whatever is registered as 1100."""

IN_THE_USER_PART = "-_.!~*()&=+$;?/"
IN_A_PARAMETER = "-_.!~*()&+$/:]"
RINGING = [
    *(f"a{char}b@127.0.0.1:{{port}}" for char in IN_THE_USER_PART),
    *(f"c@127.0.0.1:{{port}};x=a{char}b" for char in IN_A_PARAMETER),
    *(f"c@127.0.0.1:{{port}};x{char}=y" for char in IN_A_PARAMETER.replace("]", "")),
    "a$b$$c$(d)@127.0.0.1:{port}",
    "a%20b%5E%7B%7D%24%7Bx%7D@127.0.0.1:{port}",
    "c@127.0.0.1:{port};received=[::1]",
    "c@127.0.0.1:{port};[x]=[a[b]]",
    "d@127.0.0.1:{port};transport=udp;pn-provider=apns;pn-prid=ab/c+d==:remote&ef:voip;pn-timeout=0",
    "e@127.0.0.1:{port};fs_nat=yes;fs_path=sip%3A127.0.0.1%3A{port}%3Blr",
    "127.0.0.1:{port};line=1",
]

SYNTAX = {
    ",": ["a,b@127.0.0.1:{port}", "c@127.0.0.1:{port};x=a,b"],
    "'": ["a'b@127.0.0.1:{port}", "c'd@127.0.0.1:{port}"],
    "[": ["a@127.0.0.1:{port};x=b[c", "d@127.0.0.1:{port};x=e]f"],
    ":_:": ["a@127.0.0.1:{port};x=b:_:c", "b@127.0.0.1:{port}"],
}
"""The contacts of each show what it does to a dial string: not all of them ring."""


def invited(lab: Lab, to: str, contacts: list[str], rings_at_most: int) -> set[str]:
    """Register the contacts, call, and return the Request-URIs that arrived: all that do within two seconds."""
    hall = lab.unregistered_phone(sipp.rings())
    for contact in contacts:
        lab.register("1100", f"<sip:{contact.format(port=hall.port)}>")
    caller = lab.call(to=to, gives_up_after_ms=2000)
    caller.final_status()
    lab.forget("1100")
    lab.switch.wait_without_channels()
    found = [invite.start_line.split()[1].replace(str(hall.port), "PORT") for invite in hall.received("INVITE")]
    assert len(found) <= rings_at_most
    return set(found)


def uris(contacts: list[str]) -> set[str]:
    """Return the Request-URIs of these contacts."""
    return {f"sip:{contact.format(port='PORT')}" for contact in contacts}


def test_every_contact_that_rfc_3261_allows_rings_with_the_request_uri_of_a_plain_bridge(lab: Lab) -> None:
    plain = invited(lab, PLAIN, RINGING, len(RINGING))
    assert len(plain) == len(RINGING)
    assert invited(lab, THE_GROUP, RINGING, len(RINGING)) == plain
    assert "not safe to dial" not in lab.service_log()


@pytest.mark.parametrize("syntax", SYNTAX)
def test_a_contact_is_refused_for_a_danger_that_is_real(lab: Lab, syntax: str) -> None:
    contacts = SYNTAX[syntax]
    plain = invited(lab, PLAIN_WITH_VARIABLES, contacts, len(contacts) + 1)
    assert not uris(contacts) <= plain, "a plain bridge dials them all: it harms nobody"

    contacts = [*contacts, "z@127.0.0.1:{port}"]
    harmless = uris([contact for contact in contacts if syntax not in contact])
    assert invited(lab, THE_GROUP, contacts, len(harmless)) == harmless
    assert "not safe to dial" in lab.service_log()
