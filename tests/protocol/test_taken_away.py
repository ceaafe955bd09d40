"""
A caller who goes elsewhere while the group rings: picked up, transferred, or replaced by an attended transfer.

The real service against the simulated switch, as in ``test_call``. What a real switch does then is in ``tests/e2e``;
here it is what the service asks it, over a real socket, and what it makes of the answers.
"""

from __future__ import annotations

from collections.abc import Callable

import gevent
import pytest

from esl_huntgroup.model.group import Overflow, OverflowAction, Taker
from esl_huntgroup.model.outcome import EntryKind
from esl_huntgroup.simulator.channel import CallerChannel, Transfer
from esl_huntgroup.simulator.sipvars import Caller
from esl_huntgroup.simulator.switch import Switch
from tests.protocol.test_call import (
    KARL,
    OPENED,
    Lab,
    anna,
    bernd,
    lab,
    no_fault_is_logged,
    nothing_hangs,
)
from tests.unit.examples import ANNA, BERND, DOMAIN

__all__ = ["lab", "no_fault_is_logged", "nothing_hangs"]

PICKED_OFF = (EntryKind.ANSWERED_ELSEWHERE, True, "ORIGINATOR_CANCEL")
"""How the simulated switch ends the legs of a caller who goes elsewhere; a real one says PICKED_OFF where it knows."""


def while_it_rings(lab: Lab, switch: Switch, do: Callable[[CallerChannel], object]) -> gevent.Greenlet:
    """Call, and do something to the caller's channel half a second into the ringing."""
    running = switch.spawn(KARL, "700", hangs_up_after_talk_s=1)
    while not any(leg.rang for leg in switch.legs.values()):
        gevent.sleep(0.005)
    switch.clock.sleep(0.5)
    (caller,) = [channel for channel in switch.callers.values() if channel.dialled == "700"]
    do(caller)
    return running


def another_channel(switch: Switch, caller: Caller, dialled: str) -> CallerChannel:
    """Let somebody else have called; nobody serves that call, it is only there."""
    channel = CallerChannel(switch.clock, caller, DOMAIN, dialled, 99)
    switch.callers[channel.uuid] = channel
    return channel


@pytest.mark.parametrize(
    ("picker", "name", "is_bernd"),
    [(Caller("1002", "Bernd"), "Bernd Cordes", True), (Caller("5555", domain="example.net"), "5555", False)],
)
def test_a_ringing_call_that_somebody_picks_up_is_a_missed_call_of_nobody(
    lab: Lab, picker: Caller, name: str, is_bernd: bool
) -> None:
    lab.has_group(ANNA, BERND, ring_timeout_s=20)
    lab.book.users[f"1002@{DOMAIN}"] = Taker("Bernd Cordes", BERND.user_id)
    switch = lab.switch(anna(), bernd())

    def intercept(channel: CallerChannel) -> None:
        channel.variables.set("signal_bond", another_channel(switch, picker, "*8").uuid)
        channel.go_to(Transfer("9998"))  # stands for the conversation with whoever picked up

    result = while_it_rings(lab, switch, intercept).get()
    assert lab.journal.ended.wait(5)
    assert (result.status, result.fallback) == (200, None)
    by_bernd = (EntryKind.ANSWERED, True, "ORIGINATOR_CANCEL")
    seen = {"Anna": PICKED_OFF, "Bernd": by_bernd if is_bernd else PICKED_OFF}
    assert lab.story == [
        OPENED,
        ("answered", name, seen, ["ORIGINATOR_CANCEL", "ORIGINATOR_CANCEL"]),
        ("ended", "picked_up", "PICKED_OFF", "", {}, []),
    ]


def test_a_ringing_call_that_somebody_transfers_is_with_the_extension_it_went_to(lab: Lab) -> None:
    lab.has_group(ANNA, BERND, ring_timeout_s=20)
    switch = lab.switch(anna(), bernd())
    result = while_it_rings(lab, switch, lambda channel: switch.api("uuid_transfer", f"{channel.uuid} 9998")).get()
    assert lab.journal.ended.wait(5)
    assert (result.extensions, result.fallback) == (("huntgroup", "9998"), None)
    assert result.variables.get("app_disable_expand_variables") is None
    _, (_, name, seen, _), (_, outcome, *_) = lab.story
    assert (name, set(seen.values()), outcome) == ("9998", {PICKED_OFF}, "picked_up")


XAVER = Caller("4711", "Xaver Kunde", domain="example.net")
ANSWERS_X = (EntryKind.ANSWERED, True, "NONE")
ENDED = "ORIGINATOR_CANCEL"
"""How the simulated switch ends the legs then. A real one says nothing of them where somebody has answered."""
ELSEWHERE = (EntryKind.ANSWERED_ELSEWHERE, True, ENDED)
NOT_ANSWERED = (EntryKind.MISSED, True, ENDED)


def transferred_to(x: CallerChannel) -> Callable[[CallerChannel], object]:
    """
    Let the caller complete an attended transfer to X, and be gone (sofia.c, sofia_handle_sip_i_refer).

    A real switch lets the phones ring on; to the service that makes no difference, which hears of it when it is over.
    """

    def refer(channel: CallerChannel) -> None:
        channel.variables.set("endpoint_disposition", "ATTENDED_TRANSFER")
        channel.variables.set("transfer_to", f"satt:{x.uuid}")
        channel.hang_up("NORMAL_CLEARING")

    return refer


def test_who_is_transferred_into_a_ringing_group_talks_with_the_member_who_answers(lab: Lab) -> None:
    lab.has_group(ANNA, BERND, ring_timeout_s=20)
    switch = lab.switch(anna(), bernd())
    x = another_channel(switch, XAVER, "huntgroup-fallback")

    def answered_for_x(channel: CallerChannel) -> None:
        (first, *_) = switch.legs
        x.variables.set("bridge_uuid", first)
        transferred_to(x)(channel)

    while_it_rings(lab, switch, answered_for_x).get()
    assert lab.journal.ended.wait(5)
    assert lab.story == [
        OPENED,
        ("moved", x.uuid, "Xaver Kunde", "4711"),
        ("answered", "Anna Berg", {"Anna": ANSWERS_X, "Bernd": ELSEWHERE}, ["NONE", ENDED]),
        ("ended", "answered", "ATTENDED_TRANSFER", "", {}, []),
    ]
    opened = lab.journal.records[0]
    assert x.variables.get("huntgroup_legs") == f"{opened.call_id}:{ANNA.user_id},{BERND.user_id}"


@pytest.mark.parametrize(
    ("overflow", "arrives_at"),
    [(None, "huntgroup-fallback"), (Overflow(OverflowAction.TRANSFER, "9998 XML public"), "9998")],
)
def test_who_is_transferred_into_a_group_that_nobody_answers_has_its_overflow(
    lab: Lab, overflow: Overflow | None, arrives_at: str
) -> None:
    lab.has_group(ANNA, BERND, ring_timeout_s=20, overflow=overflow)
    switch = lab.switch(anna(), bernd())
    x = another_channel(switch, XAVER, "huntgroup-fallback")
    while_it_rings(lab, switch, transferred_to(x)).get()
    assert lab.journal.ended.wait(5)
    assert x.transfer is not None
    assert x.transfer.extension == arrives_at
    assert x.variables.get("huntgroup_result") == "no_answer"
    where = "transfer 9998 XML public" if overflow else "dialplan"
    seen = {"Anna": NOT_ANSWERED, "Bernd": NOT_ANSWERED}
    assert lab.story[2:] == [("ended", "no_answer", "", where, seen, [ENDED, ENDED])]


def test_who_was_transferred_and_routed_elsewhere_by_the_administrator_is_left_there(lab: Lab) -> None:
    lab.has_group(ANNA, BERND, ring_timeout_s=20)
    switch = lab.switch(anna(), bernd())
    x = another_channel(switch, XAVER, "5000")
    while_it_rings(lab, switch, transferred_to(x)).get()
    assert lab.journal.ended.wait(5)
    assert (x.transfer, x.variables.get("huntgroup_result")) == (None, None)


def test_who_was_transferred_and_gives_up_leaves_a_missed_call(lab: Lab) -> None:
    lab.has_group(ANNA, BERND, ring_timeout_s=20)
    switch = lab.switch(anna(), bernd())
    x = another_channel(switch, XAVER, "huntgroup-fallback")
    x.hang_up("NORMAL_CLEARING")
    while_it_rings(lab, switch, transferred_to(x)).get()
    assert lab.journal.ended.wait(5)
    seen = {"Anna": NOT_ANSWERED, "Bernd": NOT_ANSWERED}
    ended = ("ended", "caller_gone", "ATTENDED_TRANSFER", "", seen, [ENDED, ENDED])
    assert lab.story == [OPENED, ended]
