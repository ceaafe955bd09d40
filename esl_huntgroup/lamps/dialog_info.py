"""PURE: what a lamp shows as a document (application/dialog-info+xml, RFC 4235), as FreeSWITCH would write it."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from esl_huntgroup.calls import callerid
from esl_huntgroup.lamps.lamp import Lamp
from esl_huntgroup.lamps.presence import dialog_id

NAMESPACE = "urn:ietf:params:xml:ns:dialog-info"
ANONYMOUS = "sip:anonymous@anonymous.invalid"
"""RFC 3323, 4.1.1.3."""


def document(address: str, lamp: Lamp) -> str:
    """Return the document of a lamp: one dialog, whose remote side is who calls."""
    entity = f"sip:{address}"
    sides = _sides(address, lamp) if lamp.is_lit else ""
    return (
        '<?xml version="1.0"?>\n'
        f'<dialog-info xmlns="{NAMESPACE}" version="0" state="full" entity={quoteattr(entity)}>\n'
        f'<dialog id={quoteattr(dialog_id(address))} direction="recipient">\n'
        f"<state>{lamp.state.value}</state>\n{sides}"
        "</dialog>\n</dialog-info>\n"
    )


def _sides(address: str, lamp: Lamp) -> str:
    number = callerid.number(lamp.number)
    name, uri = "Anonymous", ANONYMOUS
    if number:
        domain = address.partition("@")[2]
        name, uri = callerid.name(lamp.name) or number, f"sip:{number.replace('#', '%23')}@{domain}"
    return (
        f"<local>\n<identity>sip:{escape(address)}</identity>\n<target uri={quoteattr(f'sip:{address}')}/>\n</local>\n"
        f"<remote>\n<identity display={quoteattr(name)}>{escape(uri)}</identity>\n"
        f"<target uri={quoteattr(uri)}/>\n</remote>\n"
    )
