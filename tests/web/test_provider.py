"""Signing in by OpenID Connect, against a real provider over HTTP: that it works, and everything that must not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import flask
import peewee
import pytest
import requests
from flask.testing import FlaskClient
from joserfc.jwk import RSAKey

from esl_huntgroup.db.engine import execute, quoted
from tests.web import provider as providers
from tests.web.provider import CLIENT, SECRET, RealProvider
from tests.web.signed_in import HTML, browser

URL = "http://calls.example.org"
BACK = f"{URL}/sign-in/provider/answer"
Make = Callable[..., flask.Flask]


@pytest.fixture
def op(monkeypatch: pytest.MonkeyPatch) -> Iterator[RealProvider]:
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")  # for the server; loopback has no TLS
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with providers.running(BACK) as running:
        yield running


@pytest.fixture
def app(make: Make, op: RealProvider) -> flask.Flask:
    return make(url=URL, oidc_issuer=op.issuer, oidc_client_id=CLIENT, oidc_client_secret=SECRET)


@pytest.fixture
def web(app: flask.Flask) -> FlaskClient:
    return browser(app)


def begin(web: FlaskClient, following: str = "/account") -> str:
    """Go to the provider; return its address there."""
    response = web.get(f"/sign-in/provider?next={following}", headers=HTML)
    assert response.status_code == 302, response.text
    return str(response.location)


def answer(address: str) -> str:
    """Sign in at the provider; return the way back, which a browser would follow."""
    response = requests.get(address, allow_redirects=False, timeout=10)
    assert response.status_code == 302, response.text
    location = response.headers["Location"]
    assert location.startswith(BACK)
    return location.removeprefix(URL)


def back(web: FlaskClient, way: str) -> Any:
    return web.get(way, headers=HTML)


def is_signed_in(web: FlaskClient) -> bool:
    return bool(web.get("/account", headers=HTML).status_code == 200)


def rows(db: peewee.Database, table: str) -> int:
    return int(execute(db, f"SELECT count(*) FROM {quoted(db, table)}").fetchone()[0])


def test_anna_is_signed_in_and_goes_where_she_wanted(web: FlaskClient, firm: peewee.Database) -> None:
    address = begin(web)
    asked = {key: value[0] for key, value in parse_qs(urlsplit(address).query).items()}
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert asked["redirect_uri"] == BACK
    assert {"state", "nonce", "code_challenge"} <= set(asked)
    response = back(web, answer(address))
    assert (response.status_code, response.location) == (303, "/account")
    assert "Anna Berg" in web.get("/account", headers=HTML).text
    assert rows(firm, "web_oidc_states") == 0


def test_neither_state_nor_nonce_nor_verifier_leave_a_trace(web: FlaskClient, firm: peewee.Database) -> None:
    state = parse_qs(urlsplit(begin(web)).query)["state"][0]
    kept = execute(firm, "SELECT state_hash, browser_hash FROM web_oidc_states").fetchone()
    assert state not in kept


def test_a_user_whom_nobody_knows_is_told_so(web: FlaskClient, op: RealProvider) -> None:
    op.claims["preferred_username"] = "<b>zoe</b>"
    response = back(web, answer(begin(web)))
    assert response.status_code == 403
    assert "“&lt;b&gt;zoe&lt;/b&gt;” is signed in, and is no user here." in response.text
    assert not is_signed_in(web)


def test_a_claim_that_only_the_user_info_has_is_found(web: FlaskClient, op: RealProvider) -> None:
    op.claims, op.only_in_user_info = {"sub": "7"}, {"preferred_username": "bernd"}
    assert back(web, answer(begin(web))).status_code == 303
    assert "Bernd Wolf" in web.get("/account", headers=HTML).text


def test_the_user_info_of_somebody_else_is_refused(web: FlaskClient, op: RealProvider) -> None:
    op.claims, op.only_in_user_info = {"sub": "7"}, {"sub": "8", "preferred_username": "bernd"}
    assert back(web, answer(begin(web))).status_code == 502
    assert not is_signed_in(web)


def test_a_provider_that_does_not_say_who_it_is(web: FlaskClient, op: RealProvider) -> None:
    op.claims = {"sub": "7"}
    assert back(web, answer(begin(web))).status_code == 403
    assert not is_signed_in(web)


@pytest.mark.parametrize("is_verified", [True, False, None])
def test_an_address_of_mail_counts_only_when_it_is_verified(make: Make, op: RealProvider, is_verified: object) -> None:
    app = make(url=URL, oidc_issuer=op.issuer, oidc_client_id=CLIENT, oidc_client_secret=SECRET, oidc_claim="email")
    op.claims = {"sub": "7", "email": "anna", "email_verified": is_verified}
    web = browser(app)
    back(web, answer(begin(web)))
    assert is_signed_in(web) == (is_verified is True)


WRONG: dict[str, Callable[[dict[str, Any]], object]] = {
    "nonce": lambda claims: claims.update(nonce="another"),
    "no nonce": lambda claims: claims.pop("nonce"),
    "expired": lambda claims: claims.update(exp=int(time.time()) - 120),
    "no end": lambda claims: claims.pop("exp"),
    "of the future": lambda claims: claims.update(iat=int(time.time()) + 600),
    "audience": lambda claims: claims.update(aud=["another"]),
    "several audiences": lambda claims: claims.update(aud=[CLIENT, "another"]),
    "party": lambda claims: claims.update(azp="another"),
    "issuer": lambda claims: claims.update(iss="http://another.example.org"),
    "no subject": lambda claims: claims.pop("sub"),
}


@pytest.mark.parametrize("what", WRONG)
def test_an_id_token_that_is_wrong_signs_nobody_in(web: FlaskClient, op: RealProvider, what: str) -> None:
    op.change = WRONG[what]
    response = back(web, answer(begin(web)))
    assert response.status_code == 502
    assert "The provider that signs you in does not answer as it should." in response.text
    assert not is_signed_in(web)


def test_a_key_that_is_not_the_providers_signs_nobody_in(web: FlaskClient, op: RealProvider) -> None:
    kid: Any = {"kid": op.key.kid, "use": "sig", "alg": "RS256"}
    op.published = RSAKey.generate_key(2048, kid)
    assert back(web, answer(begin(web))).status_code == 502
    assert not is_signed_in(web)


def test_new_keys_of_the_provider_are_fetched(app: flask.Flask, web: FlaskClient, op: RealProvider) -> None:
    assert back(web, answer(begin(web))).status_code == 303
    app.extensions["esl_huntgroup.provider"]._clock = lambda: time.monotonic() + 60
    op.new_key()
    assert back(web, answer(begin(web))).status_code == 303
    assert op.asked.count("/jwks") == 2
    assert op.asked.count("/.well-known/openid-configuration") == 1


@pytest.mark.parametrize("state", ["", "another", None])
def test_a_wrong_state_is_refused(web: FlaskClient, op: RealProvider, state: str | None) -> None:
    way = answer(begin(web))
    code = parse_qs(urlsplit(way).query)["code"][0]
    changed = f"/sign-in/provider/answer?code={code}" + ("" if state is None else f"&state={state}")
    response = back(web, changed)
    assert response.status_code == 400
    assert "This sign-in is over" in response.text
    assert "/token" not in op.asked


def test_an_answer_counts_once(web: FlaskClient, op: RealProvider) -> None:
    way = answer(begin(web))
    assert back(web, way).status_code == 303
    assert back(web, way).status_code == 400
    assert op.asked.count("/token") == 1


def test_a_code_that_was_used_is_refused_by_the_provider(app: flask.Flask, web: FlaskClient) -> None:
    way = answer(begin(web))
    code = parse_qs(urlsplit(way).query)["code"][0]
    assert back(web, way).status_code == 303
    another = browser(app)
    state = parse_qs(urlsplit(begin(another)).query)["state"][0]
    assert back(another, f"/sign-in/provider/answer?code={code}&state={state}").status_code == 502
    assert not is_signed_in(another)


def test_the_answer_to_another_browser_is_refused(app: flask.Flask, web: FlaskClient) -> None:
    way = answer(begin(web))
    thief = browser(app)
    begin(thief)
    assert back(thief, way).status_code == 400
    assert not is_signed_in(thief)


def test_the_code_of_another_sign_in_is_refused(app: flask.Flask, web: FlaskClient) -> None:
    """PKCE: a code that somebody has caught is of no use in another browser."""
    code = parse_qs(urlsplit(answer(begin(web))).query)["code"][0]
    thief = browser(app)
    state = parse_qs(urlsplit(begin(thief)).query)["state"][0]
    assert back(thief, f"/sign-in/provider/answer?code={code}&state={state}").status_code == 502
    assert not is_signed_in(thief)


def test_an_answer_that_comes_too_late_is_refused(web: FlaskClient, firm: peewee.Database) -> None:
    way = answer(begin(web))
    execute(firm, f"UPDATE {quoted(firm, 'web_oidc_states')} SET expires_at_ms = 1")
    assert back(web, way).status_code == 400


def test_a_refusal_of_the_provider_is_told(web: FlaskClient) -> None:
    state = parse_qs(urlsplit(begin(web)).query)["state"][0]
    response = back(web, f"/sign-in/provider/answer?error=access_denied&state={state}")
    assert response.status_code == 403
    assert "The provider has not signed you in." in response.text


def test_an_answer_that_says_it_is_another_providers_is_refused(web: FlaskClient) -> None:
    assert back(web, answer(begin(web)) + "&iss=http://another.example.org").status_code == 502


def test_a_provider_that_is_down_costs_one_sentence(make: Make) -> None:
    app = make(url=URL, oidc_issuer="http://127.0.0.1:9", oidc_client_id=CLIENT)
    response = browser(app).get("/sign-in/provider", headers=HTML)
    assert response.status_code == 502
    assert "does not answer as it should" in response.text


def test_a_provider_that_says_it_is_another_is_not_believed(make: Make, op: RealProvider) -> None:
    op.described = {"issuer": "http://another.example.org"}
    app = make(url=URL, oidc_issuer=op.issuer, oidc_client_id=CLIENT, oidc_client_secret=SECRET)
    assert browser(app).get("/sign-in/provider", headers=HTML).status_code == 502


def test_a_way_on_that_leads_elsewhere_is_not_followed(web: FlaskClient) -> None:
    assert back(web, answer(begin(web, "//evil.example.org"))).location == "/"


def test_without_a_provider_there_is_no_such_address(make: Make) -> None:
    web = browser(make())
    assert web.get("/sign-in/provider", headers=HTML).status_code == 404
    assert "/sign-in/provider" not in web.get("/sign-in", headers=HTML).text


def test_whoever_is_removed_meanwhile_is_not_signed_in(web: FlaskClient, firm: peewee.Database) -> None:
    way = answer(begin(web))
    execute(firm, f"DELETE FROM {quoted(firm, 'users')} WHERE name = 'anna'")
    assert back(web, way).status_code == 403
