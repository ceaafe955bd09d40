"""
PURE: lists of people to call or to watch, and how they are written as resource-lists (RFC 4826, 3).

A list is ``resource-lists/list/entry``; an entry has a ``uri``, unique in its list, and a ``display-name``.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

NAMESPACE = "urn:ietf:params:xml:ns:resource-lists"
_UNESCAPED = "-_.!~*'()&=+$,;?/"
"""What the user part of a SIP URI may hold as it is (RFC 3261, 25.1), beside letters and digits."""


@dataclass(frozen=True, slots=True)
class ListEntry:
    """
    Somebody in a list, and the groups that distribute the entry.

    ``address`` is what is dialled or watched in ``domain``; both are None for a user without a line. ``user`` is the
    name of the user, empty for an external contact.
    """

    display_name: str
    address: str | None
    domain: str | None
    user: str = ""
    groups: tuple[str, ...] = ()

    @property
    def uri(self) -> str | None:
        """The SIP URI, or None for a user without a line."""
        return None if self.address is None else f"sip:{quote(self.address, safe=_UNESCAPED)}@{self.domain}"


def merged(entries: Iterable[ListEntry]) -> list[ListEntry]:
    """Return each entry once, where it came first, with all of its groups."""
    found: dict[tuple[str, str | None], ListEntry] = {}
    for entry in entries:
        key = (entry.user, None if entry.user else entry.uri)
        before = found.get(key)
        found[key] = entry if before is None else replace(before, groups=(*before.groups, *entry.groups))
    return list(found.values())


def resource_lists(name: str, entries: Sequence[ListEntry]) -> str:
    """Return the list as an XML document. Who has no URI is left out, and so is a URI that was there before."""
    root = ET.Element("resource-lists", xmlns=NAMESPACE)
    found = ET.SubElement(root, "list", name=name)
    written: set[str] = set()
    for entry in entries:
        if entry.uri is None or entry.uri in written:
            continue
        written.add(entry.uri)
        ET.SubElement(ET.SubElement(found, "entry", uri=entry.uri), "display-name").text = entry.display_name
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'
