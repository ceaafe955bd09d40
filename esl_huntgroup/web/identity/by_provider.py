"""Signing in by a provider of OpenID Connect: to the provider, and back with its answer."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import flask
from werkzeug.exceptions import BadGateway, BadRequest, Forbidden, NotFound, TooManyRequests

from esl_huntgroup.model.text import normal_name
from esl_huntgroup.web import clock
from esl_huntgroup.web.around import around
from esl_huntgroup.web.identity import accounts, asking, states
from esl_huntgroup.web.identity.guard import require
from esl_huntgroup.web.identity.origins import own_path
from esl_huntgroup.web.identity.provided import ProviderError
from esl_huntgroup.web.identity.signing_in import Answer, begin_session, blueprint, limits
from esl_huntgroup.web.words import gettext as _

if TYPE_CHECKING:
    from esl_huntgroup.web.identity.provider import Provider

ANSWER_PATH: Final = "/sign-in/provider/answer"
METHOD: Final = "oidc"
_PROVIDER: Final = "esl_huntgroup.provider"

log = logging.getLogger(__name__)


@blueprint.get("/sign-in/provider")
@require(anybody=True)
def to_provider() -> Answer:
    """Lead the browser to the provider."""
    provider = _provider()
    limits().check_address(flask.request.remote_addr or "")
    following = own_path(flask.request.args.get("next", ""))
    started = states.begin(around().db, asking.browser_secret(), following, clock.now_ms())
    if started is None:
        raise TooManyRequests
    try:
        return flask.redirect(provider.address(started))
    except ProviderError as error:
        raise _failed(error) from None


@blueprint.get(ANSWER_PATH)
@require(anybody=True)
def from_provider() -> Answer:
    """Take the provider's answer, and sign the user in whom it names."""
    provider, said = _provider(), flask.request.args
    address = limits().check_address(flask.request.remote_addr or "")
    found = states.finish(around().db, said.get("state", ""), asking.browser_secret(), clock.now_ms())
    if found is None:
        raise BadRequest(_("This sign-in is over, or it was begun in another browser. Please sign in again."))
    if "code" not in said:
        log.warning("the provider signs nobody in: %.200r", said.get("error"))
        raise Forbidden(_("The provider has not signed you in. Please try again."))
    started, following = found
    try:
        provider.check_issuer(said.get("iss"))
        claims = provider.claims(said["code"], started)
    except ProviderError as error:
        raise _failed(error) from None
    begin_session(_user(claims).user_id, METHOD)
    limits().address.forgive(address)
    return flask.redirect(following, 303)


def _user(claims: Mapping[str, Any]) -> accounts.Account:
    """Return whom the provider names. Raises Forbidden where that is nobody here."""
    claim = around().config.oidc_claim
    name = claims.get(claim)
    if not isinstance(name, str) or not name:
        log.error("the provider says nothing of %r: web_oidc_claim names another claim", claim)
        raise Forbidden(_("The provider has not said who you are. An administrator can find the reason in the log."))
    if claim == "email" and claims.get("email_verified") not in (True, "true"):
        raise Forbidden(_("The provider has not verified your address of mail yet."))
    found = accounts.by_name(around().db, normal_name(name.strip()))
    if found is None:
        log.warning("the provider has signed %r in, who is no user here", name)
        raise Forbidden(_("“%s” is signed in, and is no user here. An administrator can add this user.") % name)
    return found


def _provider() -> Provider:
    config = around().config
    if not config.oidc_issuer:
        raise NotFound
    made = flask.current_app.extensions.get(_PROVIDER)
    if made is None:
        from esl_huntgroup.web.identity.provider import Provider  # ten megabytes, for those who have one

        made = Provider(
            config.oidc_issuer, config.oidc_client_id, config.oidc_client_secret, config.public_url + ANSWER_PATH
        )
        made = flask.current_app.extensions.setdefault(_PROVIDER, made)
    found: Provider = made
    return found


def _failed(error: ProviderError) -> BadGateway:
    log.error("signing in by the provider failed: %s", error)
    return BadGateway(_("The provider that signs you in does not answer as it should. Please try again later."))
