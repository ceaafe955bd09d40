"""Open pages: what each person is told while a call goes by, and that nothing is lost or told twice."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import peewee
import pytest

from esl_huntgroup.db.engine import execute, quoted
from esl_huntgroup.journal import changes, handled
from esl_huntgroup.web.identity import sessions
from esl_huntgroup.web.identity.cookies import Cookies
from tests.database import rows
from tests.web.firm import ANNA, BERND, CARLA, LEA, LOGIN, Caller, now_ms, set_up
from tests.web.streams import Event, Reader, Web, running

SOON_S = 1.0
"""Within which an event is to come. The machine may be busy; the figure is measured by the bench."""


@pytest.fixture
def caller(database: peewee.Database) -> Caller:
    set_up(database)
    return Caller(database)


@pytest.fixture
def web(caller: Caller, url: str, tmp_path: Path) -> Iterator[Web]:
    with running(url, tmp_path) as running_web:
        yield running_web


@contextlib.contextmanager
def watching(web: Web, *user_ids: int, after: str = "") -> Iterator[list[Reader]]:
    """Open a page for each of them, and wait until they are told where they are."""
    path = f"/api/v1/events?after={after}" if after else "/api/v1/events"
    readers = [Reader(web.port, LOGIN[user_id], path=path) for user_id in user_ids]
    try:
        for reader in readers:
            assert reader.status == 200, reader.head
            reader.settle()
        yield readers
    finally:
        for reader in readers:
            reader.close()


def call(event: Event) -> dict[str, Any]:
    assert event.name == "call", event
    found: dict[str, Any] = json.loads(event.data)
    return found


def signed_in(db: peewee.Database, user_id: int) -> str:
    """Return the cookie of a browser in which somebody has signed in."""
    return f"{Cookies(is_secure=False).session}={sessions.begin(db, user_id, 'password', now_ms())}"


def configured(db: peewee.Database) -> None:
    """Leave in the audit that the configuration has changed, as every command does."""
    rows.insert(db, "audit", at_ms=now_ms(), who="root", action="change", kind="group", name="Vertrieb")


def test_three_people_watch_a_call(web: Web, caller: Caller) -> None:
    with watching(web, ANNA, BERND, CARLA, LEA) as (anna, bernd, carla, lea):
        one = caller.opens()
        for reader in (anna, bernd, lea):
            ringing = call(reader.next())
            assert (ringing["call_id"], ringing["outcome"], ringing["entry"]) == (one, None, None)
            assert ringing["caller"]["name"] == "Kunde"
        caller.answered(one)
        assert call(anna.next())["entry"]["kind"] == "answered"
        seen = call(bernd.next())
        assert (seen["entry"]["kind"], seen["answered_by_name"]) == ("answered_elsewhere", "Anna Berg")
        assert seen["entries"] is None, "Bernd sees his own entry alone"
        assert [entry["user_name"] for entry in call(lea.next())["entries"]] == ["Anna Berg", "Bernd Carl"]
        caller.ends(one)
        for reader in (anna, bernd, lea):
            assert call(reader.next())["outcome"] == "answered"
        assert carla.rest(0.6) == [], "Carla is in no group"


def test_missed_call_is_handled_for_all(web: Web, caller: Caller, database: peewee.Database) -> None:
    with watching(web, ANNA, BERND) as (anna, bernd):
        one = caller.opens()
        anna.next()
        caller.is_missed(one)
        assert call(anna.next())["entry"]["kind"] == "missed"
        assert handled.handle(database, one, ANNA, "Anna Berg", now_ms())
        assert call(anna.next())["entry"]["handled"]["by_name"] == "Anna Berg"
        told = [call(event)["entry"] for event in bernd.rest(1)]
        assert told[-1]["handled"]["by_name"] == "Anna Berg"


def test_event_comes_soon(web: Web, caller: Caller) -> None:
    with watching(web, ANNA) as (anna,):
        for _ in range(3):
            began = time.monotonic()
            caller.opens()
            anna.next(within_s=SOON_S)
            assert time.monotonic() - began < SOON_S


def test_who_has_no_entry_after_all_is_told_that_it_is_gone(web: Web, caller: Caller) -> None:
    with watching(web, ANNA, BERND) as (anna, bernd):
        one = caller.opens()
        bernd.next()
        caller.is_missed(one, by=[ANNA])
        assert bernd.next() == Event("gone", one, bernd.last_id)
        assert call(anna.next("call"))["call_id"] == one


def test_call_that_is_deleted_is_gone(web: Web, caller: Caller, database: peewee.Database) -> None:
    with watching(web, ANNA, CARLA) as (anna, carla):
        one = caller.opens()
        anna.next()
        with database.atomic():
            execute(database, f"DELETE FROM calls WHERE call_id = {database.param}", (one,))
            changes.note(database, [one])
        assert anna.next() == Event("gone", one, anna.last_id)
        assert carla.rest(0.5) == [], "who has not seen it learns nothing"


def test_break_is_caught_up_without_a_gap_or_a_double(web: Web, caller: Caller) -> None:
    with watching(web, ANNA) as (anna,):
        first = caller.opens()
        anna.next()
        last_id = anna.last_id
    missed = [caller.opens() for _ in range(3)]
    caller.is_missed(first)
    with contextlib.closing(Reader(web.port, LOGIN[ANNA], Last_Event_ID=last_id)) as again:
        again.settle()
        found = [call(event)["call_id"] for event in again.rest(0.7)]
        assert sorted(found) == sorted([first, *missed])
        one = caller.opens()
        assert call(again.next())["call_id"] == one


def test_what_happens_between_page_and_stream_is_told(web: Web, caller: Caller) -> None:
    rendered_at = web.position()
    one = caller.opens()
    with watching(web, ANNA, after=rendered_at) as (anna,):
        assert call(anna.next())["call_id"] == one


def test_row_of_another_host_that_was_committed_late(web: Web, caller: Caller, database: peewee.Database) -> None:
    """Its id is lower than what the page has seen already."""
    with watching(web, ANNA) as (anna,):
        caller.opens()
        anna.next()
        late = caller.opens()
        anna.next()
        (highest,) = execute(database, "SELECT MAX(id) FROM journal_changes").fetchone()
        execute(
            database,
            f"UPDATE journal_changes SET id = id + 3 WHERE id = {database.param}",
            (highest,),
        )
        assert call(anna.next())["call_id"] == late, "an id of its own, beyond a gap"
        rows.insert(database, "journal_changes", id=highest + 2, at_ms=now_ms(), call_ids=json.dumps([late]))
        assert call(anna.next())["call_id"] == late
        assert "~" in anna.last_id, "the id before it is waited for still"
        last_id = anna.last_id
    with contextlib.closing(Reader(web.port, LOGIN[ANNA], Last_Event_ID=last_id)) as again:
        again.settle()
        assert again.rest(0.6) == [], "nothing twice"
        rows.insert(database, "journal_changes", id=highest + 1, at_ms=now_ms(), call_ids=json.dumps([late]))
        assert call(again.next())["call_id"] == late


def test_too_old_a_position_reads_anew(web: Web, caller: Caller, database: peewee.Database) -> None:
    for _ in range(3):
        caller.opens()
    execute(database, "DELETE FROM journal_changes WHERE id < 3")
    with watching(web, ANNA, after="1") as (anna,):
        assert anna.next().name == "reload"
        assert anna.rest(0.5) == []
    with contextlib.closing(Reader(web.port, LOGIN[ANNA], path="/api/v1/events?after=99999")) as anna:
        assert anna.next(within_s=8).name == "reload", "a position of another database"


def test_who_has_missed_much_reads_anew(web: Web, caller: Caller) -> None:
    rendered_at = web.position()
    for _ in range(61):
        caller.opens()
    with watching(web, ANNA, CARLA, after=rendered_at) as (anna, carla):
        assert anna.next().name == "reload"
        assert carla.rest(0.5) == []


def test_right_is_removed_in_an_open_page(web: Web, caller: Caller, database: peewee.Database) -> None:
    with watching(web, LEA, ANNA) as (lea, anna):
        caller.opens()
        lea.next()
        execute(database, "DELETE FROM group_services")
        configured(database)
        assert lea.next(within_s=2).name == "reload"
        anna.next()
        one = caller.opens()
        assert call(anna.next())["call_id"] == one
        assert [event.name for event in lea.rest(0.6) if event.name == "call"] == []


def test_removed_user_and_ended_session(web: Web, database: peewee.Database) -> None:
    with (
        contextlib.closing(Reader(web.port, "", Cookie=signed_in(database, ANNA))) as laptop,
        contextlib.closing(Reader(web.port, "", Cookie=signed_in(database, ANNA))) as phone,
        watching(web, CARLA) as (carla,),
    ):
        laptop.settle()
        phone.settle()
        (session, _other) = sorted(sessions.of_user(database, ANNA), key=lambda it: it.id)
        assert sessions.end(database, ANNA, session.id) == 1
        assert laptop.ended(2.5)
        execute(database, f"DELETE FROM {quoted(database, 'lines')} WHERE user_id = {CARLA}")
        execute(database, f"DELETE FROM users WHERE id = {CARLA}")
        configured(database)
        assert carla.ended(2.5)
        assert not phone.ended(0.5)


def test_restart_loses_nothing(web: Web, caller: Caller) -> None:
    with watching(web, ANNA) as (anna,):
        caller.opens()
        anna.next()
        last_id = anna.last_id
        web.kill()
        assert anna.ended(2)
    one = caller.opens()
    web.start()
    with contextlib.closing(Reader(web.port, LOGIN[ANNA], Last_Event_ID=last_id)) as again:
        assert call(again.next())["call_id"] == one
        assert again.rest(0.5) == []


def test_two_processes_on_one_database(web: Web, caller: Caller, url: str, tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    with (
        running(url, tmp_path / "second") as second,
        watching(web, ANNA) as (anna,),
        watching(second, BERND) as (bernd,),
    ):
        one = caller.opens()
        assert call(anna.next())["call_id"] == call(bernd.next())["call_id"] == one
        two = caller.opens()
        anna.next()
        with contextlib.closing(Reader(second.port, LOGIN[ANNA], Last_Event_ID=anna.last_id)) as moved:
            moved.settle()
            assert moved.rest(0.6) == [], f"{two} was told by the other process"


def test_database_that_is_away(web: Web, caller: Caller, database: peewee.Database) -> None:
    """Its table is, for a while."""
    with watching(web, ANNA) as (anna,):
        execute(database, "ALTER TABLE journal_changes RENAME TO elsewhere")
        assert anna.next(within_s=4).name == "trouble"
        time.sleep(1.5)
        execute(database, "ALTER TABLE elsewhere RENAME TO journal_changes")
        one = caller.opens()
        found = [anna.next(within_s=4).name for _ in range(2)]
        assert sorted(found) == ["call", "well"]
        assert web.log_text().count("open pages wait") == 1, web.log_text()
        assert web.log_text().count("told again") == 1
        two = caller.opens()
        assert call(anna.next())["call_id"] == two != one


def test_ends_at_once_with_streams_open(web: Web) -> None:
    with watching(web, *[ANNA] * 10, *[BERND] * 10):
        assert web.stop() < 2
