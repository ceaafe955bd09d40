"""The second witness: what a dead service left open is completed from the switch, and nothing else is touched."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest

from esl_huntgroup.calls.leg_note import note
from esl_huntgroup.calls.ring_plan import CallIds
from esl_huntgroup.db.engine import execute, open_database
from esl_huntgroup.db.migrate import upgrade
from esl_huntgroup.esl import reconnect
from esl_huntgroup.esl.inbound import InboundSession
from esl_huntgroup.journal.records import CallEnded
from esl_huntgroup.journal.spool import SEGMENT, Outage, note_outage
from esl_huntgroup.journal.store import JournalStore
from esl_huntgroup.model.outcome import Outcome
from esl_huntgroup.recovery import reconciler
from esl_huntgroup.recovery.reconciler import Reconciler
from tests.protocol.inbound_switch import NODE, T0, InboundSwitch
from tests.unit.examples import ANNA, BERND, DOMAIN, group, plan_for

DAY_MS = 24 * 3600 * 1000
A_LEG = "28d93954-673b-42a5-88bd-6068fb9b5cb5"
CALL_ID = CallIds().next(T0, bytes(6))
FIRST, SECOND = (f"{CALL_ID[:-4]}000{n}" for n in (1, 2))
OUR_NOTE = note(CALL_ID, plan_for(ANNA, BERND))
TALKED = {
    "Event-Name": "CHANNEL_HANGUP_COMPLETE",
    "Event-Date-Timestamp": f"{T0 + 9000}000",
    "Unique-ID": A_LEG,
    "Answer-State": "hangup",
    "Hangup-Cause": "NORMAL_CLEARING",
    "Caller-Channel-Bridged-Time": f"{T0 + 2000}000",
    "variable_huntgroup_legs": OUR_NOTE,
    "variable_bridge_uuid": FIRST,
    "variable_originate_causes": f"ARRAY::{FIRST};NONE|:{SECOND};LOSE_RACE",
}


class Stage:
    """A switch, a journal with one open call, and a witness."""

    def __init__(self, folder: Path) -> None:
        self.switch = InboundSwitch()
        self.spool = folder / "spool"
        self.spool.mkdir()
        self.db = open_database(f"sqlite:///{folder / 'journal.db'}", busy_timeout_ms=10)
        upgrade(self.db)
        firm = group(ANNA, BERND)
        for member in firm.members:
            execute(self.db, "INSERT INTO users VALUES (?, ?, ?)", (member.user_id, member.name, member.name))
            (line,) = member.lines
            execute(
                self.db,
                "INSERT INTO lines (user_id, domain, number, account) VALUES (?, ?, ?, ?)",
                (member.user_id, line.domain, line.number, line.account),
            )
        execute(
            self.db,
            "INSERT INTO groups (id, name, domain, number, hunt_mode) VALUES (7, ?, ?, '700', 'softphone')",
            (firm.name, DOMAIN),
        )
        for position, member in enumerate(firm.members, start=1):
            execute(self.db, "INSERT INTO members VALUES (7, ?, ?)", (position, member.user_id))
        self.open_call(CALL_ID, NODE, T0)
        self._greenlet: Any = None

    def open_call(self, call_id: str, node: str, arrived_at_ms: int) -> str:
        """Put one more call into the journal, without an end; return its id."""
        execute(
            self.db,
            "INSERT INTO calls (call_id, node, channel_uuid, group_id, group_name, group_number, group_domain, "
            "caller_number, caller_name, arrived_at_ms) VALUES (?, ?, ?, 7, 'Vertrieb', '700', ?, '1', 'K', ?)",
            (call_id, node, A_LEG if call_id == CALL_ID else f"channel-{call_id}", DOMAIN, arrived_at_ms),
        )
        return call_id

    def outcome(self, call_id: str) -> str | None:
        (outcome,) = execute(self.db, "SELECT outcome FROM calls WHERE call_id = ?", (call_id,)).fetchone()
        return None if outcome is None else str(outcome)

    def watch(self, watched: set[str] | None = None) -> None:
        connect = lambda: InboundSession("127.0.0.1", self.switch.port, "secret", timeout_s=1)  # noqa: E731
        is_behind = functools.partial(reconciler._is_behind, self.spool)
        self._greenlet = gevent.spawn(
            Reconciler(connect, self.db, watched, is_behind=is_behind, chance=lambda: 0.0).run
        )
        self.await_(lambda: "api strepoch" in self.switch.asked)

    def call(self) -> dict[str, Any]:
        cursor = execute(self.db, "SELECT * FROM calls WHERE call_id = ?", (CALL_ID,))
        names = [column[0] for column in cursor.description]
        return dict(zip(names, cursor.fetchone(), strict=True))

    def entries(self, call_id: str = CALL_ID) -> list[tuple[str, str]]:
        sql = "SELECT user_name, kind FROM journal_entries WHERE call_id = ? ORDER BY position"
        return list(execute(self.db, sql, (call_id,)).fetchall())

    def await_(self, is_so: Any) -> None:
        with gevent.Timeout(10, AssertionError("it does not happen")):
            while not is_so():
                gevent.sleep(0.01)

    def looks(self, times: int = 4) -> None:
        """Wait until the witness has looked so many times more."""
        before = self.switch.asked.count("api strepoch")
        self.await_(lambda: self.switch.asked.count("api strepoch") >= before + times)

    def close(self) -> None:
        gevent.kill(self._greenlet)
        self.switch.close()
        self.db.close()


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(reconciler, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(reconciler, "PATIENCE_S", 0.3)
    monkeypatch.setattr(reconnect, "FIRST_S", 0.05)
    stage = Stage(tmp_path)
    yield stage
    stage.close()


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


BOTH = [("Anna Berg", "answered"), ("Bernd Cordes", "answered_elsewhere")]


def test_a_call_whose_service_died_is_completed_from_its_final_event(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.watch()
    stage.switch.tell(TALKED)
    stage.await_(lambda: stage.call()["ended_at_ms"])
    call = stage.call()
    assert (call["outcome"], call["answered_by_name"], call["talk_ms"]) == ("answered", "Anna Berg", 7000)
    assert stage.entries() == BOTH
    assert told(caplog) == [
        f"witness: call={CALL_ID} was left open by its service; the journal now says: "
        "answered by 'Anna Berg', answered NORMAL_CLEARING"
    ]


def test_a_conversation_that_goes_on_is_told_and_its_end_later(stage: Stage) -> None:
    going_on: dict[str, object] = {**TALKED, "Answer-State": "answered", "Hangup-Cause": ""}
    going_on["variable_originate_causes"] = [f"{FIRST};NONE", f"{SECOND};LOSE_RACE"]
    stage.switch.channels[A_LEG] = going_on
    stage.watch()
    stage.await_(lambda: stage.call()["answered_at_ms"])
    assert (stage.entries(), stage.call()["ended_at_ms"]) == (BOTH, None)
    stage.switch.channels.clear()
    stage.switch.tell(TALKED)
    stage.await_(lambda: stage.call()["ended_at_ms"])
    assert (stage.call()["outcome"], stage.call()["talk_ms"]) == ("answered", 7000)


def test_a_call_that_the_switch_knows_no_more_is_closed_as_interrupted(stage: Stage) -> None:
    stage.watch()
    stage.await_(lambda: stage.call()["ended_at_ms"])
    assert (stage.call()["outcome"], stage.call()["cause"]) == ("interrupted", "INTERRUPTED")
    assert stage.entries() == [("Anna Berg", "missed"), ("Bernd Cordes", "missed")]


def test_a_channel_that_a_frozen_service_holds_is_waited_for(stage: Stage) -> None:
    stage.switch.held.add(A_LEG)
    stage.watch()
    stage.looks(12)
    assert stage.call()["ended_at_ms"] is None
    stage.switch.tell(TALKED)
    stage.await_(lambda: stage.call()["ended_at_ms"])
    assert stage.call()["outcome"] == "answered"


def test_a_channel_that_is_held_for_ever_is_not_waited_for_as_long(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciler, "HELD_MAX_S", 0.5)
    stage.switch.held.add(A_LEG)
    stage.watch()
    stage.await_(lambda: stage.call()["ended_at_ms"])
    assert f"api show channels like {A_LEG} as json" in stage.switch.asked
    assert stage.call()["outcome"] == "interrupted"


def test_calls_of_a_switch_that_never_comes_back_are_closed_when_they_are_a_day_old(stage: Stage) -> None:
    stage.switch.channels[A_LEG] = {"Answer-State": "ringing"}
    ids = CallIds()
    old, young = (
        stage.open_call(ids.next(at_ms, bytes(6)), "gone", at_ms)
        for at_ms in (T0 - DAY_MS - 1000, T0 - DAY_MS + 120_000)
    )
    stage.watch()
    stage.await_(lambda: stage.outcome(old))
    stage.looks()
    assert (stage.outcome(old), stage.outcome(young), stage.outcome(CALL_ID)) == ("interrupted", None, None)
    assert stage.entries(old) == [("Anna Berg", "missed"), ("Bernd Cordes", "missed")]


def test_a_day_is_not_enough_for_a_call_of_a_switch_that_is_watched(stage: Stage) -> None:
    stage.switch.channels[A_LEG] = {"Answer-State": "ringing"}
    theirs = stage.open_call(CallIds().next(T0 - 2 * DAY_MS, bytes(6)), "switch2", T0 - 2 * DAY_MS)
    stage.watch({"switch2"})
    stage.looks()
    assert stage.outcome(theirs) is None


def test_a_call_of_long_ago_that_the_switch_still_has_is_left_alone_and_others_are_closed(stage: Stage) -> None:
    stage.switch.channels[A_LEG] = {"Answer-State": "ringing"}
    ids = CallIds()
    lives, is_over = (
        stage.open_call(ids.next(at_ms, bytes(6)), NODE, at_ms) for at_ms in (T0 - 9 * DAY_MS, T0 - 8 * DAY_MS)
    )
    stage.switch.channels[f"channel-{lives}"] = {"Answer-State": "answered"}
    stage.watch()
    stage.await_(lambda: stage.outcome(is_over))
    stage.looks()
    assert (stage.outcome(is_over), stage.outcome(lives)) == ("interrupted", None)


def test_a_switch_is_known_by_its_name_as_the_journal_has_it(stage: Stage) -> None:
    stage.switch.name = "switch 1\n"
    stage.watch()
    stage.await_(lambda: stage.call()["ended_at_ms"])


def test_a_call_that_is_going_on_is_left_alone(stage: Stage) -> None:
    stage.switch.channels[A_LEG] = {"Answer-State": "ringing"}
    stage.watch()
    stage.looks(10)
    assert (stage.call()["answered_at_ms"], stage.call()["ended_at_ms"]) == (None, None)


def test_the_first_witness_has_its_time_and_its_word_counts(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciler, "PATIENCE_S", 1000.0)
    stage.watch()
    stage.switch.tell(TALKED)
    stage.looks(6)
    assert stage.call()["ended_at_ms"] is None
    ended = CallEnded(CALL_ID, T0 + 8000, 8000, 0, Outcome.CALLER_GONE, "ORIGINATOR_CANCEL", "")
    JournalStore(stage.db).write([ended])
    monkeypatch.setattr(reconciler, "PATIENCE_S", 0.0)
    stage.looks(3)
    assert (stage.call()["outcome"], stage.entries()) == ("caller_gone", [])


def test_what_waits_in_the_spool_comes_first(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciler, "PATIENCE_S", 0.0)
    note_outage(stage.spool, Outage(T0, "the database is away"))
    stage.watch()
    stage.looks(4)
    assert stage.call()["ended_at_ms"] is None
    backlog = stage.spool / f"1{SEGMENT}"
    backlog.write_bytes(b"x" * (reconciler.BACKLOG_BYTES + 1))
    note_outage(stage.spool, None)
    stage.looks(4)
    assert stage.call()["ended_at_ms"] is None
    backlog.unlink()
    stage.await_(lambda: stage.call()["ended_at_ms"])


def test_a_switch_that_goes_away_is_found_again(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.switch.channels[A_LEG] = {"Answer-State": "ringing"}
    stage.watch()
    stage.switch.drop()
    stage.await_(lambda: len([line for line in stage.switch.asked if line.startswith("auth")]) > 1)
    stage.looks()
    stage.switch.channels.clear()
    stage.switch.tell(TALKED)
    stage.await_(lambda: stage.call()["ended_at_ms"])
    assert any("witness: the connection ended" in text for text in told(caplog))


def test_a_switch_that_is_gone_without_a_word_is_connected_to_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(reconnect, "ANSWER_WITHIN_S", 0.2)
    stage.watch()
    stage.switch.network.clear()
    stage.await_(lambda: len(stage.switch.connections) > 1)
    assert told(caplog) == ["witness: no answer within the deadline"]


def test_a_network_that_is_back_soon_costs_no_event(stage: Stage) -> None:
    stage.switch.channels[A_LEG] = {"Answer-State": "ringing"}
    stage.watch()
    stage.switch.network.clear()
    gevent.sleep(1.5)  # longer than a switch has for the password
    stage.switch.channels.clear()
    stage.switch.tell(TALKED)
    stage.switch.network.set()
    stage.await_(lambda: stage.call()["ended_at_ms"])
    assert (stage.call()["outcome"], len(stage.switch.connections)) == ("answered", 1)


def test_a_database_that_is_locked_loses_no_call(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    other = open_database(f"sqlite:///{stage.db.database}")
    with other.atomic():
        execute(other, "UPDATE calls SET cause = cause")
        stage.watch()
        stage.switch.tell(TALKED)
        stage.await_(lambda: any("calls cannot be completed for now" in text for text in told(caplog)))
        stage.looks(3)
    stage.await_(lambda: stage.call()["ended_at_ms"])
    other.close()
    assert stage.entries() == BOTH
    assert sum("cannot be completed" in text for text in told(caplog)) == 1


def test_a_call_that_the_database_refuses_holds_up_no_other(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    later = stage.open_call(CallIds().next(T0 + 1000, bytes(6)), NODE, T0 + 1000)
    execute(
        stage.db,
        f"CREATE TRIGGER refuses BEFORE UPDATE ON calls WHEN new.call_id = '{CALL_ID}' "
        "BEGIN SELECT RAISE(ABORT, 'this one is refused'); END",
    )
    stage.watch()
    stage.await_(lambda: stage.outcome(later))
    stage.looks(3)
    assert stage.outcome(CALL_ID) is None
    refused = f"witness: call={CALL_ID} stays open: the database refuses the end of call {CALL_ID}: this one is refused"
    assert told(caplog).count(refused) == 1
    execute(stage.db, "DROP TRIGGER refuses")
    stage.await_(lambda: stage.outcome(CALL_ID))


def test_a_switch_that_does_not_tell_of_its_calls_is_named(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.switch.refuses = "event"
    stage._greenlet = gevent.spawn(
        Reconciler(lambda: InboundSession("127.0.0.1", stage.switch.port, "x", timeout_s=1), stage.db).run
    )
    stage.await_(lambda: any("the switch refuses to tell of its calls" in text for text in told(caplog)))
