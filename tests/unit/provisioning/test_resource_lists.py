"""Lists for phones, held against what RFC 4826 (section 3.2) allows."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esl_huntgroup.provisioning.resource_lists import NAMESPACE, ListEntry, merged, resource_lists

NUMBERS = st.from_regex(r"\+?[0-9*#]{1,12}", fullmatch=True)
NAMES = st.text(min_size=1, max_size=40).filter(str.isprintable)
ENTRIES = st.lists(st.builds(ListEntry, NAMES, st.none() | NUMBERS, st.just("pbx.example.org")), max_size=8)
SIP_URI = re.compile(r"sip:(?:[A-Za-z0-9\-_.!~*'()&=+$,;?/]|%[0-9A-F]{2})+@[a-z0-9.\[\]:-]+")


def held_against_the_rfc(document: str) -> ET.Element:
    """Check the structure that the schema of RFC 4826 demands of what we write; return the only list."""
    root = ET.fromstring(document.encode())
    assert root.tag == f"{{{NAMESPACE}}}resource-lists"
    assert [child.tag for child in root] == [f"{{{NAMESPACE}}}list"]
    (found,) = root
    assert set(found.attrib) <= {"name"}
    assert {child.tag for child in found} <= {f"{{{NAMESPACE}}}entry"}
    uris = [entry.attrib["uri"] for entry in found]
    assert len(set(uris)) == len(uris)
    for entry in found:
        assert set(entry.attrib) == {"uri"}
        assert SIP_URI.fullmatch(entry.attrib["uri"])
        assert [child.tag for child in entry] == [f"{{{NAMESPACE}}}display-name"]
    return found


@given(ENTRIES)
def test_whatever_the_names_it_is_a_resource_list(entries: list[ListEntry]) -> None:
    found = held_against_the_rfc(resource_lists("favourites", entries))
    first: dict[str, str] = {}
    for entry in entries:
        if entry.uri is not None:
            first.setdefault(entry.uri, entry.display_name)
    assert [(e.attrib["uri"], e[0].text) for e in found] == list(first.items())


@pytest.mark.parametrize("name", ["Müller & <Söhne>", "日本 太郎", '"]]>', "Zoe\u0308", "שלום"])
def test_names_come_back_as_they_went_in(name: str) -> None:
    document = resource_lists("monitor", [ListEntry(name, "101", "pbx.example.org")])
    found = held_against_the_rfc(document)
    assert found.attrib["name"] == "monitor"
    assert found[0][0].text == name


@pytest.mark.parametrize(
    ("address", "uri"),
    [
        ("101", "sip:101@pbx.example.org"),
        ("+4930#", "sip:+4930%23@pbx.example.org"),
        ("*21", "sip:*21@pbx.example.org"),
        (None, None),
    ],
)
def test_a_number_becomes_a_sip_uri(address: str | None, uri: str | None) -> None:
    assert ListEntry("x", address, "pbx.example.org").uri == uri


def test_an_empty_list_is_a_list() -> None:
    assert len(held_against_the_rfc(resource_lists("favourites", []))) == 0


def test_what_two_groups_distribute_is_there_once_with_both() -> None:
    anna = ListEntry("Anna", "101", "d", user="anna", groups=("A",))
    taxi = ListEntry("Taxi", "102", "d", groups=("A",))
    also = ListEntry("Anna", "101", "d", user="anna", groups=("B",))
    found = merged([anna, taxi, also])
    assert [(entry.display_name, entry.groups) for entry in found] == [("Anna", ("A", "B")), ("Taxi", ("A",))]
