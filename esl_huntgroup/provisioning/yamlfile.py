"""
A YAML file as an administrator writes it: text, lists and mappings, each with the line it stands in.

Every scalar is read as the text it is, so ``0700`` stays ``0700`` and ``no`` stays ``no``. What YAML could do beyond
that is refused with the line: a key twice, aliases (whose expansion has no limit), tags, more than one document.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml

from esl_huntgroup.errors import InputError
from esl_huntgroup.provisioning.document import Node

FILE_MAX_BYTES = 64 * 1024 * 1024
"""Some 400,000 users."""
DEPTH_MAX = 16
"""Our files are five deep."""

_PARSER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
"""libyaml where PyYAML was built with it: ten times faster, the same language."""


def read_yaml(path: Path) -> Node:
    """Return what the file holds. Raises InputError, with the line where there is one, for anything unacceptable."""
    text = _text(path)
    try:
        events = _Events(iter(yaml.parse(text, Loader=_PARSER)), path)
        return events.document()
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise InputError(f"{path}, line {line}: a control character stands there: only text is accepted") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}" if mark else ""
        what = " ".join(filter(None, (error.context, error.problem)))
        raise InputError(f"{path}{where}: this is not YAML ({what}): see db/examples for how it looks") from error


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(FILE_MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > FILE_MAX_BYTES:
        raise InputError(f"{path} is too large: at most {FILE_MAX_BYTES // 1024 // 1024} MiB are accepted")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, byte = data.count(b"\n", 0, error.start) + 1, data[error.start]
        raise InputError(f"{path}, line {line}: byte 0x{byte:02x} is not UTF-8: UTF-8 is accepted") from error


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0


class _Events:
    """Builds the nodes of one document from the parser's events."""

    def __init__(self, events: Iterator[yaml.Event], path: Path) -> None:
        """Take the events of a whole stream; the path is for messages."""
        self._events = events
        self._path = path

    def document(self) -> Node:
        next(self._events)  # the start of the stream
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise InputError(f"{self._path} is empty: the keys 'users' and 'groups' are accepted")
        node = self._node(next(self._events), 0)
        next(self._events)  # the end of the document
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise self._refusal(after, "a second document starts: one document is accepted")
        return node

    def _node(self, event: yaml.Event, depth: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            raise self._refusal(event, f"'*{event.anchor}' is an alias: write the value out")
        if tag := getattr(event, "tag", None):
            raise self._refusal(event, f"{tag!r} is a tag: plain values are accepted")
        if depth > DEPTH_MAX:
            raise self._refusal(event, f"values are nested more than {DEPTH_MAX} deep")
        line = _line(event)
        if isinstance(event, yaml.ScalarEvent):
            return Node(line, event.value)
        if isinstance(event, yaml.SequenceStartEvent):
            return Node(line, self._list(depth))
        return Node(line, self._mapping(depth))

    def _list(self, depth: int) -> list[Node]:
        items = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, depth + 1))
        return items

    def _mapping(self, depth: int) -> dict[str, Node]:
        items: dict[str, Node] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self._refusal(event, "a key is missing: text before the ':' is accepted")
            if event.value in items:
                raise self._refusal(event, f"the key {event.value!r} stands there twice: each key is accepted once")
            items[event.value] = self._node(next(self._events), depth + 1)
        return items

    def _refusal(self, event: yaml.Event, why: str) -> InputError:
        return InputError(f"{self._path}, line {_line(event)}: {why}")
