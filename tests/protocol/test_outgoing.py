"""The witness tells of calls that members make, asks little, and loses nothing that the switch still knows."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import peewee
import pytest

from esl_huntgroup.db.engine import execute, open_database
from esl_huntgroup.db.migrate import upgrade
from esl_huntgroup.esl.inbound import InboundSession
from esl_huntgroup.journal.records import OutgoingCall, SpoolRecord
from esl_huntgroup.recovery import outgoing
from esl_huntgroup.recovery.outgoing import OutgoingCalls
from tests.database.rows import DOMAIN, group, line, user
from tests.protocol.inbound_switch import NODE, InboundSwitch

ANSWERED_S = 1_700_000_000
WITHIN_S = 10.0
SOON_S = 0.3


class Switch(InboundSwitch):
    """One that also lists its channels, and dumps them as they are at ``now_s`` of its clock."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[dict[str, str]] = []
        self.now_s = float(ANSWERED_S)
        self.dumps: dict[str, dict[str, str]] = {}

    def _api(self, name: str, argument: str) -> str:
        if name == "show":
            return json.dumps({"row_count": len(self.rows), "rows": self.rows})
        if name == "uuid_dump":
            found = self.dumps.get(argument.partition(" ")[0])
            stamp = {"Event-Date-Timestamp": str(int(self.now_s * 1_000_000))}
            return json.dumps(found | stamp) if found else "-ERR No such channel!\n"
        return super()._api(name, argument)

    def calls(self, uuid: str = "a", account: str = "101", number: str = "0301234567", **more: str) -> None:
        """Have a caller talk with somebody."""
        self.dumps[uuid] = {
            "Answer-State": "answered",
            "Caller-Channel-Answered-Time": f"{ANSWERED_S}000000",
            "variable_bridge_uuid": f"{uuid}-b",
            "variable_sip_from_user": account,
            "variable_sip_from_host": DOMAIN,
            **more,
        }
        self.dumps[f"{uuid}-b"] = {
            "Answer-State": "answered",
            "Caller-Channel-Answered-Time": f"{ANSWERED_S}000000",
        }
        self.tell(active(uuid, account, number))


def active(uuid: str, account: str, number: str) -> dict[str, str]:
    return {
        "Event-Name": "CHANNEL_CALLSTATE",
        "Call-Direction": "inbound",
        "Channel-Call-State": "ACTIVE",
        "Unique-ID": uuid,
        "Caller-Username": account,
        "Caller-Destination-Number": number,
    }


class Stage:
    """One watcher at one switch."""

    def __init__(self, db: peewee.Database) -> None:
        self.switch = Switch()
        self.db = db
        self.noted: list[SpoolRecord] = []
        self._running: gevent.Greenlet | None = None

    def start(self) -> None:
        calls = OutgoingCalls(
            lambda: InboundSession("127.0.0.1", self.switch.port, "x", timeout_s=1), self.db, self.noted.append
        )
        self._running = gevent.spawn(calls.run)
        self.until(lambda: any("show channels" in line for line in self.switch.asked))

    def until(self, is_so: Callable[[], Any]) -> None:
        deadline = time.monotonic() + WITHIN_S
        while not is_so():
            assert time.monotonic() < deadline, self.switch.asked
            gevent.sleep(0.02)

    def asked(self, what: str) -> list[str]:
        return [line for line in self.switch.asked if what in line]

    def close(self) -> None:
        if self._running is not None:
            self._running.kill()
        self.switch.close()


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(outgoing, "TALKS_MS", 500)
    monkeypatch.setattr(outgoing, "FIRST_AGAIN_S", 0.1)
    db = open_database(f"sqlite:///{tmp_path / 'journal.db'}")
    upgrade(db)
    user(db, 1)
    line(db, 1, "101")
    line(db, 1, "102")
    group(db, "700")
    stage = Stage(db)
    yield stage
    stage.close()
    db.close()


ROW = {"uuid": "a", "direction": "inbound", "callstate": "ACTIVE", "cid_num": "101", "dest": "0301234567"}
SPOKE = OutgoingCall("a", NODE, f"101@{DOMAIN}", "0301234567", ANSWERED_S * 1000)


def test_a_member_who_talks_for_a_while_with_somebody_outside_is_told(stage: Stage) -> None:
    stage.start()
    stage.switch.now_s += 0.6
    stage.switch.calls()
    stage.until(lambda: stage.noted)
    assert stage.noted == [SPOKE]
    stage.switch.calls("b", "102", "+4312345678")
    stage.until(lambda: len(stage.noted) == 2)


def test_the_switch_is_asked_for_small_events_and_filters_them(stage: Stage) -> None:
    stage.start()
    assert stage.asked("event") == ["event plain CHANNEL_CALLSTATE HEARTBEAT"]
    assert stage.asked("filter") == [
        "filter Channel-Call-State ACTIVE", "filter Call-Direction -outbound", "filter Event-Name HEARTBEAT",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("account", "number"), [("0309999999", "700"), ("0309999999", "101"), ("101", "102"), ("101", "700")]
)
def test_calls_of_others_and_calls_inside_cost_no_question(stage: Stage, account: str, number: str) -> None:
    stage.start()
    stage.switch.now_s += 9
    stage.switch.calls("a", account, number)
    gevent.sleep(0.5 + SOON_S)
    assert stage.asked("uuid_dump") == []
    assert stage.noted == []


def test_a_call_that_is_over_too_soon_is_not_told(stage: Stage) -> None:
    stage.start()
    stage.switch.calls()
    stage.switch.dumps.clear()
    gevent.sleep(0.6 + SOON_S)
    assert stage.noted == []
    assert len(stage.asked("uuid_dump")) == 1


def test_a_dialplan_that_answers_before_it_dials_has_reached_nobody_yet(stage: Stage) -> None:
    stage.start()
    stage.switch.now_s += 60
    stage.switch.calls()
    stage.switch.dumps["a-b"]["Answer-State"] = "ringing"
    gevent.sleep(0.9)
    assert stage.noted == []
    stage.switch.dumps["a-b"] |= {
        "Answer-State": "answered",
        "Caller-Channel-Answered-Time": f"{ANSWERED_S + 60}000000",
    }
    gevent.sleep(0.3)
    assert stage.noted == []
    stage.switch.now_s += 0.5
    stage.until(lambda: stage.noted)
    assert stage.noted == [OutgoingCall("a", NODE, f"101@{DOMAIN}", "0301234567", (ANSWERED_S + 60) * 1000)]


def test_a_call_that_began_before_the_connection_is_found_in_the_list(stage: Stage) -> None:
    stage.switch.dumps["a"] = {}
    stage.switch.rows = [ROW, ROW | {"uuid": "x", "direction": "outbound"}]
    stage.switch.now_s += 60
    stage.switch.tell = lambda event: None  # type: ignore[method-assign]
    stage.switch.calls()
    stage.start()
    stage.until(lambda: stage.noted)
    assert stage.noted == [SPOKE]


def test_a_call_goes_on_being_watched_after_a_break(stage: Stage) -> None:
    stage.start()
    stage.switch.calls()
    stage.switch.rows = [
        {"uuid": "a", "direction": "inbound", "callstate": "ACTIVE", "cid_num": "101", "dest": "0301234567"}
    ]
    stage.switch.drop()
    stage.switch.now_s += 60
    stage.until(lambda: stage.noted)
    assert stage.noted == [SPOKE]


def test_a_line_that_is_new_is_known_soon_and_without_the_database_everybody_may_be_ours(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    stage.db = open_database(f"sqlite:///{tmp_path}/missing/x.db")
    stage.start()
    stage.switch.now_s += 60
    stage.switch.calls("a", "555", "0301234567")
    stage.until(lambda: stage.noted)
    assert stage.noted == [OutgoingCall("a", NODE, f"555@{DOMAIN}", "0301234567", ANSWERED_S * 1000)]


def test_what_is_known_of_our_numbers_is_read_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "LINES_MAX_AGE_S", 0.1)
    stage.start()
    stage.switch.now_s += 60
    stage.switch.calls("a", "103")
    gevent.sleep(0.6 + SOON_S)
    assert stage.noted == []
    execute(stage.db, "UPDATE lines SET account = '103' WHERE number = '102'")
    stage.switch.calls("b", "103")
    stage.until(lambda: stage.noted)
