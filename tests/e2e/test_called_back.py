"""A missed call is handled when somebody of the group reaches the caller afterwards, as a real switch tells it."""

from __future__ import annotations

import time
from collections.abc import Sequence

import peewee
import pytest

from esl_huntgroup.db.engine import execute, open_database

from . import sipp
from .agent import Rings
from .lab import Lab

ANSWERS = Rings(180, 200, 0.02, 0.3)
HANDLED_WITHIN_S = 5.0
TOO_SHORT_S = 2.0
LONG_ENOUGH_S = 6.0
Mark = tuple[str | None, str | None]


def marks(lab: Lab, call_id: str) -> list[Mark]:
    """Return how each entry of the call was handled, and by whom."""
    db: peewee.Database = open_database(lab.service.database)
    try:
        sql = f"SELECT handled_how, handled_by_name FROM journal_entries WHERE call_id = {db.param} ORDER BY position"
        return [tuple(row) for row in execute(db, sql, (call_id,)).fetchall()]
    finally:
        db.close()


def wait_marks(lab: Lab, call_id: str, wanted: Sequence[Mark], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while (found := marks(lab, call_id)) != list(wanted):
        assert time.monotonic() < deadline, f"{found}\n{lab.service_log()}"
        time.sleep(0.1)


def missed_by_all(lab: Lab, number: str) -> str:
    """Let somebody call the group until it has rung out; return the id of the call."""
    lab.phone("1001", sipp.rings())
    caller = lab.call(caller=number)
    caller.final_status()
    call = lab.whole(caller)
    assert set(call.kinds.values()) == {"missed", "not_signalled"}
    return call.call_id


@pytest.mark.parametrize("prefix", ["0", "+49"], ids=["answered outside", "answered before"])
def test_a_member_who_calls_back_and_talks_handles_it_for_everybody(lab: Lab, prefix: str) -> None:
    rest = f"30{time.time_ns() % 100_000_000:08d}"
    call_id = missed_by_all(lab, f"+49{rest}")
    nobody = marks(lab, call_id)
    assert set(nobody) == {(None, None)}
    lab.agent("1200", ANSWERS)
    ben = lab.agent("1002")

    talk = ben.call(f"{prefix}{rest}").wait_answered()
    lab.sleep(TOO_SHORT_S)
    talk.bye()
    talk.wait_over()
    lab.sleep(LONG_ENOUGH_S)
    assert marks(lab, call_id) == nobody

    talk = ben.call(f"{prefix}{rest}").wait_answered()
    lab.sleep(LONG_ENOUGH_S)
    wait_marks(lab, call_id, [("called_back", "Ben Wolf")] * len(nobody), HANDLED_WITHIN_S)
    talk.bye()


def test_who_calls_again_and_is_answered_has_missed_calls_no_more(lab: Lab) -> None:
    number = f"+4930{time.time_ns() % 100_000_000:08d}"
    call_id = missed_by_all(lab, number)
    lab.phone("1003", sipp.answers(after_ms=300))
    lab.call(caller=number, talk_ms=500).final_status()
    wait_marks(lab, call_id, [("called_again", "Carla Diaz")] * len(marks(lab, call_id)), HANDLED_WITHIN_S)
