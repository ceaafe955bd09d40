"""Phones that are registered at a real Kamailio in front of FreeSWITCH, and one that is registered at FreeSWITCH."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import sip, sipp
from .kamailio import Kamailio
from .lab import ELSEWHERE, GAVE_UP, Caller, Lab
from .running import lab_of, service_of, switch_of_tenants
from .service import Service
from .sipp import Endpoint
from .test_domains import SwitchOfTenants

FIRM = Path(__file__).parent / "kamailio.yaml"
EDGE, PBX = "edge.example", "pbx.example"
DEADLINE_MS = 300


class EdgeLab(Lab):
    """A lab with a Kamailio, where phones of the domain EDGE register."""

    def __init__(self, kamailio: Kamailio, switch: SwitchOfTenants, service: Service, folder: Path) -> None:
        super().__init__(switch, service, folder)
        self.kamailio = kamailio
        self._at_kamailio: list[tuple[str, str]] = []

    def edge_phone(self, account: str, scenario: str) -> Endpoint:
        """Switch on a phone that is registered at Kamailio."""
        phone = self._endpoint(f"edge{len(self._endpoints)}-{account}", scenario)
        contact = f"<sip:{account}@127.0.0.1:{phone.port}>"
        sip.register(self.kamailio.address, account, EDGE, contact)
        self._at_kamailio.append((account, contact))
        return phone

    def pbx_phone(self, account: str, scenario: str) -> Endpoint:
        """Switch on a phone that is registered at FreeSWITCH."""
        phone = self._endpoint(f"pbx{len(self._endpoints)}-{account}", scenario)
        sip.register(self.switch.address, account, PBX, f"<sip:{account}@127.0.0.1:{phone.port}>")
        self._registered.add(account)
        return phone

    def forget(self, account: str) -> None:
        self.switch.api(f"sofia profile internal flush_inbound_reg {account}@{PBX}")

    def close(self) -> None:
        for account, contact in self._at_kamailio:
            sip.register(self.kamailio.address, account, EDGE, f"{contact};expires=0")
        super().close()


@pytest.fixture(scope="module", params=[False, True], ids=["async", "fast"])
def switch(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SwitchOfTenants]:
    with switch_of_tenants(tmp_path_factory.mktemp("switch"), is_fast=request.param) as switch:
        yield switch


@pytest.fixture(scope="module")
def kamailio(tmp_path_factory: pytest.TempPathFactory, switch: SwitchOfTenants) -> Iterator[Kamailio]:
    kamailio = Kamailio(tmp_path_factory.mktemp("kamailio") / "edge", EDGE, switch.sip_port)
    kamailio.start()
    yield kamailio
    kamailio.stop()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, switch: SwitchOfTenants) -> Iterator[Service]:
    with service_of(tmp_path_factory.mktemp("service"), switch, FIRM) as service:
        yield service


@pytest.fixture
def setting(kamailio: Kamailio) -> str:
    """Return what the service is told of Kamailio; a class of tests may say something else."""
    return kamailio.setting


@pytest.fixture
def lab(
    kamailio: Kamailio, switch: SwitchOfTenants, service: Service, setting: str, tmp_path: Path
) -> Iterator[EdgeLab]:
    with lab_of(lambda: EdgeLab(kamailio, switch, service, tmp_path), service, setting) as lab:
        yield lab


def everybody(lab: EdgeLab, ben: str) -> tuple[list[Endpoint], Endpoint]:
    """Switch on two phones of Anna and one of Carla, which ring, and one of Ben; Dora has none."""
    others = [lab.edge_phone("1001", sipp.rings()) for _ in range(2)] + [lab.pbx_phone("1003", sipp.rings())]
    return others, lab.edge_phone("1002", ben)


def test_every_device_at_kamailio_and_at_the_switch_rings_and_who_answers_has_the_call(lab: EdgeLab) -> None:
    others, ben = everybody(lab, sipp.answers(after_ms=500))
    caller = lab.call(talk_ms=300)
    assert caller.final_status() == 200
    for phone in others:
        assert phone.reasons("CANCEL") == [ELSEWHERE]
    invite = ben.wait_invited()
    assert invite.header("To") == f"<sip:1002@{EDGE}>"
    assert invite.header("Diversion").startswith('"Vertrieb" <sip:700@lab.local>')
    call = lab.journal(caller)
    assert (call.outcome, call.answered_by) == ("answered", "Ben Wolf")
    assert call.kinds == {
        "Anna Berg": "answered_elsewhere",
        "Ben Wolf": "answered",
        "Carla Diaz": "answered_elsewhere",
        "Dora Lang": "answered_elsewhere",
    }
    assert [leg.line for leg in call.legs].count(f"1001@{EDGE}") == 2
    (answered,) = [leg for leg in call.legs if leg.cause == "NONE"]
    assert f" sip:1002@127.0.0.1:{ben.port} " in answered.contact
    assert answered.contact.endswith(" e2e phone")
    assert f"@{EDGE};gr " in answered.contact


def test_a_caller_who_gives_up_is_a_missed_call_on_every_device(lab: EdgeLab) -> None:
    others, ben = everybody(lab, sipp.rings())
    caller = lab.call(gives_up_after_ms=1000)
    assert caller.final_status() == 487
    for phone in [*others, ben]:
        assert phone.reasons("CANCEL") == [GAVE_UP]
    call = lab.journal(caller)
    assert call.outcome == "caller_gone"
    assert call.rang == {"Anna Berg", "Ben Wolf", "Carla Diaz"}


def test_a_caller_who_comes_by_kamailio_reaches_the_group(lab: EdgeLab) -> None:
    phone = lab.edge_phone("1001", sipp.rings())
    scenario = sipp.calls("700", "3990", domain=EDGE, asks=EDGE, gives_up_after_ms=800)
    caller = Caller("3990", lab._endpoint("caller-by-kamailio", scenario, lab.kamailio.address))
    assert caller.final_status() == 487
    assert phone.reasons("CANCEL") == [GAVE_UP]
    assert lab.journal(caller).rang == {"Anna Berg"}


def test_nobody_is_registered_at_kamailio(lab: EdgeLab) -> None:
    caller = lab.call(to="701")
    assert caller.final_status() >= 400
    assert lab.journal(caller).outcome == "nobody_registered"


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Give a port where somebody takes connections, and never says anything."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        yield listener.getsockname()[1]


def assert_rings_by_address(lab: EdgeLab) -> Caller:
    """Assert that everybody rings, Kamailio forking; one of Anna's phones answers, and the journal says who has it."""
    quiet = [lab.edge_phone("1001", sipp.rings()), lab.edge_phone("1002", sipp.rings())]
    winner = lab.edge_phone("1001", sipp.answers(after_ms=700))
    pbx = lab.pbx_phone("1003", sipp.rings())
    caller = lab.call(talk_ms=300)
    assert caller.final_status() == 200
    for phone in [*quiet, pbx]:
        assert phone.reasons("CANCEL") == [ELSEWHERE]
    assert winner.wait_invited().header("X-Huntgroup") == ""
    call = lab.journal(caller)
    assert (call.outcome, call.answered_by) == ("answered", "Anna Berg")
    assert call.rang == {"Anna Berg", "Ben Wolf", "Carla Diaz"}
    assert [leg.line for leg in call.legs].count(f"1001@{EDGE}") == 1
    (answered,) = [leg for leg in call.legs if leg.cause == "NONE"]
    assert answered.contact.startswith(f"sip:1001@{EDGE};ruid=uloc-")
    assert f" sip:phone@127.0.0.1:{winner.port} " in answered.contact
    return caller


def test_explain_and_check_say_which_phone_is_registered_where(lab: EdgeLab) -> None:
    phone = lab.edge_phone("1001", sipp.rings())
    lab.pbx_phone("1003", sipp.rings())
    setting = {"ESL_HUNTGROUP_KAMAILIO": lab.kamailio.setting}
    told = lab.service.run("explain", "700", settings=setting)
    at = f"registered at Kamailio 127.0.0.1:{lab.kamailio.port} by udp, expires in "
    assert f"rings          1 Anna Berg: 1001@{EDGE} at e2e phone at sip:1001@127.0.0.1:{phone.port} (sip:uloc-" in told
    assert at in told
    assert f"does not ring  2 Ben Wolf: 1002@{EDGE} is not registered at Kamailio 127.0.0.1:{lab.kamailio.port}" in told
    assert f"rings          3 Carla Diaz: 1003@{PBX} at sofia/internal/sip:1003@" in told
    checked = [line for line in lab.service.run("check", settings=setting).splitlines() if "kamailio: " in line]
    rpc = f"http://127.0.0.1:{lab.kamailio.rpc_port}/huntgroup"
    assert checked == [
        f"ok  kamailio: {rpc} tells who is registered (1 of 3 lines asked for)",
        f"NB  kamailio: {rpc} keeps registrations in memory alone (seen at 1 of them): after a restart of it nobody "
        "rings until the phones register again; usrloc db_mode 1 keeps them (kamailio/README.md)",
        f"ok  kamailio: {rpc} answers nothing but look-ups",
        f"ok  kamailio: 127.0.0.1:{lab.kamailio.port} passes 2 of 2 group numbers on to FreeSWITCH",
        f"ok  kamailio: 127.0.0.1:{lab.kamailio.port} looks for the phones of {EDGE} that FreeSWITCH rings",
    ]


class TestWithoutRpc:
    """Nobody listens where Kamailio should be asked."""

    @pytest.fixture
    def setting(self, kamailio: Kamailio) -> str:
        return kamailio.setting.replace(str(kamailio.rpc_port), str(sip.free_port(socket.SOCK_STREAM)))

    def test_every_line_rings_as_a_whole(self, lab: EdgeLab) -> None:
        assert_rings_by_address(lab)
        assert "is down: Connection refused; lines there are dialled by their address" in lab.service_log()

    def test_explain_says_why_a_line_rings_as_a_whole_and_check_what_to_do(self, lab: EdgeLab, setting: str) -> None:
        told = lab.service.run("explain", "701", settings={"ESL_HUNTGROUP_KAMAILIO": setting})
        why = "dialled by its address, because Connection refused"
        assert f"Dora Lang: 1004@{EDGE} at every phone of 1004@{EDGE} ({why})" in told
        checked = lab.service.run("check", settings={"ESL_HUNTGROUP_KAMAILIO": setting}, status=1)
        assert "does not tell who is registered, so lines ring as a whole: Connection refused" in checked

    def test_a_line_where_nobody_is_registered_is_not_reached(self, lab: EdgeLab) -> None:
        caller = lab.call(to="701")
        assert caller.final_status() >= 400
        assert lab.journal(caller).outcome == "nobody_registered"


class TestWithSilentRpc:
    """Who should answer takes the question, and never does."""

    @pytest.fixture
    def setting(self, kamailio: Kamailio, silent_port: int) -> str:
        return kamailio.setting.replace(str(kamailio.rpc_port), str(silent_port))

    def test_one_call_waits_for_the_deadline_and_the_next_does_not(self, lab: EdgeLab) -> None:
        phone = lab.edge_phone("1001", sipp.rings())
        waited_ms = []
        for count in (1, 2):
            caller = lab.call(gives_up_after_ms=1500)
            caller.final_status()
            began = caller.endpoint.sent("INVITE")[0].at
            waited_ms.append((phone.wait_received("INVITE", count)[-1].at - began) * 1000)
            lab.journal(caller)
        assert DEADLINE_MS <= waited_ms[0] < DEADLINE_MS + 300
        assert waited_ms[1] < DEADLINE_MS
        assert f"no answer within {DEADLINE_MS} ms" in lab.service_log()


class TestWithoutLookups:
    """The mode for sites that want no RPC."""

    @pytest.fixture
    def setting(self, kamailio: Kamailio) -> str:
        return f"{EDGE} 127.0.0.1:{kamailio.port}"

    def test_every_line_rings_as_a_whole_and_that_is_no_fault(self, lab: EdgeLab) -> None:
        assert_rings_by_address(lab)
        assert "WARNING" not in lab.service_log()


def test_a_kamailio_that_is_started_anew_is_asked_anew(lab: EdgeLab) -> None:
    """The kept connection is gone, and so are the registrations, until the phones come back."""
    lab.edge_phone("1001", sipp.rings())
    lab.call(gives_up_after_ms=500).final_status()
    lab.kamailio.stop()
    lab.kamailio.start()
    phone = lab.edge_phone("1001", sipp.rings())
    caller = lab.call(gives_up_after_ms=800)
    caller.final_status()
    assert len(phone.received("INVITE")) == 1
    assert "@edge.example;gr " in lab.journal(caller).legs[0].contact


def test_a_hostile_contact_fails_alone(lab: EdgeLab) -> None:
    phone = lab.edge_phone("1002", sipp.answers(after_ms=700))
    for contact in ("<sip:x${uptime()},[a=b]@127.0.0.1:9>", "<sip:1@127.0.0.1:9;x='y>", "<sip:1:_:2@127.0.0.1:9>"):
        sip.register(lab.kamailio.address, "1001", EDGE, contact)
        lab._at_kamailio.append(("1001", contact))
    caller = lab.call(talk_ms=200)
    assert caller.final_status() == 200
    call = lab.journal(caller)
    assert (call.answered_by, call.rang) == ("Ben Wolf", {"Ben Wolf"})
    assert len(phone.received("INVITE")) == 1


class TestWithVoicemail:
    """Debian's file with WITH_VOICEMAIL, in which a busy or missing phone's call goes to a mailbox."""

    @pytest.fixture(scope="class")
    @classmethod
    def kamailio(cls, tmp_path_factory: pytest.TempPathFactory, switch: SwitchOfTenants) -> Iterator[Kamailio]:
        kamailio = Kamailio(tmp_path_factory.mktemp("voicemail") / "edge", EDGE, switch.sip_port, "WITH_VOICEMAIL")
        kamailio.start()
        yield kamailio
        kamailio.stop()

    def test_no_mailbox_takes_the_call_of_a_group(self, lab: EdgeLab) -> None:
        mailbox = Endpoint(lab._folder, "mailbox", sipp.answers(after_ms=1), port=lab.kamailio.voicemail_port)
        lab._endpoints.append(mailbox)
        lab.edge_phone("1001", sipp.refuses("486 Busy Here"))
        lab.edge_phone("1002", sipp.answers(after_ms=900))
        caller = lab.call(talk_ms=200)
        assert caller.final_status() == 200
        assert lab.journal(caller).answered_by == "Ben Wolf"
        assert mailbox.received("INVITE") == []
        checked = lab.service.run("check", settings={"ESL_HUNTGROUP_KAMAILIO": lab.kamailio.setting})
        assert f"looks for the phones of {EDGE}" in checked
        assert mailbox.received("INVITE") == []


class TestWithNat:
    """Debian's file with WITH_NAT (no media proxy is there, and the loopback needs none)."""

    @pytest.fixture(scope="class")
    @classmethod
    def kamailio(cls, tmp_path_factory: pytest.TempPathFactory, switch: SwitchOfTenants) -> Iterator[Kamailio]:
        kamailio = Kamailio(tmp_path_factory.mktemp("nat") / "edge", EDGE, switch.sip_port, "WITH_NAT")
        kamailio.start()
        yield kamailio
        kamailio.stop()

    def test_a_phone_behind_nat_rings_and_people_read_where_it_is(self, lab: EdgeLab) -> None:
        port = sip.free_port()
        sip.register(lab.kamailio.address, "1001", EDGE, "<sip:1001@192.168.7.7:5062>", port=port)
        lab._at_kamailio.append(("1001", "<sip:1001@192.168.7.7:5062>"))
        phone = Endpoint(lab._folder, "behind-nat", sipp.rings(), port=port)
        lab._endpoints.append(phone)
        caller = lab.call(gives_up_after_ms=1500)
        assert caller.final_status() == 487
        assert phone.reasons("CANCEL") == [GAVE_UP]
        assert lab.journal(caller).rang == {"Anna Berg"}
        told = lab.service.run("explain", "700", settings={"ESL_HUNTGROUP_KAMAILIO": lab.kamailio.setting})
        assert f"e2e phone at sip:1001@192.168.7.7:5062 behind NAT at 127.0.0.1:{port} (sip:uloc-" in told
