"""Phones that register at FreeSWITCH through a real Kamailio (Path): by UDP, TCP and WebSocket, behind NAT or not."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from . import sipp
from .agent import Agent, Dialog, Rings
from .kamailio import Kamailio
from .lab import ELSEWHERE, GAVE_UP, Caller, Lab
from .running import service_of, switch_of_tenants
from .service import Service
from .stream_agent import TcpAgent, WebSocketAgent
from .test_domains import SEVERAL_DOMAINS, SwitchOfTenants

FIRM = Path(__file__).parent / "path.yaml"
EDGE = "edge.example"
NAMES = {"1001": "Anna Berg", "1002": "Ben Wolf", "1004": "Dora Lang"}
WAYS = {
    "udp": ("1001", Agent, ""),
    "tcp": ("1001", TcpAgent, ""),
    "nat": ("1002", Agent, "<sip:1002@192.168.7.7:5062>"),
    "nat-tcp": ("1002", TcpAgent, "<sip:1002@192.168.7.8:5062;transport=tcp>"),
    "ws": ("1004", WebSocketAgent, ""),
}
_callers = itertools.count(3701)


class PathLab(Lab):
    """A lab in which phones register by Kamailio, and FreeSWITCH keeps who is registered."""

    def __init__(self, kamailio: Kamailio, switch: SwitchOfTenants, service: Service, folder: Path) -> None:
        super().__init__(switch, service, folder)
        self.kamailio = kamailio

    def phone_by(self, way: str) -> Agent:
        """Switch on a phone that registers by this way, one of WAYS."""
        account, kind, contact = WAYS[way]
        host, port = self.kamailio.address
        phone = kind(account, EDGE, (host, self.kamailio.rpc_port if kind is WebSocketAgent else port), Rings())
        phone.contact = contact or phone.contact
        self._agents.append(phone)
        self._registered.add(account)
        assert phone.register() == 200
        return phone

    def call_group(self, **how: Any) -> Caller:
        """Have somebody from outside call the group, straight at the switch; ``how`` is that of ``sipp.calls``."""
        number = str(next(_callers))
        scenario = sipp.calls("700", number, domain="outside.example", asks=EDGE, **how)
        return Caller(number, self._endpoint(f"caller-{number}", scenario, self.switch.address))

    def forget(self, account: str) -> None:
        self.switch.api(f"sofia profile internal flush_inbound_reg {account}@{EDGE}")


@pytest.fixture(scope="module", params=[False, True], ids=["async", "fast"])
def switch(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SwitchOfTenants]:
    folder = tmp_path_factory.mktemp("switch")
    with switch_of_tenants(folder, *SEVERAL_DOMAINS, is_fast=request.param) as switch:
        yield switch


@pytest.fixture(scope="module")
def kamailio(tmp_path_factory: pytest.TempPathFactory, switch: SwitchOfTenants) -> Iterator[Kamailio]:
    folder = tmp_path_factory.mktemp("kamailio") / "edge"
    kamailio = Kamailio(folder, EDGE, switch.sip_port, "WITH_NAT", is_registrar=False, takes_websocket=True)
    kamailio.start()
    yield kamailio
    kamailio.stop()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, switch: SwitchOfTenants) -> Iterator[Service]:
    with service_of(tmp_path_factory.mktemp("service"), switch, FIRM) as service:
        service.start()
        yield service


@pytest.fixture
def lab(kamailio: Kamailio, switch: SwitchOfTenants, service: Service, tmp_path: Path) -> Iterator[PathLab]:
    lab = PathLab(kamailio, switch, service, tmp_path)
    yield lab
    lab.close()


def only_call(phone: Agent) -> Dialog:
    """Return the one call that a phone got. Raises AssertionError when it got another number of calls."""
    (dialog,) = [dialog for dialog in phone.dialogs if not dialog.is_caller]
    return dialog


@pytest.mark.parametrize("winner", WAYS)
def test_phones_of_every_way_ring_once_each_and_whoever_hangs_up_is_heard(lab: PathLab, winner: str) -> None:
    phones = {way: lab.phone_by(way) for way in WAYS}
    phones[winner].rings = Rings(final=200, then_s=0.7)
    hangs_up = winner in ("tcp", "nat", "ws")
    caller = lab.call_group(talk_ms=20_000 if hangs_up else 300)
    for way, phone in phones.items():
        invited = phone.invited()
        assert invited.invite
        assert invited.invite.start.split()[1].partition(";alias=")[0] == phone.contact.strip("<>")
        assert invited.invite.get("diversion").startswith(f'"Vertrieb" <sip:700@{EDGE}>')
        if way != winner:
            assert invited.wait_over().reason == ELSEWHERE
    taken = phones[winner].invited().wait_answered()
    if hangs_up:
        time.sleep(0.3)
        taken.bye()
    assert caller.final_status() == 200
    taken.wait_over()
    assert all(only_call(phone).is_over for phone in phones.values())
    call = lab.journal(caller)
    account = WAYS[winner][0]
    assert (call.outcome, call.answered_by) == ("answered", NAMES[account])
    assert call.rang == set(NAMES.values())


def test_a_caller_who_gives_up_is_a_missed_call_on_phones_of_every_way(lab: PathLab) -> None:
    phones = [lab.phone_by(way) for way in WAYS]
    caller = lab.call_group(gives_up_after_ms=1500)
    assert caller.final_status() == 487
    for phone in phones:
        assert phone.invited().wait_over().reason == GAVE_UP
    assert lab.journal(caller).outcome == "caller_gone"


def test_a_member_calls_through_kamailio_and_the_own_phone_stays_silent(lab: PathLab) -> None:
    ws, nat = lab.phone_by("ws"), lab.phone_by("nat")
    call = ws.call("700", target=f"sip:700@{EDGE}")
    nat.invited()
    call.cancel()
    assert nat.invited().wait_over().reason == GAVE_UP
    assert call.wait_over().statuses[-1] == 487
    assert [dialog for dialog in ws.dialogs if not dialog.is_caller] == []


def test_explain_shows_the_contact_with_its_path(lab: PathLab) -> None:
    for way in WAYS:
        lab.phone_by(way)
    told = lab.service.run("explain", "700")
    for way, (account, _, _) in WAYS.items():
        assert f"{account}@{EDGE} at sofia/internal/sip:{account}@" in told, way
    assert told.count("fs_path=") == len(WAYS)
    assert "registered at Kamailio" not in told
