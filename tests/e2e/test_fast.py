"""
The fast variant of the dialplan, whose socket is silent while phones ring and people talk: what is its own.

Everything that both variants have in common is tested in the other files, once for each.
"""

from __future__ import annotations

import os
import signal
import time

import pytest

from . import sipp
from .lab import WITNESS_WITHIN_S, Lab

pytestmark = pytest.mark.parametrize("switch", ["fast"], indirect=True)

FROZEN_S = 1.0
REPLACED_WITHIN_S = 30.0
"""How long a worker may hang before the supervisor ends it, and somewhat more."""
NO_WITNESS = {"ESL_HUNTGROUP_ESL_ADDRESS": ""}


def test_the_answer_reaches_the_journal_while_they_talk(lab: Lab) -> None:
    lab.phone("1001", sipp.answers(after_ms=300))
    ben = lab.phone("1002", sipp.rings())
    caller = lab.call(talk_ms=60_000)

    call = lab.journal(caller, until=lambda call: call.answered_by)
    assert (call.outcome, call.answered_by, call.ended_at_ms) == ("", "Anna Berg", None)
    assert (call.kinds["Ben Wolf"], call.causes["Ben Wolf"]) == ("answered_elsewhere", "LOSE_RACE")
    assert ben.wait_received("CANCEL")
    uuid = lab.switch.caller_uuid(caller.number)
    lab.wait_for_tasks(f"huntgroup-{uuid}", 0)
    assert lab.switch.api(f"uuid_getvar {uuid} app_disable_expand_variables") == "_undef_"
    lab.switch.api("hupall NORMAL_CLEARING")
    assert lab.whole(caller).outcome == "answered"


def test_the_switch_runs_the_fast_variant(lab: Lab) -> None:
    offset = lab.switch.log_size()
    lab.phone("1001", sipp.answers(after_ms=300))
    caller = lab.call(talk_ms=300)

    assert caller.final_status() == 200
    assert lab.whole(caller).outcome == "answered"
    assert f"socket(127.0.0.1:{lab.service.port} full)" in lab.switch.log_since(offset)


def test_without_a_second_connection_the_journal_is_whole_when_the_call_is_over(lab: Lab) -> None:
    lab.service.stop()
    lab.service.start(NO_WITNESS)
    try:
        lab.phone("1001", sipp.answers(after_ms=300))
        lab.phone("1002", sipp.rings())
        caller = lab.call(talk_ms=1000)
        assert caller.final_status() == 200
        call = lab.whole(caller)
        assert (call.outcome, call.answered_by, call.causes["Ben Wolf"]) == ("answered", "Anna Berg", "LOSE_RACE")
        assert 0.5 < call.talk_s < 3
    finally:
        lab.service.stop()


def test_a_caller_of_a_frozen_service_reaches_the_fallback_when_it_is_killed(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.rings())
    lab.service.freeze()
    caller = lab.call()
    time.sleep(FROZEN_S)
    lab.service.kill()

    assert caller.final_status() == 503
    assert not anna.received("INVITE")


def test_a_caller_who_gives_up_while_the_worker_is_frozen_is_told_of_when_it_is_replaced(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.rings())
    caller = lab.call(gives_up_after_ms=1500)
    anna.wait_invited()
    for worker in lab.service.workers():
        os.kill(worker, signal.SIGSTOP)

    assert anna.wait_received("CANCEL")
    call = lab.journal(caller, within_s=WITNESS_WITHIN_S + REPLACED_WITHIN_S)
    assert (call.outcome, call.kinds["Anna Berg"]) == ("caller_gone", "missed")
    lab.wait_for_channels(0)


def test_a_caller_whom_nobody_answered_reaches_the_fallback_when_a_frozen_service_is_killed(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.rings())
    caller = lab.call()
    anna.wait_invited()
    lab.service.freeze()
    assert anna.wait_received("CANCEL")
    lab.service.kill()

    assert caller.final_status() == 503
    lab.service.start()
    call = lab.journal(caller, within_s=WITNESS_WITHIN_S)
    # Nobody of us was there when it ended.
    assert (call.outcome, call.kinds["Anna Berg"]) == ("interrupted", "missed")
