"""What the switch says of a caller, believed only as far as it can be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esl_huntgroup.calls.inbound_call import TRAIL_MAX, read_inbound_call
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
    caller = inbound(Caller_Caller_ID_Name='A\nUnique-ID: b "${x}"')
    assert caller.caller_name == 'A Unique-ID: b "${x}"'
    assert caller.variables["origination_caller_id_name"] == "A Unique-ID∶ b ”＄｛x｝”"


def test_who_the_caller_is_is_what_the_dialplan_says_as_for_a_bridge() -> None:
    caller = inbound(
        variable_effective_caller_id_name="Extension 1000",
        variable_effective_caller_id_number="1000",
        Caller_Caller_ID_Name="Polizei",
        Caller_Caller_ID_Number="110",
    )
    assert (caller.caller_name, caller.caller_number) == ("Extension 1000", "1000")
    assert caller.variables == {
        "origination_caller_id_name": "Extension 1000",
        "origination_caller_id_number": "1000",
    }


def test_the_dialplan_can_name_the_number_alone() -> None:
    caller = inbound(variable_effective_caller_id_number="0800")
    assert (caller.caller_name, caller.caller_number) == ("Karl Kunde", "0800")


@pytest.mark.parametrize(
    "asked",
    [
        {"Caller_Privacy_Hide_Number": "true"},
        {"variable_sip_Privacy": "id"},
        {"variable_sip_Privacy": "user;critical"},
        {"variable_sip_Privacy": "Session; Header"},
        {"variable_sip_h_Privacy": "id"},
        {"variable_sip_from_user": "Anonymous"},
        {"variable_sip_from_user": "x", "variable_sip_from_host": "anonymous.invalid"},
        {"variable_effective_caller_id_number": "anonymous"},
    ],
)
def test_a_caller_who_withholds_the_number_has_none_in_the_journal_and_the_phones_see_what_a_bridge_shows(
    asked: dict[str, str],
) -> None:
    caller = inbound(**asked)
    assert (caller.caller_name, caller.caller_number) == ("", "")
    assert caller.shown == ("Karl Kunde", asked.get("variable_effective_caller_id_number", "+493012345"))


@pytest.mark.parametrize("asked", ["none", "session", "critical", "history", ""])
def test_other_privacy_hides_nobody(asked: str) -> None:
    assert inbound(variable_sip_Privacy=asked).caller_number == "+493012345"


def test_a_caller_who_withholds_the_name_alone_has_a_number() -> None:
    caller = inbound(Caller_Privacy_Hide_Name="true")
    assert (caller.caller_name, caller.caller_number) == ("", "+493012345")


@pytest.mark.parametrize(("set_by_dialplan", "carried"), [("id", "id"), ("id;critical", "id;critical"), ("a\nb", None)])
def test_the_privacy_that_the_dialplan_sets_reaches_the_phones(set_by_dialplan: str, carried: str | None) -> None:
    assert inbound(variable_sip_h_Privacy=set_by_dialplan).variables.get("sip_h_Privacy") == carried


@pytest.mark.parametrize(
    ("written", "trail"),
    [
        (
            "700@example.org/no_answer,701@example.org/all_busy",
            ("700@example.org/no_answer", "701@example.org/all_busy"),
        ),
        ("700@x;sip_auto_answer=true", ()),
        ("700@x;sip_auto_answer=true/no_answer,701@example.org/all_busy", ("701@example.org/all_busy",)),
        ("700@x/no_answer;sip_auto_answer=true,701@example.org", ()),
        ("700@x\ny/no_answer,@x/no_answer,700@/no_answer,700,${x}@y/no_answer", ()),
        ("7 00@EXAMPLE.org/no_answer", ("700@example.org/no_answer",)),
        (None, ()),
    ],
)
def test_of_the_trail_only_groups_are_read(written: str | None, trail: tuple[str, ...]) -> None:
    assert tuple(map(str, inbound(variable_huntgroup_trail=written).trail)) == trail


def test_of_a_trail_without_end_the_last_groups_are_read() -> None:
    endless = ",".join(["700@example.org/no_answer"] * 10_000 + ["701@example.org/no_answer"])
    trail = inbound(variable_huntgroup_trail=endless).trail
    assert (len(trail), trail[-1].group) == (TRAIL_MAX, "701@example.org")


@given(st.sampled_from(sorted(CHANNEL_DATA)), st.text(max_size=40))
def test_nothing_in_the_channel_data_raises(name: str, value: str) -> None:
    caller = read_inbound_call({**CHANNEL_DATA, name: value}.get, "default.org")
    assert "\n" not in caller.caller_name + caller.caller_number + caller.node
