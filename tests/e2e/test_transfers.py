"""Callers who are transferred into a group that rings, or into a group at all."""

from __future__ import annotations

import json

import pytest

from .agent import Agent, Dialog, Rings
from .lab import GAVE_UP, WITNESS_WITHIN_S, Lab

NO_CALL_AT_ALL = 'SIP;cause=801;text="ATTENDED_TRANSFER"'
"""What FreeSWITCH itself tells the phones then: they show neither a missed call nor one answered elsewhere."""
AT_ONCE = Rings(180, 200, 0.02, 0.1)
RINGS_FOR_A_WHILE = Rings(180, 200, 0.02, 2.5)


def transferred_while_it_rings(lab: Lab, colleague: Agent, group: str = "700") -> tuple[Agent, Dialog]:
    """Have somebody call a colleague, who calls the group and completes an attended transfer while it rings."""
    x = lab.stranger()
    talk = x.call(colleague.number).wait_answered()
    theirs = colleague.invited().wait_answered()
    asking = colleague.call(group).wait_status(180)
    lab.sleep(0.5)  # until the others ring too
    theirs.refer(f"sip:{group}@127.0.0.1", replaces=asking)
    theirs.wait_over()
    return x, talk


def test_who_is_transferred_into_a_ringing_group_talks_with_the_member_who_answers(lab: Lab) -> None:
    anna, ben = lab.agent("1001", RINGS_FOR_A_WHILE), lab.agent("1002")
    colleague = lab.agent("1100", AT_ONCE)
    x, talk = transferred_while_it_rings(lab, colleague)

    anna.invited().wait_answered()
    call = lab.journal(x, until=lambda call: call.answered_by, within_s=5)
    assert (call.outcome, call.answered_by) == ("", "Anna Berg")
    assert not talk.is_over
    assert ben.invited().wait_over().reason == NO_CALL_AT_ALL
    lab.sleep(1.0)
    talk.bye()
    assert anna.invited().wait_over()
    call = lab.whole(x)
    assert (call.outcome, call.answered_by) == ("answered", "Anna Berg")
    assert call.kinds["Ben Wolf"] == "answered_elsewhere"
    assert call.rang == {"Anna Berg", "Ben Wolf"}
    assert 0.8 <= call.talk_s <= 3.0


def test_who_is_transferred_into_a_group_that_nobody_answers_gets_its_overflow(lab: Lab) -> None:
    anna = lab.agent("1001")
    colleague = lab.agent("1100", AT_ONCE)
    x, talk = transferred_while_it_rings(lab, colleague, "701")

    assert anna.invited().wait_over().reason == GAVE_UP
    call = lab.journal(x)
    assert (call.outcome, call.overflow) == ("no_answer", "transfer 500 XML lab")
    assert call.kinds["Anna Berg"] == "missed"
    lab.wait_for_channels(1)
    rows = json.loads(lab.switch.api("show channels as json"))["rows"]
    assert [row["dest"] for row in rows] == ["500"]
    assert not talk.is_over
    talk.bye()


def test_who_is_transferred_into_a_ringing_group_can_give_up(lab: Lab) -> None:
    anna = lab.agent("1001")
    colleague = lab.agent("1100", AT_ONCE)
    x, talk = transferred_while_it_rings(lab, colleague)

    talk.bye()
    assert anna.invited().wait_over().reason == NO_CALL_AT_ALL
    call = lab.journal(colleague, within_s=WITNESS_WITHIN_S)
    assert call.outcome == "caller_gone"
    assert call.kinds["Anna Berg"] == "missed"
    assert x.dialogs


@pytest.mark.parametrize("by", ["the member called", "the member's caller"])
def test_a_blind_transfer_into_the_members_own_group_does_not_ring_their_phone(lab: Lab, by: str) -> None:
    anna, ben = lab.agent("1001", AT_ONCE), lab.agent("1002")
    x = lab.stranger()
    talk = x.call("1001").wait_answered()
    theirs = anna.invited().wait_answered()
    anna.rings = Rings()
    if by == "the member called":
        theirs.refer("sip:700@127.0.0.1")
    else:
        talk.refer("sip:700@127.0.0.1")

    ben.invited()
    lab.sleep(0.5)
    assert len(anna.dialogs) == 1
    lab.switch.api("hupall NORMAL_CLEARING")
