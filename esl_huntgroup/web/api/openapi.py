"""The OpenAPI document of the API, made of the descriptions of its addresses and the schemas."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, Final

import flask
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.common import resolve_schema_cls
from marshmallow import Schema

from esl_huntgroup import __version__
from esl_huntgroup.web.api.operations import Operation, operation_of
from esl_huntgroup.web.api.schemas import Moment, ProblemOut
from esl_huntgroup.web.identity.guard import need_of

PREFIX: Final = "/api/v1"
EVENTS: Final = f"{PREFIX}/events"
_CALL: Final = {"$ref": "#/components/schemas/Call"}
"""apispec resolves no schema in an extension."""
_METHODS: Final = ("GET", "POST", "PUT", "DELETE")
_ABOUT: Final = """\
Group calls as you may see them: your own entries, and all entries of the groups that you lead and that have the
service journal.

A program shows a token (Authorization: Bearer TOKEN), which is made on the page or by a command of the administrator.
The page uses the same addresses with its session; what changes something then needs the header X-CSRF-Token as well.

Pages are linked by the header Link (rel next, prev); each answer has an ETag. What is refused comes as
application/problem+json (RFC 9457) with one sentence."""


def document(app: flask.Flask) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of the addresses that this application has."""
    plugin = MarshmallowPlugin(schema_name_resolver=_name)
    spec = APISpec("esl-huntgroup", __version__, "3.1.0", plugins=[plugin], info={"description": _ABOUT})
    assert plugin.converter is not None
    plugin.converter.add_attribute_function(_moment)  # type: ignore[no-untyped-call]
    spec.components.security_scheme("token", {"type": "http", "scheme": "bearer"})
    spec.components.security_scheme("session", {"type": "apiKey", "in": "cookie", "name": "session"})
    for path, methods in _paths(app).items():
        spec.path(path=path, operations=methods)
    return spec.to_dict()


def _name(schema: Any) -> str:
    """Return what a schema is called in the document."""
    return str(resolve_schema_cls(schema).__name__).removesuffix("Out")  # type: ignore[union-attr]


def _moment(_converter: Any, field: Any, **_kwargs: Any) -> dict[str, Any]:
    if not isinstance(field, Moment):
        return {}
    return {"type": ["string", "null"] if field.allow_none else "string", "format": "date-time"}


def _paths(app: flask.Flask) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for rule, method, operation in described_routes(app):
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        need = need_of(app, rule.endpoint, method)
        scope = need.scope if need else None
        found.setdefault(path, {})[method.lower()] = _operation(operation, rule.rule, scope)
    if any(rule.rule == EVENTS for rule in app.url_map.iter_rules()):
        found[EVENTS] = {"get": _events()}
    return dict(sorted(found.items()))


def described_routes(app: flask.Flask) -> Iterator[tuple[Any, str, Operation]]:
    """Give each address of the API that is described, with a method."""
    for rule in app.url_map.iter_rules():
        view: Callable[..., Any] = app.view_functions[rule.endpoint]
        operation = operation_of(view) if rule.rule.startswith(PREFIX) else None
        if operation is not None:
            yield from ((rule, method, operation) for method in _METHODS if method in (rule.methods or ()))


def _operation(it: Operation, rule: str, scope: str | None) -> dict[str, Any]:
    refusals = [400, 401, 403, *it.refusals]
    told: dict[str, Any] = {
        "summary": it.summary,
        "description": _who(scope),
        "parameters": [*_path_parameters(it, rule), *_query_parameters(it.query)],
        "responses": {str(it.status): _answer(it), **{str(status): _problem(status) for status in refusals}},
        "security": [{"session": []}] if scope is None else [{"token": []}, {"session": []}],
    }
    if it.status == 200 and not it.body:
        told["responses"]["304"] = {"description": HTTPStatus.NOT_MODIFIED.phrase}
    if it.body is not None:
        told["requestBody"] = {"required": True, "content": {"application/json": {"schema": it.body}}}
    return told


def _who(scope: str | None) -> str:
    if scope is None:
        return "For those who are signed in to the page; no token is accepted."
    return f"A token needs the scope {scope}." if scope else "Any token is accepted."


def _path_parameters(it: Operation, rule: str) -> Iterator[dict[str, Any]]:
    for kind, name in re.findall(r"<(?:(\w+):)?(\w+)>", rule):
        schema = {"type": "integer", "minimum": 1, "maximum": 2**31 - 1} if kind == "int" else {"type": "string"}
        yield {"in": "path", "name": name, "required": True, "schema": schema, "description": it.path[name]}


def _query_parameters(schema: type[Schema]) -> Iterator[dict[str, Any]]:
    if schema().fields:
        yield {"in": "query", "schema": schema}


def _answer(it: Operation) -> dict[str, Any]:
    told: dict[str, Any] = {"description": HTTPStatus(it.status).phrase}
    if it.answer is not None:
        told["content"] = {"application/json": {"schema": it.answer}}
        told["headers"] = {"ETag": {"schema": {"type": "string"}}} if it.status == 200 else {}
    if it.has_csv:
        told["content"]["text/csv"] = {"schema": {"type": "string"}}
    if it.has_pages:
        told["headers"]["Link"] = {"schema": {"type": "string"}, "description": "the pages beside this one"}
    return told


def _problem(status: int) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": ProblemOut}}
    return {"description": HTTPStatus(status).phrase, "content": content}


def _events() -> dict[str, Any]:
    return {
        "summary": "What happens from now on, as server-sent events.",
        "description": (
            "A token needs the scope events. An event `call` has a call as you see it now, in the form of Call; its "
            "id is sent back as Last-Event-ID to miss nothing. An event `gone` has the id of a call that you may not "
            "see any more; after `reload`, read the journal anew."
        ),
        "parameters": [
            {"in": "header", "name": "Last-Event-ID", "schema": {"type": "string"}, "description": "of the last event"},
            {"in": "query", "name": "after", "schema": {"type": "string"}, "description": "the same, for a first time"},
        ],
        "responses": {
            "200": {
                "description": "events, as they happen",
                "content": {"text/event-stream": {"schema": {"type": "string"}, "x-event-schema": _CALL}},
            },
            **{str(status): _problem(status) for status in (400, 401, 403, 429, 503)},
        },
        "security": [{"token": []}, {"session": []}],
    }
