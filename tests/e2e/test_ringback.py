"""What a caller hears while a group rings, and that nothing which an administrator stores can end the ringing."""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from esl_huntgroup.db.engine import execute, open_database

from . import sipp
from .agent import Rings
from .lab import GAVE_UP, WITNESS_WITHIN_S, Lab

GROUP, NUMBER = "Empfang", "703"
AS_IT_WAS = "%(1000,4000,425)"
Play = Callable[[str], None]


@pytest.fixture
def play(lab: Lab) -> Iterator[Play]:
    """Give the group another ringback by the command line, for one test."""

    def set_ringback(ringback: str) -> None:
        lab.service.run("group", "set", GROUP, "--ringback", ringback)

    yield set_ringback
    set_ringback(AS_IT_WAS)


def store_as_it_is(lab: Lab, ringback: str) -> None:
    """Write a ringback past every check, as an earlier version may have done."""
    db = open_database(lab.service.database)
    try:
        execute(db, f"update groups set ringback = {db.param} where name = {db.param}", (ringback, GROUP))
    finally:
        db.close()


def assert_rings_once_more(lab: Lab) -> None:
    anna, ben = lab.phone("1001", sipp.answers(after_ms=1500)), lab.phone("1002", sipp.rings())
    caller = lab.call(to=NUMBER, talk_ms=300)

    assert caller.final_status() == 200
    assert [len(phone.received("INVITE")) for phone in (anna, ben)] == [2, 2]
    call = lab.journal(caller)
    assert (call.outcome, call.answered_by) == ("answered", "Anna Berg")
    assert call.kinds == {"Anna Berg": "answered", "Ben Wolf": "answered_elsewhere"}
    assert len(call.legs) == 2
    assert lab.service_log().count("the ringback of the group cannot be played") == 1


@pytest.mark.parametrize("tone", ["us-ring", "%(1000,4000"])
def test_a_stored_ringback_that_is_no_tone_ends_no_call(lab: Lab, play: Play, tone: str) -> None:
    store_as_it_is(lab, tone)
    assert_rings_once_more(lab)


def test_a_file_without_a_sound_ends_no_call(lab: Lab, play: Play, tmp_path: Path) -> None:
    silent = tmp_path / "silent.wav"
    with wave.open(str(silent), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
    play(str(silent))
    assert_rings_once_more(lab)


def test_a_file_that_is_not_there_ends_no_call(lab: Lab, play: Play) -> None:
    play("/nowhere/ring.wav")
    anna = lab.phone("1001", sipp.answers(after_ms=1500))
    caller = lab.call(to=NUMBER, talk_ms=300)

    assert caller.final_status() == 200
    assert len(anna.received("INVITE")) == 1
    assert lab.journal(caller).answered_by == "Anna Berg"


def test_one_phone_alone_rings_on_as_well(lab: Lab, play: Play) -> None:
    store_as_it_is(lab, "us-ring")
    anna = lab.phone("1001", sipp.rings())
    caller = lab.call(to=NUMBER, gives_up_after_ms=4000)

    assert caller.final_status() == 487
    assert len(anna.wait_received("INVITE", 2)) == 2
    assert anna.reasons("CANCEL", 2)[1] == GAVE_UP
    call = lab.journal(caller)
    assert (call.outcome, call.kinds["Anna Berg"]) == ("caller_gone", "missed")


def test_who_is_transferred_while_the_phones_ring_once_more_talks_with_the_member_who_answers(
    lab: Lab, play: Play
) -> None:
    store_as_it_is(lab, "us-ring")
    anna, ben = lab.agent("1001", Rings(180, 200, 0.02, 3.0)), lab.agent("1002")
    colleague = lab.agent("1100", Rings(180, 200, 0.02, 0.1))
    x = lab.stranger()
    talk = x.call(colleague.number).wait_answered()
    theirs = colleague.invited().wait_answered()
    asking = colleague.call(NUMBER).wait_status(180)
    ben.invited(2)
    lab.sleep(0.3)  # until both ring again
    theirs.refer(f"sip:{NUMBER}@127.0.0.1", replaces=asking)

    anna.invited(2).wait_answered()
    call = lab.journal(x, until=lambda call: call.answered_by, within_s=5)
    assert call.answered_by == "Anna Berg"
    assert call.rang == {"Anna Berg", "Ben Wolf"}
    assert call.kinds["Ben Wolf"] == "answered_elsewhere"
    talk.bye()
    assert lab.journal(x, within_s=WITNESS_WITHIN_S).outcome == "answered"


def test_the_name_of_a_tone_is_played(lab: Lab, play: Play) -> None:
    play("${us-ring}")
    anna = lab.phone("1001", sipp.answers(after_ms=1000))
    offset = lab.switch.log_size()
    caller = lab.call(to=NUMBER, talk_ms=300)

    assert caller.final_status() == 200
    assert len(anna.received("INVITE")) == 1
    assert "Play Ringback Tone [%(2000,4000,440,480)]" in lab.switch.log_since(offset)
