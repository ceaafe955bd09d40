"""The race of the legs: who wins, what the losers are told, and what the caller's channel holds afterwards."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from esl_huntgroup.simulator import phones
from esl_huntgroup.simulator.causes import COMPLETED_ELSEWHERE
from esl_huntgroup.simulator.channel import CallerChannel
from esl_huntgroup.simulator.clock import Clock
from esl_huntgroup.simulator.leg import Leg, Observer, sanitize
from esl_huntgroup.simulator.originate import Originate
from esl_huntgroup.simulator.phones import Phone, Registrar, Script, answering, registered, rejecting
from esl_huntgroup.simulator.sipvars import Caller

DOMAIN = "lab.local"


class Host:
    """A session that does nothing but originate."""

    def __init__(self, *scripts: Script) -> None:
        accounts = enumerate(scripts, 1001)
        self.phones = tuple(registered(f"P{n}", f"{n}@{DOMAIN}", script, port=n) for n, script in accounts)
        self.channel = CallerChannel(Clock(speed=50), Caller(), DOMAIN, "700", 1)
        self.registrar = Registrar(self.phones)
        self.legs: dict[str, Leg] = {}
        self.observer: Observer = lambda _phone, _heard: None
        self.when_queued: Callable[[], None] = lambda: None

    def run_queued(self) -> None:
        self.when_queued()

    def first_ring(self) -> None:
        pass

    def api(self, command: str, argument: str) -> str:
        return ""

    def dial(self, variables: str = "ignore_early_media=true", **each: str) -> str:
        local = "".join(f",{name}={value}" for name, value in each.items())
        legs = [f"[origination_uuid=leg{p.account}{local}]sofia/internal/{p.contacts[0]}" for p in self.phones]
        return f"{{{variables}}}{','.join(legs)}"

    def get(self, name: str) -> str | None:
        return self.channel.variables.get(name)

    def originate(self, *arguments: str, **each: str) -> Phone | None:
        originate = Originate(self, self.dial(*arguments, **each))
        winner = originate.run()
        return winner.phone if winner else None


def variable_of(phone: Phone, name: str) -> str:
    invitation = phone.did("invite")[0].invitation
    assert invitation is not None
    return invitation.variables[name]


def told(phone: Phone) -> list[tuple[str, str]]:
    return [(heard.what, heard.detail) for heard in phone.heard if heard.what in ("cancel", "bye")]


def test_the_first_to_answer_wins_and_the_others_learn_that_it_was_elsewhere() -> None:
    host = Host(phones.RINGING, answering(0.2), answering(0.9))
    assert host.originate() is host.phones[1]
    assert [told(phone) for phone in host.phones] == [
        [("cancel", COMPLETED_ELSEWHERE)],
        [],
        [("cancel", COMPLETED_ELSEWHERE)],
    ]
    assert host.get("originate_causes") == "ARRAY::leg1001;LOSE_RACE|:leg1002;NONE|:leg1003;LOSE_RACE"
    assert (host.get("originate_disposition"), host.get("DIALSTATUS")) == ("SUCCESS", "SUCCESS")
    assert host.get("signal_bond") == "leg1002"


def test_of_two_answers_in_one_pass_the_first_in_the_dial_string_wins_and_the_other_gets_a_bye() -> None:
    host = Host(answering(0.2), answering(0.2))
    assert host.originate() is host.phones[0]
    assert host.phones[1].did("answered")
    assert told(host.phones[1]) == [("bye", COMPLETED_ELSEWHERE)]


def test_one_reject_ends_nothing() -> None:
    host = Host(rejecting(0.1), phones.BUSY, answering(0.4))
    assert host.originate() is host.phones[2]
    assert host.get("originate_causes") == "ARRAY::leg1001;CALL_REJECTED|:leg1002;USER_BUSY|:leg1003;NONE"


@pytest.mark.parametrize(
    ("scripts", "disposition", "status"),
    [
        ((phones.BUSY, rejecting(0.1)), "USER_BUSY", "BUSY"),
        ((rejecting(0.1), phones.BUSY), "CALL_REJECTED", "DONTCALL"),
        ((phones.UNREACHABLE, phones.BUSY), "NORMAL_TEMPORARY_FAILURE", "NORMAL_TEMPORARY_FAILURE"),
    ],
)
def test_when_all_fail_the_disposition_is_the_cause_of_the_first_leg(
    scripts: tuple[Script, ...], disposition: str, status: str
) -> None:
    host = Host(*scripts)
    assert host.originate() is None
    assert (host.get("originate_disposition"), host.get("DIALSTATUS")) == (disposition, status)


def test_the_time_limit_ends_all_legs_with_no_answer_between_n_minus_one_and_n_seconds() -> None:
    host = Host(phones.RINGING, phones.DEAD)
    began = host.channel.clock.now()
    assert host.originate("ignore_early_media=true,originate_timeout=3") is None
    assert 1.9 <= host.channel.clock.now() - began <= 3.5
    assert host.get("originate_causes") == "ARRAY::leg1001;NO_ANSWER|:leg1002;NO_ANSWER"
    assert told(host.phones[0]) == [("cancel", 'Q.850;cause=19;text="NO_ANSWER"')]


def test_a_leg_has_a_time_limit_of_its_own() -> None:
    host = Host(phones.RINGING)
    assert host.originate(leg_timeout="1") is None
    assert host.get("originate_causes") == "leg1001;ALLOTTED_TIMEOUT"


def test_a_caller_who_gives_up_cancels_all_legs_and_nobody_is_told_elsewhere() -> None:
    host = Host(phones.RINGING, phones.RINGING)
    host.channel.clock.later(0.5, host.channel.caller_hangs_up)
    assert host.originate() is None
    assert host.get("originate_disposition") == "ORIGINATOR_CANCEL"
    assert told(host.phones[1]) == [("cancel", 'SIP;cause=487;text="ORIGINATOR_CANCEL"')]


def test_a_single_value_stands_alone() -> None:
    host = Host(answering(0.1))
    host.originate()
    assert host.get("originated_legs") == "leg1001;Outbound Call;1001"
    assert host.get("originate_causes") == "leg1001;NONE"


def test_early_media_wins_unless_it_is_ignored() -> None:
    host = Host(phones.early_media(0.1), phones.RINGING)
    assert host.originate("x=y") is host.phones[0]
    host = Host(phones.early_media(0.1), answering(0.3))
    assert host.originate() is host.phones[1]


def test_a_redirection_into_the_own_domain_moves_the_caller_unless_it_is_fatal() -> None:
    script = phones.redirecting(0.1, f"sip:9999@{DOMAIN}")
    host = Host(script, phones.RINGING)
    assert host.originate() is None
    assert host.channel.transfer is not None
    assert host.channel.transfer.extension == "9999"
    host = Host(script, answering(0.4))
    assert host.originate("ignore_early_media=true,outbound_redirect_fatal=true") is host.phones[1]
    assert host.get("originate_causes") == "ARRAY::leg1001;REQUESTED_CHAN_UNAVAIL|:leg1002;NONE"


def test_legs_that_never_become_channels_are_in_no_list() -> None:
    host = Host(answering(0.2))
    dial = (
        f"{{x=y}}error/user_not_registered,user/1999@{DOMAIN},{host.dial().removeprefix('{ignore_early_media=true}')}"
    )
    assert Originate(host, dial).run() is not None
    assert host.get("originate_causes") == "leg1001;NONE"


def test_without_a_single_leg_the_disposition_is_the_last_failure() -> None:
    host = Host()
    assert Originate(host, f"user/1998@{DOMAIN},error/user_not_registered").run() is None
    assert host.get("originate_disposition") == "USER_NOT_REGISTERED"
    assert host.get("originate_causes") is None


def test_common_variables_override_those_of_a_leg_unless_clobbered() -> None:
    host = Host(answering(0.1))
    host.originate("v=common", v="own")
    assert variable_of(host.phones[0], "v") == "common"
    host = Host(answering(0.1))
    host.originate("v=common,local_var_clobber=true", v="own")
    assert variable_of(host.phones[0], "v") == "own"


def test_a_second_leg_with_the_same_uuid_is_never_created() -> None:
    host = Host(answering(0.2), answering(0.1))
    dial = host.dial().replace("leg1002", "leg1001")
    assert Originate(host, dial).run() is host.legs["leg1001"]
    assert host.get("originate_causes") == "leg1001;NONE"


def test_commands_are_executed_while_it_rings() -> None:
    host = Host(phones.RINGING)
    host.when_queued = lambda: host.channel.hang_up("NORMAL_CLEARING")
    assert host.originate() is None
    assert host.get("originate_disposition") == "ORIGINATOR_CANCEL"


@pytest.mark.parametrize(
    ("name", "shown"), [("Sales: Alice/x", "x"), ("Alice", "Alice"), ("a@b@c", "a"), ("Sales; Alice", "Sales; Alice")]
)
def test_the_display_name_is_cut_as_mod_sofia_does(name: str, shown: str) -> None:
    assert sanitize(name) == shown
