"""Group calls to small phones at a real Kamailio, and every way in which Kamailio, or a phone, can fail."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections.abc import Callable, Iterator

import gevent
import pytest

from esl_huntgroup.journal.records import CallAnswered, CallEnded
from esl_huntgroup.model.group import Line, Member
from tests.e2e import sip
from tests.kamailio.lab import EdgeLab
from tests.protocol.rpc_server import RpcServer
from tests.unit.examples import DOMAIN

ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'
GAVE_UP = 'SIP;cause=487;text="ORIGINATOR_CANCEL"'
WAYS = ("udp", "tcp", "ws", "nat")
NAMES = {"1001": "Anna Berg", "1002": "Bernd Cordes", "1003": "Clara Dietz"}
DEADLINE_S = 0.3
GRUU = re.compile(rf"sip:uloc-[0-9a-f-]+-[0-9a-f]+@{DOMAIN};gr")
WHOLE = re.compile(rf"sip:[0-9]+@{DOMAIN}")
MANY = 120
ONE_VARIANT = pytest.mark.parametrize("lab", [False], ids=["async"], indirect=True)
"""For what does not depend on how the dialplan hands the call over."""


def until(is_so: Callable[[], object]) -> None:
    """Wait for what is on its way."""
    with gevent.Timeout(20, AssertionError("it never becomes so")):
        while not is_so():
            gevent.sleep(0.02)


def answered(lab: EdgeLab) -> CallAnswered:
    """Return who the journal says has the call; there is one end of it, too."""
    (it,) = [it for it in lab.journal.records if isinstance(it, CallAnswered)]
    assert [type(it) for it in lab.journal.records].count(CallEnded) == 1
    return it


def causes(lab: EdgeLab) -> list[str]:
    """Return what the journal says of each leg."""
    return [leg.cause for leg in answered(lab).legs]


def rang_by_gruu(lab: EdgeLab) -> bool:
    """Whether every leg was one device. Raises AssertionError where some were, and others not."""
    kinds = {bool(GRUU.fullmatch(leg.uri)) for leg in lab.legs()}
    assert len(kinds) == 1
    assert all(GRUU.fullmatch(leg.uri) or WHOLE.fullmatch(leg.uri) for leg in lab.legs())
    return kinds.pop()


# -- phones of every kind ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("winner", WAYS)
def test_phones_of_every_way_ring_once_each_and_who_answers_talks(lab: EdgeLab, winner: str) -> None:
    where = {"udp": "1001", "tcp": "1001", "ws": "1002", "nat": "1003"}
    phones = {
        way: lab.phone(account, way, answers_after_s=2.0 if way == winner else None) for way, account in where.items()
    }
    result = lab.ring()
    assert result.status == 200
    assert rang_by_gruu(lab)
    assert [len(phone.invites) for phone in phones.values()] == [1] * 4
    until(lambda: phones[winner].byes)
    for way, phone in phones.items():
        (invite,) = phone.invites
        assert invite.start.split()[1] == phone.contact.strip("<>")
        assert invite.get("to") == f"<sip:{phone.account}@{DOMAIN}>"
        assert invite.get("diversion").startswith('"Vertrieb" <sip:700@example.org>')
        assert [cancel.get("reason") for cancel in phone.cancels] == ([] if way == winner else [ELSEWHERE])
        assert len(phone.byes) == (1 if way == winner else 0)
    assert answered(lab).answered_by_name == NAMES[where[winner]]
    assert sorted(causes(lab)) == ["LOSE_RACE"] * 3 + ["NONE"]


def test_a_caller_who_gives_up_is_a_missed_call_on_every_device(lab: EdgeLab) -> None:
    phones = [lab.phone("1001"), lab.phone("1001", "tcp"), lab.phone("1002", "ws")]
    result = lab.ring(gives_up_after_s=0.8)
    assert result.status == 487
    until(lambda: all(phone.cancels for phone in phones))
    assert [[cancel.get("reason") for cancel in phone.cancels] for phone in phones] == [[GAVE_UP]] * 3


def test_one_phone_with_two_lines_rings_once(lab: EdgeLab) -> None:
    phone = lab.phone("1001")
    lab.registrar.register("1002", phone.contact)
    try:
        lab.ring(gives_up_after_s=0.8)
        assert len(phone.invites) == 1
    finally:
        lab.registrar.forget("1002")


@pytest.mark.parametrize("way", ["udp", "tcp", "ws"])
def test_a_device_that_is_gone_without_a_word_delays_nobody(lab: EdgeLab, way: str) -> None:
    gone, silent = lab.phone("1001", way), lab.phone("1001", is_dead=True)
    gone.close()
    winner = lab.phone("1002", answers_after_s=0.5)
    result = lab.ring()
    until(lambda: winner.byes)
    assert (result.status, len(winner.invites)) == (200, 1)
    assert (silent.invites, answered(lab).answered_by_name) == ([], "Bernd Cordes")
    if way != "udp":  # by UDP nobody says that nobody is there
        assert {"NORMAL_TEMPORARY_FAILURE", "NORMAL_UNSPECIFIED"} & set(causes(lab))


def test_a_busy_phone_and_one_that_rings(lab: EdgeLab) -> None:
    lab.phone("1001", refuses="486 Busy Here")
    lab.phone("1002", answers_after_s=0.6)
    lab.ring()
    assert causes(lab) == ["USER_BUSY", "NONE"]


@ONE_VARIANT
def test_a_hundred_and_twenty_lines_ring_at_once(lab: EdgeLab) -> None:
    accounts = [str(2001 + at) for at in range(MANY)]
    members = [
        Member(at, f"Member {account}", (Line(account, DOMAIN, account),)) for at, account in enumerate(accounts)
    ]
    lab.has_group(*members, ring_timeout_s=20)
    first = lab.phone(accounts[0], answers_after_s=1.5)
    for account in accounts[1:]:
        lab.registrar.register(account, f"<sip:{account}@127.0.0.1:{first.way.port}>")
    try:
        result = lab.ring()
        until(lambda: first.byes and len(first.cancels) == MANY - 1)
    finally:
        lab.registrar.forget(*accounts)
    assert (result.status, len(lab.legs())) == (200, MANY)
    assert rang_by_gruu(lab)
    assert {invite.start.split()[1].partition("@")[0].removeprefix("sip:") for invite in first.invites} == set(accounts)
    assert (len(first.cancels), len(first.byes)) == (MANY - 1, 1)
    assert answered(lab).answered_by_name == f"Member {accounts[0]}"


HOSTILE = (
    "<sip:x${uptime()},[a=b]@127.0.0.1:9>",
    "<sip:1@127.0.0.1:9;x='y>",
    "<sip:1:_:2@127.0.0.1:9>",
    "<sip:1{a=b}|error/USER_BUSY@127.0.0.1:9>",
    "<sip:1@127.0.0.1:9?X-Evil=1>",
    "<sip:\xff\xfe@127.0.0.1:9>",
    '<sip:"quoted\\"@127.0.0.1:9>',
    "<sip:1@127.0.0.1:9;gr;fs_path=sip:6.6.6.6>",
)


def test_nothing_that_a_phone_registers_stands_in_a_dial_string_and_hostile_contacts_fail_alone(lab: EdgeLab) -> None:
    taken = 0
    for contact in HOSTILE:
        with contextlib.suppress(AssertionError):  # Kamailio does not take everything
            lab.registrar.register("1001", contact)
            taken += 1
    assert taken >= len(HOSTILE) // 2
    winner = lab.phone("1002", answers_after_s=0.5)
    try:
        result = lab.ring()
    finally:
        lab.registrar.forget("1001")
    assert (result.status, len(winner.invites)) == (200, 1)
    assert rang_by_gruu(lab)
    assert len(lab.legs()) == taken + 1
    (dial_string,) = result.bridges
    assert all(part not in dial_string for part in ("uptime", ":_:", "6.6.6.6", "Evil", "USER_BUSY", "127.0.0.1:9"))
    assert result.expanded == ()


# -- Kamailio fails ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", ["while it rings", "in the conversation"])
@ONE_VARIANT
def test_a_kamailio_that_is_started_anew_breaks_no_call_and_knows_everybody_again(lab: EdgeLab, phase: str) -> None:
    quiet, winner = lab.phone("1001"), lab.phone("1002", answers_after_s=0.3 if phase != "while it rings" else None)
    switch = lab.edge()
    call = gevent.spawn(lab.ring, switch, gives_up_after_s=20, hangs_up_after_talk_s=4)
    until(lambda: winner.invites)
    gevent.sleep(0.6)
    lab.registrar.kill()
    gevent.get_hub().threadpool.apply(lab.registrar.start)
    if phase == "while it rings":
        winner.answer(winner.invites[0])
    result = call.get()
    until(lambda: winner.byes)  # answer and BYE pass a Kamailio that has forgotten the call
    assert (result.status, answered(lab).answered_by_name) == (200, "Bernd Cordes")
    lab.journal.records.clear()
    lab.trunk.legs.clear()
    lab.ring(switch, gives_up_after_s=0.8)
    assert rang_by_gruu(lab)
    assert [len(phone.invites) for phone in (quiet, winner)] == [2, 2]


@pytest.fixture
def rpc() -> Iterator[RpcServer]:
    """Give an endpoint that behaves as a test says; it is nobody's Kamailio."""
    it = RpcServer({})
    yield it
    it.stop()


def assert_lines_ring_as_a_whole(lab: EdgeLab) -> None:
    """Assert that everybody rings, and that the journal knows who has answered, by which phone, and no more."""
    quiet, winner = lab.phone("1001"), lab.phone("1001", "tcp", answers_after_s=0.5, agent="the winner")
    other = lab.phone("1002", "ws")
    result = lab.ring()
    assert result.status == 200
    assert not rang_by_gruu(lab)
    assert [len(phone.invites) for phone in (quiet, winner, other)] == [1, 1, 1]
    until(lambda: quiet.cancels and other.cancels)
    assert [cancel.get("reason") for phone in (quiet, other) for cancel in phone.cancels] == [ELSEWHERE] * 2
    assert winner.invites[0].get("x-huntgroup") == ""
    it = answered(lab)
    assert it.answered_by_name == "Anna Berg"
    (leg,) = [leg for leg in it.legs if leg.cause == "NONE"]
    assert re.fullmatch(rf"sip:1001@{DOMAIN};ruid=uloc-\S+ sip:1001@127\.0\.0\.1:\d+ - the winner", leg.contact)
    assert len(it.legs) == 3  # a line of which nothing is known is dialled, also that of Clara, who has no phone


@ONE_VARIANT
def test_an_rpc_that_is_not_there(lab: EdgeLab) -> None:
    lab.rpc = ("127.0.0.1", sip.free_port(), "/huntgroup")
    assert_lines_ring_as_a_whole(lab)


@ONE_VARIANT
def test_an_rpc_that_is_frozen_while_sip_goes_on_costs_one_call_its_deadline(lab: EdgeLab) -> None:
    phone, switch = lab.phone("1002"), lab.edge()
    lab.ring(switch, gives_up_after_s=0.4)
    frozen = lab.registrar.tcp_processes()
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    try:
        waited_s = []
        for count in (2, 3):
            lab.trunk.legs.clear()
            lab.journal.records.clear()
            lab.ring(switch, gives_up_after_s=1.0)
            until(lambda count=count: len(phone.invites) == count)  # type: ignore[misc]
            assert not rang_by_gruu(lab)
            waited_s.append(lab.meter.to_bridge.sum_s)
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
    assert waited_s[0] >= DEADLINE_S
    assert waited_s[1] - waited_s[0] < DEADLINE_S
    until(lambda: not lab.kamailio.down)
    lab.trunk.legs.clear()
    lab.journal.records.clear()
    lab.ring(switch, gives_up_after_s=0.4)
    assert rang_by_gruu(lab)


@ONE_VARIANT
def test_a_kamailio_that_is_frozen_as_a_whole_rings_the_phones_when_it_goes_on(lab: EdgeLab) -> None:
    winner = lab.phone("1002", answers_after_s=0.3)
    lab.registrar.freeze()
    try:
        call = gevent.spawn(lab.ring)
        gevent.sleep(1.5)
        assert not winner.invites
    finally:
        lab.registrar.thaw()
    result = call.get()
    assert (result.status, answered(lab).answered_by_name) == (200, "Bernd Cordes")
    assert len(winner.invites) == 1


GARBAGE = (
    b"SIP/2.0 400 Bad\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 36\r\n\r\n" + b'{"jsonrpc":"2.0","result":{},"id":1}',
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>",
    b"\x00" * 4000,
)


@pytest.mark.parametrize("garbage", GARBAGE, ids=["not HTTP", "an empty result", "a page", "zeros"])
@ONE_VARIANT
def test_an_rpc_that_answers_garbage(lab: EdgeLab, rpc: RpcServer, garbage: bytes) -> None:
    rpc.garbage = garbage
    lab.rpc = ("127.0.0.1", rpc.port, "/huntgroup")
    assert_lines_ring_as_a_whole(lab)


@ONE_VARIANT
def test_a_device_that_kamailio_no_longer_knows_fails_alone(lab: EdgeLab, rpc: RpcServer) -> None:
    stale = {"Ruid": "uloc-6b076cc6-678b-1", "Address": "sip:1001@127.0.0.1:9"}
    rpc.phones = {"1001@example.org": [stale]}
    lab.rpc = ("127.0.0.1", rpc.port, "/huntgroup")
    lab.phone("1001")
    result = lab.ring(gives_up_after_s=3)
    assert [leg.statuses[-1] for leg in lab.legs()] == [404]
    assert result.fallback == "nobody_registered"
