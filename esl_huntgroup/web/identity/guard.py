"""
At the door of every request: who asks, whether the route is for that person, and whether our own page has sent it.

A route names its need with ``require``; one that names none is not served at all (``check_routes``). Who asks is proved
by a token (``Authorization: Bearer``), by a header of a trusted proxy, or by the cookie of a session, in this order.
Browsers add the latter two to whatever any other page has them send, so that such a request must also hold the token of
our forms when it changes something.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any, Final, TypeVar

import flask
from babel.dates import format_datetime
from markupsafe import Markup, escape
from werkzeug.exceptions import Forbidden, Unauthorized

from esl_huntgroup.web import words
from esl_huntgroup.web.around import around
from esl_huntgroup.web.identity import asking, keys
from esl_huntgroup.web.identity.origins import is_own_page
from esl_huntgroup.web.identity.people import By, Need, Person
from esl_huntgroup.web.words import gettext as _

FORM_FIELD: Final = "csrf_token"
FORM_HEADER: Final = "X-CSRF-Token"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_MARK: Final = "huntgroup_need"
_SILENT: Final = frozenset({"static", "_healthz"})
"""What has no words, and needs no database."""

View = TypeVar("View", bound=Callable[..., Any])


def require(*, anybody: bool = False, scope: str | None = None) -> Callable[[View], View]:
    """
    Say who may use a view: ``anybody``, else whoever is signed in.

    With ``scope`` a token that has this scope is accepted, too (``ANY_TOKEN``: every valid one); without, none is. May
    stand on a function, on a class of methods, or on one of its methods; above or below other decorators that keep
    what is noted on a function.
    """

    def mark(view: View) -> View:
        setattr(view, _MARK, Need(anybody, scope))
        return view

    return mark


def need_of(app: flask.Flask, endpoint: str, method: str) -> Need | None:
    """Return what a route demands for a method; None where it says nothing."""
    view: Any = app.view_functions[endpoint]
    of_class: Any = getattr(view, "view_class", None)
    of_method = getattr(of_class, method.lower(), None) or getattr(of_class, "get", None)
    for place in (of_method, of_class, view):
        need: Need | None = getattr(place, _MARK, None)
        if need is not None:
            return need
    return None


def check_routes(app: flask.Flask) -> None:
    """Raise RuntimeError unless every route says who may use it."""
    silent = sorted(
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
        if need_of(app, rule.endpoint, method) is None
    )
    if silent:
        raise RuntimeError(f"routes that do not say who may use them (identity.require): {', '.join(silent)}")


def install(app: flask.Flask) -> None:
    """Put the guard in front of every request. To be called before anything else is hooked in."""
    require(anybody=True)(app.view_functions["static"])
    app.before_request(_admit)
    app.after_request(_set_form_cookie)
    app.context_processor(_for_templates)


# -- before the view --------------------------------------------------------------------------------------------------


def _admit() -> flask.typing.ResponseReturnValue | None:
    """Let the request in, or raise what refuses it, or send a browser to where one signs in."""
    request = flask.request
    if request.endpoint in _SILENT:
        return None
    words.speak(asking.language())
    if request.endpoint is None:
        return None  # flask itself says that there is no such address, or not with this method
    need = need_of(flask.current_app, request.endpoint, request.method)
    if need is None:
        raise RuntimeError(f"{request.endpoint} does not say who may use it")
    if request.method not in SAFE_METHODS:
        _check_origin()
    if need.is_for_anybody:
        return None
    found = asking.person()
    if found is None:
        return _ask_to_sign_in()
    _check_scope(found, need)
    return None


def _ask_to_sign_in() -> flask.typing.ResponseReturnValue:
    request = flask.request
    if not asking.is_api() and request.method == "GET" and "text/html" in request.headers.get("Accept", ""):
        own = request.full_path.removesuffix("?")
        return flask.redirect(flask.url_for("identity.sign_in", next=own if own != "/" else None))
    if asking.bearer() is not None:
        raise Unauthorized(_("This token is not valid: it does not exist, or it has expired."))
    raise Unauthorized(_("Please sign in."))


def _check_scope(found: Person, need: Need) -> None:
    if found.scopes is None:
        return
    if need.scope is None:
        raise Forbidden(_("A token is not accepted here: sign in."))
    if need.scope and not found.may(need.scope):
        raise Forbidden(_("This token may not do that: a token with the scope “%s” is accepted.") % need.scope)


def _check_origin() -> None:
    """Refuse what another page has the browser send. A token is added by no browser on its own."""
    if asking.bearer() is not None:
        return
    request = flask.request
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if not is_own_page(site, origin, around().config.url, request.host_url):
        raise Forbidden(_("This request came from another page. Please go back, load the page again, and try again."))
    given = request.headers.get(FORM_HEADER) or request.form.get(FORM_FIELD, "")
    secret = asking.form_secret()
    if not secret or not keys.is_form_token(secret, given):
        raise Forbidden(_("This form is too old. Please go back, load the page again, and try again."))


# -- after the view ---------------------------------------------------------------------------------------------------


def _set_form_cookie(response: flask.Response) -> flask.Response:
    ours = asking.cookies()
    if secret := flask.g.get("huntgroup_session", ""):
        ours.set_session(response, secret, around().config.session_days)
    if secret := flask.g.get("huntgroup_form", ""):
        ours.set_form(response, secret)
    return response


def _for_templates() -> dict[str, Any]:
    found = asking.known()
    return {
        "csrf_token": asking.csrf_token,
        "moment": moment,
        "csrf_field": _csrf_field,
        "person": found,
        "can_sign_out": found is not None and found.by is By.SESSION,
    }


def moment(at_ms: int) -> Markup:
    """Return a time as people read it, and as programs do."""
    at = datetime.datetime.fromtimestamp(at_ms / 1000, datetime.UTC).astimezone()
    said = format_datetime(at, "medium", locale=words.language())
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(timespec="seconds"), said)


def _csrf_field() -> Markup:
    return Markup('<input type="hidden" name="csrf_token" value="%s">') % escape(asking.csrf_token())
