"""Phones of every way that are registered at a real Kamailio, and every way in which Kamailio, or a phone, can fail."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kamailio.registrar import Registrar, missing_packages

from .agent import Agent, Dialog, Rings
from .lab import ELSEWHERE, Lab
from .running import lab_of, service_of, switch_of_tenants
from .service import Service
from .stream_agent import WebSocketAgent
from .test_domains import SwitchOfTenants
from .test_kamailio_path import NAMES, WAYS

EDGE = "edge.example"
MANY = 120
FIRST = 2001
WAITS_S = 20.0
DEADLINE_S = 0.3
GARBAGE = (
    b"SIP/2.0 400 Bad\r\n\r\n",
    b'HTTP/1.1 200 OK\r\nContent-Length: 36\r\n\r\n{"jsonrpc":"2.0","result":{},"id":1}',
    b"\x00" * 4000,
)


def firm() -> str:
    """Return Anna, Ben and Dora in the group 700, and a hundred and twenty people in 720."""
    people = [("anna", "Anna Berg", 1001), ("ben", "Ben Wolf", 1002), ("dora", "Dora Lang", 1004)]
    crowd = [(f"m{number}", f"Member {number}", number) for number in range(FIRST, FIRST + MANY)]
    users = [
        f"  - {{name: {name}, display_name: {shown}, lines: [{{number: '{number}', domain: {EDGE}}}]}}"
        for name, shown, number in (*people, *crowd)
    ]
    groups = [
        f"  - {{name: G{number}, number: '{number}', domain: lab.local, hunt_mode: softphone, ring_timeout_s: 30, "
        f"members: [{', '.join(name for name, _, _ in members)}]}}"
        for number, members in ((700, people), (720, crowd))
    ]
    return "\n".join(["users:", *users, "groups:", *groups, ""])


class DeviceLab(Lab):
    """A lab whose phones are registered at Kamailio, by every way."""

    def __init__(self, edge: Registrar, switch: SwitchOfTenants, service: Service, folder: Path) -> None:
        super().__init__(switch, service, folder)
        self.edge = edge

    def phone_by(self, way: str, rings: Rings | None = None) -> Agent:
        """Switch on a phone that registers by this way, one of WAYS."""
        account, kind, contact = WAYS[way]
        port = self.edge.rpc_port if kind is WebSocketAgent else self.edge.port
        phone = kind(account, EDGE, ("127.0.0.1", port), rings or Rings())
        phone.contact = contact or phone.contact
        self._agents.append(phone)
        self._registered.add(account)
        assert phone.register() == 200
        return phone

    def forget(self, account: str) -> None:
        self.edge.forget(account)


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SwitchOfTenants]:
    if missing := missing_packages():
        pytest.skip(f"Kamailio is not installed with all of its modules (Debian packages: {', '.join(missing)})")
    with switch_of_tenants(tmp_path_factory.mktemp("switch")) as switch:
        yield switch


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory, switch: SwitchOfTenants) -> Iterator[Registrar]:
    folder = tmp_path_factory.mktemp("kamailio") / "edge"
    edge = Registrar(folder, EDGE, switch.sip_port, "WITH_NAT", websocket=True, database="sqlite")
    edge.start()
    yield edge
    edge.stop()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, switch: SwitchOfTenants) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    (folder / "firm.yaml").write_text(firm())
    with service_of(folder, switch, folder / "firm.yaml") as service:
        yield service


@pytest.fixture
def setting(edge: Registrar) -> str:
    """Return what the service is told of Kamailio; a test may say something else."""
    return edge.setting


@pytest.fixture
def lab(
    edge: Registrar, switch: SwitchOfTenants, service: Service, setting: str, tmp_path: Path
) -> Iterator[DeviceLab]:
    with lab_of(lambda: DeviceLab(edge, switch, service, tmp_path), service, setting) as lab:
        yield lab


def until(is_so: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WAITS_S
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def calls_to(phone: Agent) -> list[Dialog]:
    return [dialog for dialog in phone.dialogs if not dialog.is_caller]


ANSWERS = Rings(final=200, then_s=0.5)


@pytest.mark.parametrize("winner", WAYS)
def test_phones_of_every_way_ring_once_each_and_who_answers_talks(lab: DeviceLab, winner: str) -> None:
    phones = {way: lab.phone_by(way, ANSWERS if way == winner else None) for way in WAYS}
    caller = lab.call(talk_ms=300)
    assert caller.final_status() == 200
    for way, phone in phones.items():
        (dialog,) = calls_to(phone)
        dialog.wait_over()
        assert dialog.invite
        assert dialog.invite.start.split()[1].partition(";")[0] == phone.contact.strip("<>").partition(";")[0]
        assert dialog.invite.get("to") == f"<sip:{phone.name}@{EDGE}>"
        assert (dialog.reason == ELSEWHERE) == (way != winner)
    call = lab.journal(caller)
    assert call.answered_by == NAMES[phones[winner].name]
    assert len(call.legs) == len(WAYS)
    assert all(f"@{EDGE};gr " in leg.contact for leg in call.legs)


def test_devices_that_are_gone_without_a_word_delay_nobody(lab: DeviceLab) -> None:
    for way in ("tcp", "ws"):
        lab.phone_by(way).stop()
    winner = lab.phone_by("nat", ANSWERS)
    caller = lab.call(talk_ms=200)
    assert caller.final_status() == 200
    call = lab.journal(caller)
    assert (call.answered_by, call.rang, len(calls_to(winner))) == ("Ben Wolf", {"Ben Wolf"}, 1)
    causes = sorted(leg.cause for leg in call.legs)
    assert causes[0] == "NONE"
    assert set(causes[1:]) <= {"NORMAL_TEMPORARY_FAILURE", "NORMAL_UNSPECIFIED"}  # 477, as Kamailio cannot send


@pytest.mark.parametrize("phase", ["while it rings", "in the conversation"])
def test_a_kamailio_that_is_started_anew_breaks_no_call_and_knows_everybody_again(lab: DeviceLab, phase: str) -> None:
    talks = phase == "in the conversation"
    # A Kamailio that has forgotten a call does not say where a phone behind NAT really is when that answers.
    ways = ("udp", "nat") if talks else ("nat", "udp")
    quiet, winner = lab.phone_by(ways[0]), lab.phone_by(ways[1], ANSWERS if talks else None)
    caller = lab.call(talk_ms=4000 if talks else 300)
    dialog = winner.invited()
    if talks:
        dialog.wait_answered()
    time.sleep(0.5)
    lab.edge.kill()
    lab.edge.start()
    if not talks:
        winner.answer(dialog)
    assert caller.final_status() == 200
    dialog.wait_over()  # its BYE passes a Kamailio that has forgotten the call
    assert lab.journal(caller).answered_by == NAMES[winner.name]
    again = lab.call(gives_up_after_ms=800)
    again.final_status()
    assert [len(calls_to(phone)) for phone in (quiet, winner)] == [2, 2]
    assert all(f"@{EDGE};gr " in leg.contact for leg in lab.journal(again).legs)


def assert_rings_as_a_whole(lab: DeviceLab) -> None:
    """Assert that everybody rings, and that the journal knows who has answered, by which phone, and no more."""
    quiet, winner, other = lab.phone_by("udp"), lab.phone_by("tcp", ANSWERS), lab.phone_by("ws")
    caller = lab.call(talk_ms=300)
    assert caller.final_status() == 200
    for phone in (quiet, other):
        (dialog,) = calls_to(phone)
        assert dialog.wait_over().reason == ELSEWHERE
    assert len(calls_to(winner)) == 1
    call = lab.journal(caller)
    assert (call.answered_by, call.rang) == ("Anna Berg", {"Anna Berg", "Dora Lang"})
    (answered,) = [leg for leg in call.legs if leg.cause == "NONE"]
    assert answered.contact.startswith(f"sip:1001@{EDGE};ruid=uloc-")
    assert len(call.legs) == 3


def test_an_rpc_that_is_frozen_while_sip_goes_on_costs_one_call_its_deadline(lab: DeviceLab) -> None:
    phone = lab.phone_by("nat")
    lab.call(gives_up_after_ms=600).final_status()
    frozen = lab.edge.tcp_processes()
    assert frozen
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    try:
        for count in (2, 3):
            caller = lab.call(gives_up_after_ms=2500)
            phone.invited(count)
            caller.final_status()
            call = lab.journal(caller)
            assert all(leg.contact.startswith("sip:100") for leg in call.legs)
        assert lab.service_log().count(f"no answer within {DEADLINE_S * 1000:.0f} ms; lines there are dialled") == 1
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
    until(lambda: "answers again" in lab.service_log(), "Kamailio is not asked again")
    caller = lab.call(gives_up_after_ms=600)
    caller.final_status()
    assert all(f"@{EDGE};gr " in leg.contact for leg in lab.journal(caller).legs)


def test_a_kamailio_that_is_frozen_as_a_whole_rings_the_phones_when_it_goes_on(lab: DeviceLab) -> None:
    winner = lab.phone_by("nat", ANSWERS)
    lab.edge.freeze()
    try:
        caller = lab.call(talk_ms=300)
        until(lambda: "is down: no answer" in lab.service_log(), "the look-up has no end")
        time.sleep(1.0)
        assert calls_to(winner) == []
    finally:
        lab.edge.thaw()
    assert caller.final_status() == 200
    assert lab.journal(caller).answered_by == "Ben Wolf"


class TestWithGarbage:
    """Who answers the look-ups is no Kamailio."""

    @pytest.fixture(params=GARBAGE, ids=["not HTTP", "an empty result", "zeros"])
    def setting(self, request: pytest.FixtureRequest, edge: Registrar) -> Iterator[str]:
        listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=_answer, args=(listener, request.param), daemon=True).start()
        yield edge.setting.replace(str(edge.rpc_port), str(listener.getsockname()[1]))
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()

    def test_lines_ring_as_a_whole(self, lab: DeviceLab) -> None:
        assert_rings_as_a_whole(lab)
        assert "because the registrar did not tell their phones" in lab.service_log()


def _answer(listener: socket.socket, garbage: bytes) -> None:
    """Say the same to every request."""

    def serve(connection: socket.socket) -> None:
        with connection:
            while data := connection.recv(65536):
                connection.sendall(garbage * data.count(b"POST "))

    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


def test_a_hundred_and_twenty_lines_ring_at_once(lab: DeviceLab) -> None:
    crowd = Agent("crowd", EDGE, lab.edge.address)
    lab._agents.append(crowd)
    accounts = [str(number) for number in range(FIRST, FIRST + MANY)]
    for account in accounts:
        lab.edge.register(account, f"<sip:{account}@127.0.0.1:{crowd.port}>")
        lab._registered.add(account)
    caller = lab.call("720", talk_ms=300)
    until(lambda: len(calls_to(crowd)) == MANY, f"{len(calls_to(crowd))} phones ring")
    time.sleep(0.5)
    crowd.answer(calls_to(crowd)[60])
    assert caller.final_status() == 200
    until(lambda: all(dialog.is_over for dialog in calls_to(crowd)), "some go on ringing")
    assert [dialog.reason for dialog in calls_to(crowd)].count(ELSEWHERE) == MANY - 1
    call = lab.journal(caller)
    assert call.outcome == "answered"
    assert (len(call.legs), len(call.rang)) == (MANY, MANY)
