"""Callers who are taken away while the group rings: that is no giving up, and nobody has missed a call."""

from __future__ import annotations

from .agent import Rings
from .lab import Lab


def test_a_member_who_picks_up_the_ringing_caller_has_answered(lab: Lab) -> None:
    anna, ben = lab.agent("1001"), lab.agent("1002")
    caller = lab.stranger()
    dialog = caller.call("700").wait_status(180)
    anna.invited()
    lab.sleep(0.5)  # until both have said that they ring
    picking = ben.call(f"*8{lab.switch.caller_uuid(caller.number)}").wait_answered()
    dialog.wait_answered()

    call = lab.journal(caller, until=lambda call: call.answered_by, within_s=5)
    assert (call.answered_by, call.kinds["Ben Wolf"]) == ("Ben Wolf", "answered")
    assert set(call.kinds.values()) == {"answered", "answered_elsewhere"}
    assert anna.invited().wait_over()
    lab.sleep(1.0)
    assert not dialog.is_over
    picking.bye()
    dialog.wait_over()
    call = lab.whole(caller)
    assert (call.outcome, call.answered_by, call.overflow) == ("picked_up", "Ben Wolf", "")
    assert 0.8 <= call.talk_s <= 3.0
    assert call.rang == {"Anna Berg", "Ben Wolf"}


def test_somebody_else_who_picks_up_the_ringing_caller_is_named_by_the_number(lab: Lab) -> None:
    anna = lab.agent("1001")
    caller, picker = lab.stranger(), lab.stranger()
    dialog = caller.call("700").wait_status(180)
    anna.invited()
    picker.call(f"*8{lab.switch.caller_uuid(caller.number)}").wait_answered()
    dialog.wait_answered()
    lab.sleep(0.5)
    dialog.bye()

    call = lab.whole(caller)
    assert (call.outcome, call.answered_by) == ("picked_up", picker.number)
    assert set(call.kinds.values()) == {"answered_elsewhere"}


def test_a_ringing_caller_who_is_transferred_to_an_extension_is_no_missed_call(lab: Lab) -> None:
    anna = lab.agent("1001", Rings())
    caller = lab.stranger()
    dialog = caller.call("700").wait_status(180)
    anna.invited()
    lab.switch.api(f"uuid_transfer {lab.switch.caller_uuid(caller.number)} 500 XML lab")
    dialog.wait_answered()
    lab.sleep(0.8)
    dialog.bye()

    call = lab.whole(caller)
    assert (call.outcome, call.answered_by, call.overflow) == ("picked_up", "500", "")
    assert set(call.kinds.values()) == {"answered_elsewhere"}
    assert 0.5 <= call.talk_s <= 3.0


def test_a_ringing_caller_who_is_transferred_finds_the_variables_of_the_dialplan_expanded(lab: Lab) -> None:
    """An extension that bridges to ``${...}``, as most do, is routed before the service hears of the transfer."""
    anna = lab.agent("1001", Rings())
    lab.agent("1100", Rings(180, 200, 0.02, 0.1))
    caller = lab.stranger()
    dialog = caller.call("700").wait_status(180)
    anna.invited()
    lab.sleep(0.3)
    lab.switch.api(f"uuid_transfer {lab.switch.caller_uuid(caller.number)} 1100 XML lab")
    dialog.wait_answered()
    dialog.bye()
    assert lab.whole(caller).outcome == "picked_up"
