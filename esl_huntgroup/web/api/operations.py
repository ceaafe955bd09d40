"""How an address of the API is described: what it takes, what it answers, and what it says of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import flask
from marshmallow import RAISE, Schema, ValidationError

from esl_huntgroup.errors import InputError
from esl_huntgroup.model.text import accepted, shortened
from esl_huntgroup.web.api.schemas import NoQuery

View = TypeVar("View", bound=Callable[..., Any])
_MARK: Final = "huntgroup_operation"
_SHOWN_MAX_CHARS: Final = 60
_CHOICES: Final = frozenset({"order", "direction", "format", "group"})
"""The parameters that the schema alone reads; the others are read by ``reading.filters``, with its sentences."""


@dataclass(frozen=True, slots=True)
class Operation:
    """
    What one method of an address does. ``summary`` is one sentence.

    ``scope`` is what a token needs (empty: any token; None: no token is accepted), ``refusals`` the statuses beside
    those that every address has.
    """

    summary: str
    answer: type[Schema] | None = None
    query: type[Schema] = NoQuery
    body: type[Schema] | None = None
    status: int = 200
    has_csv: bool = False
    has_pages: bool = False
    refusals: tuple[int, ...] = ()
    path: dict[str, str] = field(default_factory=dict)


def described(operation: Operation) -> Callable[[View], View]:
    """Describe a view."""

    def mark(view: View) -> View:
        setattr(view, _MARK, operation)
        return view

    return mark


def operation_of(view: Callable[..., Any]) -> Operation | None:
    """Return how a view is described, None where it is not."""
    found: Operation | None = getattr(view, _MARK, None)
    return found


def query(schema: type[Schema]) -> dict[str, str]:
    """Return what stands behind the question mark, each name once. Raises InputError with one sentence."""
    args, names = flask.request.args, _names(schema)
    for name in args:
        if name not in names:
            known = accepted(names) if names else "none is accepted"
            raise InputError(f"there is no parameter {_shown(name)}: {known}")
        if len(args.getlist(name)) > 1:
            raise InputError(f"{name} is given more than once: one value is accepted")
    given = {name: value for name, value in args.items() if value}
    _load(schema, {name: value for name, value in given.items() if name in _CHOICES})
    return given


def body(schema: type[Schema]) -> dict[str, Any]:
    """Return the JSON that was sent. Raises InputError with one sentence."""
    given = flask.request.get_json(force=True, silent=True)
    if not isinstance(given, dict):
        raise InputError(
            "the body of the request is no JSON object: one with " + ", ".join(_names(schema)) + " is accepted"
        )
    return _load(schema, given)


def _load(schema: type[Schema], given: dict[str, Any]) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = schema(unknown=RAISE).load(given)
    except ValidationError as error:
        raise InputError(_sentence(error.messages, given)) from None
    return loaded


def _sentence(messages: Any, given: dict[str, Any]) -> str:
    """Return the first thing that is wrong, as one sentence."""
    name, what = next(iter(messages.items()))
    while isinstance(what, dict):
        what = next(iter(what.values()))
    reason = str(what[0] if isinstance(what, list) else what).rstrip(".")
    if name not in given:
        return f"{_shown(str(name))} is missing: {reason}"
    return f"{_shown(str(name))} {_shown(given[name])} is refused: {reason[:1].lower()}{reason[1:]}"


def _names(schema: type[Schema]) -> list[str]:
    return [its.data_key or name for name, its in schema().fields.items()]


def _shown(value: object) -> str:
    return shortened(repr(value), _SHOWN_MAX_CHARS)
