"""
Debian's own Kamailio with ``kamailio/README.md`` done to it: phones register, callers reach groups, and phones ring.

FreeSWITCH is played by ``SipSwitch``; who is registered, what is dialled and what ``check`` says is the service's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e import sip
from tests.e2e.agent import Agent, Dialog, Rings
from tests.kamailio.sip_switch import SipSwitch
from tests.kamailio.site import EDGE, WITHIN_S, Site, Sites, Started, at, rpc

NOT_PASSED = "FreeSWITCH does not get such calls; HUNTGROUP_NUMBERS has to match it, kamailio/README.md, step 1"
ELSEWHERE = 'Reason: SIP;cause=200;text="Call completed elsewhere"'
MANY = 24
"""Legs of a big group: more requests than pike lets pass in two seconds."""


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    """Give what starts a Kamailio with these defines of Debian's file."""
    with closing(Sites(tmp_path)) as sites:
        yield sites.start


def assert_group_call(site: Site) -> None:
    """Assert that a caller reaches a group, that all its phones ring, one takes the call, and the others are told."""
    anna, desk, ben = site.phone("1001"), site.phone("1001"), site.phone("1002", Rings(final=200, then_s=0.5))
    caller = site.phone("1003")
    call = caller.call("700", target=f"sip:700@{EDGE}")
    arrived = site.switch.invited(within_s=WITHIN_S)
    assert arrived.invite
    assert arrived.invite.start == f"INVITE sip:700@{EDGE} SIP/2.0"
    assert call.wait_over(WITHIN_S).statuses[-1] == 486

    legs = site.ring("1001", "1002", "1009")
    assert len(legs) == 3
    taken = legs[-1].wait_answered(WITHIN_S)
    for leg in legs[:-1]:
        leg.wait_status(180, WITHIN_S).cancel(ELSEWHERE)
        assert leg.wait_over(WITHIN_S).statuses[-1] == 487
    for phone, account in ((anna, "1001"), (desk, "1001"), (ben, "1002")):
        (invited,) = [dialog for dialog in phone.dialogs if not dialog.is_caller]
        assert invited.invite
        assert invited.invite.get("to") == f"<sip:{account}@{EDGE}>"
        assert invited.reason == ("" if phone is ben else ELSEWHERE.partition(": ")[2])
    taken.bye()
    ben.dialogs[0].wait_over(WITHIN_S)


VARIANTS = {
    "none": (),
    "AUTH+IPAUTH": ("WITH_AUTH", "WITH_IPAUTH"),
    "NAT": ("WITH_NAT",),
    "VOICEMAIL": ("WITH_VOICEMAIL",),
    "ANTIFLOOD": ("WITH_ANTIFLOOD",),
    "all": ("WITH_AUTH", "WITH_IPAUTH", "WITH_NAT", "WITH_VOICEMAIL", "WITH_ANTIFLOOD"),
}


@pytest.mark.parametrize("defines", VARIANTS.values(), ids=VARIANTS)
def test_groups_ring_with_the_configuration_of_the_package(started: Started, defines: tuple[str, ...]) -> None:
    site = started(*defines, host="127.0.0.3" if "WITH_ANTIFLOOD" in defines else "127.0.0.1")
    assert_group_call(site)
    said = site.check("700", "701", "800")
    assert said[:3] == [
        f"ok  {rpc(site)} tells who is registered (1 of 2 lines asked for)",
        f"NB  {rpc(site)} keeps registrations in memory alone (seen at 2 of them): after a restart of it nobody rings "
        "until the phones register again; usrloc db_mode 1 keeps them (kamailio/README.md)",
        f"ok  {rpc(site)} answers nothing but look-ups",
    ]
    number, passed = said[3:]
    assert number.startswith(
        f"FIX {at(site)} answers OPTIONS to the group number 800 of {EDGE} with 404 by 'kamailio ("
    )
    assert number.endswith(NOT_PASSED)
    assert passed == f"ok  {at(site)} passes 2 of 3 group numbers on to FreeSWITCH"


def test_a_big_group_does_not_have_the_switch_banned_as_a_flood(started: Started) -> None:
    site = started("WITH_ANTIFLOOD", host="127.0.0.3")
    assert_rings(site, MANY)
    assert_rings(site, MANY)


def test_without_step_3_a_big_group_has_it_banned_and_check_says_so(started: Started) -> None:
    flood = "\tif(src_ip!=myself) {\n"
    site = started("WITH_ANTIFLOOD", host="127.0.0.3", edits={flood: flood})
    with pytest.raises(AssertionError, match="180"):
        assert_rings(site, MANY, within_s=3.0)
    assert "pike blocking INVITE" in site.kamailio.log()
    (said,) = [line for line in site.check("700") if "OPTIONS" in line]
    assert said.startswith(f"FIX {at(site)} gives no answer to OPTIONS (no answer within 2 s): ")
    assert said.endswith("or pike has banned this host; kamailio/README.md, step 3")


def assert_rings(site: Site, devices: int, within_s: float = WITHIN_S) -> None:
    """Assert that so many devices of one phone ring at once, and are told to stop."""
    phone = Agent("1001", EDGE, site.kamailio.address)
    site.everybody.append(phone)
    for device in range(devices):
        # From many places, and so no flood either.
        contact = f"<sip:1001@127.0.0.1:{phone.port};device={device}>"
        sip.register(site.kamailio.address, "1001", EDGE, contact, host=f"127.0.1.{device + 1}")
    legs = site.ring("1001")
    try:
        assert len(legs) >= devices
        for leg in legs[-devices:]:
            leg.wait_status(180, within_s)
    finally:
        for leg in legs:
            leg.cancel(ELSEWHERE)
    phone.invited(devices)


def test_a_group_call_goes_to_the_next_switch_when_the_first_is_gone_or_says_503(started: Started) -> None:
    second = SipSwitch(Rings(final=486))
    site = started(other_switches=(second.port,))
    second.goes_to(site.kamailio.address)
    site.everybody.append(second)
    caller = site.phone("1003")

    def statuses() -> list[int]:
        return caller.call("700", target=f"sip:700@{EDGE}").wait_over(WITHIN_S).statuses

    assert statuses()[-1] == 486
    assert len(called(site.switch)) == 1
    assert called(second) == []
    site.switch.rings = Rings(provisional=0, final=503, then_s=0)
    assert statuses()[-1] == 486
    assert (len(called(site.switch)), len(called(second))) == (2, 1)
    site.switch.stop()
    assert statuses()[-1] == 486
    assert len(called(second)) == 2
    said = site.check("700")
    assert said[-1] == f"ok  {at(site)} passes 1 of 1 group number on to FreeSWITCH"
    site.phone("1001")
    site.switch = second
    (leg,) = site.ring("1001")
    leg.wait_status(180, WITHIN_S)


def called(switch: SipSwitch) -> list[Dialog]:
    """Return the calls that came in."""
    return [dialog for dialog in switch.dialogs if not dialog.is_caller]
