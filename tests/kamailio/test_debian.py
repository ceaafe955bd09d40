"""
Debian's own Kamailio with ``kamailio/README.md`` done to it: phones register, callers reach groups, and phones ring.

FreeSWITCH is played by ``SipSwitch``; who is registered, what is dialled and what ``check`` says is the service's own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from esl_huntgroup.diagnostics.checks.kamailio import check_kamailios
from esl_huntgroup.diagnostics.checks.kamailio_numbers import check_numbers
from esl_huntgroup.model.group import Line
from esl_huntgroup.registrars.chosen import client_of, registrar_of
from esl_huntgroup.registrars.kamailio_client import KamailioClient
from esl_huntgroup.registrars.lookups import Answer
from esl_huntgroup.settings import Settings, load_settings
from tests.e2e import kamailio as kamailio_of
from tests.e2e import sip
from tests.e2e.agent import Agent, Dialog, Rings
from tests.e2e.kamailio import Kamailio
from tests.kamailio.sip_switch import SipSwitch

EDGE = "edge.example"
NOT_PASSED = "FreeSWITCH does not get such calls; HUNTGROUP_NUMBERS has to match it, kamailio/README.md, step 1"
ELSEWHERE = 'Reason: SIP;cause=200;text="Call completed elsewhere"'
RINGING = Rings()
MANY = 24
"""Legs of a big group: more requests than pike lets pass in two seconds."""
WITHIN_S = 20.0
"""Of a machine that has much else to do."""


class Edge:
    """A Kamailio, the switch behind it, and whoever has a phone or calls."""

    def __init__(self, folder: Path, *defines: str, **options: object) -> None:
        kamailio_of.require()
        self.switch = SipSwitch()
        self.secret = ""
        self.everybody: list[Agent] = [self.switch]
        self.kamailio = Kamailio(folder / "edge", EDGE, self.switch.port, *defines, **options)  # type: ignore[arg-type]
        self.switch.goes_to(self.kamailio.address)
        self.kamailio.start()

    def phone(self, account: str, rings: Rings = RINGING) -> Agent:
        """Switch on a phone, which registers itself."""
        agent = Agent(account, EDGE, self.kamailio.address, rings)
        agent.password = kamailio_of.PASSWORD
        self.everybody.append(agent)
        assert agent.register() == 200
        return agent

    @property
    def settings(self) -> Settings:
        """What the service is told."""
        return load_settings(None, {}, {"kamailio": self.kamailio.setting, "kamailio_secret": self.secret})

    def ring(self, *accounts: str) -> list[Dialog]:
        """Ring every device of these accounts: asked for and dialled as the service does."""
        registrar, client = registrar_of(self.settings), client_of(self.settings)
        lines = [Line(account, EDGE, account) for account in accounts]
        told = self._told(client, lines)
        contacts = registrar.contacts(lines, [], "", told)
        assert [it.fault for it in contacts.values()] == [""] * len(lines)
        return [
            self.switch.ring(registrar.destination(line, contact))
            for line, found in contacts.items()
            for contact in found.dialable
        ]

    def _told(self, client: KamailioClient, lines: list[Line]) -> list[Answer]:
        try:
            return client.ask(registrar_of(self.settings).lookups(lines)).answers()
        finally:
            client.stop()

    def check(self, *numbers: str) -> list[str]:
        """Return what `check` says of Kamailio where these are the numbers of groups."""
        lines = [Line("1001", EDGE, "1001"), Line("1009", EDGE, "1009")]
        found = [*check_kamailios(self.settings, lines), *check_numbers(self.settings, {EDGE: numbers})]
        return [str(it) for it in found]

    def close(self) -> None:
        """End everything."""
        for agent in self.everybody:
            agent.stop()
        self.kamailio.stop()


Started = Callable[..., Edge]


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    """Give what starts a Kamailio with these defines of Debian's file."""
    edges: list[Edge] = []

    def start(*defines: str, **options: object) -> Edge:
        edges.append(Edge(tmp_path, *defines, **options))
        return edges[-1]

    yield start
    for edge in edges:
        edge.close()


def assert_group_call(edge: Edge) -> None:
    """Assert that a caller reaches a group, that all its phones ring, one takes the call, and the others are told."""
    anna, desk, ben = edge.phone("1001"), edge.phone("1001"), edge.phone("1002", Rings(final=200, then_s=0.5))
    caller = edge.phone("1003")
    call = caller.call("700", target=f"sip:700@{EDGE}")
    arrived = edge.switch.invited(within_s=WITHIN_S)
    assert arrived.invite
    assert arrived.invite.start == f"INVITE sip:700@{EDGE} SIP/2.0"
    assert call.wait_over(WITHIN_S).statuses[-1] == 486

    legs = edge.ring("1001", "1002", "1009")
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


def rpc(edge: Edge) -> str:
    return f"kamailio: http://{edge.kamailio.host}:{edge.kamailio.rpc_port}/huntgroup"


def at(edge: Edge) -> str:
    return f"kamailio: {edge.kamailio.host}:{edge.kamailio.port}"


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
    edge = started(*defines, host="127.0.0.3" if "WITH_ANTIFLOOD" in defines else "127.0.0.1")
    assert_group_call(edge)
    said = edge.check("700", "701", "800")
    assert said[:3] == [
        f"ok  {rpc(edge)} tells who is registered (1 of 2 lines asked for)",
        f"NB  {rpc(edge)} keeps registrations in memory alone (seen at 2 of them): after a restart of it nobody rings "
        "until the phones register again; usrloc db_mode 1 keeps them (kamailio/README.md)",
        f"ok  {rpc(edge)} answers nothing but look-ups",
    ]
    number, passed = said[3:]
    assert number.startswith(
        f"FIX {at(edge)} answers OPTIONS to the group number 800 of {EDGE} with 404 by 'kamailio ("
    )
    assert number.endswith(NOT_PASSED)
    assert passed == f"ok  {at(edge)} passes 2 of 3 group numbers on to FreeSWITCH"


def test_a_big_group_does_not_have_the_switch_banned_as_a_flood(started: Started) -> None:
    edge = started("WITH_ANTIFLOOD", host="127.0.0.3")
    assert_rings(edge, MANY)
    assert_rings(edge, MANY)


def test_without_step_3_a_big_group_has_it_banned_and_check_says_so(started: Started) -> None:
    flood = "\tif(src_ip!=myself) {\n"
    edge = started("WITH_ANTIFLOOD", host="127.0.0.3", edits={flood: flood})
    with pytest.raises(AssertionError, match="180"):
        assert_rings(edge, MANY, within_s=3.0)
    assert "pike blocking INVITE" in edge.kamailio.log()
    (said,) = [line for line in edge.check("700") if "OPTIONS" in line]
    assert said.startswith(f"FIX {at(edge)} gives no answer to OPTIONS (no answer within 2 s): ")
    assert said.endswith("or pike has banned this host; kamailio/README.md, step 3")


def assert_rings(edge: Edge, devices: int, within_s: float = WITHIN_S) -> None:
    """Assert that so many devices of one phone ring at once, and are told to stop."""
    phone = Agent("1001", EDGE, edge.kamailio.address)
    edge.everybody.append(phone)
    for device in range(devices):
        # From many places, and so no flood either.
        contact = f"<sip:1001@127.0.0.1:{phone.port};device={device}>"
        sip.register(edge.kamailio.address, "1001", EDGE, contact, host=f"127.0.1.{device + 1}")
    legs = edge.ring("1001")
    try:
        assert len(legs) >= devices
        for leg in legs[-devices:]:
            leg.wait_status(180, within_s)
    finally:
        for leg in legs:
            leg.cancel(ELSEWHERE)
    phone.invited(devices)


@pytest.mark.parametrize("mode", [1, 2, 3])
def test_registrations_in_a_database_outlive_a_restart_and_check_sees_it(started: Started, mode: int) -> None:
    edge = started(**persistent(mode))
    edge.phone("1001")
    kept = f"ok  {rpc(edge)} has its registrations in a database, too: they outlive a restart of it"
    late = f"NB  {rpc(edge)} writes registrations to its database once in a while (usrloc db_mode 2): "
    if mode == 2:
        await_said(edge, kept, lambda: None)  # the timer writes them
        await_said(edge, late, edge.everybody[1].register)
        await_said(edge, kept, lambda: None)
    else:
        assert edge.check()[1] == kept
    edge.kamailio.stop()
    edge.kamailio.start()
    assert edge.check()[0] == f"ok  {rpc(edge)} tells who is registered (1 of 2 lines asked for)"
    (leg,) = edge.ring("1001")
    leg.wait_status(180, WITHIN_S)


def await_said(edge: Edge, text: str, before: Callable[[], object]) -> None:
    """Wait until `check` says so; do something before each time that it is asked."""
    deadline = time.monotonic() + WITHIN_S
    while not (before(), edge.check()[1].startswith(text))[1]:
        assert time.monotonic() < deadline, edge.check()
        time.sleep(0.1)


def persistent(mode: int) -> dict[str, object]:
    """Return what has usrloc keep registrations in a file."""
    domains = 'modparam("usrloc", "use_domain", MULTIDOMAIN)\n'
    kept = f'modparam("usrloc", "db_url", "text://{{tables}}")\nmodparam("usrloc", "db_mode", {mode})\n'
    seldom, often = 'modparam("usrloc", "timer_interval", 60)', 'modparam("usrloc", "timer_interval", 1)'
    return {"edits": {domains: domains + kept, seldom: often}, "local": 'loadmodule "db_text.so"\n'}


@pytest.mark.parametrize("use_domain", [0, 1])
def test_check_sees_whether_domains_are_told_apart(started: Started, use_domain: int) -> None:
    use = 'modparam("usrloc", "use_domain", MULTIDOMAIN)'
    edge = started(edits={use: use.replace("MULTIDOMAIN", str(use_domain))})
    other = f"* {edge.kamailio.setting.partition(' ')[2]}"
    lines = [Line("1001", EDGE, "1001"), Line("1001", "other.example", "1001")]
    settings = load_settings(None, {}, {"kamailio": other})
    wrong = [it.text for it in check_kamailios(settings, lines) if not it.is_ok]
    assert len(wrong) == 1 - use_domain
    assert all("does not tell domains apart, so one account in two domains is one phone" in text for text in wrong)


def test_the_endpoint_wants_its_secret(started: Started) -> None:
    edge = started(local='#!define HUNTGROUP_SECRET "Bearer 0123456789abcdef"\n')
    edge.phone("1001")
    (said,) = [line for line in edge.check() if "look-ups" not in line]
    refused = "HTTP status 401: the endpoint refuses ul.lookup or this service (address, kamailio_secret)"
    assert said == (
        f"FIX {rpc(edge)} does not tell who is registered, so lines ring as a whole: {refused}; see kamailio/README.md"
    )
    edge.secret = "0123456789abcdef"
    assert [line[:3] for line in edge.check()] == ["ok ", "NB ", "ok "]


def test_the_endpoint_answers_nobody_but_the_service(started: Started) -> None:
    edge = started(service="src_ip == 127.0.0.5")
    said = edge.check()
    assert "FIX" in said[0]
    assert "HTTP status 403: the endpoint refuses ul.lookup or this service" in said[0]


def test_an_endpoint_that_runs_anything_is_found(started: Started) -> None:
    """With Debian's own WITH_JSONRPC in place of ours."""
    edge = started("WITH_JSONRPC", endpoint=False)
    found = f"FIX kamailio: http://127.0.0.1:{edge.kamailio.rpc_port}/RPC runs any RPC command, so whoever reaches it "
    assert [line for line in edge.check() if line.startswith(found)] != []


def test_with_jsonrpc_of_debian_the_endpoint_is_ours_once_its_own_is_removed(started: Started) -> None:
    own = "event_route[xhttp:request] {\n\tset_reply_close();\n"
    edge = started("WITH_JSONRPC", edits={own: own.replace("event_route[xhttp:request]", "route[OWN_RPC]")})
    edge.phone("1001")
    assert [line[:3] for line in edge.check()] == ["ok ", "NB ", "ok "]


def test_a_group_call_goes_to_the_next_switch_when_the_first_is_gone_or_says_503(started: Started) -> None:
    second = SipSwitch(Rings(final=486))
    edge = started(other_switches=(second.port,))
    second.goes_to(edge.kamailio.address)
    edge.everybody.append(second)
    caller = edge.phone("1003")

    def statuses() -> list[int]:
        return caller.call("700", target=f"sip:700@{EDGE}").wait_over(WITHIN_S).statuses

    assert statuses()[-1] == 486
    assert len(called(edge.switch)) == 1
    assert called(second) == []
    edge.switch.rings = Rings(provisional=0, final=503, then_s=0)
    assert statuses()[-1] == 486
    assert (len(called(edge.switch)), len(called(second))) == (2, 1)
    edge.switch.stop()
    assert statuses()[-1] == 486
    assert len(called(second)) == 2
    said = edge.check("700")
    assert said[-1] == f"ok  {at(edge)} passes 1 of 1 group number on to FreeSWITCH"
    edge.phone("1001")
    edge.switch = second
    (leg,) = edge.ring("1001")
    leg.wait_status(180, WITHIN_S)


def called(switch: SipSwitch) -> list[Dialog]:
    """Return the calls that came in."""
    return [dialog for dialog in switch.dialogs if not dialog.is_caller]


def test_check_says_that_the_switch_cannot_be_reached(started: Started) -> None:
    edge = started()
    edge.switch.stop()
    said = edge.check("700")
    assert said[-1].startswith(f"FIX {at(edge)} ")
    assert "HUNTGROUP_FREESWITCH" in said[-1]
