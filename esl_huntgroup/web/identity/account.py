"""The page of one's own account: the password, where one is signed in, tokens, the language."""

from __future__ import annotations

from typing import Any

import flask
from werkzeug.exceptions import Gone, NotFound, ServiceUnavailable

from esl_huntgroup.errors import InputError
from esl_huntgroup.provisioning import audit
from esl_huntgroup.provisioning.change import Change
from esl_huntgroup.web import clock
from esl_huntgroup.web.around import around
from esl_huntgroup.web.identity import accounts, administration, asking, passwords, sessions, tokens
from esl_huntgroup.web.identity.asking import somebody
from esl_huntgroup.web.identity.guard import require
from esl_huntgroup.web.identity.origins import own_path
from esl_huntgroup.web.identity.people import By, Scope
from esl_huntgroup.web.identity.signing_in import Answer, begin_session, blueprint, limits
from esl_huntgroup.web.words import LANGUAGES
from esl_huntgroup.web.words import gettext as _

# -- the password -----------------------------------------------------------------------------------------------------


@blueprint.get("/invitation/<secret>")
@require(anybody=True)
def invitation(secret: str) -> Answer:
    """Show the form in which an invited user sets the password. Looking does not use the link up."""
    return _password_page(_invited(secret))


@blueprint.post("/invitation/<secret>")
@require(anybody=True)
def accept_invitation(secret: str) -> Answer:
    """Set the password of an invited user, and sign in."""
    found = _invited(secret)
    try:
        password = _new_password(found)
    except InputError as error:
        return _password_page(found, str(error)), 400
    db, now_ms = around().db, clock.now_ms()
    with db.atomic():
        if not accounts.use_invitation(db, secret, now_ms):
            raise _gone()
        _set_password(found, password, now_ms)
        begin_session(found.user_id, "password")
    return flask.redirect("/", 303)


@blueprint.post("/account/password")
@require()
def change_password() -> Answer:
    """Change one's own password; every other session ends."""
    me = somebody()
    found = accounts.by_name(around().db, me.name)
    key = limits().check_account(me.name)
    try:
        if found is None or not passwords.is_right(found.password_hash, flask.request.form.get("current", "")):
            raise InputError(_("The password of until now is wrong."))
        limits().account.forgive(key)
        password = _new_password(found)
    except InputError as error:
        return _account_page(refused=str(error)), 400
    except passwords.TooBusy:
        raise _busy() from None
    with around().db.atomic():
        _set_password(found, password, clock.now_ms())
        begin_session(found.user_id, "password")
    return flask.redirect(flask.url_for("identity.account"), 303)


def _invited(secret: str) -> accounts.Account:
    address = limits().check_address(flask.request.remote_addr or "")
    found = accounts.invited(around().db, secret, clock.now_ms())
    if found is None:
        raise _gone()
    limits().address.forgive(address)
    return found


def _gone() -> Gone:
    return Gone(_("This link has been used already, or it has expired. An administrator can give you a new one."))


def _busy() -> ServiceUnavailable:
    return ServiceUnavailable(_("Too many people sign in right now. Please try again in a moment."))


def _new_password(found: accounts.Account) -> str:
    """Return what is stored of the password in the form. Raises InputError."""
    password = flask.request.form.get("password", "")
    if password != flask.request.form.get("again", ""):
        raise InputError(_("The two passwords differ."))
    passwords.check(password, (found.name, found.display_name))
    try:
        return passwords.hashed(password)
    except passwords.TooBusy:
        raise _busy() from None


def _set_password(found: accounts.Account, password_hash: str, now_ms: int) -> None:
    accounts.set_password(around().db, found.user_id, password_hash, now_ms)
    _note(found.name, Change("set", "password", found.name, None, None))


def _password_page(found: accounts.Account, refused: str = "") -> str:
    return flask.render_template("invitation.html", invited=found, refused=refused, min_chars=passwords.MIN_CHARS)


# -- sessions and tokens ----------------------------------------------------------------------------------------------


@blueprint.get("/account")
@require()
def account() -> Answer:
    """Show one's own account."""
    return _account_page()


@blueprint.post("/account/sessions/<int:key>/end")
@require()
def end_session(key: int) -> Answer:
    """End one of one's own sessions."""
    me, db = somebody(), around().db
    with db.atomic():
        found = next((it for it in sessions.of_user(db, me.user_id) if it.id == key), None)
        if found is None or not sessions.end(db, me.user_id, key):
            raise NotFound(_("This session has ended already."))
        _note(me.name, administration.ended_session(me.name, found))
    return flask.redirect(flask.url_for("identity.account"), 303)


@blueprint.post("/account/sessions/end")
@require()
def end_other_sessions() -> Answer:
    """End every session of one's own but this one."""
    me, db = somebody(), around().db
    with db.atomic():
        for session in sessions.of_user(db, me.user_id):
            if not (me.by is By.SESSION and session.id == me.key):
                sessions.end(db, me.user_id, session.id)
                _note(me.name, administration.ended_session(me.name, session))
    return flask.redirect(flask.url_for("identity.account"), 303)


@blueprint.post("/account/tokens")
@require()
def make_token() -> Answer:
    """Make a token, and show it this once."""
    me, db, form = somebody(), around().db, flask.request.form
    try:
        days = int(form.get("days", ""))
    except ValueError:
        days = 0
    try:
        with db.atomic():
            scopes, name = form.getlist("scope"), form.get("name", "")
            change, _name, secret = administration.add_token(db, me.user_id, me.name, name, scopes=scopes, days=days)
            _note(me.name, change)
    except InputError as error:
        return _account_page(refused=str(error)), 400
    return _account_page(new_token=secret)


@blueprint.post("/account/tokens/<int:key>/remove")
@require()
def remove_token(key: int) -> Answer:
    """Remove one of one's own tokens."""
    me, db = somebody(), around().db
    with db.atomic():
        found = next((it for it in tokens.of_user(db, me.user_id) if it.id == key), None)
        if found is None:
            raise NotFound(_("This token has been removed already."))
        _note(me.name, administration.remove_token(db, me.user_id, me.name, found.name))
    return flask.redirect(flask.url_for("identity.account"), 303)


def _account_page(refused: str = "", new_token: str = "") -> str:
    me, db = somebody(), around().db
    found = accounts.by_name(db, me.name)
    shown: dict[str, Any] = {
        "here": "account",
        "refused": refused,
        "new_token": new_token,
        "has_password": found is not None and found.password_hash != "",
        "sessions": sessions.of_user(db, me.user_id, asking.is_new_enough_ms()),
        "this_session": me.key if me.by is By.SESSION else 0,
        "tokens": tokens.of_user(db, me.user_id),
        "scopes": tuple(it.value for it in Scope),
        "days_default": tokens.DAYS_DEFAULT,
        "days_max": tokens.DAYS_MAX,
        "min_chars": passwords.MIN_CHARS,
        "now_ms": clock.now_ms(),
    }
    return flask.render_template("account.html", **shown)


def _note(who: str, change: Change) -> None:
    """Write down in the audit what a user has changed. Belongs in the transaction of the change."""
    audit.record(around().db, who, change)


# -- the language -----------------------------------------------------------------------------------------------------


@blueprint.post("/language")
@require(anybody=True)
def choose_language() -> Answer:
    """Remember the language that was chosen: of the user, else in this browser; and go back to where one was."""
    form, me = flask.request.form, asking.person()
    chosen = form.get("language", "")
    if chosen not in LANGUAGES:
        raise InputError(_("This language is not known: %s are accepted.") % ", ".join(LANGUAGES))
    response = flask.redirect(own_path(form.get("next", "")), 303)
    if me is not None:
        accounts.set_language(around().db, me.user_id, chosen)
    asking.cookies().set_language(response, chosen)
    return response
