"""Who may pick up which ringing call, and what the switch says of the calls that ring."""

from __future__ import annotations

import json

import pytest

from esl_huntgroup.calls.joining import Key
from esl_huntgroup.calls.pickup import RingingCall, allowed, is_member, is_of_group, read_rows, ringing_calls, rings_at
from tests.unit.examples import ANNA, BERND, CALL_ID, DOMAIN, group

KEY = Key("700", CALL_ID, DOMAIN)
OTHER = Key("701", CALL_ID.replace("0190", "0191", 1), DOMAIN)
MARKED = {"uuid": "a", "direction": "inbound", "presence_data": f"pickup/{KEY}"}
CALLER = {**MARKED, "cid_name": "Karl\x1b Kunde", "cid_num": "3001"}
CALL = RingingCall(KEY, "Karl Kunde", "3001")
LEG = {"uuid": f"{CALL_ID[:-4]}0001", "direction": "outbound", "presence_id": "1001@example.org"}


def told(*rows: object) -> str:
    return json.dumps({"row_count": len(rows), "rows": rows})


@pytest.mark.parametrize(
    "text", ["", "-ERR", "[]", '{"row_count": 0}', '{"rows": 7}', '{"rows": [7, "x"]}', "[" * 10**5]
)
def test_what_is_no_list_of_channels_has_no_rows(text: str) -> None:
    assert read_rows(text) == []


def test_the_calls_are_those_whose_caller_carries_a_key_in_the_order_of_the_switch() -> None:
    second = {**CALLER, "presence_data": f"pickup/{OTHER}"}
    strange = [{**CALLER, "presence_data": text} for text in ("", "pickup/", f"x{KEY}", str(KEY), "pickup/7.x@y")]
    rows = read_rows(told({**CALLER, "direction": "outbound"}, *strange, CALLER, LEG, second))
    assert list(ringing_calls(rows)) == [CALL, RingingCall(OTHER, "Karl Kunde", "3001")]


def test_a_call_rings_at_the_lines_of_its_own_legs() -> None:
    again = {**LEG, "uuid": f"{CALL_ID[:-4]}0002"}
    second = {**LEG, "uuid": f"{CALL_ID[:-4]}0003", "presence_id": "1002@example.org"}
    foreign = {**LEG, "uuid": f"{OTHER.call_id[:-4]}0001", "presence_id": "1009@example.org"}
    nameless = {**LEG, "uuid": f"{CALL_ID[:-4]}0004", "presence_id": ""}
    assert rings_at(CALL, [CALLER, LEG, again, second, foreign, nameless]) == ("1001@example.org", "1002@example.org")


def test_a_call_is_of_the_group_with_its_number_and_domain() -> None:
    assert is_of_group(CALL, group())
    assert not is_of_group(RingingCall(OTHER, "", ""), group())


def test_a_member_of_the_group_may_always_and_others_by_the_right_on_a_line_where_it_rings() -> None:
    lines = ("1001@example.org", "1002@example.org")
    found = [(CALL, lines, group(ANNA, BERND))]
    assert allowed(found, ANNA.user_id, ()) == [CALL]
    assert allowed(found, 77, {"1002@example.org"}) == [CALL]
    assert allowed(found, 77, {"1003@example.org"}) == []
    assert allowed([(CALL, (), None)], 77, {"1001@example.org"}) == []
    assert not is_member(ANNA.user_id, None)


def test_of_several_calls_those_that_are_allowed_stay_in_their_order() -> None:
    second = RingingCall(OTHER, "", "")
    found = [(CALL, ("1009@x",), None), (second, ("1001@x",), None), (CALL, ("1001@x",), None)]
    assert allowed(found, 77, {"1001@x"}) == [second, CALL]
