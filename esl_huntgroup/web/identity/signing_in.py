"""
Signing in by name and password, and signing out.

The answer, and the work for it, is the same whether there is such a user or not, with or without a password.
"""

from __future__ import annotations

import logging
from typing import Final

import flask
from werkzeug.exceptions import ServiceUnavailable, TooManyRequests

from esl_huntgroup.model.text import normal_name
from esl_huntgroup.web import clock
from esl_huntgroup.web.around import around
from esl_huntgroup.web.identity import accounts, asking, keys, passwords, sessions
from esl_huntgroup.web.identity.guard import require
from esl_huntgroup.web.identity.origins import own_path
from esl_huntgroup.web.identity.throttle import Throttle, address_key
from esl_huntgroup.web.words import gettext as _

NAME_MAX_CHARS: Final = 256
WINDOW_S: Final = 15 * 60.0
ACCOUNT_TRIES: Final = 20
ADDRESS_TRIES: Final = 100
_LIMITS: Final = "esl_huntgroup.limits"

Answer = flask.typing.ResponseReturnValue
blueprint: Final = flask.Blueprint("identity", __name__)
log = logging.getLogger(__name__)


class Limits:
    """How often somebody may try to sign in to one account, and from one address."""

    def __init__(self) -> None:
        """Begin with nobody having tried."""
        self.account = Throttle(ACCOUNT_TRIES, WINDOW_S)
        self.address = Throttle(ADDRESS_TRIES, WINDOW_S)

    def check_address(self, address: str) -> str:
        """Count a try from an address, and return what it is remembered by. Raises TooManyRequests."""
        key = address_key(address)
        _refuse(self.address.wait_s(key))
        self.address.count(key)
        return key

    def check_account(self, name: str) -> str:
        """Count a try for an account, and return what it is remembered by. Raises TooManyRequests."""
        key = keys.hashed(name.casefold())  # of bounded length, whatever somebody has written
        _refuse(self.account.wait_s(key))
        self.account.count(key)
        return key


def limits() -> Limits:
    """Return the limits of this process."""
    found: Limits = flask.current_app.extensions.setdefault(_LIMITS, Limits())
    return found


def _refuse(wait_s: float) -> None:
    if wait_s > 0:
        raise TooManyRequests(retry_after=int(wait_s) + 1)


@blueprint.get("/sign-in")
@require(anybody=True)
def sign_in() -> Answer:
    """Show the form in which one signs in; whoever is signed in goes on."""
    following = own_path(flask.request.args.get("next", ""))
    if asking.person() is not None:
        return flask.redirect(following)
    return _form(following)


@blueprint.post("/sign-in")
@require(anybody=True)
def sign_in_by_password() -> Answer:
    """Sign in by name and password."""
    form = flask.request.form
    following = own_path(form.get("next", ""))
    name = normal_name(form.get("name", "").strip())[:NAME_MAX_CHARS]
    bound = limits()
    address = bound.check_address(flask.request.remote_addr or "")
    account = bound.check_account(name)
    found = accounts.by_name(around().db, name)
    password = form.get("password", "")
    try:
        is_right = passwords.is_right(found.password_hash if found else "", password)
    except passwords.TooBusy:
        raise ServiceUnavailable(_("Too many people sign in right now. Please try again in a moment.")) from None
    if found is None or not is_right:
        log.warning("a sign-in as %r from %s was refused", name, flask.request.remote_addr)
        return _form(following, name, _("Name or password is wrong.")), 403
    bound.address.forgive(address)
    bound.account.forgive(account)
    _renew_hash(found, password)
    begin_session(found.user_id, "password")
    return flask.redirect(following, 303)


@blueprint.post("/sign-out")
@require(anybody=True)
def sign_out() -> Answer:
    """End the session of this browser."""
    sessions.end_secret(around().db, asking.session_secret())
    response = flask.redirect(flask.url_for("identity.sign_in"), 303)
    asking.cookies().forget_session(response)
    return response


def begin_session(user_id: int, method: str) -> None:
    """Begin a session in this browser, with a new secret; the one that it has had ends."""
    around_us, now_ms = around(), clock.now_ms()
    db, request = around_us.db, flask.request
    with db.atomic():
        sessions.end_secret(db, asking.session_secret())
        sessions.forget_unseen(db, asking.is_new_enough_ms())
        agent = request.headers.get("User-Agent", "")
        asking.rotate(
            sessions.begin(db, user_id, method, now_ms, address=request.remote_addr or "", agent=agent),
        )


def _renew_hash(found: accounts.Account, password: str) -> None:
    """Keep the password with the parameters of today, now that it is known."""
    if passwords.is_outdated(found.password_hash):
        accounts.rehash_password(around().db, found.user_id, found.password_hash, passwords.hashed(password))


def _form(following: str, name: str = "", refused: str = "") -> str:
    has_provider = bool(around().config.oidc_issuer)
    return flask.render_template("sign_in.html", next=following, name=name, refused=refused, has_provider=has_provider)
