"""The page of a group asks the switch who would ring; one that is dead costs the page a moment, and once."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flask
import gevent
import peewee
import pytest
from flask.testing import FlaskClient

from esl_huntgroup.db.engine import execute, quoted
from esl_huntgroup.errors import SwitchError
from esl_huntgroup.web.around import around
from esl_huntgroup.web.config import SwitchesConfig
from esl_huntgroup.web.switches import KEPT_S, SILENT_S, Switches
from tests.database import rows
from tests.database.rows import DOMAIN
from tests.database.switches import AskedSwitch
from tests.web.firm import BERND, LEA, LOGIN, set_up
from tests.web.signed_in import HTML, browser
from tests.web.streams import BEHIND_PROXY, Web

NOBODY = ("127.0.0.1", 1)
PAGE = "/groups/1/now"
DEAD = "The telephone system did not answer: who is registered is not known."
Make = Callable[..., flask.Flask]


@pytest.fixture
def firm(sqlite: peewee.Database) -> peewee.Database:
    set_up(sqlite)
    return sqlite


@pytest.fixture
def switch() -> Iterator[AskedSwitch]:
    """Give a switch at which Anna's phone is registered, and Bernd's is not."""
    it = AskedSwitch({f"11@{DOMAIN}": "192.0.2.7"})
    yield it
    it.close()


def lea(make: Make, *addresses: tuple[str, int]) -> FlaskClient:
    """Return the leader's browser, of a page that knows these switches."""
    return browser(make(switches=SwitchesConfig(esl_address=addresses)), LOGIN[LEA])


def members(web: FlaskClient) -> list[tuple[str, ...]]:
    """Return the cells of the table, without markup."""
    return cells(web.get(PAGE, headers=HTML).text)


def cells(text: str) -> list[tuple[str, ...]]:
    found = re.findall(r"<tr><td.*?</tr>", text, re.DOTALL)
    return [tuple(re.sub(r"<[^>]+>", "", cell).strip() for cell in re.split(r"</t[dh]>", row)[:-1]) for row in found]


def test_who_is_registered_rings_and_the_others_are_told_with_the_reason(make: Make, switch: AskedSwitch) -> None:
    web = lea(make, switch.address)
    text = web.get(PAGE, headers=HTML).text
    assert cells(text) == [
        ("1", "Anna Berg", "yes", f"11@{DOMAIN} rings"),
        ("2", "Bernd Carl", "no", f"12@{DOMAIN} is not registered"),
    ]
    assert "The telephone system has said at " in text
    assert "192.0.2.7" not in text, "where a phone is, no leader is told"
    german = web.get(PAGE, headers=HTML | {"Accept-Language": "de"}).text
    assert cells(german)[1] == ("2", "Bernd Carl", "nein", f"12@{DOMAIN} ist nicht angemeldet")


def test_every_reason_has_its_words(make: Make, firm: peewee.Database) -> None:
    for number, kind in ((3, "softphone"), (4, "hardphone"), (5, "")):
        rows.user(firm, 10 + number)
        rows.insert(firm, "members", group_id=1, position=number, user_id=10 + number)
        if kind:
            rows.line(firm, 10 + number, f"2{number}", kind=kind)
    told = {f"11@{DOMAIN}": "192.0.2.7", f"12@{DOMAIN}": "192.0.2.7,192.0.2.8", f"23@{DOMAIN}": "192.0.2.9"}
    switch = AskedSwitch(told)
    web = browser(make(switches=SwitchesConfig(esl_address=(switch.address,), leg_limit=1)), LOGIN[LEA])
    assert [row[2:] for row in members(web)] == [
        ("yes", f"11@{DOMAIN} rings"),
        ("no", f"12@{DOMAIN} is registered in a way that is not safe to dial"),
        ("no", f"23@{DOMAIN} is one phone too many for one call"),
        ("no", "has other phones, and no softphone"),
        ("no", "has no softphone"),
    ]
    switch.close()


def test_of_several_switches_each_has_its_table_and_a_dead_one_a_sentence(make: Make, switch: AskedSwitch) -> None:
    other = AskedSwitch({f"12@{DOMAIN}": "192.0.2.8"})
    text = lea(make, NOBODY, switch.address, other.address).get(PAGE, headers=HTML).text
    assert [row[2] for row in cells(text)] == ["yes", "no", "no", "yes"]
    for address in (switch.address, other.address):
        assert f"for calls at 127.0.0.1:{address[1]}</h2>" in text
    assert "The telephone system at 127.0.0.1:1 did not answer" in text
    other.close()


def test_without_an_answer_it_shows_what_the_database_knows(make: Make, firm: peewee.Database) -> None:
    dead, none = lea(make, NOBODY), lea(make)
    assert DEAD in dead.get(PAGE, headers=HTML).text
    assert DEAD not in none.get(PAGE, headers=HTML).text
    assert "an administrator asks it with" in none.get(PAGE, headers=HTML).text
    assert (
        members(dead)
        == members(none)
        == [
            ("1", "Anna Berg", "if registered", f"11@{DOMAIN}"),
            ("2", "Bernd Carl", "if registered", f"12@{DOMAIN}"),
        ]
    )


def test_a_group_that_rings_nobody_asks_no_switch(make: Make, firm: peewee.Database) -> None:
    execute(firm, f"UPDATE {quoted(firm, 'groups')} SET hunt_mode = 'disabled'")
    text = lea(make, NOBODY).get(PAGE, headers=HTML).text
    assert "This group rings nobody: it is no hunt group for softphones." in text
    assert DEAD not in text
    assert [row[2:] for row in cells(text)] == [("no", "the group rings nobody")] * 2


class Told:
    """What is asked of switches, counted; each answers unless it is told to be silent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.asked, self.is_silent = 100.0, 0, False
        self.switches = Switches(SwitchesConfig(esl_address=(NOBODY,)), clock=lambda: self.now)
        monkeypatch.setattr(self.switches, "_explained", self._explained)

    def _explained(self, *_: Any) -> Any:
        self.asked += 1
        if self.is_silent:
            raise SwitchError("silence")
        return object()

    def look(self, group: str = "700@example.org") -> bool:
        (answer,) = self.switches.would_ring(peewee.SqliteDatabase(None), group)
        return answer.told is not None


def test_an_answer_is_shown_to_all_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told(monkeypatch)
    assert (told.look(), told.look(), told.asked) == (True, True, 1)
    assert (told.look("701@example.org"), told.asked) == (True, 2)
    told.now += KEPT_S
    assert (told.look(), told.asked) == (True, 3)
    assert len(told.switches._kept) == 1


def test_a_switch_that_was_silent_is_left_alone_for_a_while_and_then_asked_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    told = Told(monkeypatch)
    told.is_silent = True
    assert (told.look(), told.look("701@example.org"), told.asked) == (False, False, 1)
    told.now += SILENT_S
    assert (told.look(), told.asked) == (False, 2)
    assert caplog.text.count("silence") == 1
    told.now, told.is_silent = told.now + SILENT_S, False
    assert (told.look(), told.asked) == (True, 3)


@pytest.fixture
def silent() -> Iterator[tuple[str, int]]:
    """Give the address of a switch that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as there:
        yield there.getsockname()


def test_a_frozen_switch_holds_few_threads_for_a_moment(firm: peewee.Database, silent: tuple[str, int]) -> None:
    it = Switches(SwitchesConfig(esl_address=(silent,)), asked_s=0.5)
    began = time.monotonic()
    asking = [gevent.get_hub().threadpool.spawn(it.would_ring, firm, f"700@{DOMAIN}") for _ in range(6)]
    answers = [answer for (answer,) in (it.get() for it in asking)]
    assert [answer.told for answer in answers] == [None] * 6
    assert time.monotonic() - began < 30
    assert it.would_ring(firm, f"700@{DOMAIN}")[0].told is None


class InThread(threading.Thread):
    """A switch that answers in a thread of its own, as another process would."""

    def __init__(self) -> None:
        super().__init__()
        self._ready, self._until = threading.Event(), threading.Event()
        self.start()
        assert self._ready.wait(60)

    def run(self) -> None:
        switch = AskedSwitch({f"12@{DOMAIN}": "192.0.2.8"})
        self.address = switch.address
        self._ready.set()
        while not self._until.is_set():
            gevent.sleep(0.02)
        switch.close()
        gevent.get_hub().destroy(destroy_loop=True)

    def stop(self) -> None:
        self._until.set()
        self.join(60)


def test_the_process_asks_the_switch_that_the_settings_name(
    firm: peewee.Database, sqlite_url: str, tmp_path: Path, silent: tuple[str, int]
) -> None:
    switch = InThread()
    where = ",".join(f"{host}:{port}" for host, port in (switch.address, silent))
    web = Web(sqlite_url, tmp_path, settings=BEHIND_PROXY | {"ESL_ADDRESS": where, "ESL_PASSWORD": "secret"})
    with contextlib.ExitStack() as stack:
        stack.callback(switch.stop)
        web.start()
        stack.callback(web.stop)
        text = web.get(PAGE, LOGIN[LEA])
        assert [row[2] for row in cells(text)] == ["no", "yes"]
        assert f"The telephone system at 127.0.0.1:{silent[1]} did not answer" in text
        assert "ok" in web.get("/healthz")
    assert "secret" not in web.log_text()


def test_members_are_not_told(make: Make, switch: AskedSwitch) -> None:
    app = make(switches=SwitchesConfig(esl_address=(switch.address,)))
    assert browser(app, LOGIN[BERND]).get(PAGE, headers=HTML).status_code == 404
    with app.app_context():
        assert around().switches._kept == {}
