"""One's own account: where one is signed in, the password, tokens, the language. And that sessions end."""

from __future__ import annotations

import re

import flask
import peewee
import pytest
from flask.testing import FlaskClient

from esl_huntgroup.db.engine import execute, quoted
from esl_huntgroup.web import clock
from esl_huntgroup.web.identity import Person, sessions, validity
from tests.web.signed_in import HTML, browser, program, send, user_id
from tests.web.test_signing_in import OTHER, PASSWORD, audited, has_password, sign_in

DAY_MS = 86_400_000


def may_see(web: FlaskClient) -> bool:
    return bool(web.get("/account", headers=HTML).status_code == 200)


def seen_ago(db: peewee.Database, ago_ms: int) -> None:
    sql = f"UPDATE {quoted(db, 'web_sessions')} SET seen_at_ms = {db.param}"
    execute(db, sql, (clock.now_ms() - ago_ms,))


def test_a_page_leads_to_signing_in_and_back(nobody: FlaskClient) -> None:
    response = nobody.get("/account?x=1", headers=HTML)
    assert (response.status_code, response.location) == (302, "/sign-in?next=/account?x%3D1")


def test_a_session_ends_after_so_many_days_without_a_visit(app: flask.Flask, firm: peewee.Database) -> None:
    anna = browser(app, "anna")
    seen_ago(firm, 29 * DAY_MS)
    response = anna.get("/account", headers=HTML)
    assert response.status_code == 200
    assert "Max-Age=2592000" in response.headers["Set-Cookie"]  # the browser counts anew, too
    seen_ago(firm, 30 * DAY_MS + 1000)
    assert not may_see(anna)


def test_that_a_session_was_seen_is_written_once_a_minute(
    anna: FlaskClient, firm: peewee.Database, queries: list[str]
) -> None:
    for _ in range(5):
        assert "Set-Cookie" not in anna.get("/account", headers=HTML).headers
    assert not [sql for sql in queries if sql.startswith("UPDATE")]
    seen_ago(firm, 61_000)
    queries.clear()
    for _ in range(5):
        assert may_see(anna)
    assert len([sql for sql in queries if sql.startswith("UPDATE")]) == 1


def test_a_request_asks_once_who_it_is(anna: FlaskClient, queries: list[str]) -> None:
    queries.clear()
    assert may_see(anna)
    assert len([sql for sql in queries if "web_sessions" in sql and "secret_hash" in sql]) == 1


def test_a_user_who_is_removed_is_signed_out_everywhere(app: flask.Flask, firm: peewee.Database) -> None:
    anna, bernd, token = browser(app, "anna"), browser(app, "bernd"), program(app, "anna")
    has_password(firm, "dora")
    execute(firm, f"DELETE FROM {quoted(firm, 'users')} WHERE name = 'anna'")
    assert not may_see(anna)
    assert may_see(bernd)
    for table in ("web_sessions", "api_tokens"):
        assert execute(firm, f"SELECT count(*) FROM {table} WHERE user_id = 1").fetchone()[0] == 0
    assert token


def test_sessions_are_listed_and_ended(app: flask.Flask, firm: peewee.Database) -> None:
    anna, phone, bernd = browser(app, "anna"), browser(app, "anna"), browser(app, "bernd")
    text = anna.get("/account", headers=HTML).text
    assert text.count("this browser") == 1
    (end,) = re.findall(r'action="(/account/sessions/\d+/end)"', text)
    assert send(bernd, end).status_code == 404
    assert may_see(phone)
    assert send(anna, end).status_code == 303
    assert not may_see(phone)
    assert may_see(anna)
    assert send(anna, end).status_code == 404
    assert [row[:3] for row in audited(firm)] == [("anna", "remove", "session")]


def test_all_other_sessions_are_ended_at_once(app: flask.Flask) -> None:
    anna, others, bernd = browser(app, "anna"), [browser(app, "anna") for _ in range(3)], browser(app, "bernd")
    assert send(anna, "/account/sessions/end").status_code == 303
    assert [may_see(it) for it in (anna, *others, bernd)] == [True, False, False, False, True]


def test_a_changed_password_ends_every_other_session(app: flask.Flask, firm: peewee.Database) -> None:
    has_password(firm, "anna")
    anna, phone = browser(app, "anna"), browser(app, "anna")
    before = anna.get_cookie("huntgroup-session")
    wrong = send(anna, "/account/password", current=OTHER, password=OTHER, again=OTHER)
    assert wrong.status_code == 400
    assert "The password of until now is wrong." in wrong.text
    assert may_see(phone)
    assert send(anna, "/account/password", current=PASSWORD, password=OTHER, again=OTHER).status_code == 303
    after = anna.get_cookie("huntgroup-session")
    assert before is not None
    assert after is not None
    assert before.value != after.value
    assert may_see(anna)
    assert not may_see(phone)
    assert sign_in(browser(app), "anna", PASSWORD).status_code == 403
    assert sign_in(browser(app), "anna", OTHER).status_code == 303


def test_who_has_no_password_cannot_set_one_by_a_session_alone(anna: FlaskClient) -> None:
    assert "/account/password" not in anna.get("/account", headers=HTML).text
    assert send(anna, "/account/password", current="", password=PASSWORD, again=PASSWORD).status_code == 400


def test_a_token_is_shown_once(app: flask.Flask, anna: FlaskClient, firm: peewee.Database) -> None:
    response = send(anna, "/account/tokens", name="dashboard", scope=["journal", "events"], days="30")
    (token,) = re.findall(r"eslhg_[\w-]{43}", response.text)
    text = anna.get("/account", headers=HTML).text
    assert token not in text
    assert "dashboard" in text
    assert "journal, events" in text
    assert token not in repr(execute(firm, "SELECT * FROM api_tokens").fetchall())
    assert audited(firm) == [("anna", "add", "token", "anna/dashboard")]
    (remove,) = re.findall(r'action="(/account/tokens/\d+/remove)"', text)
    assert send(browser(app, "bernd"), remove).status_code == 404
    assert send(anna, remove).status_code == 303
    assert "dashboard" not in anna.get("/account", headers=HTML).text


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"name": ""}, "A token needs a name of 1 to 64 printable characters."),
        ({"name": "x" * 65}, "A token needs a name"),
        ({"name": "a\nb"}, "A token needs a name"),
        ({"scope": []}, "A token without a scope can do nothing: journal, handle, events are accepted."),
        ({"scope": ["all"]}, "“all” is no scope"),
        ({"days": "0"}, "A token is valid for 1 to 366 days."),
        ({"days": "367"}, "A token is valid for 1 to 366 days."),
        ({"days": "nonsense"}, "A token is valid for 1 to 366 days."),
    ],
)
def test_a_token_that_cannot_be_made_is_one_sentence(anna: FlaskClient, form: dict[str, object], sentence: str) -> None:
    response = send(anna, "/account/tokens", **{"name": "x", "scope": ["journal"], "days": "1", **form})
    assert response.status_code == 400
    assert sentence in response.text
    assert "eslhg_" not in response.text


def test_a_token_needs_another_name_than_the_one_before(anna: FlaskClient) -> None:
    assert send(anna, "/account/tokens", name="x", scope="journal", days="1").status_code == 200
    response = send(anna, "/account/tokens", name="x", scope="journal", days="1")
    assert response.status_code == 400
    assert "There is a token “x” already" in response.text


def test_the_language_is_the_users_choice_else_the_browsers_wish_else_the_setting(app: flask.Flask) -> None:
    def heading(web: FlaskClient, wish: str = "") -> str:
        text = web.get("/sign-in" if web is nobody else "/account", headers=HTML | {"Accept-Language": wish}).text
        return text.partition('<html lang="')[2][:2]

    nobody, anna = browser(app), browser(app, "anna")
    assert [heading(nobody, wish) for wish in ("", "de-AT,de;q=0.9", "fr", "fr, de;q=0.5, en;q=0.4")] == [
        "en",
        "de",
        "en",
        "de",
    ]
    assert send(anna, "/language", language="de", next="/account").location == "/account"
    assert heading(anna, "en") == "de"
    assert heading(browser(app, "anna"), "en") == "de"  # wherever she is signed in
    assert send(anna, "/language", language="xx").status_code == 400
    token = {
        "csrf_token": nobody.get("/sign-in", headers=HTML).text.partition('csrf_token" value="')[2].partition('"')[0]
    }
    assert nobody.post("/language", data=token | {"language": "de", "next": "//evil"}, headers=HTML).location == "/"
    assert heading(nobody, "en") == "de"


def test_what_is_open_is_told_who_is_not_signed_in_any_more(app: flask.Flask, firm: peewee.Database) -> None:
    now = clock.now_ms()

    def signed_in(name: str) -> Person:
        found = sessions.find(firm, sessions.begin(firm, user_id(firm, name), "password", now), 0)
        assert found is not None
        return found.person

    anna, phone, bernd, chef = signed_in("anna"), signed_in("anna"), signed_in("bernd"), signed_in("chef")
    everybody = {anna, phone, bernd, chef}
    assert validity.still_valid(firm, everybody, now_ms=now, since_ms=0) == everybody
    sessions.end(firm, anna.user_id, phone.key)
    execute(firm, f"DELETE FROM {quoted(firm, 'users')} WHERE name = 'bernd'")
    assert validity.still_valid(firm, everybody, now_ms=now, since_ms=0) == {anna, chef}
    assert validity.still_valid(firm, everybody, now_ms=now, since_ms=now + 1) == set()
    assert validity.still_valid(firm, [], now_ms=now, since_ms=0) == set()
