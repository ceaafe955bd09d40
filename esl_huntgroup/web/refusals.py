"""
What people and programs get instead of what they asked for: one clear sentence.

A page for browsers, ``application/problem+json`` (RFC 9457) for programs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

import flask
import peewee
from werkzeug.exceptions import HTTPException

from esl_huntgroup.db.engine import drop_connection
from esl_huntgroup.errors import DatabaseError, InputError
from esl_huntgroup.web.around import around
from esl_huntgroup.web.identity import asking
from esl_huntgroup.web.words import gettext as _
from esl_huntgroup.web.words import speaking

PROBLEM: Final = "application/problem+json"

log = logging.getLogger(__name__)

_SENTENCES: Final[dict[int, Callable[[], str]]] = {
    400: lambda: _("The request cannot be understood."),
    401: lambda: _("Please sign in."),
    403: lambda: _("You may not see this."),
    404: lambda: _("There is nothing at this address."),
    405: lambda: _("That cannot be done with this address."),
    410: lambda: _("This is not there any more."),
    413: lambda: _("The request is too large: at most 64 kB are accepted."),
    414: lambda: _("The address is too long."),
    429: lambda: _("Too many attempts. Please wait some minutes, and try again."),
    500: lambda: _("Something went wrong here. It has been noted; please try again."),
    502: lambda: _("The provider that signs you in does not answer as it should. Please try again later."),
    503: lambda: _("The database does not answer. Please try again in a moment."),
}


def install(app: flask.Flask) -> None:
    """Answer for everything that goes wrong in a request of the application."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(InputError, _input)
    app.register_error_handler(peewee.OperationalError, _database)
    app.register_error_handler(peewee.InterfaceError, _database)
    app.register_error_handler(DatabaseError, _database)
    app.register_error_handler(Exception, _fault)


def refusal(status: int, sentence: str = "") -> flask.Response:
    """Return the response with this status; without a sentence, the one that belongs to the status."""
    try:
        language = asking.language()
    except peewee.PeeweeException:
        asking.forget()
        language = asking.language()
    with speaking(language):
        said = sentence or _SENTENCES.get(status, _SENTENCES[500 if status >= 500 else 400])()
        return _problem(status, said) if asking.is_api() else _page(status, said)


def _problem(status: int, sentence: str) -> flask.Response:
    title = HTTP_NAMES.get(status, "Error")
    response = flask.jsonify({"type": "about:blank", "title": title, "status": status, "detail": sentence})
    response.status_code, response.content_type = status, PROBLEM
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="esl-huntgroup"'
    return response


def _page(status: int, sentence: str) -> flask.Response:
    heading = _("That did not work")
    return flask.make_response(flask.render_template("error.html", heading=heading, sentence=sentence), status)


HTTP_NAMES: Final = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    410: "Gone",
    413: "Content Too Large",
    414: "URI Too Long",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
}


def _http(error: HTTPException) -> flask.typing.ResponseReturnValue:
    if error.response is not None or error.code is None or error.code < 400:
        return error  # a redirection, or a response that somebody has made already
    own = error.description if error.description != type(error).description else ""
    response = refusal(error.code, own or "")
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def _input(error: Exception) -> flask.Response:
    return refusal(400, str(error))


def _database(error: Exception) -> flask.Response:
    log.error("%s", error)
    drop_connection(around().db)
    asking.forget()
    return refusal(503)


def _fault(error: Exception) -> flask.Response:
    log.error("a request failed: %s %s", flask.request.method, flask.request.path, exc_info=error)
    if isinstance(error, peewee.PeeweeException):
        drop_connection(around().db)
    asking.forget()
    return refusal(500)
