"""
Every defect of greenswitch 0.0.19 that touches us, in the order of its list, and that it is cured.

Each test would hang, crash or pass a wrong value with the stock classes; gevent.Timeout bounds every one.
"""

from __future__ import annotations

import errno
import gc
import logging
import os
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import greenlet
import greenswitch.esl
import pytest
from gevent import socket

from esl_huntgroup.errors import (
    CommandRefused,
    HuntgroupError,
    ProtocolError,
    SettingsError,
    SwitchGone,
    SwitchTimeout,
)
from esl_huntgroup.esl.inbound import InboundSession
from esl_huntgroup.esl.server import Server
from esl_huntgroup.esl.session import CallSession
from esl_huntgroup.esl.stream import PENDING_MAX, EventSocket

OK = b"Content-Type: command/reply\nReply-Text: +OK\n\n"
CHANNEL = b"Event-Name: CHANNEL_DATA\nUnique-ID: a1\n%bContent-Type: command/reply\nReply-Text: %%2BOK%%0A\n\n"
DISCONNECT = b"Content-Type: text/disconnect-notice\nContent-Disposition: linger\nContent-Length: 0\n\n"


def event(name: str, **values: str) -> bytes:
    lines = [f"Event-Name: {name}", *(f"{key.replace('_', '-')}: {value}" for key, value in values.items())]
    body = ("\n".join(lines) + "\n\n").encode()
    return b"Content-Length: %d\nContent-Type: text/event-plain\n\n%b" % (len(body), body)


def listening() -> Any:
    """Return a gevent socket that listens; gevent.socket.create_server would return one that blocks the process."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen()
    return sock


@pytest.fixture(autouse=True)
def nothing_hangs() -> Iterator[None]:
    with gevent.Timeout(10, AssertionError("it hangs")):
        yield


@pytest.fixture
def pair() -> Iterator[tuple[CallSession, Any]]:
    ours, theirs = socket.socketpair()
    session = CallSession(("127.0.0.1", 1), ours)
    yield session, theirs
    session.stop()
    theirs.close()


Pair = tuple[CallSession, Any]


def test_header_injection_by_the_caller(pair: Pair) -> None:
    session, switch = pair
    switch.sendall(CHANNEL % b"Caller-Caller-ID-Name: x%0AUnique-ID%3A%20evil%E2%80%A8variable_a%3A%20b\n")
    answer = session.connect(1)
    assert answer.get("Unique-ID") == "a1"
    assert answer.get("variable_a") is None


def test_process_freeze_at_end_of_file_inside_a_body(pair: Pair) -> None:
    session, switch = pair
    switch.sendall(b"Content-Type: text/event-plain\nContent-Length: 100\n\nEvent-Name: X")
    switch.close()
    with pytest.raises(SwitchGone, match="inside a message"):
        session.next_message(5)


@pytest.mark.parametrize(
    "send",
    [
        lambda session: session.send("linger 5\n\napi system x"),
        lambda session: session.call_command("set\n\napi system x"),
        lambda session: session.exchange([greenswitch_command()], 1),
    ],
    ids=["a line", "an application", "a header"],
)
def test_command_injection(pair: Pair, send: Callable[[CallSession], Any]) -> None:
    with pytest.raises(ValueError, match="control character"):
        send(pair[0])


def greenswitch_command() -> bytes:
    from esl_huntgroup.esl.wire import command

    return command("sendmsg", {"execute-app-arg": "x\n\napi system x"})


def test_an_argument_with_an_empty_line_stays_one_argument(pair: Pair) -> None:
    session, switch = pair
    switch.sendall(OK)
    session.call_command("set", "a=b\n\napi system x")
    sent = switch.recv(9999)
    assert sent.startswith(b"sendmsg\n")
    assert b"content-length: %d\n\na=b" % len(b"a=b\n\napi system x") in sent


def test_end_of_file_wakes_who_waits(pair: Pair) -> None:
    session, switch = pair
    waiter = gevent.spawn(session.exchange, [b"api status\n\n"], 60)
    gevent.sleep(0)
    switch.close()
    waiter.join()
    assert isinstance(waiter.exception, SwitchGone)


def test_reset_wakes_who_waits() -> None:
    with listening() as listener:
        theirs = socket.create_connection(listener.getsockname())
        ours, address = listener.accept()
        session = CallSession(address, ours)
    waiter = gevent.spawn(session.next_message, 60)
    gevent.sleep(0)
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    theirs.close()
    waiter.join()
    session.stop()
    assert isinstance(waiter.exception, SwitchGone)


def test_no_time_out_on_any_command(pair: Pair) -> None:
    session, _ = pair
    waits: list[Callable[[], Any]] = [
        lambda: session.connect(0.01),
        lambda: session.send("x", 0.01),
        lambda: session.next_message(0.01),
    ]
    for wait in waits:
        with pytest.raises(SwitchTimeout):
            wait()


def test_an_answer_that_came_while_the_process_was_stopped_is_not_too_late(pair: Pair) -> None:
    session, switch = pair
    switch.sendall(event("CHANNEL_HANGUP_COMPLETE"))
    time.sleep(0.05)  # of the whole process: the hub sees the end of the time and the answer at once
    assert session.next_message(timeout_s=0.0).get("Event-Name") == "CHANNEL_HANGUP_COMPLETE"
    with pytest.raises(SwitchTimeout):
        session.next_message(timeout_s=0.0)


def test_a_peer_that_never_reads_does_not_hold_the_writer(pair: Pair) -> None:
    session, _ = pair
    with pytest.raises(SwitchTimeout, match="does not read"):
        session.exchange([b"x" * 10_000_000], 0.05)


@pytest.mark.parametrize(
    ("bytes_", "problem"),
    [
        (b"Content-Length: 2\n\n{}", "without Content-Type"),
        (b"Content-Type: text/event-json\nContent-Length: x\n\n", "not a number"),
        (OK, "nobody asked"),
    ],
    ids=["no Content-Type", "bad Content-Length", "an unasked reply"],
)
def test_the_reader_does_not_die_in_silence(pair: Pair, bytes_: bytes, problem: str) -> None:
    session, switch = pair
    switch.sendall(bytes_)
    with pytest.raises(ProtocolError, match=problem):
        session.next_message(1)


def test_json_events_and_bad_utf8_are_messages_like_others(pair: Pair) -> None:
    session, switch = pair
    switch.sendall(b"Content-Type: text/event-json\nContent-Length: 4\n\n{\xff}\n" + event("X", a="b"))
    assert session.next_message(1).content_type == "text/event-json"
    assert session.next_message(1).get("a") == "b"


def test_the_end_of_an_application_is_never_matched_by_its_name(pair: Pair) -> None:
    session, _ = pair
    with pytest.raises(NotImplementedError, match="Application-UUID"):
        session.call_command("bridge", "x", block=True)
    with pytest.raises(NotImplementedError):
        session.bridge("x")


def test_no_stale_waiter_stays_after_a_time_out(pair: Pair) -> None:
    session, switch = pair
    with pytest.raises(SwitchTimeout):
        session.send("first", 0.01)
    switch.sendall(OK)  # the late answer to the first
    with pytest.raises(ProtocolError, match="nobody asked"):
        session.next_message(1)


def test_the_linger_notice_loses_no_reply_and_no_final_event(pair: Pair) -> None:
    session, switch = pair
    switch.sendall(DISCONNECT + OK + event("CHANNEL_HANGUP_COMPLETE"))
    (reply,) = session.exchange([b"api status\n\n"], 1)
    assert reply.reply == "+OK"
    assert session.is_dismissed
    assert session.next_message(1).content_type == "text/disconnect-notice"
    assert session.next_message(1).get("Event-Name") == "CHANNEL_HANGUP_COMPLETE"


def test_events_before_the_end_of_file_are_delivered(pair: Pair) -> None:
    session, switch = pair
    switch.sendall(event("A") + event("B"))
    switch.close()
    assert [session.next_message(1).get("Event-Name") for _ in range(2)] == ["A", "B"]
    with pytest.raises(SwitchGone):
        session.next_message(1)


def test_every_error_is_an_exception_that_except_exception_catches() -> None:
    for error in (SwitchTimeout, SwitchGone, ProtocolError, CommandRefused):
        assert issubclass(error, HuntgroupError)
        assert issubclass(error, Exception)


def test_err_is_raised(pair: Pair) -> None:
    session, switch = pair
    switch.sendall(b"Content-Type: command/reply\nReply-Text: -ERR command not found\n\n")
    with pytest.raises(CommandRefused, match="command not found"):
        session.send("nonsense")


def start(serve: Callable[[CallSession], Any], max_calls: int = 1000, refuse: Any = None) -> Server:
    server = Server([("127.0.0.1", 0)], serve, refuse or (lambda session: session.stop()), max_calls)
    server.listen()
    return server


def connect_to(server: Server) -> Any:
    return socket.create_connection(server.bound_addresses[0])


def test_a_burst_of_calls_is_accepted_whole() -> None:
    served: list[CallSession] = []
    server = start(served.append)
    callers = [connect_to(server) for _ in range(500)]
    while len(served) < 500:
        gevent.sleep(0.001)
    server.stop(1)
    for caller in callers:
        caller.close()


def test_the_limit_counts_from_accept_on() -> None:
    """50 callers at the same moment pass a limit of 5 in greenswitch: it counts after connect."""
    refused: list[CallSession] = []
    server = start(lambda session: session.next_message(60), 5, refused.append)
    callers = [connect_to(server) for _ in range(50)]
    while len(refused) < 45:
        gevent.sleep(0.001)
    assert server.connection_count == 5
    for caller in callers:
        caller.close()


@pytest.mark.filterwarnings("ignore")
def test_an_accept_error_does_not_end_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[CallSession] = []
    server = start(served.append)
    (listener,) = server._listeners
    real, failures = listener.do_read, iter([OSError(errno.EMFILE, "Too many open files")])

    def do_read() -> Any:
        for failure in failures:
            raise failure
        return real()

    monkeypatch.setattr(listener, "do_read", do_read)
    with connect_to(server):
        while not served:
            gevent.sleep(0.001)
    server.stop()


def test_a_bind_error_names_the_address() -> None:
    server = start(lambda session: None)
    host, port = server.bound_addresses[0]
    with pytest.raises(SettingsError, match=f"cannot listen on {host} port {port}: Address already in use"):
        Server([(host, port)], lambda session: None, lambda session: None, 1).listen()
    server.stop()


def test_ipv6_and_several_addresses_are_possible() -> None:
    server = Server([("127.0.0.1", 0), ("::1", 0)], lambda session: session.stop(), lambda session: None, 1)
    server.listen()
    assert [host for host, _ in server.bound_addresses] == ["127.0.0.1", "::1"]
    for address in server.bound_addresses:
        socket.create_connection(address).close()
    server.stop(1)


def test_drain_has_a_deadline_and_counts_calls_that_are_still_connecting() -> None:
    server = start(lambda session: session.connect(60))
    caller = connect_to(server)
    while not server.connection_count:
        gevent.sleep(0.001)
    assert server.stop(0.01) == 1
    caller.close()
    assert server.stop(5) == 0


def test_a_stopped_server_accepts_nobody() -> None:
    server = start(lambda session: None)
    address = server.bound_addresses[0]
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


def test_commands_are_sent_whole_at_once_and_a_dead_peer_is_noticed() -> None:
    options: list[int] = []

    def serve(session: CallSession) -> None:
        options.append(session.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        options.append(session.sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
        options.append(session.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT))

    server = start(serve)
    with connect_to(server):
        while len(options) < 3:
            gevent.sleep(0.001)
    server.stop()
    assert all(options)


def test_the_queue_of_events_is_bounded(pair: Pair) -> None:
    session, switch = pair
    flood = gevent.spawn(switch.sendall, event("X") * (PENDING_MAX + 10))
    with pytest.raises(ProtocolError, match="while a reply was awaited"):
        session.exchange([b"api status\n\n"], 5)
    flood.kill()


def test_a_session_has_no_greenlets_of_its_own() -> None:
    gc.collect()
    before = sum(isinstance(thing, greenlet.greenlet) for thing in gc.get_objects())
    pairs = [socket.socketpair() for _ in range(20)]
    sessions = [CallSession(None, ours) for ours, _ in pairs]
    assert sum(isinstance(thing, greenlet.greenlet) for thing in gc.get_objects()) == before
    for session, (_, theirs) in zip(sessions, pairs, strict=True):
        session.stop()
        theirs.close()


def test_linger_always_has_an_end(pair: Pair) -> None:
    with pytest.raises(ValueError, match="for ever"):
        pair[0].linger()


def test_nothing_is_logged_to_the_root_logger(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    session, switch = pair
    with caplog.at_level(logging.DEBUG):
        switch.sendall(CHANNEL % b"Caller-Caller-ID-Number: 1%0Aforged\n" + DISCONNECT)
        session.connect(1)
        session.next_message(1)
    assert not caplog.records


def test_the_uuid_is_that_of_the_channel_not_a_variable_of_the_dialplan(pair: Pair) -> None:
    session, switch = pair
    with pytest.raises(SwitchGone):
        _ = session.uuid
    switch.sendall(CHANNEL % b"variable_uuid: other\n")
    session.connect(1)
    assert session.uuid == "a1"


def test_the_stock_methods_that_hang_are_refused() -> None:
    unsafe = "bridge playback say play_and_get_digits uuid_break while_connected myevents register_handle"
    for name in unsafe.split():
        assert getattr(CallSession, name) is EventSocket._refused
        assert hasattr(greenswitch.esl.OutboundSession, name)


# -- the connection to the switch -----------------------------------------------------------------------------------


def switch_that_says(*pieces: bytes) -> tuple[str, int]:
    listener = listening()

    def play() -> None:
        sock, _ = listener.accept()
        for piece in pieces:
            sock.sendall(piece)
            sock.recv(999)
        sock.close()
        listener.close()

    gevent.spawn(play)
    host, port = listener.getsockname()
    return host, port


AUTH = b"Content-Type: auth/request\n\n"


def test_inbound_asks_and_is_answered() -> None:
    answer = b"Content-Type: api/response\nContent-Length: 3\n\nUP\n"
    host, port = switch_that_says(AUTH, OK, answer)
    with InboundSession(host, port, "secret", 1) as switch:
        assert switch.api("status") == "UP"


@pytest.mark.parametrize(
    ("says", "problem"),
    [
        ([AUTH, b"Content-Type: command/reply\nReply-Text: -ERR invalid\n\n"], "refuses the password"),
        ([b"Content-Type: text/rude-rejection\nContent-Length: 5\n\nno!!\n"], "refuses this address"),
        ([b"Content-Type: text/html\n\n"], "is no event socket"),
        ([b"220 smtp\r\n"], "not an event socket"),
        ([], "connection ended"),
    ],
)
def test_inbound_says_in_words_why_not_and_never_shows_the_password(says: list[bytes], problem: str) -> None:
    host, port = switch_that_says(*says)
    with pytest.raises(HuntgroupError, match=problem) as refused, InboundSession(host, port, "secret", 1):
        pass
    assert "secret" not in str(refused.value)


def test_inbound_does_not_wait_for_a_silent_peer() -> None:
    with listening() as listener:
        host, port = listener.getsockname()
        with pytest.raises(SwitchTimeout), InboundSession(host, port, "x", 0.05):
            pass


def test_inbound_names_an_address_where_nobody_listens() -> None:
    with listening() as listener:
        host, port = listener.getsockname()
    with pytest.raises(SwitchGone, match=f"{host} port {port}: {os.strerror(errno.ECONNREFUSED)}"):
        InboundSession(host, port, "x", 1).connect()
