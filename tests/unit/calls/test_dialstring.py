"""The dial string, held against a model of how FreeSWITCH reads it: what goes in comes out, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esl_huntgroup.calls.dialstring import dial_string
from esl_huntgroup.calls.hunt import Hunt
from esl_huntgroup.calls.hunt_messages import Bridge, ContactsKnown, GroupFound
from esl_huntgroup.calls.leg_report import ring_note
from esl_huntgroup.calls.ring_plan import RingPlan, make_plan
from esl_huntgroup.model.group import HuntGroup, HuntMode, Line, Member
from esl_huntgroup.model.limits import LEG_LIMIT
from esl_huntgroup.registrars.contacts import Contacts, is_dialable
from esl_huntgroup.simulator.dialstring import parse
from tests.unit.examples import ANNA, ANNA_LINE, BERND, BERND_LINE, CALL_ID, DOMAIN, contact, group, inbound, plan_for

CALLER = inbound().channel_uuid


def dialled(hunt_group: HuntGroup, contacts: dict[Line, Contacts], **channel_data: str | None) -> str:
    """Return the dial string that a call leads to."""
    hunt = Hunt(CALL_ID, inbound(**channel_data))
    at_ms = hunt.inbound.arrived_at_ms
    hunt.receive(GroupFound(hunt_group, at_ms))
    (bridge,) = [it for it in hunt.receive(ContactsKnown(contacts, at_ms)) if isinstance(it, Bridge)]
    return bridge.dial_string


def test_a_dial_string_as_it_is() -> None:
    assert dial_string({"ignore_early_media": "true"}, plan_for(ANNA, BERND), CALL_ID) == (
        "{^^~ignore_early_media=true}"
        "[^^~origination_uuid=01900000-0000-7000-8000-000000000001~presence_id=1001@example.org~huntgroup_user=1]"
        "sofia/internal/sip:1001@127.0.0.1:5060,"
        "[^^~origination_uuid=01900000-0000-7000-8000-000000000002~presence_id=1002@example.org~huntgroup_user=2]"
        "sofia/internal/sip:1002@127.0.0.1:5060"
    )


def test_every_leg_and_variable_comes_out_as_it_went_in() -> None:
    dial = parse(dialled(group(ANNA, BERND), {ANNA_LINE: Contacts((contact(ANNA_LINE),))}))
    (leg,) = dial.legs
    assert (leg.endpoint, leg.destination) == ("sofia", "internal/sip:1001@127.0.0.1:5060")
    note = f"uuid_setvar_multi {CALLER} huntgroup_rang_0001={CALL_ID[:-4]};app_disable_expand_variables="
    assert leg.named == {
        "origination_uuid": f"{CALL_ID[:-4]}0001",
        "presence_id": "1001@example.org",
        "huntgroup_user": "1",
        "api_on_ring_huntgroup": note,
        "api_on_pre_answer_huntgroup": note,
    }
    assert dial.named == {
        "huntgroup_call": CALL_ID,
        "ignore_early_media": "true",
        "huntgroup_ringing": CALL_ID,
        "execute_on_answer_huntgroup": "unset huntgroup_ringing",
        "originate_timeout": "23",
        "no_throttle_limits": "true",
        "outbound_redirect_fatal": "true",
        "local_var_clobber": "true",
        "sip_h_Diversion": '"Vertrieb" <sip:700@example.org>;reason=unconditional;privacy=off;screen=no',
        "sip_h_History-Info": "<sip:700@example.org>;index=1",
        "origination_caller_id_name": "Karl Kunde",
        "origination_caller_id_number": "+493012345",
    }


def test_as_many_legs_as_one_bridge_can_have_come_out() -> None:
    lines = [Line(str(2000 + n), DOMAIN, str(2000 + n)) for n in range(LEG_LIMIT + 20)]
    members = [Member(n, f"M {n}", (line,)) for n, line in enumerate(lines)]
    dial = parse(dialled(group(*members), {line: Contacts((contact(line),)) for line in lines}))
    assert [leg.named["presence_id"] for leg in dial.legs] == [line.address for line in lines[:LEG_LIMIT]]
    assert dial.legs[-1].destination == f"internal/sip:{lines[LEG_LIMIT - 1].account}@127.0.0.1:5060"


def test_a_caller_without_a_name_is_shown_by_number() -> None:
    contacts = {ANNA_LINE: Contacts((contact(ANNA_LINE),))}
    assert parse(dialled(group(ANNA), contacts, Caller_Caller_ID_Name="\x1b\x00")).named[
        "origination_caller_id_name"
    ] == ("+493012345")


@pytest.mark.parametrize(
    "value",
    [
        "",
        " x",
        "x ",
        "a~b",
        "a{b",
        "a}b",
        "a[b",
        "a]b",
        "a|b",
        "a'b",
        "a\\b",
        "a$b",
        "a\nb",
        ":_:",
        "^^x",
        "a%b",
        "a`b",
        "a\u202eb",
    ],
)
def test_a_value_that_could_be_syntax_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="cannot hold"):
        dial_string({"name": value}, RingPlan((), ()), CALL_ID)


# `text` with the characters that mean something somewhere in the grammar, more often than chance would have them
hostile = st.text(
    st.one_of(st.sampled_from("~^{}[]|,'\"\\$%<>;:=@ _\n\ra1ü"), st.characters(codec="utf-8")), max_size=40
)
uris = st.one_of(
    hostile,
    st.from_regex(
        r"sip:[a-z0-9.+$;?/&=~-]{1,9}@[a-z0-9.]{1,9}(;[a-z&$]{1,5}=[a-z%0-9:_&$/\[\]]{0,9}){0,3}", fullmatch=True
    ),
)


@given(
    group_name=hostile,
    caller_name=hostile,
    caller_number=hostile,
    diversion=hostile,
    history=hostile,
    anna=st.lists(uris, max_size=4),
    bernd=st.lists(uris, max_size=4),
)
def test_no_text_breaks_out_of_the_dial_string(
    group_name: str,
    caller_name: str,
    caller_number: str,
    diversion: str,
    history: str,
    anna: list[str],
    bernd: list[str],
) -> None:
    hunt_group = HuntGroup(7, group_name, DOMAIN, "700", HuntMode.SOFTPHONE, 20, members=(ANNA, BERND))
    registered = {
        line: Contacts(tuple(uri for uri in map("sofia/internal/{}".format, uris) if is_dialable(uri)))
        for line, uris in ((ANNA_LINE, anna), (BERND_LINE, bernd))
    }
    plan = make_plan(hunt_group, registered, "")
    hunt = Hunt(
        CALL_ID,
        inbound(
            Caller_Caller_ID_Name=caller_name,
            Caller_Caller_ID_Number=caller_number,
            variable_sip_h_Diversion=diversion,
            variable_sip_history_info=history,
        ),
    )
    at_ms = hunt.inbound.arrived_at_ms
    hunt.receive(GroupFound(hunt_group, at_ms))
    bridges = [it for it in hunt.receive(ContactsKnown(registered, at_ms)) if isinstance(it, Bridge)]
    assert bool(bridges) == bool(plan.legs)
    for bridge in bridges:
        dial = parse(bridge.dial_string)
        assert len(dial.alternatives) == 1
        assert [f"{leg.endpoint}/{leg.destination}" for leg in dial.legs] == [leg.contact for leg in plan.legs]
        assert [leg.named for leg in dial.legs] == [
            {
                "origination_uuid": uuid,
                "presence_id": leg.line.address,
                "huntgroup_user": str(leg.member.user_id),
                "api_on_ring_huntgroup": ring_note(CALLER, uuid[:-4], uuid[-4:]),
                "api_on_pre_answer_huntgroup": ring_note(CALLER, uuid[:-4], uuid[-4:]),
            }
            for uuid, leg in zip(plan.uuids(CALL_ID), plan.legs, strict=True)
        ]
        known = {"huntgroup_call", "ignore_early_media", "originate_timeout"}
        known |= {"no_throttle_limits", "outbound_redirect_fatal", "local_var_clobber", "sip_h_Diversion"}
        known |= {"huntgroup_ringing", "execute_on_answer_huntgroup"}
        known |= {"sip_h_History-Info", "origination_caller_id_name", "origination_caller_id_number"}
        assert set(dial.named) <= known
        assert dial.named["huntgroup_call"] == CALL_ID
        assert "<sip:700@example.org>" in dial.named["sip_h_Diversion"]
        assert not set("".join(dial.named.values())) & set("\r\n$\\")
