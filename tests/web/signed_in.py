"""Being signed in, for tests: a client of the page whose requests are those of one user's browser."""

from __future__ import annotations

from typing import Any

import flask
import peewee
from flask.testing import FlaskClient

from esl_huntgroup.db.engine import execute, quoted
from esl_huntgroup.web import clock
from esl_huntgroup.web.around import around
from esl_huntgroup.web.identity import Scope, keys, sessions, tokens
from esl_huntgroup.web.identity.cookies import Cookies

HTML = {"Accept": "text/html,application/xhtml+xml"}


def user_id(db: peewee.Database, name: str) -> int:
    """Return the id of a user."""
    sql = f"SELECT id FROM {quoted(db, 'users')} WHERE name = {db.param}"
    return int(execute(db, sql, (name,)).fetchone()[0])


def browser(app: flask.Flask, name: str = "", **address: str) -> FlaskClient:
    """Return a browser in which this user is signed in; without a name, nobody is."""
    client = app.test_client()
    client.environ_base.update(address)
    if name:
        with app.app_context():
            db, is_secure = around().db, around().config.is_secure
        secret = sessions.begin(db, user_id(db, name), "password", clock.now_ms())
        client.set_cookie(Cookies(is_secure).session, secret)
    return client


def form_token(client: FlaskClient) -> str:
    """Return what the forms of a browser hold in which somebody is signed in."""
    secure = client.application.config.get("huntgroup_secure", False)
    cookie: Any = client.get_cookie(Cookies(secure).session)
    return keys.form_token(cookie.value)


def send(client: FlaskClient, url: str, **form: object) -> Any:
    """Send a form as the page would."""
    return client.post(url, data={"csrf_token": form_token(client), **form}, headers=HTML)


def program(app: flask.Flask, name: str, *scopes: str, days: int = 1, ago_ms: int = 0) -> dict[str, str]:
    """Return the headers of a program of this user, with a token that was made some time ago."""
    with app.app_context():
        db = around().db
    made_ms = clock.now_ms() - ago_ms
    name_of_token = f"test {keys.new_secret()}"[:64]
    token = tokens.make(db, user_id(db, name), name_of_token, scopes or tuple(Scope), now_ms=made_ms, days=days)
    return {"Authorization": f"Bearer {token}"}


def page_token(client: FlaskClient, url: str = "/sign-in") -> str:
    """Return what the forms of a page hold, as a browser finds it there."""
    text = client.get(url, headers=HTML).text
    return text.partition('name="csrf_token" value="')[2].partition('"')[0]
