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
    CallRinging,
    EntryRecord,
    LegRecord,
    OutgoingCall,
    SpoolRecord,
)

VERSION: Final = 4

_WITH_ROWS: Final = (CallAnswered, CallEnded)
"""The records that tell of legs and entries."""
_KINDS: Final[Mapping[str, type[SpoolRecord]]] = {
    kind.__name__: kind for kind in (CallOpened, CallRinging, CallMoved, CallAnswered, CallEnded, OutgoingCall)
}
_FIELDS_OF: Final[Mapping[type, Callable[[Any], tuple[object, ...]]]] = {
    kind: operator.attrgetter(*[field.name for field in dataclasses.fields(kind)]) for kind in _KINDS.values()
}
_Int64 = typing.Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_quick = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_encode = json.JSONEncoder(separators=(",", ":"), default=repr).encode


def to_line(record: SpoolRecord) -> bytes:
    """Return the record as one line of JSON in ASCII, so that nothing in it can break the line or a terminal."""
    kind = type(record)
    fields = (VERSION, kind.__name__, *_FIELDS_OF[kind](record))
    with contextlib.suppress(TypeError, ValueError):  # whatever is in a record, it becomes a line that can be read
        line = _quick(fields)
        if line.isascii() and b"\x7f" not in line:
            return line + b"\n"
    return _encode(fields).encode("ascii") + b"\n"


def from_line(line: bytes) -> SpoolRecord:
    """
    Return the record that ``to_line`` wrote; what it holds is not looked at, see ``is_well_formed``.

    Raises ValueError for a line that is no record.
    """
    try:
        version, name, *fields = _values(line)
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
    if isinstance(record, _WITH_ROWS):
        fields["legs"] = [leg._asdict() for leg in record.legs]
        fields["entries"] = [entry._asdict() for entry in record.entries]
    return {"record": type(record).__name__, **fields}


def is_well_formed(record: SpoolRecord) -> bool:
    """Return whether every field holds what its declaration says. Only a line that nobody of us wrote does not."""
    kind: type = type(record)
    with contextlib.suppress(msgspec.ValidationError):
        msgspec.convert(_FIELDS_OF[kind](record), _shape(kind))
        return True
    return False


def _made(name: object, fields: list[Any]) -> SpoolRecord:
    kind = _KINDS[str(name)]
    if kind in _WITH_ROWS:
        *first, legs, entries = fields
        fields = [*first, tuple(map(LegRecord._make, legs)), tuple(map(EntryRecord._make, entries))]
    elif kind is CallRinging:
        call_id, user_ids = fields
        fields = [call_id, tuple(user_ids)]
    return kind(*fields)


def _values(line: bytes) -> Any:
    """Return what the JSON of a line holds. msgspec is three times as quick, and has no half characters as Python."""
    try:
        return _decode(line)
    except ValueError:
        return json.loads(line)


@functools.cache
def _shape(kind: type) -> Any:
    """Return the type that the fields of a record or a row have together."""
    return types.GenericAlias(tuple, tuple(map(_bounded, typing.get_type_hints(kind).values())))


def _bounded(hint: Any) -> Any:
    """Return the hint, with numbers as a column can hold them."""
    if hint in (int, int | None):
        return _Int64 if hint is int else _Int64 | None
    if typing.get_origin(hint) is tuple:
        row, _ = typing.get_args(hint)
        return types.GenericAlias(tuple, (_Int64 if row is int else _shape(row), ...))
    return hint
