"""The document of the API: for programs as JSON, for people as a page without a script."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import flask
from werkzeug.wrappers import Response

from esl_huntgroup.web.api.openapi import document
from esl_huntgroup.web.api.routes import blueprint
from esl_huntgroup.web.identity import require

__all__ = ["blueprint"]
_KEY: Final = "esl_huntgroup.openapi"


@dataclass(frozen=True, slots=True)
class Line:
    """A parameter, or a field of a schema."""

    name: str
    kind: str
    about: str


@dataclass(frozen=True, slots=True)
class Address:
    """A method of an address."""

    method: str
    path: str
    summary: str
    about: str
    parameters: tuple[Line, ...]
    answers: tuple[Line, ...]


@blueprint.get("/openapi.json")
@require(anybody=True)
def openapi() -> Response:
    """Give the OpenAPI document."""
    response = flask.jsonify(_document())
    response.add_etag()
    response.make_conditional(flask.request)
    return response


@blueprint.get("/")
@require(anybody=True)
def reader() -> str:
    """Show the document to people."""
    told = _document()
    schemas = {name: [*_fields(schema)] for name, schema in told["components"]["schemas"].items()}
    return flask.render_template("api.html", told=told, addresses=[*_addresses(told)], schemas=schemas)


def _document() -> dict[str, Any]:
    """Return the document; it does not change while the process runs."""
    app = flask.current_app
    if _KEY not in app.extensions:
        app.extensions[_KEY] = document(app)
    found: dict[str, Any] = app.extensions[_KEY]
    return found


def _addresses(told: Mapping[str, Any]) -> Iterator[Address]:
    for path, methods in told["paths"].items():
        for method, it in methods.items():
            yield Address(
                method.upper(),
                path,
                it["summary"],
                it["description"],
                tuple(
                    Line(one["name"], _kind(one.get("schema", {})), one.get("description", ""))
                    for one in it.get("parameters", ())
                ),
                tuple(Line(status, _content(one), one["description"]) for status, one in it["responses"].items()),
            )


def _content(answer: Mapping[str, Any]) -> str:
    return ", ".join(
        " ".join(filter(None, (kind, _kind(one.get("schema", {}))))) for kind, one in answer.get("content", {}).items()
    )


def _fields(schema: Mapping[str, Any]) -> Iterator[Line]:
    for name, it in schema.get("properties", {}).items():
        yield Line(name, _kind(it), it.get("description", ""))


def _kind(schema: Mapping[str, Any]) -> str:
    """Return in a few words what a schema accepts."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for several in ("anyOf", "allOf"):
        if several in schema:
            return " or ".join(filter(None, (_kind(it) for it in schema[several])))
    if "enum" in schema:
        return " | ".join(str(it) for it in schema["enum"] if it is not None)
    kind = schema.get("type", "")
    if kind == "array":
        return f"list of {_kind(schema['items'])}"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)
