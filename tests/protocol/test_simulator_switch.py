"""What becomes of a caller whatever the service does (freeswitch.md 1.8), and what tests may do to a connection."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import gevent
import pytest
from gevent import socket
from gevent.event import Event
from gevent.server import StreamServer

from esl_huntgroup.simulator import dialplan, phones
from esl_huntgroup.simulator.clock import Clock
from esl_huntgroup.simulator.interference import Interference, Moment, NoticeOrder
from esl_huntgroup.simulator.phones import Phone, answering, registered, unregistered
from esl_huntgroup.simulator.sipvars import Caller
from esl_huntgroup.simulator.switch import CallResult, Switch

DOMAIN = "lab.local"
SUBSCRIBE = "linger 5", "event plain CHANNEL_BRIDGE CHANNEL_EXECUTE_COMPLETE CHANNEL_HANGUP_COMPLETE"
SPEED = 60.0


class Line:
    """The service's end of one connection, with just enough protocol for a test."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.received = b""

    def ask(self, *commands: str) -> None:
        self._sock.sendall("".join(f"{command}\n\n" for command in commands).encode())

    def execute(self, application: str, argument: str = "", **headers: str) -> None:
        lines = ["sendmsg", "call-command: execute", f"execute-app-name: {application}"]
        lines += [f"execute-app-arg: {argument}"] if argument else []
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.ask("\n".join(lines))

    def read_until(self, text: str, count: int = 1) -> str:
        while self.received.decode(errors="replace").count(text) < count:
            data = self._sock.recv(65536)
            if not data:
                raise EOFError(self.received[-300:])
            self.received += data
        return self.received.decode(errors="replace")

    def read_to_the_end(self) -> str:
        while data := self._sock.recv(65536):
            self.received += data
        return self.received.decode(errors="replace")

    def take_over(self) -> str:
        self.ask("connect", *SUBSCRIBE)
        return self.read_until("+OK event listener")

    @property
    def uuid(self) -> str:
        match = re.search(rb"\nUnique-ID: (\S+)", self.received)
        assert match is not None
        return match[1].decode()


Script = Callable[[Line], object]


class Stage:
    """A service that follows a script, and a switch that calls it."""

    def __init__(self) -> None:
        self._server: StreamServer | None = None
        self.lines: list[Line] = []
        self.bridge_to = ""
        self.ended = Event()

    def serve(self, script: Script) -> tuple[str, int]:
        def handle(sock: socket.socket, _address: object) -> None:
            line = Line(sock)
            self.lines.append(line)
            try:
                with gevent.Timeout(8):
                    script(line)
            finally:
                sock.close()
                self.ended.set()

        self._server = StreamServer(("127.0.0.1", 0), handle)
        self._server.start()
        return "127.0.0.1", self._server.server_port

    def call(self, script: Script, *members: Phone, **options: object) -> CallResult:
        interference = options.pop("interference", Interference())
        give_up, talk = options.pop("gives_up_after_s", None), options.pop("hangs_up_after_talk_s", None)
        switch = Switch(self.serve(script), members, domain=DOMAIN, clock=Clock(SPEED), **options)  # type: ignore[arg-type]
        with gevent.Timeout(8):
            return switch.call(
                Caller(),
                "700",
                gives_up_after_s=give_up,  # type: ignore[arg-type]
                hangs_up_after_talk_s=talk,  # type: ignore[arg-type]
                interference=interference,  # type: ignore[arg-type]
            )

    def close(self) -> None:
        if self._server is not None:
            self._server.stop()


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.close()


def phone(script: phones.Script, number: int = 1001) -> Phone:
    return registered(f"Phone {number}", f"{number}@{DOMAIN}", script, port=number)


def dial(*members: Phone, timeout_s: int = 20) -> str:
    legs = ",".join(f"sofia/internal/{member.contacts[0]}" for member in members)
    return f"{{ignore_early_media=true,originate_timeout={timeout_s}}}{legs}"


def exit_at_once(line: Line) -> None:
    line.take_over()
    line.ask("exit")
    line.read_to_the_end()


# -- the matrix ---------------------------------------------------------------------------------------------------


def test_a_refused_connection_leads_to_the_fallback_without_a_result() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = unused.getsockname()
    result = Switch(address, (), domain=DOMAIN, clock=Clock(SPEED)).call(Caller(), "700")
    assert (result.fallback, result.status, result.connected) == ("", 503, False)


def test_exit_while_parked_gives_the_call_back(stage: Stage) -> None:
    result = stage.call(exit_at_once)
    assert (result.fallback, result.status) == ("", 503)
    assert "Disconnected, goodbye." in stage.lines[0].received.decode()


@pytest.mark.parametrize(
    ("outcome", "status"), [("all_busy", 486), ("unknown_number", 404), ("no_answer", 480), ("service_fault", 503)]
)
def test_the_fallback_answers_by_the_result(stage: Stage, outcome: str, status: int) -> None:
    def script(line: Line) -> None:
        line.take_over()
        line.ask(f"api uuid_setvar_multi {line.uuid} huntgroup_result={outcome}", "exit")
        line.read_to_the_end()

    result = stage.call(script)
    assert (result.fallback, result.status) == (outcome, status)


def test_a_connection_that_is_closed_before_connect_leaves_the_caller_to_the_watchdog(stage: Stage) -> None:
    result = stage.call(lambda _line: None)
    assert (result.fallback, result.connected) == ("", False)
    assert 7.5 <= result.duration_s <= 10


def test_without_a_watchdog_that_caller_is_parked_until_he_gives_up(stage: Stage) -> None:
    result = stage.call(lambda _line: None, watchdog_s=None, gives_up_after_s=20)
    assert (result.fallback, result.status) == (None, 487)


def test_a_frozen_service_loses_the_caller_to_the_watchdog(stage: Stage) -> None:
    def script(line: Line) -> None:
        line.take_over()
        line.read_to_the_end()

    result = stage.call(script)
    assert result.fallback == ""
    assert 7.5 <= result.duration_s <= 9


def test_sched_del_cancels_the_watchdog(stage: Stage) -> None:
    def script(line: Line) -> None:
        line.take_over()
        line.ask(f"api sched_del huntgroup-{line.uuid}")
        line.read_until("+OK Deleted: 1\n")
        line.read_to_the_end()

    result = stage.call(script, gives_up_after_s=12)
    assert (result.fallback, result.status) == (None, 487)


def test_a_crash_while_ringing_lets_it_ring_on(stage: Stage) -> None:
    member = phone(answering(1.0))

    def script(line: Line) -> None:
        line.take_over()
        line.execute("bridge", dial(member))
        line.read_until("Reply-Text: +OK\n")

    result = stage.call(script, member, hangs_up_after_talk_s=1)
    assert (result.spoken_with, result.status, result.fallback) == ("Phone 1001", 200, None)


def test_a_crash_while_ringing_leads_to_the_fallback_when_nobody_answers(stage: Stage) -> None:
    member = phone(phones.RINGING)

    def script(line: Line) -> None:
        line.take_over()
        line.ask(f"api sched_del huntgroup-{line.uuid}")
        line.execute("bridge", dial(member, timeout_s=3))
        line.read_until("Reply-Text: +OK\n")

    result = stage.call(script, member)
    assert (result.status, result.fallback) == (503, "")


def test_a_crash_while_talking_does_not_end_the_conversation(stage: Stage) -> None:
    member = phone(answering(0.5))

    def script(line: Line) -> None:
        line.take_over()
        line.execute("bridge", dial(member))
        line.read_until("CHANNEL_BRIDGE")

    result = stage.call(script, member, hangs_up_after_talk_s=3)
    assert result.talk_s >= 2.5
    assert result.fallback is None


def test_without_linger_the_connection_ends_with_the_call(stage: Stage) -> None:
    def script(line: Line) -> None:
        line.ask("connect", SUBSCRIBE[1])
        line.read_to_the_end()

    stage.call(script, gives_up_after_s=1)
    assert stage.ended.wait(8)  # the caller is told before the service is
    assert "Content-Disposition: linger" not in stage.lines[0].received.decode()
    assert "Content-Disposition: disconnect" in stage.lines[0].received.decode()


def test_without_hangup_after_bridge_the_caller_stays_under_control(stage: Stage) -> None:
    member = phone(answering(0.3, talks_s=0.5))

    def script(line: Line) -> None:
        line.take_over()
        line.ask(f"api uuid_setvar {line.uuid} hangup_after_bridge")
        line.execute("bridge", dial(member))
        line.read_until("Application: bridge")
        line.execute("respond", "486")
        line.read_to_the_end()

    assert stage.call(script, member).cause == "USER_BUSY"


def test_without_continue_on_fail_a_busy_phone_hangs_the_caller_up(stage: Stage) -> None:
    member = phone(phones.BUSY)

    def script(line: Line) -> None:
        line.take_over()
        line.ask(f"api uuid_setvar {line.uuid} continue_on_fail")
        line.execute("bridge", dial(member))
        line.read_to_the_end()

    assert (stage.call(script, member).cause) == "USER_BUSY"


def test_an_unknown_application_hangs_the_caller_up(stage: Stage) -> None:
    def script(line: Line) -> None:
        line.take_over()
        line.execute("brigde", "x/1")
        line.read_to_the_end()

    assert stage.call(script).status == 502


def test_a_transfer_leaves_the_connection_open_for_the_events_of_the_call(stage: Stage) -> None:
    def script(line: Line) -> None:
        line.take_over()
        line.execute("transfer", "9998 XML public")
        line.read_to_the_end()

    result = stage.call(script, hangs_up_after_talk_s=1)
    assert result.extensions == ("huntgroup", "9998")
    assert "CHANNEL_HANGUP_COMPLETE" in stage.lines[0].received.decode()


def test_a_command_with_event_lock_holds_back_the_next_one(stage: Stage) -> None:
    member = phone(phones.RINGING)

    def script(line: Line) -> None:
        line.take_over()
        line.execute("bridge", dial(member, timeout_s=3), event_lock="true")
        line.execute("hangup", "USER_BUSY")
        line.read_to_the_end()

    result = stage.call(script, member)
    assert result.variables["originate_disposition"] == "NO_ANSWER"
    assert result.cause == "USER_BUSY"


# -- the protocol ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("nonsense", "Reply-Text: -ERR command not found"),
        ("filter x", "Reply-Text: -ERR invalid syntax"),
        ("event plain", "Reply-Text: -ERR no keywords supplied"),
        ("linger", "Reply-Text: +OK will linger\n"),
        ("api nonsense x", "-ERR nonsense Command not found!\n"),
        ("api uuid_exists UUID", "Content-Length: 4\n\ntrue"),
        ("api uuid_exists x", "Content-Length: 5\n\nfalse"),
        ("api uuid_getvar UUID nonsense", "Content-Length: 7\n\n_undef_"),
        ("api uuid_getvar UUID huntgroup_domain", "Content-Length: 9\n\nlab.local"),
        ("api uuid_getvar x y", "-ERR No such channel!\n"),
        ("api uuid_setvar UUID x 'a b'\n\napi uuid_getvar UUID x", "Content-Length: 3\n\na b"),
        ("api uuid_setvar_multi UUID x=1;y=2\n\napi uuid_getvar UUID y", "Content-Length: 1\n\n2"),
        ("api uuid_setvar_multi UUID x=${y}\n\napi uuid_getvar UUID x", "_undef_"),
        ("api uuid_setvar_multi x y=1", "-ERR No such channel!\n-USAGE: "),
        ("api uuid_dump UUID json", '"variable_huntgroup_domain": "lab.local"'),
        ("api uuid_setvar UUID x ARRAY::a|:b\n\napi uuid_dump UUID json", '"variable_x": ["a", "b"]'),
        ("api uuid_dump x json", "-ERR No such channel!\n"),
        ("api uuid_transfer x 9998", "-ERR No such channel!\n"),
        ("api uuid_kill x", "-ERR No such channel!\n"),
        ("api sched_del 4711", "+OK Deleted: 0\n"),
        ("api sofia_contact */1002@lab.local/", "Content-Length: 25\n\nerror/user_not_registered"),
        ("api sofia_contact */1001@lab.local", "sofia/internal/sip:1001@127.0.0.1:1001"),
        ("api sofia_contact */1003@lab.local/[h=1]", "[h=1]sofia/internal/sip:a,[h=1]sofia/internal/sip:b"),
    ],
)
def test_commands_are_answered_as_freeswitch_does(stage: Stage, command: str, answer: str) -> None:
    def script(line: Line) -> None:
        line.take_over()
        line.ask(command.replace("UUID", line.uuid))
        line.read_until(answer)

    members = (
        phone(phones.RINGING),
        unregistered("Off", f"1002@{DOMAIN}"),
        Phone("Two", f"1003@{DOMAIN}", ("sip:a", "sip:b")),
    )
    stage.call(script, *members, gives_up_after_s=5)
    assert answer in stage.lines[0].received.decode()


def test_a_park_takes_park_timeout_away(stage: Stage) -> None:
    def script(line: Line) -> None:
        line.take_over()
        line.ask(*[f"api uuid_getvar {line.uuid} park_timeout"] * 3)
        line.read_until("_undef_")

    stage.call(script, gives_up_after_s=5)
    assert "_undef_" in stage.lines[0].received.decode()


def test_a_socket_without_full_control_knows_few_commands(stage: Stage) -> None:
    def script(line: Line) -> None:
        line.ask("connect", "api status", "linger 5", "filter a b", "getvar uuid")
        line.read_until("+OK filter added")

    address = stage.serve(script)
    extension = dialplan.Extension("x", (("socket", f"127.0.0.1:{address[1]} async"),))
    Switch(address, (), clock=Clock(SPEED), extension=extension).call(Caller(), "700", gives_up_after_s=20)
    received = stage.lines[0].received.decode()
    assert "Control: single-channel" in received
    assert received.count("-ERR command not found") == 2


def test_a_first_command_other_than_connect_is_executed_in_silence(stage: Stage) -> None:
    def script(line: Line) -> None:
        line.ask("linger 5", "connect")
        line.read_until("Control: full")

    stage.call(script, gives_up_after_s=2)
    assert stage.lines[0].received.startswith(b"Event-Name: CHANNEL_DATA")


def test_what_the_service_lets_the_switch_expand_is_remembered(stage: Stage) -> None:
    def script(line: Line) -> None:
        line.take_over()
        line.execute("set", "a=${uuid_exists(x)}")
        line.read_until("Application: set")
        line.ask(f"api uuid_setvar {line.uuid} app_disable_expand_variables true")
        line.execute("log", "INFO ${uuid_exists(x)}")
        line.read_until("Application: log")

    result = stage.call(script, gives_up_after_s=3)
    assert result.expanded == ("a=${uuid_exists(x)}",)
    assert result.variables["a"] == "false"


# -- what tests may do to a connection ----------------------------------------------------------------------------


@pytest.mark.parametrize("size", [8, 64, 4096])
def test_a_stream_in_pieces_is_the_same_stream(stage: Stage, size: int) -> None:
    stage.call(exit_at_once, interference=Interference(chunk_bytes=size))
    received = stage.lines[0].received.decode()
    assert received.startswith("Event-Name: CHANNEL_DATA")
    assert received.endswith("http://www.cluecon.com/\n")


@pytest.mark.parametrize("moment", list(Moment))
def test_a_connection_can_be_dropped_at_each_moment(stage: Stage, moment: Moment) -> None:
    member = phone(answering(0.5))

    def script(line: Line) -> None:
        line.take_over()
        line.ask(f"api sched_del huntgroup-{line.uuid}")
        line.execute("bridge", dial(member))
        line.read_to_the_end()

    dropped: list[BaseException] = []

    def noticing(line: Line) -> None:
        try:
            script(line)
        except (OSError, EOFError) as error:
            dropped.append(error)

    result = stage.call(noticing, member, interference=Interference(drop_at=moment), hangs_up_after_talk_s=0.5)
    assert dropped
    assert (result.status == 200) is (moment in (Moment.RINGING, Moment.TALKING, Moment.HUNG_UP))


def test_a_frozen_connection_says_nothing_more(stage: Stage) -> None:
    def script(line: Line) -> None:
        line.ask("connect")
        line.read_until("Control: full")
        line.ask("api status")
        line.read_to_the_end()

    stage.call(script, interference=Interference(freeze_at=Moment.BATCH), gives_up_after_s=2)
    assert b"api/response" not in stage.lines[0].received


def test_bytes_can_be_rewritten(stage: Stage) -> None:
    lie = Interference(rewrite=lambda message: message.replace(b"+OK bye", b"+OK buy"))
    stage.call(exit_at_once, interference=lie)
    assert b"+OK buy" in stage.lines[0].received


@pytest.mark.parametrize("order", [NoticeOrder.BEFORE, NoticeOrder.BEHIND])
def test_the_linger_notice_comes_where_a_test_wants_it(stage: Stage, order: NoticeOrder) -> None:
    def script(line: Line) -> None:
        line.take_over()
        line.read_to_the_end()

    stage.call(script, interference=Interference(notice=order), gives_up_after_s=1)
    received = stage.lines[0].received.decode()
    notice, final = received.index("Content-Disposition: linger"), received.index("CHANNEL_HANGUP_COMPLETE\n")
    assert (notice < final) is (order is NoticeOrder.BEFORE)


def test_calls_at_the_same_time_do_not_mix(stage: Stage) -> None:
    members = [phone(answering(0.2 + number / 10), 1001 + number) for number in range(5)]

    def script(line: Line) -> None:
        line.take_over()
        number = int(re.search(r"\nCaller-Caller-ID-Number: (\d+)", line.received.decode())[1])  # type: ignore[index]
        line.execute("bridge", dial(members[number]))
        line.read_to_the_end()

    switch = Switch(stage.serve(script), tuple(members), domain=DOMAIN, clock=Clock(SPEED))
    calls = [switch.spawn(Caller(str(number)), "700", hangs_up_after_talk_s=1) for number in range(5)]
    gevent.joinall(calls, timeout=8)
    assert [call.get().spoken_with for call in calls] == [member.name for member in members]
    assert not switch.callers
    assert not switch.legs
