"""Which phones ring, and what phones can do that must harm neither the caller nor the other phones."""

from __future__ import annotations

import json
import time

import pytest

from . import sipp
from .lab import ELSEWHERE, GAVE_UP, NOT_SET, Lab


def test_several_devices_of_one_line_all_ring(lab: Lab) -> None:
    desk = lab.phone("1001", sipp.rings())
    mobile = lab.phone("1001", sipp.answers(after_ms=700))
    caller = lab.call(talk_ms=300)

    assert caller.final_status() == 200
    assert desk.reasons("CANCEL") == [ELSEWHERE]
    assert mobile.wait_received("BYE")
    call = lab.journal(caller)
    assert call.answered_by == "Anna Berg"
    assert list(call.kinds.values()).count("answered") == 1


def test_the_callers_own_line_does_not_ring(lab: Lab) -> None:
    own = lab.phone("1001", sipp.rings())
    ben = lab.phone("1002", sipp.answers(after_ms=700))
    caller = lab.call(caller="1001", talk_ms=300)

    assert caller.final_status() == 200
    assert not own.received("INVITE")
    assert ben.received("INVITE")
    assert "Anna Berg" not in lab.journal(caller).kinds


@pytest.mark.parametrize("target", ["sip:500@127.0.0.2:{stranger}", "sip:500@127.0.0.1:{switch}", "sip:500@lab.local"])
def test_a_redirection_never_moves_the_caller(lab: Lab, target: str) -> None:
    stranger = lab.unregistered_phone(sipp.answers(after_ms=0), host="127.0.0.2")
    contact = target.format(stranger=stranger.port, switch=lab.switch.sip_port)
    anna = lab.phone("1001", sipp.refuses("302 Moved Temporarily", headers=f"Contact: <{contact}>"))
    ben = lab.phone("1002", sipp.answers(after_ms=1500))
    caller = lab.call(talk_ms=300)

    assert caller.final_status() == 200
    assert anna.received("INVITE")
    assert not stranger.received("INVITE")
    assert not ben.received("CANCEL")
    assert lab.journal(caller).answered_by == "Ben Wolf"


def test_early_media_never_wins(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.early_media())
    ben = lab.phone("1002", sipp.answers(after_ms=1500))
    caller = lab.call(talk_ms=300)

    assert caller.final_status() == 200
    assert caller.endpoint.statuses == [180, 200]
    assert anna.reasons("CANCEL") == [ELSEWHERE]
    assert anna.received("CANCEL")[0].at >= ben.received("INVITE")[0].at + 1.4
    assert lab.journal(caller).answered_by == "Ben Wolf"


def test_the_caller_hears_ringing_though_the_only_phone_sends_early_media(lab: Lab) -> None:
    lab.phone("1001", sipp.early_media())
    caller = lab.call(gives_up_after_ms=800)

    assert caller.final_status() == 487
    assert caller.endpoint.statuses[0] == 180


def test_more_contacts_than_legs_ring_as_far_as_they_fit_and_the_rest_is_named(lab: Lab) -> None:
    hall = lab.unregistered_phone(sipp.rings())
    for number in range(130):
        lab.register("1100", f"<sip:hall{number}@127.0.0.1:{hall.port}>")
    ben = lab.phone("1002", sipp.rings())
    caller = lab.call(to="704", gives_up_after_ms=2500)

    assert caller.final_status() == 487
    assert ben.wait_received("INVITE")
    assert len({invite.call_id for invite in hall.received("INVITE")}) == 126
    assert hall.reasons("CANCEL", count=126) == [GAVE_UP] * 126
    assert "4 contacts do not ring" in lab.service_log()
    call = lab.journal(caller)
    assert [leg.cause for leg in call.legs].count("LEG_LIMIT") == 4
    assert len(call.legs) == 131


HOSTILE_CONTACTS = {
    "1001": "<sip:1001,loopback/500/lab@127.0.0.1:{port}>",
    "1002": "<sip:${{global_setvar(pwned=yes)}}@127.0.0.1:{port}>",
    "1003": '<sip:1003@127.0.0.1:{port};x="a,\'b">',
    "1004": "<sip:1004@127.0.0.1:{port};x=a:_:b>",
}


def test_hostile_contacts_neither_run_nor_add_legs_and_the_others_ring(lab: Lab) -> None:
    trap = lab.unregistered_phone(sipp.answers(after_ms=0))
    for account, contact in HOSTILE_CONTACTS.items():
        lab.register(account, contact.format(port=trap.port))
    emil = lab.phone("1005", sipp.answers(after_ms=1000))
    caller = lab.call(talk_ms=300)

    assert caller.final_status() == 200
    assert not trap.received("INVITE")
    assert emil.wait_received("BYE")
    assert lab.switch.api("global_getvar pwned") == NOT_SET
    assert "not safe to dial" in lab.service_log()
    call = lab.journal(caller)
    assert call.answered_by == "Emil Frey"
    assert {leg.cause for leg in call.legs if leg.line != "1005@lab.local"} == {"CONTACT_REFUSED"}


def test_a_low_limit_of_sessions_per_second_still_rings_all(lab: Lab) -> None:
    phones = [lab.phone(account, sipp.rings()) for account in ("1001", "1002", "1003", "1004", "1005")]
    lab.switch.api("fsctl sps 2")
    time.sleep(1.1)  # the switch counts by the second
    try:
        caller = lab.call(gives_up_after_ms=1000)
        assert caller.final_status() == 487
    finally:
        lab.switch.api("fsctl sps 1000")
    assert [len(phone.received("INVITE")) for phone in phones] == [1] * 5


def test_each_leg_shows_its_line_in_presence(lab: Lab) -> None:
    lab.phone("1001", sipp.rings())
    lab.phone("1002", sipp.rings())
    caller = lab.call(gives_up_after_ms=2500)
    lab.wait_for_channels(3)
    rows = json.loads(lab.switch.api("show channels as json"))["rows"]

    assert {row["presence_id"] for row in rows if row["direction"] == "outbound"} == {
        "1001@lab.local",
        "1002@lab.local",
    }
    assert caller.final_status() == 487
