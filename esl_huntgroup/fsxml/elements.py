"""PURE: FreeSWITCH's XML, with the place of every element; ``files`` reads and preprocesses it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
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
    parser = _parser(root, lambda line: lines[min(max(line - 2, 0), len(lines) - 1)][1])
    try:
        parser.Parse("<root>\n" + "\n".join(text for text, _ in lines) + "\n</root>", True)
    except expat.ExpatError as error:
        where = lines[min(max(error.lineno - 2, 0), len(lines) - 1)][1]
        why = expat.ErrorString(error.code)
        raise InputError(f"{where}: this is not XML ({why}): FreeSWITCH's own files are accepted") from error
    return root


def parse_answer(answer: str) -> Element:
    """
    Return the element that an api command has answered with, such as ``xml_locate``.

    A file may hold several elements, or none; an answer is one, and anything else, such as ``-ERR``, a refusal. Raises
    InputError, whose text says why it is no XML.
    """
    document = Element("document", {}, "")
    parser = _parser(document, lambda line: f"line {line}")
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        parser.Parse(answer, True)
    except expat.ExpatError as error:
        raise InputError(str(error)) from error
    return document.children[0]


def _refuse_doctype(*_declaration: object) -> None:
    """Take no entities from anybody: a few lines of them can stand for gigabytes."""
    raise InputError("it begins with a DOCTYPE, as nothing of FreeSWITCH does")


def _parser(root: Element, place: Callable[[int], str]) -> expat.XMLParserType:
    """Return what puts the elements of a text below ``root``; ``place`` makes a place of the number of a line."""
    open_elements = [root]
    parser = expat.ParserCreate()

    def start(tag: str, attributes: dict[str, str]) -> None:
        element = Element(tag, attributes, place(parser.CurrentLineNumber))
        open_elements[-1].children.append(element)
        open_elements.append(element)

    def end(_tag: str) -> None:
        open_elements.pop()

    def text(data: str) -> None:
        open_elements[-1].text += data

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    return parser
