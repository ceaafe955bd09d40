"""
Who asks, in the request of now: the bearer of a token, whom a trusted proxy names, or whose session the browser shows.

A form of ours is bound to a secret that only this browser has: that of its session, or of a cookie where it has none.
"""

from __future__ import annotations

import flask
import peewee
from werkzeug.exceptions import Forbidden, Unauthorized

from esl_huntgroup.db.engine import fetch
from esl_huntgroup.db.tables import User, WebAccount
from esl_huntgroup.model.limits import DAY_MS
from esl_huntgroup.model.text import normal_name
from esl_huntgroup.web import clock
from esl_huntgroup.web.around import around
from esl_huntgroup.web.identity import keys, sessions, tokens
from esl_huntgroup.web.identity.cookies import Cookies
from esl_huntgroup.web.identity.people import By, Person
from esl_huntgroup.web.words import LANGUAGES
from esl_huntgroup.web.words import gettext as _


def person() -> Person | None:
    """Return who asks; None: nobody who is signed in. Raises Forbidden for a user of a proxy whom nobody knows."""
    if "huntgroup_person" not in flask.g:
        flask.g.huntgroup_person = None
        try:
            flask.g.huntgroup_person = _find()
        except Forbidden as refused:
            flask.g.huntgroup_refused = refused
    if "huntgroup_refused" in flask.g:
        raise flask.g.huntgroup_refused
    return known()


def known() -> Person | None:
    """Return who asks, as far as this request has found out. Raises nothing."""
    found: Person | None = flask.g.get("huntgroup_person")
    return found


def somebody() -> Person:
    """Return who asks, in a view that is only for those who are signed in."""
    found = person()
    if found is None:
        raise Unauthorized(_("Please sign in."))
    return found


def forget() -> None:
    """Ask nobody who this is, in what remains of the request: the database cannot say."""
    flask.g.huntgroup_person = None


def language() -> str:
    """
    Return the language for this request: the user's choice, else the browser's wish, else the setting.

    Whoever is not signed in may have chosen one in this browser.
    """
    found = _person_or_nobody()
    if found is not None and found.language in LANGUAGES:
        return found.language
    chosen = flask.request.cookies.get(cookies().language, "")
    if chosen in LANGUAGES:
        return chosen
    return flask.request.accept_languages.best_match(list(LANGUAGES)) or around().config.language


def is_api() -> bool:
    """Return whether a program asks, which gets JSON instead of a page."""
    return flask.request.path.startswith("/api/")


def csrf_token() -> str:
    """Return what a form of this page must hold, in ``csrf_token`` or in the header ``X-CSRF-Token``."""
    return keys.form_token(browser_secret())


def browser_secret() -> str:
    """
    Return what only this browser has: the secret of its session, or one for a browser without.

    The latter is made, and set as a cookie, when it is asked for.
    """
    secret = form_secret()
    if not secret:
        secret = flask.g.huntgroup_form = keys.new_secret()
    return secret


def rotate(secret: str) -> None:
    """Let this secret of a session be what the browser has from now on."""
    flask.g.huntgroup_session = secret
    flask.g.pop("huntgroup_person", None)


def session_secret() -> str:
    """Return the secret of the session that the browser shows, valid or not; empty: none."""
    return flask.request.cookies.get(cookies().session, "")


def cookies() -> Cookies:
    """Return what our cookies are called, and how they are set."""
    return Cookies(is_secure=around().config.is_secure)


def is_new_enough_ms() -> int:
    """Return since when a session must have been seen to be valid."""
    return clock.now_ms() - round(around().config.session_days * DAY_MS)


# -- who asks ---------------------------------------------------------------------------------------------------------


def _find() -> Person | None:
    token = bearer()
    if token is not None:
        return _of_token(token)
    name = _named_by_proxy()
    if name is not None:
        return _of_proxy(name)
    secret = session_secret()
    return _of_session(secret) if secret else None


def bearer() -> str | None:
    """Return the token that a program shows; None: it shows none."""
    kind, _blank, token = flask.request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else None


def _of_token(token: str) -> Person | None:
    db, now_ms = around().db, clock.now_ms()
    found = tokens.find(db, token, now_ms)
    if found is None:
        return None
    tokens.used(db, found[0].key, found[1], now_ms)
    return found[0]


def _named_by_proxy() -> str | None:
    """Return whom a trusted proxy names. ``proxies`` has taken the header away where somebody else sent it."""
    header = around().config.user_header
    name = flask.request.headers.get(header, "").strip() if header else ""
    return normal_name(name.encode("latin-1", "replace").decode("utf-8", "replace")) if name else None


def _of_proxy(name: str) -> Person:
    found = user_named(name) if name.isprintable() else None
    if found is None:
        raise Forbidden(_("“%s” is signed in, and is no user here. An administrator can add this user.") % name)
    return found


def _person_or_nobody() -> Person | None:
    try:
        return person()
    except Forbidden:
        return None


def user_named(name: str, by: By = By.HEADER) -> Person | None:
    """Return the user with this name. One query."""
    query = (
        User.select(User.id, User.name, User.display_name, WebAccount.language)
        .join(WebAccount, peewee.JOIN.LEFT_OUTER, on=(WebAccount.user == User.id))
        .where(User.name == name)
    )
    for user_id, stored, display_name, chosen in fetch(around().db, query):
        return Person(user_id, stored, display_name, chosen or "", None, by)
    return None


def _of_session(secret: str) -> Person | None:
    found = sessions.find(around().db, secret, is_new_enough_ms())
    if found is None:
        return None
    if sessions.seen(around().db, found, clock.now_ms()):
        flask.g.huntgroup_session = secret  # the browser, too, counts the days from now on
    return found.person


def form_secret() -> str:
    """Return the secret to which the forms of this browser are bound; empty: it has none yet."""
    new: str = flask.g.get("huntgroup_session", "") or flask.g.get("huntgroup_form", "")
    if new:
        return new
    found = _person_or_nobody() if bearer() is None else None
    if found is not None and found.by is By.SESSION:
        return session_secret()
    return flask.request.cookies.get(cookies().form, "")
