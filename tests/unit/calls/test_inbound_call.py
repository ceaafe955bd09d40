"""What the switch says of a caller, believed only as far as it can be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esl_huntgroup.calls.inbound_call import read_inbound_call
from tests.unit.examples import CHANNEL_DATA, DOMAIN, inbound


def test_a_caller_from_outside() -> None:
    caller = inbound()
    assert (caller.number, caller.domain, caller.problem) == ("700", DOMAIN, "")
    assert (caller.caller_name, caller.caller_number, caller.caller_address) == ("Karl Kunde", "+493012345", "")
    assert (caller.arrived_at_ms, caller.age_ms, caller.watchdog_ms) == (1795372358914, 914, 8000)
    assert (caller.park_timeout, caller.parks_visibly) == ("-1", True)
    assert caller.missing_settings == ()


@pytest.mark.parametrize(
    ("data", "address"),
    [
        ({"variable_user_name": "1001", "variable_domain_name": "EXAMPLE.org"}, f"1001@{DOMAIN}"),
        ({"variable_sip_from_user": "1001", "variable_sip_from_host": DOMAIN}, f"1001@{DOMAIN}"),
        ({"variable_sip_from_user": "1001", "variable_sip_from_host": "elsewhere.net"}, ""),
        ({"variable_user_name": "1001 x", "variable_domain_name": DOMAIN}, ""),
        ({"variable_user_name": "1001", "variable_sip_from_user": "1002", "variable_sip_from_host": DOMAIN}, "1001@"),
    ],
)
def test_whose_line_is_calling(data: dict[str, str], address: str) -> None:
    assert inbound(**data).caller_address.startswith(address)
    assert bool(inbound(**data).caller_address) == bool(address)


def test_the_domain_of_the_extension_counts_before_the_channels() -> None:
    assert inbound(variable_domain_name="other.org").domain == DOMAIN
    assert inbound(variable_domain_name="other.org", variable_huntgroup_domain=None).domain == "other.org"
    assert read_inbound_call({"Caller-Destination-Number": "700"}.get, "default.org").domain == "default.org"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"Caller_Destination_Number": "sales"}, "'sales' is not a number"),
        ({"Caller_Destination_Number": None}, "'' is not a number"),
        ({"variable_huntgroup_domain": "a b"}, "'a b' is not a domain"),
        ({"Socket_Mode": None}, "'async full' or 'full' is needed"),
        ({"Control": "single-channel"}, "'async full' or 'full' is needed"),
    ],
)
def test_what_cannot_be_used_is_a_problem_in_words(changes: dict[str, str | None], problem: str) -> None:
    assert problem in inbound(**changes).problem


def test_what_the_extension_did_not_set_is_named() -> None:
    assert inbound(variable_continue_on_fail=None, variable_hangup_after_bridge="false").missing_settings == (
        "continue_on_fail",
        "hangup_after_bridge",
    )


def test_without_a_watchdog_there_is_none() -> None:
    assert inbound(variable_huntgroup_watchdog=None).watchdog_ms == 0


def test_a_hostile_name_arrives_harmless() -> None:
    assert inbound(Caller_Caller_ID_Name='A\nUnique-ID: b "${x}"').caller_name == "A Unique-ID b x"


@given(st.sampled_from(sorted(CHANNEL_DATA)), st.text(max_size=40))
def test_nothing_in_the_channel_data_raises(name: str, value: str) -> None:
    caller = read_inbound_call({**CHANNEL_DATA, name: value}.get, "default.org")
    assert "\n" not in caller.caller_name + caller.caller_number + caller.node
