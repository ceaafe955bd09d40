"""Signing in by name and password: from the invitation to signing out, and what a guesser learns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import argon2
import flask
import peewee
import pytest
from flask.testing import FlaskClient

from esl_huntgroup.db.engine import execute, quoted
from esl_huntgroup.web import clock
from esl_huntgroup.web.identity import accounts, keys, passwords, signing_in
from tests.web.signed_in import HTML, browser, page_token, send, user_id

PASSWORD = "drei blaue Krokodile"
OTHER = "vier gelbe Nashoerner"
Make = Callable[..., flask.Flask]


def invite(db: peewee.Database, name: str, days: int = 7, ago_ms: int = 0) -> str:
    return "/invitation/" + accounts.invite(db, user_id(db, name), clock.now_ms() - ago_ms, days)


def has_password(db: peewee.Database, name: str, password: str = PASSWORD) -> None:
    accounts.set_password(db, user_id(db, name), passwords.hashed(password), clock.now_ms())


def sign_in(web: FlaskClient, name: str, password: str = PASSWORD, following: str = "/account", **headers: str) -> Any:
    form = {"csrf_token": page_token(web), "name": name, "password": password, "next": following}
    return web.post("/sign-in", data=form, headers=HTML | headers)


def set_password(web: FlaskClient, link: str, password: str = PASSWORD, again: str | None = None) -> Any:
    form = {"csrf_token": page_token(web), "password": password, "again": password if again is None else again}
    return web.post(link, data=form, headers=HTML)


def audited(db: peewee.Database) -> list[tuple[str, str, str, str]]:
    return [tuple(row) for row in execute(db, "SELECT who, action, kind, name FROM audit ORDER BY id").fetchall()]


def test_from_the_invitation_to_signing_out_and_in_again(nobody: FlaskClient, firm: peewee.Database) -> None:
    link = invite(firm, "anna")
    assert "Anna Berg" in nobody.get(link, headers=HTML).text
    response = set_password(nobody, link)
    assert (response.status_code, response.location) == (303, "/")
    assert "Anna Berg" in nobody.get("/account", headers=HTML).text
    assert audited(firm) == [("anna", "set", "password", "anna")]
    assert send(nobody, "/sign-out").location == "/sign-in"
    assert nobody.get("/account", headers=HTML).status_code == 302
    response = sign_in(nobody, " anna ")
    assert (response.status_code, response.location) == (303, "/account")
    assert nobody.get("/account", headers=HTML).status_code == 200


def test_no_secret_is_in_the_database(nobody: FlaskClient, firm: peewee.Database) -> None:
    link = invite(firm, "anna")
    secret = link.rpartition("/")[2]
    kept = execute(firm, f"SELECT * FROM {quoted(firm, 'web_invitations')}").fetchall()
    set_password(nobody, link)
    cookie = nobody.get_cookie("huntgroup-session")
    assert cookie is not None
    for table in ("web_accounts", "web_sessions", "audit"):
        kept = [*kept, *execute(firm, f"SELECT * FROM {quoted(firm, table)}").fetchall()]
    assert "argon2id" in repr(kept)
    for hidden in (secret, cookie.value, PASSWORD):
        assert hidden not in repr(kept)


def test_an_invitation_is_used_once_and_looking_at_it_does_not_use_it(app: flask.Flask, firm: peewee.Database) -> None:
    link = invite(firm, "anna")
    for _ in range(3):
        assert browser(app).get(link, headers=HTML).status_code == 200
    assert set_password(browser(app), link).status_code == 303
    response = set_password(browser(app), link, OTHER)
    assert response.status_code == 410
    assert "This link has been used already, or it has expired." in response.text
    assert sign_in(browser(app), "anna").status_code == 303


def test_an_invitation_expires_and_a_new_one_replaces_the_old(app: flask.Flask, firm: peewee.Database) -> None:
    late = invite(firm, "anna", days=1, ago_ms=86_400_001)
    assert browser(app).get(late, headers=HTML).status_code == 410
    first, second = invite(firm, "anna"), invite(firm, "anna")
    assert browser(app).get(first, headers=HTML).status_code == 410
    assert browser(app).get(second, headers=HTML).status_code == 200
    assert browser(app).get("/invitation/nonsense", headers=HTML).status_code == 410


@pytest.mark.parametrize(
    ("password", "again", "sentence"),
    [
        ("kurz", None, "This password is too short: at least 15 characters are accepted."),
        (PASSWORD, OTHER, "The two passwords differ."),
        ("anna berg anna berg", None, "This password is made of a name that others know"),
    ],
)
def test_a_password_that_is_refused_leaves_the_invitation(
    nobody: FlaskClient, firm: peewee.Database, password: str, again: str | None, sentence: str
) -> None:
    link = invite(firm, "anna")
    response = set_password(nobody, link, password, again)
    assert response.status_code == 400
    assert sentence in response.text
    assert set_password(nobody, link).status_code == 303


@pytest.mark.parametrize("name", ["anna", "bernd", "gibtesnicht", "", "x" * 5000, "an\0na", "'; DROP TABLE users; --"])
def test_a_wrong_name_and_a_wrong_password_look_the_same(
    nobody: FlaskClient, firm: peewee.Database, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Anna has a password, Bernd has none, and the others do not exist."""
    has_password(firm, "anna")
    verified: list[str] = []
    hasher = passwords._hasher

    class Noting:
        def verify(self, stored: str, password: str) -> bool:
            verified.append(stored.rpartition("$")[0].rpartition("$")[0])
            return bool(hasher.verify(stored, password))

    monkeypatch.setattr(passwords, "_hasher", Noting())
    response = sign_in(nobody, name, "falsch geraten und lang")
    assert response.status_code == 403
    assert "Name or password is wrong." in response.text
    assert verified == ["$argon2id$v=19$m=19456,t=2,p=1"]
    assert nobody.get_cookie("huntgroup-session") is None


def test_who_tries_an_account_too_often_waits_whether_it_exists_or_not(
    make: Make, firm: peewee.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing_in, "ACCOUNT_TRIES", 3)
    monkeypatch.setattr(passwords, "is_right", lambda stored, password: stored != "" and password == PASSWORD)
    app = make()
    has_password(firm, "anna")
    for name in ("anna", "gibtesnicht"):
        for number in range(3):
            assert sign_in(browser(app, REMOTE_ADDR=f"192.0.2.{number}"), name, OTHER).status_code == 403
        response = sign_in(browser(app, REMOTE_ADDR="192.0.2.99"), name)
        assert response.status_code == 429
        assert 0 < int(response.headers["Retry-After"]) <= 301
        assert "Too many attempts." in response.text
    assert sign_in(browser(app), "bernd", OTHER).status_code == 403


def test_who_tries_many_accounts_from_one_address_waits(
    make: Make, firm: peewee.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing_in, "ADDRESS_TRIES", 5)
    monkeypatch.setattr(passwords, "is_right", lambda stored, password: stored != "" and password == PASSWORD)
    app = make()
    has_password(firm, "anna")
    for number in range(5):
        address = f"2001:db8:1:2::{number}"
        assert sign_in(browser(app, REMOTE_ADDR=address), f"user{number}", OTHER).status_code == 403
    assert sign_in(browser(app, REMOTE_ADDR="2001:db8:1:2:ffff::"), "anna").status_code == 429
    assert sign_in(browser(app, REMOTE_ADDR="2001:db8:1:3::1"), "anna").status_code == 303


def test_whoever_signs_in_all_day_is_not_stopped(make: Make, firm: peewee.Database, monkeypatch: Any) -> None:
    monkeypatch.setattr(signing_in, "ACCOUNT_TRIES", 3)
    monkeypatch.setattr(signing_in, "ADDRESS_TRIES", 3)
    monkeypatch.setattr(passwords, "is_right", lambda stored, password: stored != "" and password == PASSWORD)
    app = make()
    has_password(firm, "anna")
    for _ in range(10):
        assert sign_in(browser(app), "anna").status_code == 303


def test_signing_in_gives_another_secret_and_ends_the_old_session(app: flask.Flask, firm: peewee.Database) -> None:
    has_password(firm, "anna")
    web = browser(app)
    web.set_cookie("huntgroup-session", "chosen by somebody else")
    sign_in(web, "anna")
    first = web.get_cookie("huntgroup-session")
    assert first is not None
    assert first.value != "chosen by somebody else"
    old = browser(app)
    old.set_cookie("huntgroup-session", first.value)
    assert old.get("/account", headers=HTML).status_code == 200
    form = {"csrf_token": keys.form_token(first.value), "name": "anna", "password": PASSWORD}
    assert web.post("/sign-in", data=form, headers=HTML).status_code == 303
    second = web.get_cookie("huntgroup-session")
    assert second is not None
    assert second.value != first.value
    assert old.get("/account", headers=HTML).status_code == 302
    assert execute(firm, f"SELECT count(*) FROM {quoted(firm, 'web_sessions')}").fetchone()[0] == 1


def test_a_password_that_was_kept_in_an_old_way_is_kept_anew(app: flask.Flask, firm: peewee.Database) -> None:
    old = argon2.PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    accounts.set_password(firm, user_id(firm, "anna"), old, clock.now_ms())
    assert sign_in(browser(app), "anna", OTHER).status_code == 403
    assert sign_in(browser(app), "anna").status_code == 303
    found = accounts.by_name(firm, "anna")
    assert found is not None
    assert not passwords.is_outdated(found.password_hash)
    assert sign_in(browser(app), "anna").status_code == 303


@pytest.mark.parametrize("following", ["https://evil.example.org", "//evil.example.org", "/\\evil.example.org", ""])
def test_signing_in_leads_nowhere_else(app: flask.Flask, firm: peewee.Database, following: str) -> None:
    has_password(firm, "anna")
    assert sign_in(browser(app), "anna", following=following).location == "/"


def test_whoever_is_signed_in_goes_on_at_once(anna: FlaskClient) -> None:
    assert anna.get("/sign-in?next=/account", headers=HTML).location == "/account"
    assert anna.get("/sign-in?next=//evil.example.org", headers=HTML).location == "/"


def test_cookies_are_set_as_browsers_guard_them(make: Make, firm: peewee.Database) -> None:
    has_password(firm, "anna")
    for url, prefix, secure in (("https://calls.example.org", "__Host-", True), ("http://inside:8090", "", False)):
        web = browser(make(url=url, session_days=2.0))
        set_cookie = {c.partition("=")[0]: c for c in web.get("/sign-in").headers.getlist("Set-Cookie")}
        set_cookie |= {c.partition("=")[0]: c for c in _signed_in(web, url).headers.getlist("Set-Cookie")}
        assert set(set_cookie) == {f"{prefix}huntgroup-form", f"{prefix}huntgroup-session"}
        for cookie in set_cookie.values():
            parts = set(cookie.split("; ")[1:])
            assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= parts
            assert ("Secure" in parts) == secure
            assert not any(part.startswith("Domain") for part in parts)
        assert "Max-Age=172800" in set_cookie[f"{prefix}huntgroup-session"]


def _signed_in(web: FlaskClient, url: str) -> Any:
    """Sign in as a browser does that has cookies for this address."""
    page = web.get("/sign-in", base_url=url)
    token = page.text.partition('name="csrf_token" value="')[2].partition('"')[0]
    form = {"csrf_token": token, "name": "anna", "password": PASSWORD}
    response = web.post("/sign-in", data=form, base_url=url, headers={"Origin": url})
    assert response.status_code == 303, response.text
    return response
