"""A ringing call is picked up by right: with a code and the number of the group, or of a colleague."""

from __future__ import annotations

import pytest

from .agent import Agent, Dialog, Rings
from .lab import ELSEWHERE, Lab


def ringing(lab: Lab, group: str, *accounts: str) -> tuple[Agent, Dialog, list[Agent]]:
    """Let somebody call a group, and return caller, call and the phones that ring."""
    phones = [lab.agent(account) for account in accounts]
    caller = lab.stranger()
    dialog = caller.call(group, display="Karla Kunde").wait_status(180)
    for phone in phones:
        phone.invited()
    lab.sleep(0.5)  # the switch's own list of channels lags a little
    return caller, dialog, phones


def untouched(dialog: Dialog, phones: list[Agent]) -> None:
    """Assert that the call rings on."""
    assert not dialog.is_answered
    assert not dialog.is_over
    assert not [phone.number for phone in phones if phone.invited().is_over]


@pytest.mark.parametrize("number", ["720", "1001"])
def test_a_member_picks_up_a_call_of_the_own_group(lab: Lab, number: str) -> None:
    caller, dialog, (anna, ben) = ringing(lab, "720", "1001", "1002")
    carla = lab.stranger("1003")
    picking = carla.call(f"*8{number}").wait_answered()
    dialog.wait_answered()
    assert [phone.invited().wait_over().reason for phone in (anna, ben)] == [ELSEWHERE] * 2
    lab.sleep(1.2)
    assert not picking.is_over
    dialog.bye()
    picking.wait_over()
    call = lab.whole(caller)
    assert (call.outcome, call.answered_by, call.kinds["Carla Diaz"]) == ("picked_up", "Carla Diaz", "answered")
    assert (call.kinds["Anna Berg"], call.causes["Anna Berg"]) == ("answered_elsewhere", "LOSE_RACE")
    assert 1.0 <= call.talk_s <= 6.0


def test_the_pickers_phone_shows_the_caller(lab: Lab) -> None:
    caller, dialog, _ = ringing(lab, "720", "1001")
    picking = lab.stranger("1003").call("*8720").wait_answered()
    shown = next(packet for packet in picking.received if packet.status == 200).get("remote-party-id")
    assert "Karla Kunde" in shown
    assert f"sip:{caller.number}@" in shown
    dialog.wait_answered()
    lab.sleep(0.5)
    picking.bye()
    dialog.wait_over()
    assert lab.whole(caller).answered_by == "Carla Diaz"


def test_a_member_whose_own_phone_rings_picks_up_from_another(lab: Lab) -> None:
    caller, dialog, (anna, ben) = ringing(lab, "720", "1001", "1002")
    picking = lab.stranger("1001").call("*8720").wait_answered()
    dialog.wait_answered()
    assert [phone.invited().wait_over().reason for phone in (anna, ben)] == [ELSEWHERE] * 2
    lab.sleep(0.5)
    picking.bye()
    assert lab.whole(caller).answered_by == "Anna Berg"


def test_the_oldest_of_several_calls_is_taken(lab: Lab) -> None:
    first, first_call, (anna,) = ringing(lab, "720", "1001")
    second = lab.stranger()
    second_call = second.call("720").wait_status(180)
    anna.invited(2)
    lab.sleep(0.5)
    one = lab.stranger("1003").call("*8720").wait_answered()
    first_call.wait_answered()
    assert not second_call.is_answered
    other = lab.stranger("1004").call("*8720").wait_answered()
    second_call.wait_answered()
    lab.sleep(0.5)
    for dialog in (one, other):
        dialog.bye()
    assert (lab.whole(first).answered_by, lab.whole(second).answered_by) == ("Carla Diaz", "Dora Lang")


@pytest.mark.parametrize(
    ("picker", "registered", "number", "status"),
    [
        ("1007", "1010", "1010", 200),  # team: the first line
        ("1007", "1011", "1011", 403),  # but not the second
        ("1008", "1011", "1011", 200),  # personal: that, too
        ("1007", "1010", "722", 200),
        ("1007", "1011", "722", 403),
        ("1006", "1010", "1010", 403),  # a user without any right
        ("", "1010", "722", 403),  # somebody from outside
        ("1007", "1010", "1002", 480),  # nothing rings at that colleague
        ("1007", "1010", "799", 404),
        ("1007", "1010", "702", 480),
    ],
)
def test_the_right_is_asked(lab: Lab, picker: str, registered: str, number: str, status: int) -> None:
    caller, dialog, phones = ringing(lab, "722", registered)
    asks = lab.stranger(picker).call(f"*8{number}")
    asks.wait_for(lambda it: it.is_answered or it.is_over, "an answer")
    assert asks.statuses[-1] == status
    if status != 200:
        untouched(dialog, phones)
        assert lab.service_log().count("pickup refused") == 1
        dialog.cancel()
        dialog.wait_over()
        return
    dialog.wait_answered()
    lab.sleep(0.5)
    dialog.bye()
    asks.wait_over()
    assert lab.journal(caller).outcome == "picked_up"


def test_a_call_of_a_group_that_cannot_be_joined_is_not_picked_up(lab: Lab) -> None:
    caller, dialog, phones = ringing(lab, "700", "1001")
    asks = lab.stranger("1002").call("*8700").wait_over()
    assert asks.statuses[-1] == 480
    assert not dialog.is_answered
    assert not [phone.number for phone in phones if phone.invited().is_answered]
    dialog.cancel()
    assert lab.journal(caller).outcome in ("caller_gone", "no_answer")  # it may have rung for its five seconds by then


def test_a_picker_who_gives_up_at_once_harms_nobody(lab: Lab) -> None:
    caller, dialog, (anna,) = ringing(lab, "720", "1001")
    asks = lab.stranger("1003").call("*8799").wait_status(183)
    asks.cancel()
    asks.wait_over()
    untouched(dialog, [anna])
    anna.answer(anna.invited())
    dialog.wait_answered().bye()
    assert lab.whole(caller).answered_by == "Anna Berg"


def test_picked_up_when_the_workers_are_dead_the_journal_says_that_somebody_had_the_call(lab: Lab) -> None:
    caller, dialog, (anna,) = ringing(
        lab,
        "720",
        "1001",
    )
    picking = lab.stranger("1003", Rings()).call("*8720").wait_answered()
    dialog.wait_answered()
    lab.sleep(0.5)
    lab.service.kill()
    lab.sleep(0.5)
    lab.service.start()
    picking.bye()
    call = lab.journal(caller, within_s=40)
    assert (call.outcome, call.answered_by) == ("picked_up", "Carla Diaz")
    assert anna.invited().is_over
