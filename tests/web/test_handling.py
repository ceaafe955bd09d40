"""Page, script and API say in one way whether a missed call is for somebody to deal with."""

from __future__ import annotations

from collections.abc import Callable

import flask
import peewee
import pytest
from flask.testing import FlaskClient

from esl_huntgroup.db.engine import execute, quoted
from esl_huntgroup.model.outcome import EntryKind, Outcome
from esl_huntgroup.web.app import make_app
from esl_huntgroup.web.around import around
from esl_huntgroup.web.reading.rows import Call, Entry, Row
from tests.web.conftest import CONFIG
from tests.web.firm import ANNA, BERND, LEA, LOGIN, Caller, set_up
from tests.web.signed_in import browser, form_token, send

NOT_YOURS = "In this group everybody deals with the own missed calls, and this is not one of yours."
NOT_MISSED = "This call was not missed, so that there is nothing to deal with."
SCRIPT = {"Accept": "application/json"}


@pytest.fixture
def app(sqlite: peewee.Database) -> flask.Flask:
    set_up(sqlite)
    return make_app(CONFIG, sqlite)


def ask_page(web: FlaskClient, call_id: str) -> tuple[int, str]:
    answer = send(web, f"/calls/{call_id}/handled", handled="yes")
    return answer.status_code, answer.text


def ask_script(web: FlaskClient, call_id: str) -> tuple[int, str]:
    form = {"handled": "yes", "csrf_token": form_token(web)}
    answer = web.post(f"/calls/{call_id}/handled", data=form, headers=SCRIPT)
    return answer.status_code, answer.text


def ask_api(web: FlaskClient, call_id: str) -> tuple[int, str]:
    answer = web.put(f"/api/v1/calls/{call_id}/handled", headers={"X-CSRF-Token": form_token(web)})
    return answer.status_code, answer.text


WAYS = pytest.mark.parametrize("ask", [ask_page, ask_script, ask_api])
Ask = Callable[[FlaskClient, str], tuple[int, str]]


@WAYS
def test_a_call_that_was_answered_is_refused(app: flask.Flask, sqlite: peewee.Database, ask: Ask) -> None:
    caller = Caller(sqlite)
    call_id = caller.opens()
    caller.answered(call_id)
    caller.ends(call_id, Outcome.ANSWERED)
    status, text = ask(browser(app, LOGIN[ANNA]), call_id)
    assert (status, NOT_MISSED in text) == (409, True)


@WAYS
def test_where_calls_are_not_shared_a_leader_without_an_entry_is_refused(
    app: flask.Flask, sqlite: peewee.Database, ask: Ask
) -> None:
    execute(sqlite, f"UPDATE {quoted(sqlite, 'groups')} SET missed_shared = FALSE")
    caller = Caller(sqlite)
    call_id = caller.opens()
    caller.is_missed(call_id)
    status, text = ask(browser(app, LOGIN[LEA]), call_id)
    assert (status, NOT_YOURS in text) == (409, True)
    assert ask(browser(app, LOGIN[BERND]), call_id)[0] in (200, 303)
    marks = execute(sqlite, "SELECT handled_by_name FROM journal_entries ORDER BY position").fetchall()
    assert [row[0] for row in marks] == [None, "Bernd Carl"]


def test_what_was_marked_and_taken_back_is_counted_once_each(app: flask.Flask, sqlite: peewee.Database) -> None:
    caller = Caller(sqlite)
    call_id = caller.opens()
    caller.is_missed(call_id)
    web = browser(app, LOGIN[ANNA])
    for _ in range(2):
        ask_page(web, call_id)
    assert send(web, f"/calls/{call_id}/handled", handled="no").status_code == 303
    assert send(web, f"/calls/{call_id}/handled", handled="perhaps").status_code == 400
    with app.app_context():
        assert around().marked == {"handled": 1, "reopened": 1}


CALL = Call("id", 1, 1, "Vertrieb", "700", "d", "", "", None, 2, 1, 0, None, "", Outcome.NO_ANSWER, "", "")


@pytest.mark.parametrize("kind", EntryKind)
@pytest.mark.parametrize("is_own", [True, False])
def test_own_missed_calls_can_be_handled_and_those_that_are_shared(kind: EntryKind, *, is_own: bool) -> None:
    entry = Entry(1, "Anna", kind, True, "")
    row = Row(CALL, own=entry if is_own else None, entries=(entry,))
    assert row.is_missed is (kind in (EntryKind.MISSED, EntryKind.NOT_SIGNALLED))
    assert row.can_be_handled(is_shared=True) is row.is_missed
    assert row.can_be_handled(is_shared=False) is (row.is_missed and is_own)
    assert not Row(CALL).can_be_handled(is_shared=True)
