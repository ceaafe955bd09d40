"""Who rings, in which order, and why the others do not."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esl_huntgroup.calls.ring_plan import CallIds, WhyNot, attempt_of, make_plan
from esl_huntgroup.model.group import Line, Member
from esl_huntgroup.model.limits import LEG_LIMIT
from esl_huntgroup.registrars.contacts import Contacts
from tests.unit.examples import (
    ANNA,
    ANNA_LINE,
    BERND,
    BERND_LINE,
    CALL_ID,
    CLARA,
    DOMAIN,
    HARDPHONE_ONLY,
    contact,
    group,
    plan_for,
    registered,
)


def test_members_ring_in_position_order() -> None:
    assert [leg.member.name for leg in plan_for(BERND, ANNA, CLARA).legs] == [
        "Bernd Cordes",
        "Anna Berg",
        "Clara Dietz",
    ]


def test_every_device_of_a_line_rings() -> None:
    contacts = {ANNA_LINE: Contacts((contact(ANNA_LINE, 1), contact(ANNA_LINE, 2)))}
    plan = make_plan(group(ANNA), contacts, "")
    assert [leg.contact for leg in plan.legs] == [contact(ANNA_LINE, 1), contact(ANNA_LINE, 2)]


def test_every_leg_has_a_uuid_that_says_which_it_is() -> None:
    plan = plan_for(ANNA, BERND)
    assert plan.uuids(CALL_ID) == [f"{CALL_ID[:-4]}0001", f"{CALL_ID[:-4]}0002"]
    assert [plan.leg_of(CALL_ID, uuid) for uuid in plan.uuids(CALL_ID)] == list(plan.legs)


def test_the_same_phones_ring_again_by_channels_with_other_uuids() -> None:
    plan = plan_for(ANNA, BERND)
    again = plan.again()
    assert (again.legs, again.not_rung) == (plan.legs, plan.not_rung)
    assert again.uuids(CALL_ID) == [f"{CALL_ID[:-4]}1001", f"{CALL_ID[:-4]}1002"]
    assert [again.leg_of(CALL_ID, uuid) for uuid in again.uuids(CALL_ID)] == list(plan.legs)
    assert [again.leg_of(CALL_ID, uuid) for uuid in plan.uuids(CALL_ID)] == [None, None]
    assert [attempt_of(uuid) for uuid in (*plan.uuids(CALL_ID), *again.uuids(CALL_ID), "", "x")] == [0, 0, 1, 1, 0, 0]


@pytest.mark.parametrize("uuid", [f"{CALL_ID[:-4]}0003", f"{CALL_ID[:-4]}", "picker", "", CALL_ID.replace("7", "8")])
def test_a_channel_that_is_no_leg_of_the_call_is_told_from_one(uuid: str) -> None:
    assert plan_for(ANNA, BERND).leg_of(CALL_ID, uuid) is None


def test_calls_that_find_the_same_phones_share_their_plan() -> None:
    assert plan_for(ANNA, BERND) is plan_for(ANNA, BERND, caller_address="somebody@elsewhere.example")
    assert plan_for(ANNA, BERND) is not plan_for(ANNA, BERND, caller_address=ANNA_LINE.address)
    assert plan_for(ANNA, BERND) is not plan_for(ANNA, BERND, leg_limit=1)


def test_a_group_of_which_something_was_changed_gets_another_plan() -> None:
    renamed = Member(ANNA.user_id, "Anna Berg-Wolf", ANNA.lines)
    assert plan_for(renamed, BERND).legs[0].member.name == "Anna Berg-Wolf"
    assert plan_for(ANNA, BERND).legs[0].member.name == "Anna Berg"


def test_the_callers_own_line_does_not_ring() -> None:
    plan = plan_for(ANNA, BERND, caller_address=f"1001@{DOMAIN.upper()}")
    assert [leg.member for leg in plan.legs] == [BERND]
    assert [item.member for item in plan.left_out(WhyNot.IS_THE_CALLER)] == [ANNA]


def test_a_contact_of_two_members_rings_once_for_the_first() -> None:
    shared = contact(ANNA_LINE)
    plan = make_plan(group(ANNA, BERND), {ANNA_LINE: Contacts((shared,)), BERND_LINE: Contacts((shared,))}, "")
    assert [(leg.member, leg.contact) for leg in plan.legs] == [(ANNA, shared)]
    assert [item.member for item in plan.left_out(WhyNot.SHARED_CONTACT)] == [BERND]


def test_each_reason_not_to_ring_is_told() -> None:
    contacts = {BERND_LINE: Contacts(refused=("sofia/x/sip:a,b@c",))}
    plan = make_plan(group(ANNA, BERND, HARDPHONE_ONLY), contacts, "")
    assert [(item.member.name, item.why) for item in plan.not_rung] == [
        ("Anna Berg", WhyNot.NOT_REGISTERED),
        ("Bernd Cordes", WhyNot.CONTACT_REFUSED),
        ("Hugo Hart", WhyNot.NO_SOFTPHONE_LINE),
    ]


def test_over_the_leg_limit_everybody_gets_one_device_before_anybody_gets_two() -> None:
    two = Contacts((contact(ANNA_LINE, 1), contact(ANNA_LINE, 2)))
    plan = make_plan(group(ANNA, BERND), {ANNA_LINE: two, **registered(BERND_LINE)}, "", leg_limit=2)
    assert [leg.member for leg in plan.legs] == [ANNA, BERND]
    assert [item.contact for item in plan.left_out(WhyNot.LEG_LIMIT)] == [contact(ANNA_LINE, 2)]


@given(st.lists(st.integers(0, 4), max_size=150), st.integers(1, LEG_LIMIT))
def test_every_contact_rings_or_is_told_why_not(devices: list[int], limit: int) -> None:
    lines = [Line(str(2000 + n), DOMAIN, str(2000 + n)) for n in range(len(devices))]
    members = [Member(n, f"M {n}", (line,)) for n, line in enumerate(lines)]
    contacts = {
        line: Contacts(tuple(contact(line, device) for device in range(count)))
        for line, count in zip(lines, devices, strict=True)
    }
    plan = make_plan(group(*(members or [ANNA])), contacts, "", limit)
    rung = [leg.contact for leg in plan.legs]
    left = [item.contact for item in plan.not_rung if item.contact]
    assert len(rung) == min(sum(devices), limit)
    assert sorted(rung + left) == sorted(uri for known in contacts.values() for uri in known.dialable)
    assert [leg.number for leg in plan.legs] == list(range(1, len(rung) + 1))


@given(st.integers(1, (1 << 48) - 1), st.binary(min_size=6, max_size=6))
def test_a_call_id_is_a_uuid_of_version_7_with_room_for_the_leg(now_ms: int, chance: bytes) -> None:
    call_id = CallIds().next(now_ms, chance)
    assert (len(call_id), call_id[14], call_id[-4:]) == (36, "7", "0000")
    assert call_id[19] in "89ab"
    assert int(call_id.replace("-", "")[:12], 16) == now_ms


@given(st.lists(st.integers(1, 5), max_size=20))
def test_call_ids_sort_in_the_order_of_the_calls_whatever_the_clock_does(clock: list[int]) -> None:
    ids = CallIds()
    made = [ids.next(now_ms, os.urandom(6)) for now_ms in clock]
    assert made == sorted(set(made))


def test_more_calls_in_a_millisecond_than_the_counter_holds_still_sort() -> None:
    ids = CallIds()
    made = [ids.next(7, bytes(6)) for _ in range(5000)]
    assert made == sorted(set(made))


def test_call_ids_of_two_services_differ_by_chance() -> None:
    assert CallIds().next(5, b"abcdef") != CallIds().next(5, b"abcdeg")
