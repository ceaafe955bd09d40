"""Two switches behind one Kamailio, one of which is killed under load; two Kamailios with one database."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from esl_huntgroup.db.engine import execute, open_database
from tests.database import servers
from tests.database.servers import Server
from tests.kamailio.registrar import SCHEMAS, TABLES, Registrar, missing_packages

from . import kamailio, sip, sipp
from .freeswitch import FreeSwitch
from .journal import Call, assert_whole
from .lab import ELSEWHERE, WITNESS_WITHIN_S
from .service import Service
from .sipp import Endpoint
from .test_cluster import UNANSWERED, fates
from .test_domains import SwitchOfTenants

FIRM = Path(__file__).parent / "kamailio.yaml"
EDGE = "edge.example"
MEMBERS = ("Anna Berg", "Ben Wolf", "Carla Diaz", "Dora Lang")
CALLS, CALLS_PER_S = 44, 4
ANSWERS_AFTER_MS, TALK_MS = 800, 2000
UNLUCKY_S = 2 * ANSWERS_AFTER_MS / 1000 + 1
"""Whoever called so shortly before a switch died was ringing there, and Kamailio has passed on that it rings."""
ENDED_WITHIN_S = 60.0


@pytest.fixture(scope="module", autouse=True)
def with_kamailio() -> None:
    kamailio.require()
    if missing := missing_packages():
        pytest.skip(f"Kamailio is not installed with all of its modules (Debian packages: {', '.join(missing)})")


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Server]:
    """Run a PostgreSQL server for the services, and for the Kamailios."""
    with servers.own_postgresql() as server:
        server.sql("CREATE DATABASE huntgroup")
        server.sql("CREATE DATABASE kamailio")
        with closing(open_database(server.url("kamailio"))) as db:
            for name in TABLES:
                execute(db, (SCHEMAS / "postgres" / f"{name}-create.sql").read_text())
        yield server


def by_kamailio(number: str, *, talk_ms: int) -> str:
    """Return the scenario of a caller whose call, and everything in it, goes through Kamailio."""
    scenario = sipp.calls("700", number, domain=EDGE, asks=EDGE, talk_ms=talk_ms)
    for cseq in ("CSeq: 1 ACK", "CSeq: 2 BYE"):
        assert cseq in scenario
        scenario = scenario.replace(cseq, f"[routes]\n{cseq}")
    return scenario


def as_phone(scenario: str) -> str:
    """Return the scenario of a phone that is called through Kamailio, and stays on that way (RFC 3261, 12.1.1)."""
    return scenario.replace("[last_Call-ID:]", "[last_Record-Route:]\n[last_Call-ID:]")


# -- two switches -----------------------------------------------------------------------------------------------------


class Pair:
    """Two switches, a host with a service for each, and a Kamailio where all phones are; callers come by it, too."""

    def __init__(self, folder: Path, database: str, binary: str) -> None:
        self._folder = folder
        self._endpoints: list[Endpoint] = []
        self.services = [Service(folder / name, database) for name in ("host1", "host2")]
        for service in self.services:
            service.folder.mkdir()
        self.switches = [
            FreeSwitch(folder / f"switch{at}", service.port, name=f"switch{at}", binary=binary)
            for at, service in enumerate(self.services, start=1)
        ]
        self.services[0].load(FIRM)

    def start(self) -> None:
        for switch in self.switches:
            switch.start()
        first, second = (switch.sip_port for switch in self.switches)
        self.edge = Registrar(self._folder / "edge", EDGE, first, switches=(second,))
        self.edge.start()
        for service in self.services:
            service.witness(*(switch.esl_port for switch in self.switches))
            service.start({"ESL_HUNTGROUP_KAMAILIO": self.edge.setting, "ESL_HUNTGROUP_LOG_LEVEL": "info"})

    def phone(self, account: str, scenario: str) -> Endpoint:
        phone = self._endpoint(account, as_phone(scenario))
        sip.register(self.edge.address, account, EDGE, f"<sip:{account}@127.0.0.1:{phone.port}>")
        return phone

    def load(self, prefix: str) -> Endpoint:
        scenario = by_kamailio(f"{prefix}[call_number]", talk_ms=TALK_MS)
        return self._endpoint("callers", scenario, self.edge.address, CALLS)

    def journal(self, prefix: str) -> list[Call]:
        """Return the calls of all callers whose number begins like this, once none is open."""
        deadline = time.monotonic() + ENDED_WITHIN_S + WITNESS_WITHIN_S
        while left := [call for call in self.services[1].calls_of(f"{prefix}%") if not call.outcome]:
            assert time.monotonic() < deadline, left
            time.sleep(0.5)
        return self.services[1].calls_of(f"{prefix}%")

    def close(self) -> None:
        for endpoint in self._endpoints:
            endpoint.stop()
        for service in self.services:
            service.stop()
        for switch in self.switches:
            switch.stop()
        if hasattr(self, "edge"):
            self.edge.stop()

    def _endpoint(self, name: str, scenario: str, remote: tuple[str, int] | None = None, calls: int = 1) -> Endpoint:
        endpoint = Endpoint(self._folder, name, scenario, remote, calls=calls, calls_per_s=CALLS_PER_S)
        self._endpoints.append(endpoint)
        return endpoint


@pytest.fixture
def pair(tmp_path: Path, postgresql: Server, binary: str) -> Iterator[Pair]:
    pair = Pair(tmp_path, postgresql.url("huntgroup"), binary)
    try:
        pair.start()
        yield pair
    finally:
        pair.close()


def test_a_switch_that_is_killed_under_load_leaves_the_calls_to_the_second_one(pair: Pair) -> None:
    phone = pair.phone("1001", sipp.answers(ANSWERS_AFTER_MS))
    pair.phone("1002", sipp.rings())
    callers = pair.load("61")
    callers.wait_for(lambda it: len(it.sent("INVITE")) >= CALLS // 3, ENDED_WITHIN_S)
    died_at = time.time()
    pair.switches[0].kill()
    callers.wait_for(lambda it: _are_over(it, died_at), ENDED_WITHIN_S)
    callers.stop()
    pair.switches[0].start()  # by it the witness knows that the calls there are over

    found = fates(callers)
    before = {number for number, (at, _) in found.items() if at < died_at - UNLUCKY_S}
    after = {number for number, (at, _) in found.items() if at > died_at}
    assert len(found) == CALLS
    assert before
    assert len(phone.received("BYE")) >= len(after)  # the caller's BYE comes as far as the phone
    assert len(after) > CALLS // 3
    assert {found[number][1] for number in before | after} == {200}
    assert {found[number][1] for number in found.keys() - before - after} <= {200, UNANSWERED, 408, 503}
    calls = pair.journal("61")
    rows = {call.caller_number: call for call in calls}
    assert len(rows) == len(calls)
    assert {rows[number].node for number in before} == {"switch1"}
    assert {rows[number].node for number in after} == {"switch2"}
    for call in calls:
        assert_whole(call, MEMBERS)
    for number in after:
        assert (rows[number].outcome, rows[number].answered_by, rows[number].cause) == (
            "answered",
            "Anna Berg",
            "NORMAL_CLEARING",
        )
        assert rows[number].rang == {"Anna Berg", "Ben Wolf"}
    for number in before:
        assert rows[number].answered_by == "Anna Berg"
    # Conversations that died with the switch have an end in the journal, which says that nobody has seen it.
    assert {rows[number].cause for number in before} <= {"NORMAL_CLEARING", "INTERRUPTED"}


def _are_over(callers: Endpoint, died_at: float) -> bool:
    """Whether every call that began after a moment has come to its end, and all have begun."""
    invites = {message.call_id: message.at for message in reversed(callers.sent("INVITE"))}
    ended = {it.call_id for it in callers.messages if it.status == 200 and it.header("CSeq").endswith("BYE")}
    return len(invites) == CALLS and {call_id for call_id, at in invites.items() if at > died_at} <= ended


# -- two Kamailios ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory, binary: str) -> Iterator[SwitchOfTenants]:
    switch = SwitchOfTenants(tmp_path_factory.mktemp("pairs") / "switch", sip.free_port())
    switch.start()
    yield switch
    switch.stop()


@pytest.fixture(scope="module")
def kamailios(
    tmp_path_factory: pytest.TempPathFactory, postgresql: Server, switch: SwitchOfTenants
) -> Iterator[list[Registrar]]:
    """Start two that ask the database each time (``db_mode`` 3), so that each knows what the other one has heard."""
    url = postgresql.url("kamailio").replace("postgresql:", "postgres:")
    folder = tmp_path_factory.mktemp("kamailios")
    found = [Registrar(folder / name, EDGE, switch.sip_port, database=url, db_mode=3) for name in ("first", "second")]
    for it in found:
        it.start()
    yield found
    for it in found:
        it.stop()


@pytest.mark.parametrize("asked", [0, 1], ids=["the first is asked", "the second is asked"])
def test_a_phone_that_is_registered_at_either_of_two_kamailios_is_rung_from_either(
    kamailios: list[Registrar], switch: SwitchOfTenants, tmp_path: Path, postgresql: Server, asked: int
) -> None:
    service = Service(tmp_path / "service", port=int(switch._service_ports[0]))
    service.folder.mkdir()
    service.load(FIRM)
    service.witness(switch.esl_port)
    service.start({"ESL_HUNTGROUP_KAMAILIO": kamailios[asked].setting})
    endpoints: list[Endpoint] = []

    def switch_on(account: str, at: Registrar, scenario: str) -> Endpoint:
        phone = Endpoint(tmp_path, f"phone{len(endpoints)}", as_phone(scenario))
        endpoints.append(phone)
        sip.register(at.address, account, EDGE, f"<sip:{account}@127.0.0.1:{phone.port}>")
        return phone

    first, second = kamailios
    quiet = [switch_on("1001", first, sipp.rings()), switch_on("1001", second, sipp.rings())]
    winner = switch_on("1002", kamailios[1 - asked], sipp.answers(after_ms=700))
    caller = Endpoint(tmp_path, "caller", by_kamailio("3801", talk_ms=300), kamailios[1 - asked].address)
    endpoints.append(caller)
    try:
        assert caller.wait_ended() == 200
        for phone in quiet:
            assert phone.reasons("CANCEL") == [ELSEWHERE]
        assert winner.wait_received("BYE")
        deadline = time.monotonic() + ENDED_WITHIN_S
        while not (calls := service.calls_of("3801")) or not calls[-1].outcome:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        (call,) = calls
        assert (call.outcome, call.answered_by, call.rang) == ("answered", "Ben Wolf", {"Anna Berg", "Ben Wolf"})
        assert sorted(leg.line for leg in call.legs) == [f"1001@{EDGE}"] * 2 + [f"1002@{EDGE}"]
        assert all("@edge.example;gr " in leg.contact for leg in call.legs)
    finally:
        for endpoint in endpoints:
            endpoint.stop()
        service.stop()
        with closing(open_database(postgresql.url("kamailio"))) as db:
            execute(db, "DELETE FROM location")
