"""What the answers of the API share: JSON with an ETag, pages beside this one, and CSV in portions."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import flask
from marshmallow import Schema
from werkzeug.wrappers import Response

from esl_huntgroup.journal import csv_view
from esl_huntgroup.web.reading.filters import Position
from esl_huntgroup.web.reading.rows import Page, Row

PORTION: Final = 500
"""Calls of one query of a CSV."""


def answer(schema: type[Schema], it: Mapping[str, Any], status: int = 200) -> Response:
    """Return JSON; 304 without it where the program has it already (ETag, RFC 9110)."""
    response = flask.jsonify(schema().dump(it))
    response.status_code = status
    if flask.request.method in ("GET", "HEAD") and status == 200:
        response.add_etag()
        response.make_conditional(flask.request)
    return response


def with_pages(response: Response, links: Mapping[str, Mapping[str, str]]) -> Response:
    """Add the addresses of the pages beside this one (Link, RFC 8288): ``links`` has their parameters by relation."""
    told = []
    for relation, parameters in links.items():
        values: dict[str, Any] = {**(flask.request.view_args or {}), **parameters}
        url = flask.url_for(flask.request.endpoint or "", **values)
        told.append(f'<{url}>; rel="{relation}"')
    if told:
        response.headers["Link"] = ", ".join(told)
    return response


def csv(name: str, columns: Sequence[str], portions: Iterable[Iterable[Mapping[str, Any]]]) -> Response:
    """Return a table that is sent in portions, each made when the last is gone."""
    response = flask.Response(_lines(columns, portions), content_type="text/csv; charset=utf-8; header=present")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def portions(
    read: Callable[[Position], Page | None], to_lines: Callable[[Row], Iterable[Mapping[str, Any]]], first: Position
) -> Iterator[list[Mapping[str, Any]]]:
    """
    Give the lines of one page after the other, older and older; ``first`` is where they begin.

    Each is read by itself, so that nobody is kept from writing; ``read`` returns None for a reader who may not any
    more.
    """
    position: Position | None = first
    while position is not None and (page := read(position)) is not None:
        yield [line for row in page.rows for line in to_lines(row)]
        position = Position(older_than=page.older) if page.older else None


def _lines(columns: Sequence[str], portions: Iterable[Iterable[Mapping[str, Any]]]) -> Iterator[bytes]:
    yield _text([next(csv_view.lines([dict.fromkeys(columns)]))])
    for portion in portions:
        if text := _text(itertools.islice(csv_view.lines(portion), 1, None)):
            yield text


def _text(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8", "replace")
