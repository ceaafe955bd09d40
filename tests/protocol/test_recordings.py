"""
Recorded streams of FreeSWITCH 1.10.12 (tests/data/wire): read however they are cut, and replayed to a real call.

The replay plays the switch's side of one recording to ``handler.serve``: recorded replies, then recorded events, in the
recorded order and with the recorded times. Only the uuids that the service chose take the place of the recorded ones,
which are as long, so every length in the stream stays true.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import gevent
import pytest
from gevent import socket

from esl_huntgroup.calls import handler
from esl_huntgroup.calls.context import CallContext
from esl_huntgroup.esl.session import CallSession
from esl_huntgroup.esl.wire import Decoder, Message, array
from esl_huntgroup.journal.records import CallAnswered, CallEnded, CallOpened, CallRinging, JournalRecord
from esl_huntgroup.model.group import HuntGroup, Line, Member, Overflow, OverflowAction, Taker
from esl_huntgroup.model.outcome import EntryKind, Outcome
from esl_huntgroup.simulator.command import Command, CommandReader
from tests.unit.examples import DOMAIN, group

WIRE = Path(__file__).parent.parent / "data" / "wire"
NAMES = sorted(folder.name for folder in WIRE.iterdir() if folder.is_dir())
NEAR_BYTES = 100
"""Around each border between two messages every cut is tried; elsewhere each FAR_STEP bytes."""
FAR_STEP = 61


@functools.cache
def stream(name: str) -> bytes:
    return (WIRE / name / "from_switch.esl").read_bytes()


SMALLEST = min(NAMES, key=lambda name: len(stream(name)))


@pytest.fixture(autouse=True)
def nothing_hangs() -> Iterator[None]:
    with gevent.Timeout(20, AssertionError("it hangs")):
        yield


def decode(*pieces: bytes) -> list[Message]:
    decoder = Decoder()
    messages = [message for piece in pieces for message in decoder.receive(piece)]
    assert decoder.incomplete_bytes == 0
    return messages


def raw(messages: list[Message]) -> list[tuple[bytes, bytes]]:
    return [(message.head, message.body) for message in messages]


# -- however it is cut ----------------------------------------------------------------------------------------------


def borders(name: str) -> list[int]:
    """Return where each message of a recording ends."""
    ends = [0]
    for message in decode(stream(name)):
        ends.append(ends[-1] + len(message.head) + 2 + len(message.body))
        assert stream(name)[: ends[-1]].endswith(message.body or b"\n\n")
    return ends


def cuts(name: str) -> list[int]:
    size = len(stream(name))
    if name == SMALLEST:
        return list(range(size))
    near = {at for end in borders(name) for at in range(end - NEAR_BYTES, end + NEAR_BYTES) if 0 <= at < size}
    return sorted(near | set(range(0, size, FAR_STEP)))


@pytest.mark.parametrize("name", NAMES)
def test_a_whole_recording_leaves_nothing_over_and_holds_all_its_messages(name: str) -> None:
    messages = decode(stream(name))
    assert borders(name)[-1] == len(stream(name))
    assert messages[0].get("Event-Name") == "CHANNEL_DATA"
    assert messages[-1].content_type == "text/disconnect-notice"


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_byte_by_byte_is_the_same_as_whole(name: str) -> None:
    recorded = stream(name)
    assert raw(decode(*(recorded[at : at + 1] for at in range(len(recorded))))) == raw(decode(recorded))


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_cut_anywhere_is_the_same_as_whole(name: str) -> None:
    recorded = stream(name)
    whole = raw(decode(recorded))
    wrong = [cut for cut in cuts(name) if raw(decode(recorded[:cut], recorded[cut:])) != whole]
    assert wrong == []


# -- what is read ---------------------------------------------------------------------------------------------------


def leg(number: int) -> str:
    return f"00000000-0000-4000-8000-00000000{number:04}"


BOTH = {leg(1001): "NONE", leg(1002): "LOSE_RACE"}
CAUSES: Mapping[str, Mapping[str, str]] = {
    "all_busy": {leg(1001): "USER_BUSY", leg(1002): "USER_BUSY"},
    "answered": BOTH | {leg(1003): "USER_BUSY", leg(1004): "NORMAL_TEMPORARY_FAILURE"},
    "both_answer_at_once": BOTH,
    "caller_gone": {leg(1001): "ORIGINATOR_CANCEL", leg(1002): "ORIGINATOR_CANCEL"},
    "hostile_caller": BOTH,
    "member_hangs_up": BOTH,
    "no_answer": {leg(1001): "NO_ANSWER", leg(1002): "NO_ANSWER"},
    "nobody_registered": {},
    "overflow_transfer": {leg(1001): "NO_ANSWER"},
    "pickup": {
        leg(1001): "LOSE_RACE",
        leg(1002): "LOSE_RACE",
        "0717aa94-57e9-497f-af31-150adba8e2d1": "NONE",
    },
    "rejected_then_answered": {leg(1001): "CALL_REJECTED", leg(1002): "NONE"},
    "two_rounds": {leg(1001): "NO_ANSWER", leg(2002): "NONE"},
}
"""What README.md says of each recording, leg by leg."""
ANSWERED = {
    "answered": leg(1001),
    "both_answer_at_once": leg(1001),
    "hostile_caller": leg(1001),
    "member_hangs_up": leg(1001),
    "pickup": "0717aa94-57e9-497f-af31-150adba8e2d1",
    "rejected_then_answered": leg(1002),
    "two_rounds": leg(2002),
}
"""The leg that got the call."""
HANGUP_CAUSE = dict.fromkeys(NAMES, "NORMAL_CLEARING") | {
    "all_busy": "USER_BUSY",
    "caller_gone": "ORIGINATOR_CANCEL",
    "no_answer": "NO_ANSWER",
}
LIVES_ON = {"nobody_registered"}
"""The recording ends before the caller does."""


def events(name: str, kind: str) -> list[Message]:
    return [message for message in decode(stream(name)) if message.is_event and message.get("Event-Name") == kind]


def bridge_end(name: str) -> Message:
    """Return the last CHANNEL_EXECUTE_COMPLETE of a bridge."""
    return [event for event in events(name, "CHANNEL_EXECUTE_COMPLETE") if event.get("Application") == "bridge"][-1]


def causes_in(message: Message) -> dict[str, str]:
    pairs = (text.partition(";") for text in array(message.get("variable_originate_causes")))
    return {uuid: cause for uuid, _, cause in pairs}


@pytest.mark.parametrize("name", NAMES)
def test_the_end_of_the_bridge_tells_the_cause_of_every_leg(name: str) -> None:
    assert causes_in(bridge_end(name)) == CAUSES[name]


@pytest.mark.parametrize("name", NAMES)
def test_the_event_of_the_answer_tells_who_took_the_call_and_why_the_others_stopped(name: str) -> None:
    bridged = events(name, "CHANNEL_BRIDGE")
    told = [(event.get("Bridge-B-Unique-ID"), event.get("Answer-State"), causes_in(event)) for event in bridged]
    assert told == ([(ANSWERED[name], "answered", CAUSES[name])] if name in ANSWERED else [])


@pytest.mark.parametrize("name", NAMES)
def test_the_end_of_the_bridge_tells_whether_the_caller_is_still_there(name: str) -> None:
    is_gone = name in ANSWERED or name == "caller_gone"
    assert bridge_end(name).get("Answer-State") == ("hangup" if is_gone else "ringing")


@pytest.mark.parametrize("name", [name for name in NAMES if name not in LIVES_ON])
def test_the_end_of_the_call_tells_its_cause(name: str) -> None:
    (end,) = events(name, "CHANNEL_HANGUP_COMPLETE")
    assert (end.get("Hangup-Cause"), end.get("Answer-State")) == (HANGUP_CAUSE[name], "hangup")


@pytest.mark.parametrize("name", NAMES)
def test_every_event_is_of_the_callers_channel(name: str) -> None:
    data, *others = decode(stream(name))
    assert {event.get("Unique-ID") for event in others if event.is_event} == {data.get("Unique-ID")}


def test_nothing_that_a_hostile_caller_sends_becomes_a_header() -> None:
    described = [message for message in decode(stream("hostile_caller")) if message.get("Event-Name")]
    assert len(described) == 5
    for message in described:
        assert message.get("Unique-ID") == "6d3a4c09-56a4-4d48-b9fb-ffdbb5b4097a"
        assert message.get("variable_huntgroup_member") is None
        assert message.content_type in ("command/reply", "text/event-plain")
        assert (message.get("Caller-Caller-ID-Name") or "").startswith("Müller, A\nUnique-ID: evil\nvariable_")
        assert message.get("variable_sip_h_X-Evil") == "a\n\napi status"


# -- replayed to a call ---------------------------------------------------------------------------------------------


@dataclass
class Pages:
    """A journal that only collects."""

    records: list[JournalRecord] = field(default_factory=list)

    def record(self, entry: JournalRecord) -> None:
        self.records.append(entry)


@dataclass
class OneGroup:
    """A directory that knows one group under every number."""

    group: HuntGroup

    def find(self, domain: str, number: str) -> HuntGroup | None:
        return self.group

    def line_at(self, domain: str, number: str) -> str:
        return ""

    def may_pick_up(self, user_id: int, addresses: Collection[str]) -> frozenset[str]:
        return frozenset()

    def user_at(self, address: str) -> Taker | None:
        return None


REPLY = b"Content-Type: command/reply\nReply-Text: +OK"


class Recording:
    """The switch's side of one recording, in reply to whatever the service asks."""

    def __init__(self, name: str, sock: Any) -> None:
        self._sock = sock
        self._reader = CommandReader()
        self._data, *rest = self._cut(name)
        self._replies = iter([text for text in rest if text.startswith(REPLY)])
        self._events = [text for text in rest if not text.startswith((b"Content-Type: command", b"Content-Type: api"))]
        self._uuids: dict[bytes, bytes] = {}
        self.commands: list[Command] = []

    @staticmethod
    def _cut(name: str) -> list[bytes]:
        ends = borders(name)
        return [stream(name)[start:end] for start, end in itertools.pairwise(ends)]

    def play(self) -> None:
        """Serve until the service lets go."""
        with self._sock, contextlib.suppress(OSError):  # it may let go while the rest is being played
            self._serve()

    def _serve(self) -> None:
        while data := self._sock.recv(65536):
            self._reader.receive(data)
            while command := self._reader.next():
                self.commands.append(command)
                self._sock.sendall(self._reply(command))
                if command.application:
                    self._play_on(command)

    def _reply(self, command: Command) -> bytes:
        words = command.line.split()
        if words[0] == "connect":
            return self._data
        if words[0] != "api":
            return next(self._replies, b"Content-Type: command/reply\nReply-Text: +OK\n\n")
        answers = {
            "sofia_contact": f"{words[2].rpartition('/')[2]}sofia/internal/sip:{words[2].split('@')[0][2:]}@127.0.0.1",
            "uuid_getvar": "_undef_",
        }
        body = answers.get(words[1], "+OK\n").encode()
        return b"Content-Type: api/response\nContent-Length: %d\n\n%b" % (len(body), body)

    def _play_on(self, command: Command) -> None:
        """Play what was recorded until the end of this application; of the last, until the end of the recording."""
        if command.application == "bridge":
            for number, uuid in enumerate(re.findall(r"origination_uuid=([0-9a-f-]{36})", command.argument), 1001):
                self._uuids[leg(number).encode()] = uuid.encode()
        is_over = False
        while self._events and not is_over:
            event = self._events.pop(0)
            is_end = b"\nEvent-Name: CHANNEL_EXECUTE_COMPLETE\n" in event and self._is_of_the_service(event)
            is_over = is_end and b"\nAnswer-State: hangup\n" not in event
            self._sock.sendall(self._with_our_uuids(event, command if is_end else None))

    @staticmethod
    def _is_of_the_service(event: bytes) -> bool:
        """Whether this is the end of an application of the service, not of the dialplan: those run before and after."""
        return any(b"\nApplication: %b\n" % name in event for name in (b"bridge", b"respond", b"hangup", b"transfer"))

    def _with_our_uuids(self, event: bytes, ended: Command | None) -> bytes:
        for recorded, ours in self._uuids.items():
            event = event.replace(recorded, ours)
        if ended is not None:
            ours = ended.header("event-uuid").encode()
            event = re.sub(rb"\nApplication-UUID: [0-9a-f-]{36}\n", b"\nApplication-UUID: %b\n" % ours, event)
        return _with_ring_notes(event)


_RUNG = re.compile(rb"([0-9a-f-]{32})([0-9a-f]{4});(?:NONE|LOSE_RACE|NO_ANSWER|ORIGINATOR_CANCEL)\b")
"""The legs whose phones rang, by the timelines of the recordings: all that the switch ended, or that answered."""


def _with_ring_notes(event: bytes) -> bytes:
    """Return the event as it is since legs note on the caller's channel that they ring; the recordings are older."""
    head, blank, body = event.partition(b"\n\n")
    causes = re.search(rb"\nvariable_originate_causes: (.*)\n", body)
    if not causes:
        return event
    told = unquote_to_bytes(causes[1])
    notes = b"".join(b"variable_huntgroup_rang_%b: %b\n" % (suffix, begin) for begin, suffix in _RUNG.findall(told))
    first, line_end, rest = body.partition(b"\n")
    body = first + line_end + notes + rest
    return re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % len(body), head, count=1) + blank + body


def members(count: int) -> tuple[Member, ...]:
    numbers = [str(number) for number in range(1001, 1001 + count)]
    return tuple(Member(int(number), number, (Line(number, DOMAIN, number),)) for number in numbers)


def replay(name: str, count: int, overflow: Overflow | None = None) -> tuple[list[JournalRecord], Recording]:
    """Play a recording to a group of so many members; return the journal, and the commands that were sent."""
    ours, theirs = socket.socketpair()
    recording = Recording(name, theirs)
    pages = Pages()
    outcomes = Outcome.NO_ANSWER, Outcome.ALL_BUSY, Outcome.NOBODY_REGISTERED
    overflows = dict.fromkeys(outcomes, overflow) if overflow else {}
    found = group(*members(count), overflows=overflows)
    ctx = CallContext(OneGroup(found), pages, DOMAIN, reply_timeout_s=2.0, leg_limit=127)
    switch = gevent.spawn(recording.play)
    handler.serve(CallSession(("127.0.0.1", 1), ours), ctx)
    switch.get()
    return [record for record in pages.records if not isinstance(record, CallRinging)], recording


def stamp_ms(message: Message) -> int:
    return int(message.get("Event-Date-Timestamp") or "") // 1000


E, W = EntryKind.ANSWERED_ELSEWHERE, EntryKind.ANSWERED


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        (
            "answered",
            [
                ("1001", W, True, "NONE"),
                ("1002", E, True, "LOSE_RACE"),
                ("1003", E, True, "USER_BUSY"),
                ("1004", E, False, "NORMAL_TEMPORARY_FAILURE"),
                ("1005", E, False, "NEVER_CREATED"),
            ],
        ),
        ("both_answer_at_once", [("1001", W, True, "NONE"), ("1002", E, True, "LOSE_RACE")]),
        ("hostile_caller", [("1001", W, True, "NONE"), ("1002", E, True, "LOSE_RACE")]),
        ("member_hangs_up", [("1001", W, True, "NONE"), ("1002", E, True, "LOSE_RACE")]),
        ("rejected_then_answered", [("1001", E, True, "CALL_REJECTED"), ("1002", W, True, "NONE")]),
    ],
)
def test_an_answered_recording_is_in_the_journal_with_the_switchs_own_times(
    name: str, seen: list[tuple[str, EntryKind, bool, str]]
) -> None:
    records, recording = replay(name, len(seen))
    opened, answered, ended = records
    data, (bridged,), (gone,) = decode(stream(name))[0], events(name, "CHANNEL_BRIDGE"), events(name, HANGUP)
    winner = next(user for user, kind, *_ in seen if kind is W)
    assert isinstance(opened, CallOpened)
    assert isinstance(answered, CallAnswered)
    assert isinstance(ended, CallEnded)
    assert opened.arrived_at_ms == stamp_ms(data)
    assert [(entry.user_name, entry.kind, entry.rang, entry.cause) for entry in answered.entries] == seen
    assert (answered.answered_by_name, answered.answered_at_ms) == (winner, stamp_ms(bridged))
    assert answered.wait_ms == stamp_ms(bridged) - stamp_ms(data)
    assert (ended.outcome, ended.cause, ended.overflow) == (Outcome.ANSWERED, "NORMAL_CLEARING", "")
    assert ended.talk_ms == stamp_ms(gone) - stamp_ms(bridged)
    assert (ended.legs, ended.entries) == ((), ())
    assert [command.application for command in recording.commands if command.application] == ["bridge"]


HANGUP = "CHANNEL_HANGUP_COMPLETE"
MISSED, NOT_SIGNALLED = EntryKind.MISSED, EntryKind.NOT_SIGNALLED


@pytest.mark.parametrize(
    ("name", "overflow", "applications", "ending", "seen"),
    [
        (
            "no_answer",
            Overflow(OverflowAction.RESPOND, "480"),
            ["bridge", "respond"],
            (Outcome.NO_ANSWER, "", "respond 480"),
            (MISSED, True, "NO_ANSWER"),
        ),
        (
            "all_busy",
            Overflow(OverflowAction.RESPOND, "486"),
            ["bridge", "respond"],
            (Outcome.ALL_BUSY, "", "respond 486"),
            (MISSED, True, "USER_BUSY"),
        ),
        (
            "caller_gone",
            None,
            ["bridge"],
            (Outcome.CALLER_GONE, "ORIGINATOR_CANCEL", ""),
            (MISSED, True, "ORIGINATOR_CANCEL"),
        ),
        (
            "nobody_registered",
            None,
            ["bridge"],
            (Outcome.NOBODY_REGISTERED, "", "dialplan"),
            (NOT_SIGNALLED, False, "NEVER_CREATED"),
        ),
        (
            "overflow_transfer",
            Overflow(OverflowAction.TRANSFER, "9998 XML public"),
            ["bridge", "transfer"],
            (Outcome.NO_ANSWER, "", "transfer 9998 XML public"),
            (MISSED, True, "NO_ANSWER"),
        ),
    ],
)
def test_a_recording_that_nobody_answered_is_in_the_journal_of_every_member(
    name: str,
    overflow: Overflow | None,
    applications: list[str],
    ending: tuple[Outcome, str, str],
    seen: tuple[EntryKind, bool, str],
) -> None:
    count = 1 if name == "overflow_transfer" else 2
    records, recording = replay(name, count, overflow)
    opened, ended = records
    assert isinstance(opened, CallOpened)
    assert isinstance(ended, CallEnded)
    assert (ended.outcome, ended.cause, ended.overflow) == ending
    assert [(entry.kind, entry.rang, entry.cause) for entry in ended.entries] == [seen] * count
    assert [leg.cause for leg in ended.legs] == [seen[2]] * count
    assert ended.talk_ms == 0
    (last,) = events(name, HANGUP) if name == "caller_gone" else [bridge_end(name)]
    assert ended.ended_at_ms == stamp_ms(last)
    assert [command.application for command in recording.commands if command.application] == applications


def test_a_call_is_given_back_with_exit_when_no_leg_could_be_made() -> None:
    _, recording = replay("nobody_registered", 2)
    assert recording.commands[-1].line == "exit"


def test_a_hostile_name_reaches_the_dial_string_as_other_characters_and_the_journal_in_one_line() -> None:
    records, recording = replay("hostile_caller", 2)
    assert isinstance(records[0], CallOpened)
    (ring,) = [command.argument for command in recording.commands if command.application == "bridge"]
    name = "Müller, A Unique-ID: evil variable_huntgroup_member: 99, %{system(touch pwned)} 'q'"
    assert records[0].caller_name == name
    for harmful in ("\n", "${", "%{", "'q'", "evil\n", "X-Evil"):
        assert harmful not in ring
