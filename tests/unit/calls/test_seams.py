"""Another strategy and another registrar: a hunt does what they say, and nothing of ours gets in between."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from esl_huntgroup.calls import esl_commands
from esl_huntgroup.calls.dialstring import dial_string
from esl_huntgroup.calls.hunt import Hunt
from esl_huntgroup.calls.hunt_messages import Bridge, ContactsKnown, GroupFound
from esl_huntgroup.calls.ring_plan import WhyNot, make_plan
from esl_huntgroup.calls.ring_strategy import PARALLEL
from esl_huntgroup.calls.seams import SEAMS, Seams
from esl_huntgroup.esl.wire import api
from esl_huntgroup.model.group import Line
from esl_huntgroup.registrars.contacts import Contacts, question
from esl_huntgroup.registrars.freeswitch import FREESWITCH
from esl_huntgroup.simulator.dialstring import Dial, parse
from tests.unit.examples import (
    ANNA,
    ANNA_LINE,
    BERND,
    BERND_LINE,
    CALL_ID,
    CLARA,
    CLARA_LINE,
    DOMAIN,
    contact,
    group,
    inbound,
    registered,
)
from tests.unit.seams import LastMemberFirst, OneByOne, TwoAccounts

ALL = registered(ANNA_LINE, BERND_LINE, CLARA_LINE)
TWO_OF_ANNA = {**ALL, ANNA_LINE: Contacts((contact(ANNA_LINE, 1), contact(ANNA_LINE, 2)))}


def dialled(seams: Seams, contacts: Mapping[Line, Contacts] = ALL) -> Dial:
    """Return what is dialled for a caller of a group whose three members have these contacts."""
    hunt = Hunt(CALL_ID, inbound(), seams=seams)
    hunt.begin()
    hunt.receive(GroupFound(group(), hunt.inbound.arrived_at_ms))
    bridge, _ = hunt.receive(ContactsKnown(contacts, hunt.inbound.arrived_at_ms))
    assert isinstance(bridge, Bridge)
    return parse(bridge.dial_string)


def users(dial: Dial) -> list[str]:
    return [leg.named["huntgroup_user"] for leg in dial.legs]


def test_the_strategy_says_in_which_order_a_call_rings() -> None:
    assert users(dialled(SEAMS)) == ["1", "2", "3"]
    assert users(dialled(Seams(strategy=LastMemberFirst()))) == ["3", "2", "1"]


def test_parallel_is_one_round_in_which_everybody_has_a_device_before_anybody_has_two() -> None:
    (legs,) = make_plan(group(), TWO_OF_ANNA, "", strategy=PARALLEL).rounds
    assert [leg.member for leg in legs] == [ANNA, BERND, CLARA, ANNA]


def test_each_strategy_has_its_own_plan_for_the_same_phones_and_keeps_it() -> None:
    other = LastMemberFirst()
    plans = [make_plan(group(), ALL, "", strategy=strategy) for strategy in (PARALLEL, other, PARALLEL, other)]
    assert plans[0] is plans[2]
    assert plans[1] is plans[3]
    assert plans[0] is not plans[1]


def test_the_legs_of_all_rounds_have_numbers_of_their_own_and_each_round_its_limit() -> None:
    plan = make_plan(group(), TWO_OF_ANNA, "", leg_limit=1, strategy=OneByOne())
    assert [[(leg.number, leg.member) for leg in legs] for legs in plan.rounds] == [
        [(1, ANNA)],
        [(2, BERND)],
        [(3, CLARA)],
    ]
    assert [item.contact for item in plan.left_out(WhyNot.LEG_LIMIT)] == [contact(ANNA_LINE, 2)]
    assert [plan.leg_of(CALL_ID, uuid) for uuid in plan.uuids(CALL_ID)] == list(plan.legs)


def test_a_member_for_whom_nothing_rings_leaves_no_empty_round() -> None:
    plan = make_plan(group(), registered(BERND_LINE), "", strategy=OneByOne())
    assert [[leg.member for leg in legs] for legs in plan.rounds] == [[BERND]]


def test_one_bridge_does_not_make_one_round_of_several() -> None:
    plan = make_plan(group(), ALL, "", strategy=OneByOne())
    with pytest.raises(ValueError, match="one bridge rings one round, and these are 3"):
        dial_string({"name": "value"}, plan, CALL_ID)


def test_the_registrar_says_how_each_leg_is_dialled() -> None:
    at_the_edge = {line: Contacts((f"edge/sip:{line.account}@h",)) for line in ALL}
    ours, theirs = dialled(SEAMS), dialled(Seams(registrar=TwoAccounts()), at_the_edge)
    assert [leg.destination for leg in ours.legs] == [f"internal/sip:{n}@127.0.0.1:5060" for n in (1001, 1002, 1003)]
    assert [leg.destination for leg in theirs.legs] == [f"internal/sip:{n}@h" for n in (1001, 1002, 1003)]
    assert {leg.named.get("sip_invite_to_uri") for leg in ours.legs} == {None}
    assert [leg.named["sip_invite_to_uri"] for leg in theirs.legs] == [
        f"<sip:{n}@{DOMAIN}>" for n in (1001, 1002, 1003)
    ]


def test_the_registrar_says_what_a_call_asks() -> None:
    lines = (ANNA_LINE, BERND_LINE)
    assert esl_commands.questions(FREESWITCH, lines, "m") == tuple(api(question(it.address, "m")) for it in lines)
    others = [api(question(f"{device}-{it.address}", "m")) for it in lines for device in ("desk", "soft")]
    assert esl_commands.questions(TwoAccounts(), lines, "m") == tuple(others)
