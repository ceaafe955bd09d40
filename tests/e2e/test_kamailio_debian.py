"""
Group calls with what an administrator may define in Debian's own file, and the switch that Kamailio has to trust.

``test_kamailio`` has the file as it comes, WITH_VOICEMAIL and WITH_NAT; ``tests/kamailio`` has all of them without a
real switch.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from . import kamailio as kamailio_of
from . import sip
from .agent import Agent, Rings
from .kamailio import Kamailio
from .lab import ELSEWHERE, ENDED_WITHIN_S, GAVE_UP
from .running import lab_of, service_of, switch_of_tenants
from .service import Service
from .test_domains import SwitchOfTenants
from .test_kamailio import EDGE, FIRM, EdgeLab

MANY = 24
"""Devices: more INVITEs than pike lets pass in two seconds."""
BANNED_WITHIN_S = 10.0
VARIANTS = {
    "AUTH+IPAUTH": ("127.0.0.1", ("WITH_AUTH", "WITH_IPAUTH")),
    "ANTIFLOOD": ("127.0.0.3", ("WITH_ANTIFLOOD",)),  # pike lets pass what comes from Kamailio's own address
}


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SwitchOfTenants]:
    with switch_of_tenants(tmp_path_factory.mktemp("switch")) as switch:
        yield switch


@pytest.fixture(scope="module", params=VARIANTS)
def kamailio(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, switch: SwitchOfTenants
) -> Iterator[Kamailio]:
    host, defines = VARIANTS[request.param]
    folder = tmp_path_factory.mktemp("kamailio") / "edge"
    kamailio = Kamailio(folder, EDGE, switch.sip_port, *defines, host=host)
    kamailio.start()
    yield kamailio
    kamailio.stop()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, switch: SwitchOfTenants) -> Iterator[Service]:
    with service_of(tmp_path_factory.mktemp("service"), switch, FIRM) as service:
        yield service


class DebianLab(EdgeLab):
    """A lab whose phones give their password to Kamailio."""

    def phone_of(self, account: str, rings: Rings) -> Agent:
        """Switch on a phone that registers at Kamailio."""
        phone = Agent(account, EDGE, self.kamailio.address, rings)
        phone.password = kamailio_of.PASSWORD
        self._agents.append(phone)
        assert phone.register() == 200
        return phone


@pytest.fixture
def lab(kamailio: Kamailio, switch: SwitchOfTenants, service: Service, tmp_path: Path) -> Iterator[DebianLab]:
    with lab_of(lambda: DebianLab(kamailio, switch, service, tmp_path), service, kamailio.setting) as lab:
        yield lab


def test_a_group_rings_and_check_is_content(lab: DebianLab) -> None:
    others = [lab.phone_of("1001", Rings()) for _ in range(2)]
    ben = lab.phone_of("1002", Rings(final=200, then_s=0.5))
    caller = lab.call(talk_ms=300)
    assert caller.final_status() == 200
    for phone in others:
        assert phone.invited().wait_over().reason == ELSEWHERE
    ben.invited().wait_over()
    call = lab.journal(caller)
    assert call.answered_by == "Ben Wolf"
    told = lab.service.run("explain", call.call_id, settings={"ESL_HUNTGROUP_KAMAILIO": lab.kamailio.setting})
    kamailio = f"registered at Kamailio {lab.kamailio.host}:{lab.kamailio.port} by udp, expires in "
    for phone, account in ((others[0], "1001"), (ben, "1002")):
        (line,) = [it for it in told.splitlines() if f" agent at sip:{account}@127.0.0.1:{phone.port} (sip:uloc-" in it]
        assert f"{account}@{EDGE} at agent at " in line
        assert kamailio in line

    member = lab.phone_of("1004", Rings())
    own = member.call("701", target=f"sip:701@{EDGE}")
    member.invited()
    own.wait_status(180).cancel()
    assert member.invited().wait_over().reason == GAVE_UP

    checked = lab.service.run("check", settings={"ESL_HUNTGROUP_KAMAILIO": lab.kamailio.setting})
    said = [line for line in checked.splitlines() if " kamailio: " in line]
    assert [line for line in said if line.startswith("FIX")] == []
    assert any("passes 2 of 2 group numbers on to FreeSWITCH" in line for line in said)
    assert any(f"looks for the phones of {EDGE} that FreeSWITCH rings" in line for line in said)


@pytest.mark.parametrize("kamailio", ["ANTIFLOOD"], indirect=True)
def test_a_big_group_rings_again_and_again(lab: DebianLab) -> None:
    phone = lab.phone_of("1002", Rings())
    for device in range(1, MANY):
        contact = f"<sip:1002@127.0.0.1:{phone.port};device={device}>"
        sip.register(lab.kamailio.address, "1002", EDGE, contact, host=f"127.0.1.{device}")
    for called in (MANY, 2 * MANY):
        caller = lab.call(gives_up_after_ms=2500)
        phone.invited(called)
        assert caller.final_status() == 487
        assert lab.journal(caller).rang == {"Ben Wolf"}


PSTN, FLOOD = "\troute(PSTN);\n", "\tif(src_ip!=myself) {\n"
"""What the README says to change in Debian's file."""


@dataclass(frozen=True)
class Wrong:
    """A Kamailio that is not set up as the README says, and what `check` says of the way through it."""

    cause: str
    sentence: str
    defines: tuple[str, ...] = ()
    undone: str = ""
    host: str = "127.0.0.1"
    domain: str = EDGE
    profile: str = ""


WRONG = {
    "another domain": Wrong("CALL_REJECTED", "the domain is none of its own (alias)", domain="other.example"),
    "a mailbox": Wrong("", "voicemail or a forwarding in Kamailio has it", ("WITH_VOICEMAIL",), PSTN),
    "a ban": Wrong("PROGRESS_TIMEOUT", "pike has banned FreeSWITCH", ("WITH_ANTIFLOOD",), FLOOD, "127.0.0.3"),
    "another profile": Wrong("INVALID_PROFILE", "set kamailio_profile", profile="external"),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_check_says_what_keeps_the_switch_from_ringing_phones(
    switch: SwitchOfTenants, service: Service, tmp_path: Path, wrong: Wrong
) -> None:
    edits = {it: it for it in [wrong.undone] if it}
    edge = Kamailio(tmp_path / "edge", EDGE, switch.sip_port, *wrong.defines, host=wrong.host, edits=edits)
    mailbox = Agent("mailbox", EDGE, edge.address, Rings(final=200, then_s=0.0), port=edge.voicemail_port)
    edge.start()
    try:
        if wrong.undone == FLOOD:
            flood(edge)
        setting = {
            "ESL_HUNTGROUP_KAMAILIO": edge.setting.replace(EDGE, wrong.domain),
            "ESL_HUNTGROUP_KAMAILIO_PROFILE": wrong.profile or "internal",
        }
        said = [line for line in service.run("check", settings=setting, status=1).splitlines() if line[:3] == "FIX"]
    finally:
        edge.stop()
        mailbox.stop()
    (way,) = [line for line in said if line.startswith("FIX kamailio: ") and "OPTIONS" not in line]
    assert wrong.sentence in way
    assert not wrong.cause or f" with {wrong.cause!r}: " in way
    switch.wait_without_channels(ENDED_WITHIN_S)


def flood(edge: Kamailio) -> None:
    """Have Kamailio ban this host, which is that of the switch, too."""
    phone = Agent("1009", EDGE, edge.address)
    for _ in range(4 * MANY):
        phone.call("1009")
    deadline = time.monotonic() + BANNED_WITHIN_S
    while "pike blocking" not in edge.log():
        assert time.monotonic() < deadline, edge.log()
        time.sleep(0.1)
    phone.stop()
