"""
Who may what: every route, asked by everybody.

A route without a row fails. A row says what each of these gets:

- *nobody*: a browser in which nobody is signed in, and *removed*: one whose user is not there any more;
- *anna* and *bernd*: members of one group; *lea*, who leads it and sees its journal; *carla*, who has nothing to do
  with it;
- *expired*, *narrow* and *wide*: programs of Anna with a token that has expired, that lacks the scope of the route, and
  that has every scope.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import flask
import peewee
import pytest
from flask.testing import FlaskClient

from esl_huntgroup.db.engine import execute, quoted
from esl_huntgroup.web import clock
from esl_huntgroup.web.app import make_app
from esl_huntgroup.web.identity import ANY_TOKEN, Scope, accounts, guard, sessions, tokens
from tests.database import rows
from tests.web import firm as small_firm
from tests.web.conftest import CONFIG
from tests.web.signed_in import HTML, browser, form_token, page_token, program

PEOPLE: Final = ("anna", "bernd", "lea", "carla")
OUTSIDE: Final = ("nobody", "removed")
PROGRAMS: Final = ("expired", "narrow", "wide")
SIGN_IN: Final = "to signing in"


@dataclass(frozen=True)
class Row:
    """What is asked, and what each gets; ``url`` may hold what ``Things`` has."""

    url: str
    gets: Mapping[str, object]
    form: Mapping[str, str] = field(default_factory=dict)
    scope: str | None = None
    json: Mapping[str, Any] | None = None


@dataclass
class Things:
    """What the addresses name: Anna's."""

    app: flask.Flask
    call: str = ""
    session: int = 0
    token: int = 0
    invitation: str = ""


def anybody(url: str, status: int, **form: str) -> Row:
    """Return the row of what everybody gets."""
    return Row(url, dict.fromkeys((*OUTSIDE, *PEOPLE, *PROGRAMS), status), form)


def page(url: str, *, form: Mapping[str, str] | None = None, **statuses: int) -> Row:
    """Return the row of a page: for whoever is signed in, and for no program; ``every`` is for who is not named."""
    every = statuses.pop("every", 200)
    outside: object = SIGN_IN if form is None else 401
    programs = {"expired": 401, "narrow": 403, "wide": 403}
    people = dict.fromkeys(PEOPLE, every) | statuses
    return Row(url, dict.fromkeys(OUTSIDE, outside) | people | programs, form or {})


def api(url: str, scope: str | None, *, json: Mapping[str, Any] | None = None, **statuses: int) -> Row:
    """
    Return the row of the API: for people, and for programs with this scope.

    Without a scope it is for people alone; with ``ANY_TOKEN`` for every program whose token is valid.
    """
    every = statuses.pop("every", 200)
    people = dict.fromkeys(PEOPLE, every) | statuses
    allowed = {"narrow": 403, "wide": people["anna"]}
    if scope is None:
        allowed["wide"] = 403
    if scope == ANY_TOKEN:
        allowed["narrow"] = people["anna"]
    return Row(url, dict.fromkeys(OUTSIDE, 401) | people | {"expired": 401} | allowed, {}, scope, json)


MATRIX: Final[Mapping[str, Row]] = {
    # who asks
    "GET /healthz": anybody("/healthz", 200),
    "GET /metrics": anybody("/metrics", 200),  # on this machine alone: test_live
    "GET /static/<path:filename>": anybody("/static/page.css", 200),
    "GET /sign-in": Row(
        "/sign-in", dict.fromkeys((*OUTSIDE, "expired"), 200) | dict.fromkeys((*PEOPLE, "narrow", "wide"), 302)
    ),
    "POST /sign-in": anybody("/sign-in", 403, name="anna", password="falsch geraten"),
    "POST /sign-out": anybody("/sign-out", 303),
    "GET /sign-in/provider": anybody("/sign-in/provider", 404),  # there is none; test_provider has one
    "GET /sign-in/provider/answer": anybody("/sign-in/provider/answer", 404),
    "POST /language": anybody("/language", 303, language="de"),
    "GET /invitation/<secret>": anybody("/invitation/{invitation}", 200),
    "POST /invitation/<secret>": anybody("/invitation/{invitation}", 400, password="kurz", again="kurz"),
    "GET /account": page("/account"),
    "POST /account/password": page("/account/password", form={"current": "x"}, every=400),
    "POST /account/sessions/end": page("/account/sessions/end", form={"x": ""}, every=303),
    "POST /account/sessions/<int:key>/end": page(
        "/account/sessions/{session}/end", form={"x": ""}, every=404, anna=303
    ),
    "POST /account/tokens": page("/account/tokens", form={"name": "new", "scope": "journal", "days": "1"}),
    "POST /account/tokens/<int:key>/remove": page(
        "/account/tokens/{token}/remove", form={"x": ""}, every=404, anna=303
    ),
    # the pages
    "GET /": page("/"),
    "GET /unhandled": page("/unhandled"),
    "GET /calls/<call_id>": page("/calls/{call}", carla=404),
    "POST /calls/<call_id>/handled": page("/calls/{call}/handled", form={"handled": "yes"}, every=303, carla=404),
    "GET /groups/<int:group_id>": page("/groups/1", every=404, lea=200),
    "GET /groups/<int:group_id>/now": page("/groups/1/now", every=404, lea=200),
    "GET /groups/<int:group_id>/statistics": page("/groups/1/statistics", every=404, lea=200),
    # what is live
    "GET /events": page("/events"),
    "GET /api/v1/events": api("/api/v1/events", Scope.EVENTS),
    # the API
    "GET /api/v1/": anybody("/api/v1/", 200),
    "GET /api/v1/openapi.json": anybody("/api/v1/openapi.json", 200),
    "GET /api/v1/me": api("/api/v1/me", ANY_TOKEN),
    "GET /api/v1/groups": api("/api/v1/groups", Scope.JOURNAL),
    "GET /api/v1/journal": api("/api/v1/journal", Scope.JOURNAL),
    "GET /api/v1/groups/<int:group_id>/journal": api("/api/v1/groups/1/journal", Scope.JOURNAL, every=404, lea=200),
    "GET /api/v1/groups/<int:group_id>/statistics": api(
        "/api/v1/groups/1/statistics", Scope.JOURNAL, every=404, lea=200
    ),
    "GET /api/v1/calls/<call_id>": api("/api/v1/calls/{call}", Scope.JOURNAL, carla=404),
    "PUT /api/v1/calls/<call_id>/handled": api("/api/v1/calls/{call}/handled", Scope.HANDLE, carla=404),
    "DELETE /api/v1/calls/<call_id>/handled": api("/api/v1/calls/{call}/handled", Scope.HANDLE, carla=404),
    "GET /api/v1/tokens": api("/api/v1/tokens", None),
    "POST /api/v1/tokens": api("/api/v1/tokens", None, json={"name": "new", "scopes": ["journal"]}, every=201),
    "DELETE /api/v1/tokens/<int:token_id>": api("/api/v1/tokens/{token}", None, every=404, anna=204),
}


def routes(app: flask.Flask) -> set[str]:
    return {
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


@pytest.fixture
def things(sqlite: peewee.Database) -> Things:
    """Give a firm with a missed call of Anna and Bernd, and with what is Anna's own."""
    small_firm.set_up(sqlite)
    app = make_app(CONFIG, sqlite)
    calls = small_firm.Caller(sqlite)
    call = calls.opens()
    calls.is_missed(call)
    sessions.begin(sqlite, small_firm.ANNA, "password", clock.now_ms())
    tokens.make(sqlite, small_firm.ANNA, "one", ("journal",), now_ms=clock.now_ms())
    return Things(
        app,
        call,
        sessions.of_user(sqlite, small_firm.ANNA)[0].id,
        tokens.of_user(sqlite, small_firm.ANNA)[0].id,
        accounts.invite(sqlite, small_firm.BERND, clock.now_ms()),
    )


def test_every_route_has_a_row_and_every_row_a_route(things: Things) -> None:
    assert routes(things.app) == set(MATRIX)


@pytest.mark.parametrize("who", [*OUTSIDE, *PEOPLE, *PROGRAMS])
@pytest.mark.parametrize("route", MATRIX)
def test_who_gets_what(things: Things, sqlite: peewee.Database, route: str, who: str) -> None:
    row = MATRIX[route]
    method = route.partition(" ")[0]
    url = row.url.format(call=things.call, session=things.session, token=things.token, invitation=things.invitation)
    ask = ASKERS.get(who, _as_person)
    response = ask(things.app, sqlite, who, method, url, row)
    got: object = response.status_code
    if got == 302 and response.location.partition("?")[0] == "/sign-in":
        got = SIGN_IN
    assert got == row.gets[who], response.text
    response.close()


def _as_person(app: flask.Flask, _db: peewee.Database, who: str, method: str, url: str, row: Row) -> Any:
    web = browser(app, who)
    return _open(web, method, url, row, form_token(web))


def _as_nobody(app: flask.Flask, _db: peewee.Database, _who: str, method: str, url: str, row: Row) -> Any:
    web = browser(app)
    return _open(web, method, url, row, page_token(web))


def _as_removed(app: flask.Flask, db: peewee.Database, _who: str, method: str, url: str, row: Row) -> Any:
    """Zoe was signed in when she was removed."""
    rows.user(db, 99, "zoe")
    web = browser(app, "zoe")
    execute(db, f"DELETE FROM {quoted(db, 'users')} WHERE id = 99")
    return _open(web, method, url, row, page_token(web))


def _open(web: FlaskClient, method: str, url: str, row: Row, token: str) -> Any:
    """Ask as a page of ours does: with its token, by a form or by its script."""
    if method == "GET":
        return web.get(url, headers=HTML)
    if row.form:
        return web.open(url, method=method, data={"csrf_token": token, **row.form}, headers=HTML)
    return web.open(url, method=method, json=row.json, headers={"X-CSRF-Token": token})


def _as_program(app: flask.Flask, _db: peewee.Database, who: str, method: str, url: str, row: Row) -> Any:
    narrow = tuple(scope for scope in Scope if scope != row.scope)[:1]
    if who == "expired":
        headers = program(app, "anna", ago_ms=2 * 86_400_000)
    else:
        headers = program(app, "anna", *(narrow if who == "narrow" else ()))
    return app.test_client().open(url, method=method, data=dict(row.form) or None, json=row.json, headers=headers)


Asker = Callable[[flask.Flask, peewee.Database, str, str, str, Row], Any]
ASKERS: Final[Mapping[str, Asker]] = {
    "nobody": _as_nobody,
    "removed": _as_removed,
    **dict.fromkeys(PROGRAMS, _as_program),
}


def test_a_route_that_does_not_say_for_whom_it_is_is_not_served(things: Things) -> None:
    app = flask.Flask("another")
    app.add_url_rule("/secret", "secret", lambda: "secret")
    guard.install(app)
    with pytest.raises(RuntimeError, match=r"do not say who may use them .*: .*GET /secret"):
        guard.check_routes(app)
