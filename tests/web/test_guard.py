"""At the door: forms of other pages, headers of proxies, tokens, what every response says, and refusals."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import Any

import flask
import peewee
import pytest
from flask.testing import FlaskClient

from esl_huntgroup.db.engine import execute, quoted
from esl_huntgroup.web import clock
from esl_huntgroup.web.around import around
from esl_huntgroup.web.identity import guard, keys, sessions
from esl_huntgroup.web.identity.guard import require
from tests.web.signed_in import HTML, browser, form_token, page_token, program, user_id

Make = Callable[..., flask.Flask]
URL = "https://calls.example.org"
PROXY = "10.0.0.1"


def end_all(web: FlaskClient, token: str, **headers: str) -> int:
    return int(web.post("/account/sessions/end", data={"csrf_token": token}, headers=HTML | headers).status_code)


# -- forms of other pages ---------------------------------------------------------------------------------------------


def test_a_form_needs_the_token_of_this_browser(app: flask.Flask, anna: FlaskClient) -> None:
    bernd = browser(app, "bernd")
    assert end_all(anna, form_token(anna)) == 303
    for wrong in ("", "nonsense", "ä", form_token(bernd), page_token(browser(app))):
        assert end_all(anna, wrong) == 403
    assert anna.post("/account/sessions/end", headers={"X-CSRF-Token": form_token(anna)}).status_code == 303
    assert anna.post("/account/sessions/end?csrf_token=" + form_token(anna)).status_code == 403


def test_a_form_of_signing_in_needs_one_too(app: flask.Flask) -> None:
    other, web = browser(app), browser(app)
    form = {"csrf_token": page_token(other), "name": "anna", "password": "x"}
    response = web.post("/sign-in", data=form, headers=HTML)
    assert response.status_code == 403
    assert "This form is too old." in response.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"Sec-Fetch-Site": "same-origin", "Origin": URL}, 303),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example.org"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": "https://other.example.org"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://calls.example.org.evil.org"}, 403),
    ],
)
def test_a_request_from_another_page_is_refused_even_with_the_token(
    make: Make, headers: dict[str, str], status: int
) -> None:
    app = make(url=URL)
    web = browser(app)
    secret = _session(app, "anna")
    web.set_cookie("__Host-huntgroup-session", secret, domain="calls.example.org")
    token = keys.form_token(secret)
    form = {"csrf_token": token}
    response = web.post("/account/sessions/end", data=form, base_url=URL, headers=HTML | headers)
    assert response.status_code == status
    if status == 403:
        assert "This request came from another page." in response.text


def test_a_program_with_a_token_needs_none(app: flask.Flask) -> None:
    headers = program(app, "anna")
    assert app.test_client().put("/api/v1/calls/nonsense/handled", headers=headers).status_code == 404


def test_a_token_that_is_not_valid_is_not_helped_by_the_cookie_of_a_session(anna: FlaskClient) -> None:
    headers = {"Authorization": "Bearer nonsense", "X-CSRF-Token": form_token(anna)}
    assert anna.get("/api/v1/me", headers=headers).status_code == 401
    assert anna.post("/account/sessions/end", headers=headers).status_code == 401


def test_a_cookie_in_another_form_is_not_read(app: flask.Flask, make: Make) -> None:
    """Behind TLS only the cookie counts that no other host, and no plain page, can set."""
    web = browser(make(url=URL))
    web.set_cookie("huntgroup-session", _session(app, "anna"))
    assert web.get("/account", headers=HTML).status_code == 302


# -- proxies ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def behind(make: Make) -> flask.Flask:
    return make(url=URL, trusted_proxies=(f"{PROXY}/32",), user_header="X-Remote-User")


def test_a_trusted_proxy_says_who_it_is(behind: flask.Flask, firm: peewee.Database) -> None:
    firm_has_umlaut(firm)
    web = browser(behind, REMOTE_ADDR=PROXY)
    assert "Anna Berg" in web.get("/account", headers=HTML | {"X-Remote-User": "anna"}).text
    utf8 = "jürgen".encode().decode("latin-1")
    assert "Jürgen" in web.get("/account", headers=HTML | {"X-Remote-User": utf8}).text
    assert web.get("/account", headers=HTML).status_code == 302
    assert web.get("/account", headers=HTML | {"X-Remote-User": "  "}).status_code == 302


def firm_has_umlaut(firm: peewee.Database) -> None:
    execute(
        firm,
        f"INSERT INTO {quoted(firm, 'users')} (id, name, display_name) VALUES (77, 'jürgen', 'Jürgen Groß')",
    )


@pytest.mark.parametrize("remote", ["10.0.0.2", "127.0.0.1", "::1"])
def test_nobody_else_does(behind: flask.Flask, remote: str) -> None:
    web = browser(behind, REMOTE_ADDR=remote)
    headers = {"X-Remote-User": "anna", "X-Forwarded-For": PROXY}
    assert web.get("/account", headers=HTML | headers).status_code == 302


@pytest.mark.parametrize("name", ["zoe", "anna,bernd", "ANNA", "anna\N{NO-BREAK SPACE}x"])
def test_whom_nobody_knows_is_told_so(behind: flask.Flask, name: str) -> None:
    web = browser(behind, REMOTE_ADDR=PROXY)
    sent = name.encode().decode("latin-1")
    response = web.get("/account", headers=HTML | {"X-Remote-User": sent})
    assert response.status_code == 403
    assert f"“{name}” is signed in, and is no user here." in response.text
    problem = web.get("/api/v1/me", headers={"X-Remote-User": sent})
    assert (problem.status_code, problem.content_type) == (403, "application/problem+json")


def test_who_is_signed_in_by_a_proxy_needs_the_token_of_a_form(behind: flask.Flask) -> None:
    web = browser(behind, REMOTE_ADDR=PROXY)
    user = {"X-Remote-User": "anna", "Origin": URL}
    page = web.get("/account", base_url=URL, headers=HTML | user).text
    token = page.partition('name="csrf_token" value="')[2].partition('"')[0]
    url = "/account/tokens"
    form = {"name": "x", "scope": "journal", "days": "1"}
    assert web.post(url, base_url=URL, data=form, headers=user).status_code == 403
    assert web.post(url, base_url=URL, data=form | {"csrf_token": token}, headers=user).status_code == 200
    assert "/sign-out" not in page


# -- what every response says -----------------------------------------------------------------------------------------

ADDRESSES = ("/", "/account", "/sign-in", "/nowhere", "/static/page.css", "/healthz", "/api/v1/me", "/api/v1/nowhere")


@pytest.mark.parametrize("path", ADDRESSES)
@pytest.mark.parametrize("who", ["", "anna"])
def test_every_response_says_what_browsers_may_do_with_it(app: flask.Flask, path: str, who: str) -> None:
    response = browser(app, who).get(path, headers=HTML)
    response.close()
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "same-origin"
    assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    if path.startswith("/static"):
        assert "no-store" not in response.headers.get("Cache-Control", "")
    else:
        assert response.headers["Cache-Control"] == "no-store"


def test_no_page_has_script_or_style_within(anna: FlaskClient) -> None:
    for url in ("/", "/account", "/api/v1/"):
        text = anna.get(url, headers=HTML).text
        assert text.startswith("<!doctype html>")
        assert " style=" not in text
        assert "<style" not in text
        assert " onclick" not in text
        for script in text.split("<script")[1:]:
            assert "src=" in script.partition(">")[0]
            assert script.partition(">")[2].startswith("</script>")


# -- refusals ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def faulty(make: Make) -> flask.Flask:
    """Give the page with addresses at which everything goes wrong."""
    app = make()
    app.testing = False  # faults are answered, as they are in the process

    @require(anybody=True)
    def fault(status: int) -> Any:
        if status == 500:
            raise ZeroDivisionError("a secret detail")
        if status == 503:
            raise peewee.OperationalError("server closed the connection unexpectedly at 10.0.0.9")
        flask.abort(status)

    for prefix in ("", "/api/v1"):
        app.add_url_rule(f"{prefix}/fault/<int:status>", f"fault{len(prefix)}", fault, methods=["GET", "POST"])
    return app


STATUSES = (400, 401, 403, 404, 413, 414, 429, 500, 503)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("language", ["en", "de"])
def test_a_refusal_is_a_page_with_one_sentence(faulty: flask.Flask, status: int, language: str) -> None:
    response = browser(faulty, "anna").get(f"/fault/{status}", headers=HTML | {"Accept-Language": language})
    assert response.status_code == status
    assert response.content_type == "text/html; charset=utf-8"
    assert "Traceback" not in response.text
    assert "secret detail" not in response.text
    assert "10.0.0.9" not in response.text
    assert "Content-Security-Policy" in response.headers


@pytest.mark.parametrize("status", STATUSES)
def test_a_refusal_of_the_api_is_a_problem(faulty: flask.Flask, status: int) -> None:
    response = browser(faulty).get(f"/api/v1/fault/{status}")
    assert response.content_type == "application/problem+json"
    problem = response.get_json()
    assert (problem["type"], problem["status"], response.status_code) == ("about:blank", status, status)
    assert problem["title"]
    assert problem["detail"].endswith(".")
    assert ("WWW-Authenticate" in response.headers) == (status == 401)


def test_a_fault_is_logged_and_the_database_that_is_gone_is_too(
    faulty: flask.Flask, caplog: pytest.LogCaptureFixture
) -> None:
    web = browser(faulty, "anna")
    with caplog.at_level(logging.ERROR):
        web.get("/fault/500")
        web.get("/fault/503")
    assert "ZeroDivisionError" in caplog.text
    assert "server closed the connection unexpectedly" in caplog.text
    assert web.get("/account", headers=HTML).status_code == 200


def test_a_wrong_method_says_which_are_right(app: flask.Flask) -> None:
    response = browser(app, "anna").delete("/account", headers=HTML)
    assert response.status_code == 405
    assert "GET" in response.headers["Allow"]


def test_a_database_that_is_out_of_reach_is_one_sentence(make: Make, firm: peewee.Database) -> None:
    app = make()
    web = browser(app, "anna")
    web.set_cookie("huntgroup-language", "de")

    def refuse(*_: object, **__: object) -> Any:
        raise peewee.OperationalError("connection refused")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(firm), "execute_sql", refuse)
        for url in ("/account", "/", "/sign-in", "/api/v1/me", "/nowhere"):
            response = web.get(url, headers=HTML)
            assert response.status_code == 503
            assert "no-store" in response.headers["Cache-Control"]
        assert web.get("/healthz").status_code == 200
        with contextlib.closing(web.get("/static/page.css")) as response:
            assert response.status_code == 200
    assert web.get("/account", headers=HTML).status_code == 200


def test_every_need_is_found_on_functions_classes_and_their_methods() -> None:
    from flask.views import MethodView

    class Things(MethodView):
        @require(scope="journal")
        def get(self) -> str:
            return ""

        @require(scope="handle")
        def put(self) -> str:
            return ""

    app = flask.Flask("another")
    app.add_url_rule("/things", view_func=Things.as_view("things"))
    found = {method: guard.need_of(app, "things", method) for method in ("GET", "HEAD", "OPTIONS", "PUT")}
    scopes = {method: need.scope for method, need in found.items() if need}
    assert scopes == {"GET": "journal", "HEAD": "journal", "OPTIONS": "journal", "PUT": "handle"}


def _session(app: flask.Flask, name: str) -> str:
    """Return the secret of a session of this user."""
    with app.app_context():
        db = around().db
    return sessions.begin(db, user_id(db, name), "password", clock.now_ms())
