"""Groups that lead back to themselves, by SIP and by their overflow."""

from __future__ import annotations

from . import sipp
from .lab import Lab


def test_a_phone_that_leads_back_to_the_group_rings_nobody_twice(lab: Lab) -> None:
    ben = lab.phone("1002", sipp.answers(after_ms=1500))
    lab.register("1001", f"<sip:700@127.0.0.1:{lab.switch.sip_port}>")
    caller = lab.call(talk_ms=300)

    assert caller.final_status() == 200
    assert len(ben.received("INVITE")) == 1
    call = lab.whole(caller)
    assert call.answered_by == "Ben Wolf"
    assert call.causes["Anna Berg"] == "EXCHANGE_ROUTING_ERROR"
    assert lab.service_log().count("came back to it by SIP") == 1


def test_phones_of_two_groups_that_lead_to_one_another_ring_each_member_once(lab: Lab) -> None:
    """705 has the hall, whose phone leads to 700; a phone of 700 leads to 705."""
    ben = lab.phone("1002", sipp.answers(after_ms=1500))
    lab.register("1100", f"<sip:700@127.0.0.1:{lab.switch.sip_port}>")
    lab.register("1001", f"<sip:705@127.0.0.1:{lab.switch.sip_port}>")
    caller = lab.call(to="705", talk_ms=300)

    assert caller.final_status() == 200
    assert len(ben.received("INVITE")) == 1
    assert lab.service_log().count("came back to it by SIP") == 1


def test_after_an_overflow_the_phones_show_both_groups(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.answers(after_ms=300))
    caller = lab.call(to="705", talk_ms=300)

    assert caller.final_status() == 200
    first, second, *_ = anna.wait_invited().header("Diversion").split(", ")
    assert first.startswith('"Vertrieb" <sip:700@lab.local>;reason=unconditional')
    assert second.startswith("<sip:705@lab.local>;reason=unavailable")
