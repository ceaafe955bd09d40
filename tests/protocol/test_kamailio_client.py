"""Asking Kamailio over HTTP: one connection, one write, and a deadline that holds whatever the other side does."""

from __future__ import annotations

import time
from collections.abc import Iterator

import gevent
import pytest

from esl_huntgroup.registrars.kamailio_client import PROBE_S, KamailioClient
from esl_huntgroup.registrars.lookups import Answer, LookUp, Rpc
from tests.protocol.rpc_server import RpcServer

AORS = [f"{number}@example.org" for number in range(1001, 1011)]
PHONE = {"Ruid": "uloc-1", "Address": "sip:x@h"}
TIMEOUT_S = 0.2


@pytest.fixture
def server() -> Iterator[RpcServer]:
    it = RpcServer({aor: [PHONE] for aor in AORS})
    yield it
    it.stop()


@pytest.fixture
def client() -> Iterator[KamailioClient]:
    it = KamailioClient(timeout_s=TIMEOUT_S)
    yield it
    it.stop()


def lookups(server: RpcServer, aors: list[str] = AORS) -> list[LookUp]:
    return [LookUp(Rpc("127.0.0.1", server.port, "/huntgroup"), aor) for aor in aors]


def ask(client: KamailioClient, server: RpcServer, aors: list[str] = AORS) -> tuple[list[Answer], float]:
    began = time.monotonic()
    answers = client.ask(lookups(server, aors)).answers()
    return answers, time.monotonic() - began


def are_right(answers: list[Answer], aors: list[str] = AORS) -> bool:
    return [f'"AoR": "{aor}"'.encode() in answer.body for answer, aor in zip(answers, aors, strict=True)] == [
        True
    ] * len(aors)


def test_all_lines_of_a_call_go_out_in_one_write_over_one_kept_connection(
    client: KamailioClient, server: RpcServer
) -> None:
    for _ in range(3):
        assert are_right(ask(client, server)[0])
    assert server.connections == 1
    assert server.packets == [len(AORS)] * 3


def test_calls_at_the_same_moment_have_each_their_own_answers(client: KamailioClient, server: RpcServer) -> None:
    halves = [AORS[:5], AORS[5:]] * 20
    calls = [gevent.spawn(ask, client, server, aors) for aors in halves]
    gevent.joinall(calls, raise_error=True)
    assert all(are_right(call.value[0], aors) for call, aors in zip(calls, halves, strict=True))
    assert server.connections == 1


def test_the_secret_is_a_bearer_token(server: RpcServer) -> None:
    client = KamailioClient("0123456789abcdef", TIMEOUT_S)
    ask(client, server, AORS[:1])
    client.stop()
    assert b"\r\nAuthorization: Bearer 0123456789abcdef\r\n" in server.heads[0]


@pytest.mark.parametrize("answers", [1, 3])
def test_a_server_that_closes_after_some_answers_is_asked_for_the_rest(
    client: KamailioClient, server: RpcServer, answers: int
) -> None:
    server.answers_before_close = answers
    assert are_right(ask(client, server)[0])
    assert server.connections >= len(AORS) // answers


def test_a_kept_connection_that_the_server_has_ended_costs_no_call(client: KamailioClient, server: RpcServer) -> None:
    ask(client, server)
    server.stop()
    server.start()
    assert are_right(ask(client, server)[0])


def test_a_frozen_server_costs_one_call_its_deadline_and_the_next_ones_nothing(
    client: KamailioClient, server: RpcServer
) -> None:
    ask(client, server)
    server.is_frozen = True
    answers, took_s = ask(client, server)
    assert {answer.why for answer in answers} == {"no answer within 200 ms"}
    assert TIMEOUT_S <= took_s < TIMEOUT_S + 0.1
    answers, took_s = ask(client, server)
    assert {answer.why for answer in answers} == {"no answer within 200 ms"}
    assert took_s < 0.02
    assert client.down == [Rpc("127.0.0.1", server.port, "/huntgroup")]
    server.is_frozen = False
    gevent.sleep(PROBE_S + 2 * TIMEOUT_S)
    assert client.down == []
    assert are_right(ask(client, server)[0])


def test_one_that_is_too_slow_is_down_until_it_is_quick(client: KamailioClient, server: RpcServer) -> None:
    server.delay_s = 2 * TIMEOUT_S
    ask(client, server, AORS[:1])
    gevent.sleep(PROBE_S + 3 * TIMEOUT_S)
    assert client.down
    server.delay_s = 0.0
    gevent.sleep(2 * PROBE_S + TIMEOUT_S)
    assert not client.down


def test_a_busy_server_that_answers_some_is_not_down(client: KamailioClient, server: RpcServer) -> None:
    server.delay_s = TIMEOUT_S / 4
    answers, took_s = ask(client, server)
    assert 2 <= sum(not answer.why for answer in answers) <= 5
    assert took_s < TIMEOUT_S + 0.1
    assert client.down == []


def test_one_that_is_gone_is_known_at_once(client: KamailioClient, server: RpcServer) -> None:
    server.stop()
    answers, took_s = ask(client, server)
    assert {answer.why for answer in answers} == {"Connection refused"}
    assert took_s < 0.1


def test_garbage_is_no_answer(client: KamailioClient, server: RpcServer) -> None:
    server.garbage = b"SIP/2.0 400 Bad\r\n\r\n"
    answers, took_s = ask(client, server)
    assert all("the answer is not HTTP" in answer.why for answer in answers)
    assert took_s < 0.1


def test_an_answer_too_many_ends_the_connection_and_no_call_takes_it_for_its_own(
    client: KamailioClient, server: RpcServer
) -> None:
    server.garbage = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" * 2
    (answer,), _ = ask(client, server, AORS[:1])
    assert answer.status == 200
    server.garbage = b""
    gevent.sleep(0.01)
    assert are_right(ask(client, server)[0])


def test_several_kamailios_are_asked_at_once(client: KamailioClient, server: RpcServer) -> None:
    other = RpcServer({aor: [PHONE] for aor in AORS})
    server.is_frozen = True
    began = time.monotonic()
    answers = client.ask([*lookups(server), *lookups(other)]).answers()
    assert time.monotonic() - began < TIMEOUT_S + 0.1
    assert all(answer.why for answer in answers[: len(AORS)])
    assert are_right(answers[len(AORS) :])
    assert [rpc.port for rpc in client.down] == [server.port]
    other.stop()


def test_nothing_is_asked_of_nobody(client: KamailioClient) -> None:
    assert client.ask([]).answers() == []
