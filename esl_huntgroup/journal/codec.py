"""
PURE: a journal record as one line of text, on its way from a call to the database.

A line is a JSON array: the version of the format, the name of the record, and its fields in the order in which
``records`` declares them. The order is the format: whoever changes a record in ``records`` raises ``VERSION``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import operator
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from esl_huntgroup.journal.records import (
    CallAnswered,
    CallEnded,
    CallMoved,
    CallOpened,
    EntryRecord,
    JournalRecord,
    LegRecord,
)
from esl_huntgroup.model.outcome import EntryKind, Outcome

VERSION: Final = 3

_WITHOUT_ROWS: Final = (CallOpened, CallMoved)
"""The records that tell nothing of legs and entries."""
_KINDS: Final[Mapping[str, type[JournalRecord]]] = {
    kind.__name__: kind for kind in (CallOpened, CallMoved, CallAnswered, CallEnded)
}
_FIELDS_OF: Final[Mapping[type, Callable[[Any], tuple[object, ...]]]] = {
    kind: operator.attrgetter(*[field.name for field in dataclasses.fields(kind)]) for kind in _KINDS.values()
}
_INT64: Final = range(-(2**63), 2**63)
_quick = msgspec.json.Encoder().encode
_encode = json.JSONEncoder(separators=(",", ":"), default=repr).encode


def to_line(record: JournalRecord) -> bytes:
    """Return the record as one line of JSON in ASCII, so that nothing in it can break the line or a terminal."""
    kind = type(record)
    fields = (VERSION, kind.__name__, *_FIELDS_OF[kind](record))
    with contextlib.suppress(TypeError, ValueError):  # whatever is in a record, it becomes a line that can be read
        line = _quick(fields)
        if line.isascii() and b"\x7f" not in line:
            return line + b"\n"
    return _encode(fields).encode("ascii") + b"\n"


def from_line(line: bytes) -> JournalRecord:
    """
    Return the record that ``to_line`` wrote; what it holds is not looked at, see ``is_well_formed``.

    Raises ValueError for a line that is no record.
    """
    try:
        version, name, *fields = json.loads(line)
        if version != VERSION:
            raise ValueError(f"format {version!r} is not known, {VERSION} is")
        return _made(name, fields)
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(f"not a journal record: {error}") from None


def readable(line: bytes) -> dict[str, object]:
    """Return what a person can read of a line: the record's fields with their names, or the text. Raises nothing."""
    try:
        record = from_line(line)
    except ValueError:
        return {"line": line.decode("ascii", "backslashreplace").rstrip("\n")}
    fields: dict[str, object] = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    if not isinstance(record, _WITHOUT_ROWS):
        fields["legs"] = [leg._asdict() for leg in record.legs]
        fields["entries"] = [entry._asdict() for entry in record.entries]
    return {"record": type(record).__name__, **fields}


def is_well_formed(record: JournalRecord) -> bool:
    """Return whether every field holds what its declaration says. Only a line that nobody of us wrote does not."""
    if not _fits(type(record), _FIELDS_OF[type(record)](record)):
        return False
    rows = () if isinstance(record, _WITHOUT_ROWS) else (*record.legs, *record.entries)
    return all(_fits(type(row), row) for row in rows)


def _made(name: object, fields: list[Any]) -> JournalRecord:
    kind = _KINDS[str(name)]
    if kind not in _WITHOUT_ROWS:
        *first, legs, entries = fields
        fields = [*first, tuple(map(LegRecord._make, legs)), tuple(map(EntryRecord._make, entries))]
    return kind(*fields)


def _fits(kind: type, values: tuple[object, ...]) -> bool:
    return all(accepts(value) for accepts, value in zip(_checks(kind), values, strict=True))


@functools.cache
def _checks(kind: type) -> tuple[Callable[[object], bool], ...]:
    return tuple(_check(hint) for hint in typing.get_type_hints(kind).values())


def _check(hint: Any) -> Callable[[Any], bool]:
    if hint in (Outcome, EntryKind):
        accepted = frozenset(member.value for member in hint)
        return lambda value: isinstance(value, str) and value in accepted
    if typing.get_origin(hint) is tuple:
        return lambda value: type(value) is tuple
    kinds = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    return lambda value: type(value) in kinds and (type(value) is not int or value in _INT64)  # True is no number
