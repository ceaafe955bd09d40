"""PURE: FreeSWITCH's XML, with the place of every element; ``fsxml_files`` reads and preprocesses it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from xml.parsers import expat

from esl_huntgroup.errors import InputError

_DECLARATION = re.compile(r"<\?xml[^>]*>\n?")


@dataclass(slots=True)
class Element:
    """One element; ``place`` says where it stands, for people."""

    tag: str
    attributes: dict[str, str]
    place: str
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def get(self, name: str, default: str = "") -> str:
        """Return an attribute."""
        return self.attributes.get(name, default)

    def iter(self, *tags: str) -> Iterator[Element]:
        """Give this element and all below it that have one of the tags, in the order of the text."""
        if self.tag in tags:
            yield self
        for child in self.children:
            yield from child.iter(*tags)


Line = tuple[str, str]
"""A line of text, and its place."""


def parse_fsxml(text: str, source: str) -> Element:
    """Return what a text holds, which the switch has preprocessed already. Raises InputError."""
    lines = _DECLARATION.sub("", text).split("\n")
    return parse_lines([(line, f"{source}, line {number}") for number, line in enumerate(lines, start=1)])


def parse_lines(lines: Sequence[Line]) -> Element:
    """
    Return an element ``document`` around whatever the lines hold.

    Raises InputError, with the place, for what is not XML. An element around all of it leaves no place for a DTD.
    """
    root = Element("document", {}, "")
    open_elements = [root]
    parser = expat.ParserCreate()

    def place() -> str:
        return lines[min(max(parser.CurrentLineNumber - 2, 0), len(lines) - 1)][1]

    def start(tag: str, attributes: dict[str, str]) -> None:
        element = Element(tag, attributes, place())
        open_elements[-1].children.append(element)
        open_elements.append(element)

    def end(_tag: str) -> None:
        open_elements.pop()

    def text(data: str) -> None:
        open_elements[-1].text += data

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    try:
        parser.Parse("<root>\n" + "\n".join(text for text, _ in lines) + "\n</root>", True)
    except expat.ExpatError as error:
        where = lines[min(max(error.lineno - 2, 0), len(lines) - 1)][1]
        why = expat.ErrorString(error.code)
        raise InputError(f"{where}: this is not XML ({why}): FreeSWITCH's own files are accepted") from error
    return root
