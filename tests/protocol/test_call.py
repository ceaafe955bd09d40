"""
The real service behind its real server, in this process, against the simulated switch.

Every way a call can end, and every accident between the two, by name: what the caller experienced, and what the
journal was told. The switch's clock runs SPEED times as fast as that of the service.
"""

from __future__ import annotations

import functools
import itertools
import logging
import re
import struct
import time
from collections.abc import Callable, Collection, Iterator
from typing import Any

import gevent
import pytest
from gevent import socket
from gevent.event import Event

from esl_huntgroup.calls import controller, handler
from esl_huntgroup.calls.answer_feed import NO_ADDRESS, AnswerFeed
from esl_huntgroup.calls.callerid import display_name
from esl_huntgroup.calls.context import CallContext
from esl_huntgroup.calls.hunt import GUARD_MARGIN_S
from esl_huntgroup.calls.late_phones import LatePhones
from esl_huntgroup.calls.seams import SEAMS, Seams
from esl_huntgroup.errors import DatabaseError
from esl_huntgroup.esl.server import Server
from esl_huntgroup.esl.session import CallSession
from esl_huntgroup.esl.stream import EventSocket
from esl_huntgroup.journal.records import (
    CallAnswered,
    CallEnded,
    CallMoved,
    CallOpened,
    CallRinging,
    EntryRecord,
    JournalRecord,
)
from esl_huntgroup.model.group import HuntGroup, HuntMode, Member, Overflow, OverflowAction, Taker
from esl_huntgroup.model.outcome import EntryKind, Outcome
from esl_huntgroup.registrars.contacts import CONTACT_MAX_CHARS
from esl_huntgroup.simulator import dialplan, phones
from esl_huntgroup.simulator.channel import CallerChannel, Transfer
from esl_huntgroup.simulator.clock import Clock
from esl_huntgroup.simulator.dialplan import Extension
from esl_huntgroup.simulator.interference import Interference, Moment, NoticeOrder
from esl_huntgroup.simulator.phones import Phone, Registrar, Script, answering
from esl_huntgroup.simulator.sipvars import Caller
from esl_huntgroup.simulator.switch import CallResult, Switch
from tests.unit.examples import ANNA, BERND, CLARA, DOMAIN, HARDPHONE_ONLY, group
from tests.unit.seams import OTHERS

SPEED = 5.0
REPLY_TIMEOUT_S = 0.5
TEST_LIMIT_S = 60
LAST_WORD_S = 0.5
"""The service tells the journal after it has sent a caller on; of a call that it refuses it has nothing to tell."""
KARL = Caller("030111", "Karl Kunde", domain="example.net")


class Pages:
    """A journal that only collects, and says when a call is answered or over."""

    def __init__(self) -> None:
        self.records: list[JournalRecord] = []
        self.answered, self.ended = Event(), Event()
        self.refuses: type[JournalRecord] | None = None

    def record(self, entry: JournalRecord) -> None:
        if self.refuses is not None and isinstance(entry, self.refuses):
            raise RuntimeError("the journal is broken")
        self.records.append(entry)
        if isinstance(entry, CallAnswered):
            self.answered.set()
        if isinstance(entry, CallEnded):
            self.ended.set()


class Book:
    """A directory in memory. ``on_find`` runs first, and may raise."""

    def __init__(self) -> None:
        self.groups: dict[tuple[str, str], HuntGroup] = {}
        self.users: dict[str, Taker] = {}
        self.rights: set[tuple[int, str]] = set()
        self.on_find: Callable[[], object] = lambda: None

    def find(self, domain: str, number: str) -> HuntGroup | None:
        self.on_find()
        return self.groups.get((domain, number))

    def line_at(self, domain: str, number: str) -> str:
        return f"{number}@{domain}" if f"{number}@{domain}" in self.users else ""

    def may_pick_up(self, user_id: int, addresses: Collection[str]) -> frozenset[str]:
        return frozenset([address for address in addresses if (user_id, address) in self.rights])

    def user_at(self, address: str) -> Taker | None:
        return self.users.get(address)


class Lab:
    """A running service, and switches that call it."""

    def __init__(self, *, is_fast: bool = False) -> None:
        self.is_fast = is_fast
        self.journal, self.book, self.served = Pages(), Book(), Event()
        self.peers: list[Any] = []
        self.live, self.late = AnswerFeed(), LatePhones()
        self.has(group())

    def start(self, *, max_calls: int = 100, leg_limit: int = 127, seams: Seams = SEAMS) -> None:
        ctx = CallContext(
            self.book,
            self.journal,
            DOMAIN,
            REPLY_TIMEOUT_S,
            leg_limit,
            answer_feed=self.live,
            late_phones=self.late,
            seams=seams,
        )

        def serve(session: CallSession) -> None:
            handler.serve(session, ctx)
            self.served.set()

        self.server = Server([("127.0.0.1", 0)], serve, functools.partial(handler.refuse, ctx=ctx), max_calls)
        self.server.listen()

    def has(self, found: HuntGroup) -> None:
        self.book.groups[found.domain, found.number] = found

    def has_group(
        self, *members: Member, ring_timeout_s: int = 1, overflow: Overflow | None = None, **options: Any
    ) -> None:
        """Let 700 be a group that rings for so long; ``overflow`` counts for every outcome."""
        overflows = dict.fromkeys(Outcome, overflow) if overflow else {}
        found = group(*members, overflows=overflows, **options)
        self.has(HuntGroup(**{**vars(found), "ring_timeout_s": ring_timeout_s}))

    @property
    def address(self) -> tuple[str, int]:
        return self.server.bound_addresses[0]

    def switch(self, *members: Phone, **options: Any) -> Switch:
        if not hasattr(self, "server"):
            self.start()
        return Switch(self.address, members, domain=DOMAIN, clock=Clock(SPEED), is_fast=self.is_fast, **options)

    def call(
        self,
        *members: Phone,
        caller: Caller = KARL,
        number: str = "700",
        switch: Switch | None = None,
        **options: Any,
    ) -> CallResult:
        """Make one call from its begin to its end, and let the service have its last word on it."""
        switch = switch or self.switch(*members)
        self.served.clear()
        result = switch.call(caller, number, **options)
        self.served.wait(LAST_WORD_S)
        return result

    def connect(self) -> Any:
        """Connect as something that need not be a switch."""
        if not hasattr(self, "server"):
            self.start()
        self.peers.append(socket.create_connection(self.address))
        return self.peers[-1]

    def stop(self) -> int:
        """Stop everything; return how many calls were left when they should all have ended."""
        left = self.server.stop(3) if hasattr(self, "server") else 0
        for peer in self.peers:
            peer.close()
        return left

    @property
    def story(self) -> list[tuple[Any, ...]]:
        """The journal without ids and times, of which is checked that they fit together."""
        records = self.journal.records
        assert len({entry.call_id for entry in records}) <= 1
        assert [type(entry) for entry in records] == [
            kind
            for kind in (CallOpened, CallRinging, CallMoved, CallAnswered, CallEnded)
            if any(isinstance(entry, kind) for entry in records)
        ]
        return [_told(entry) for entry in records if not isinstance(entry, CallRinging)]


def _told(entry: JournalRecord) -> tuple[Any, ...]:
    match entry:
        case CallOpened():
            return "opened", f"{entry.group_number}@{entry.group_domain}", entry.caller_name, entry.caller_number
        case CallRinging():
            return "ringing", entry.user_ids
        case CallMoved():
            return "moved", entry.channel_uuid, entry.caller_name, entry.caller_number
        case CallAnswered():
            assert entry.wait_ms >= 0
            return "answered", entry.answered_by_name, views(entry.entries), [leg.cause for leg in entry.legs]
        case CallEnded():
            assert entry.talk_ms >= 0
            ending = entry.outcome.value, entry.cause, entry.overflow
            return "ended", *ending, views(entry.entries), [leg.cause for leg in entry.legs]


def views(entries: tuple[EntryRecord, ...]) -> dict[str, tuple[EntryKind, bool, str]]:
    return {entry.user_name.split()[0]: (entry.kind, entry.rang, entry.cause) for entry in entries}


OPENED = ("opened", f"700@{DOMAIN}", "Karl Kunde", "030111")
WON = (EntryKind.ANSWERED, True, "NONE")
LOST = (EntryKind.ANSWERED_ELSEWHERE, True, "LOSE_RACE")
ABSENT_ELSEWHERE = (EntryKind.ANSWERED_ELSEWHERE, False, "NOT_REGISTERED")
UNANSWERED = (EntryKind.MISSED, True, "ORIGINATOR_CANCEL")
NOT_SIGNALLED = (EntryKind.NOT_SIGNALLED, False, "NOT_REGISTERED")
NOT_ASKED = (EntryKind.NOT_SIGNALLED, False, "")
TALKED: tuple[Any, ...] = ("ended", "answered", "NORMAL_CLEARING", "", {}, [])

ANNA_WINS = [
    OPENED,
    ("answered", "Anna Berg", {"Anna": WON, "Bernd": LOST, "Clara": ABSENT_ELSEWHERE}, ["NONE", "LOSE_RACE"]),
    TALKED,
]


def unanswered(overflow: str, *, outcome: str = "no_answer") -> list[tuple[Any, ...]]:
    seen = {"Anna": UNANSWERED, "Bernd": UNANSWERED, "Clara": NOT_SIGNALLED}
    return [OPENED, ("ended", outcome, "", overflow, seen, ["ORIGINATOR_CANCEL", "ORIGINATOR_CANCEL"])]


def nobody(outcome: str, overflow: str = "dialplan") -> list[tuple[Any, ...]]:
    why = NOT_SIGNALLED if outcome == "nobody_registered" else NOT_ASKED
    seen = dict.fromkeys(("Anna", "Bernd", "Clara"), why)
    return [OPENED, ("ended", outcome, "", overflow, seen, [])]


def phone_of(member: Member, script: Script = phones.RINGING, devices: int = 1) -> Phone:
    (line,) = member.lines
    return phones.registered(member.name, line.address, script, port=int(line.number) * 10, devices=devices)


def anna(script: Script = phones.RINGING) -> Phone:
    return phone_of(ANNA, script)


def bernd(script: Script = phones.RINGING) -> Phone:
    return phone_of(BERND, script)


ANNA_ANSWERS = answering(0.5)


@pytest.fixture(autouse=True)
def nothing_hangs() -> Iterator[None]:
    with gevent.Timeout(TEST_LIMIT_S, AssertionError("it hangs")):
        yield


@pytest.fixture
def errors_expected() -> None:
    """Let a test have errors in the log: it is about one."""


@pytest.fixture(autouse=True)
def no_fault_is_logged(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.INFO)
    yield
    if "errors_expected" not in request.fixturenames:
        records = caplog.get_records("call")
        assert [entry.getMessage() for entry in records if entry.levelno >= logging.ERROR] == []
        assert "a fault of this program" not in caplog.text


ASYNC = pytest.mark.parametrize("lab", ["async"], indirect=True)
"""For what the fast variant, whose socket is silent while phones ring and people talk, cannot know or do."""


@pytest.fixture(params=["async", "fast"])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    lab = Lab(is_fast=request.param == "fast")
    lab.has_group()
    yield lab
    assert lab.stop() == 0


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was warned of, but for the one thing that this lab lacks (``test_live`` has it)."""
    told = [entry.getMessage() for entry in caplog.records if entry.levelno == logging.WARNING]
    return [text for text in told if NO_ADDRESS not in text]


def endings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [line for entry in caplog.records if (line := entry.getMessage()).startswith("hunt ended")]


# -- every way a call can end -----------------------------------------------------------------------------------------


def test_one_answers_and_the_others_are_told(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    first, second = anna(ANNA_ANSWERS), bernd()
    result = lab.call(first, second, hangs_up_after_talk_s=1)
    assert (result.status, result.spoken_with, result.fallback) == (200, "Anna Berg", None)
    assert [heard.detail for heard in second.did("cancel")] == ['SIP;cause=200;text="Call completed elsewhere"']
    assert lab.story == ANNA_WINS
    (line,) = endings(caplog)
    assert "outcome=answered" in line
    assert 'by="Anna Berg"' in line
    assert warnings(caplog) == []


def test_another_strategy_and_another_registrar_ring_whom_they_find_and_how_they_say(lab: Lab) -> None:
    lab.has_group(ANNA, BERND)
    lab.start(leg_limit=2, seams=OTHERS)
    here = anna()
    desk, mobile, other = (
        phones.registered(name, f"{name}@{DOMAIN}", script, port=port)
        for name, script, port in (
            ("desk-1001", phones.RINGING, 5070),
            ("soft-1001", phones.RINGING, 5080),
            ("soft-1002", ANNA_ANSWERS, 5090),
        )
    )
    result = lab.call(here, desk, mobile, other, hangs_up_after_talk_s=1)
    assert result.spoken_with == "soft-1002"
    invited = {phone.name: [it.invitation for it in phone.did("invite")] for phone in (here, desk, mobile, other)}
    assert [name for name, invitations in invited.items() if invitations] == ["desk-1001", "soft-1002"]
    (invitation,) = invited["soft-1002"]
    assert invitation
    assert invitation.variables["sip_invite_to_uri"] == f"<sip:1002@{DOMAIN}>"
    (answered,) = (entry for entry in lab.journal.records if isinstance(entry, CallAnswered))
    assert answered.answered_by_name == "Bernd Cordes"
    assert [(leg.line, leg.contact) for leg in answered.legs] == [
        (f"1002@{DOMAIN}", "edge/sip:soft-1002@127.0.0.1:5090"),
        (f"1001@{DOMAIN}", "edge/sip:desk-1001@127.0.0.1:5070"),
        (f"1001@{DOMAIN}", "edge/sip:soft-1001@127.0.0.1:5080"),
    ]


def test_two_answer_at_once_and_one_of_them_gets_the_call(lab: Lab) -> None:
    first, second = anna(ANNA_ANSWERS), bernd(ANNA_ANSWERS)
    result = lab.call(first, second, hangs_up_after_talk_s=1)
    assert (result.status, result.spoken_with) == (200, "Anna Berg")
    assert second.did("bye")
    assert lab.story == ANNA_WINS


def test_nobody_answers_and_the_dialplan_gets_the_call_back(lab: Lab) -> None:
    result = lab.call(anna(), bernd())
    assert (result.status, result.fallback) == (480, "no_answer")
    assert lab.story == unanswered("dialplan")


def test_nobody_answers_and_the_overflow_transfers(lab: Lab) -> None:
    lab.has_group(overflow=Overflow(OverflowAction.TRANSFER, "9998 XML public"))
    result = lab.call(anna(), bernd(), hangs_up_after_talk_s=1)
    assert (result.status, result.extensions) == (200, ("huntgroup", "9998"))
    assert lab.story == unanswered("transfer 9998 XML public")


def test_nobody_answers_and_the_overflow_responds(lab: Lab) -> None:
    lab.has_group(overflow=Overflow(OverflowAction.RESPOND, "486"))
    result = lab.call(anna(), bernd())
    assert (result.status, result.fallback) == (486, None)
    assert lab.story == unanswered("respond 486")


def test_nobody_is_registered(lab: Lab) -> None:
    result = lab.call()
    assert (result.status, result.fallback, result.bridges) == (480, "nobody_registered", ())
    assert lab.story == nobody("nobody_registered")


def test_all_are_busy(lab: Lab) -> None:
    lab.has_group(ANNA, BERND)
    result = lab.call(anna(phones.BUSY), bernd(phones.rejecting(0.3)))
    assert (result.status, result.fallback) == (486, "all_busy")
    seen = {"Anna": (EntryKind.MISSED, True, "USER_BUSY"), "Bernd": (EntryKind.MISSED, True, "CALL_REJECTED")}
    assert lab.story == [OPENED, ("ended", "all_busy", "", "dialplan", seen, ["USER_BUSY", "CALL_REJECTED"])]


def test_one_rejects_and_another_answers(lab: Lab) -> None:
    lab.has_group(ANNA, BERND, ring_timeout_s=5)
    result = lab.call(anna(phones.rejecting(0.3)), bernd(answering(0.8)), hangs_up_after_talk_s=1)
    assert (result.status, result.spoken_with) == (200, "Bernd Cordes")
    seen = {"Anna": (EntryKind.ANSWERED_ELSEWHERE, True, "CALL_REJECTED"), "Bernd": WON}
    assert lab.story == [OPENED, ("answered", "Bernd Cordes", seen, ["CALL_REJECTED", "NONE"]), TALKED]


def test_a_redirecting_phone_moves_nobody(lab: Lab) -> None:
    lab.has_group(ANNA, BERND, ring_timeout_s=5)
    elsewhere = phones.redirecting(0.2, f"sip:9999@{DOMAIN}")
    result = lab.call(anna(elsewhere), bernd(answering(0.8)), hangs_up_after_talk_s=1)
    assert (result.spoken_with, result.extensions) == ("Bernd Cordes", ("huntgroup",))


def test_early_media_wins_nothing(lab: Lab) -> None:
    lab.has_group(ANNA, BERND, ring_timeout_s=5)
    result = lab.call(anna(phones.early_media(0.1)), bernd(answering(0.8)), hangs_up_after_talk_s=1)
    assert result.spoken_with == "Bernd Cordes"


def test_the_caller_gives_up_while_it_rings(lab: Lab) -> None:
    lab.has_group(ANNA, ring_timeout_s=20)
    ringing = anna()
    result = lab.call(ringing, gives_up_after_s=1)
    assert (result.status, result.fallback) == (487, None)
    assert ringing.did("cancel")
    seen = {"Anna": (EntryKind.MISSED, True, "ORIGINATOR_CANCEL")}
    assert lab.story == [
        OPENED,
        ("ended", "caller_gone", "ORIGINATOR_CANCEL", "", seen, ["ORIGINATOR_CANCEL"]),
    ]


def the_caller_of(switch: Switch) -> CallerChannel:
    (channel,) = switch.callers.values()
    return channel


LEFT_BEFORE_IT_RANG = [
    OPENED,
    (
        "ended",
        "caller_gone",
        "ORIGINATOR_CANCEL",
        "",
        {"Anna": (EntryKind.NOT_SIGNALLED, False, "NEVER_CREATED")},
        ["NEVER_CREATED"],
    ),
]


def test_the_caller_gives_up_while_the_group_is_looked_up(lab: Lab) -> None:
    lab.has_group(ANNA)
    phone = anna()
    switch = lab.switch(phone)
    lab.book.on_find = lambda: the_caller_of(switch).caller_hangs_up()
    result = lab.call(switch=switch)
    assert (result.status, phone.heard) == (487, [])
    assert lab.story == [
        OPENED,
        ("ended", "caller_gone", "ORIGINATOR_CANCEL", "", {"Anna": NOT_ASKED}, []),
    ]


class CallerLeavesWhileAsking(Registrar):
    """Hangs the caller up in the moment in which the service asks who is registered."""

    leave: Callable[[], object]

    def contacts_of(self, account: str, domain: str) -> list[str]:
        self.leave()
        return super().contacts_of(account, domain)


def test_the_caller_gives_up_just_before_the_phones_ring(lab: Lab) -> None:
    lab.has_group(ANNA)
    phone = anna()
    switch = lab.switch(phone)
    switch.registrar = registrar = CallerLeavesWhileAsking((phone,))
    registrar.leave = lambda: the_caller_of(switch).caller_hangs_up()
    result = lab.call(switch=switch)
    assert (result.status, phone.heard) == (487, [])
    assert lab.story == LEFT_BEFORE_IT_RANG


def test_the_group_is_disabled(lab: Lab) -> None:
    lab.has_group(hunt_mode=HuntMode.DISABLED)
    result = lab.call(anna())
    assert (result.status, result.fallback) == (480, "group_disabled")
    assert lab.story == [OPENED, ("ended", "group_disabled", "", "dialplan", {}, [])]


def test_the_number_is_of_no_group(lab: Lab) -> None:
    result = lab.call(anna(), number="799")
    assert (result.status, result.fallback) == (404, "unknown_number")
    assert lab.story == []


def test_the_number_is_none(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    result = lab.call(anna(), number="70x%0A0")
    assert (result.status, result.fallback) == (404, "unknown_number")
    assert any("is not a number" in text for text in warnings(caplog))
    assert lab.story == []


@pytest.mark.usefixtures("errors_expected")
def test_the_directory_is_out_of_order(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    lab.book.on_find = raising(DatabaseError("the database is away"))
    result = lab.call(anna())
    assert (result.status, result.fallback) == (503, "service_fault")
    assert "a fault of this program" not in caplog.text
    assert lab.story == []


def raising(error: Exception) -> Callable[[], object]:
    def fail() -> object:
        raise error

    return fail


def test_the_member_hangs_up(lab: Lab) -> None:
    result = lab.call(anna(answering(0.5, talks_s=1)), bernd())
    assert (result.status, result.spoken_with, result.cause) == (200, "Anna Berg", "NORMAL_CLEARING")
    assert lab.story == ANNA_WINS


@ASYNC
def test_a_transferred_conversation_is_over_for_the_group_and_goes_on_elsewhere(lab: Lab) -> None:
    switch = lab.switch(anna(ANNA_ANSWERS), bernd())
    running = switch.spawn(KARL, "700", hangs_up_after_talk_s=3)
    lab.journal.answered.wait()
    the_caller_of(switch).go_to(Transfer("9998"))
    lab.journal.ended.wait()
    assert the_caller_of(switch).up
    result = running.get()
    assert (result.extensions, result.fallback) == (("huntgroup", "9998"), None)
    assert lab.story == [*ANNA_WINS[:2], ("ended", "answered", "", "", {}, [])]


def test_an_overflow_that_leads_back_to_the_group_goes_to_the_dialplan(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    lab.has_group(ANNA, overflow=Overflow(OverflowAction.TRANSFER, "700 XML public"))
    result = lab.call(variables={"huntgroup_trail": ",".join([f"701@{DOMAIN}/all_busy,700@{DOMAIN}/all_busy"] * 2)})
    assert result.fallback == "nobody_registered"
    assert any("leads back to it" in text for text in warnings(caplog))


def test_a_member_with_a_hardphone_only_is_not_in_the_journal(lab: Lab) -> None:
    lab.has_group(HARDPHONE_ONLY, ANNA)
    lab.call(anna(ANNA_ANSWERS), hangs_up_after_talk_s=1)
    assert lab.story[1] == ("answered", "Anna Berg", {"Anna": WON}, ["NONE"])


# -- what is said on the wire -----------------------------------------------------------------------------------------


@ASYNC
def test_an_answered_call_is_connect_then_one_batch_then_one_sendmsg(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []

    def spy(self: EventSocket, data: bytes, deadline: float) -> None:
        written.append(data)
        write(self, data, deadline)

    write = EventSocket._write
    monkeypatch.setattr(EventSocket, "_write", spy)
    result = lab.call(anna(ANNA_ANSWERS), bernd(), hangs_up_after_talk_s=1)
    ask = f"api uuid_getvar {result.uuid} park_timeout"
    writes = [data.decode() for data in written if data.decode() != f"{ask}\n\n"]  # polls until the channel is parked
    connect, batch, ring, restore = writes
    lines = re.sub(r"\[h=[0-9a-f]{12}\]", "[h=…]", batch).removesuffix("\n\n").split("\n\n")
    guard = f"huntgroup-{result.uuid}"
    assert connect == "connect\n\n"
    assert lines == [
        "linger 31",
        "event plain CHANNEL_BRIDGE CHANNEL_EXECUTE_COMPLETE CHANNEL_HANGUP_COMPLETE",
        f"filter Unique-ID {result.uuid}",
        ask,
        f"api uuid_setvar_multi {result.uuid} app_disable_expand_variables=true;fail_on_single_reject="
        ";last_bridge_to=;sip_copy_custom_headers=false",
        *[f"api sofia_contact */{number}@{DOMAIN}/[h=…]" for number in ("1001", "1002", "1003")],
        f"api uuid_ring_ready {result.uuid}",
    ]
    assert ring.count("sendmsg\n") == 1
    assert ring.startswith("sendmsg\ncall-command: execute\nexecute-app-name: bridge\nEvent-UUID: ")
    rest = ring[ring.index("api uuid_setvar_multi") :].removesuffix("\n\n")
    leave_note, cancel_watchdog, end_ringing, set_guard = rest.split("\n\n")
    assert re.fullmatch(rf"api uuid_setvar_multi {result.uuid} huntgroup_legs=[0-9a-f-]{{36}}:1,2", leave_note)
    call_id = leave_note.partition("huntgroup_legs=")[2].partition(":")[0]
    assert end_ringing == f"api sched_api +2 {guard} hupall ORIGINATOR_CANCEL huntgroup_ringing {call_id}"
    assert set_guard == (
        f"api sched_api +{1 + GUARD_MARGIN_S} {guard} expand uuid:{result.uuid} uuid_transfer "
        f"${{cond('${{variable_last_bridge_to}}' == '' ? {result.uuid} : nobody)}} huntgroup-fallback"
    )
    assert cancel_watchdog == f"api sched_del {guard}"
    assert restore == (
        f"api uuid_setvar_multi {result.uuid} app_disable_expand_variables=;sip_reason=\n\napi sched_del {guard}\n\n"
    )
    said = [command.line for command in result.commands if command.line != ask]
    assert [line.split()[0] for line in said[-7:]] == ["sendmsg", "api", "api", "api", "api", "api", "api"]
    assert len(said) == 1 + len([line for line in lines if line != ask]) + 7
    assert len(result.bridges) == 1


@pytest.mark.parametrize("lab", ["fast"], indirect=True)
def test_the_fast_variant_rings_last_and_says_nothing_more_until_the_end(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []

    def spy(self: EventSocket, data: bytes, deadline: float) -> None:
        written.append(data.decode())
        write(self, data, deadline)

    write = EventSocket._write
    monkeypatch.setattr(EventSocket, "_write", spy)
    uuid = lab.call(anna(ANNA_ANSWERS), bernd(), hangs_up_after_talk_s=1).uuid
    connect, batch, ring, restore = written
    assert connect == "connect\n\n"
    settings = next(line for line in batch.split("\n\n") if "uuid_setvar_multi" in line)
    assert settings.endswith(";park_timeout="), "no parking removes it"
    assert [line.split()[:2] for line in ring.split("\n\n")[:5]] == [
        ["api", "uuid_setvar_multi"],
        ["api", "sched_del"],
        ["api", "sched_api"],
        ["api", "sched_api"],
        ["sendmsg", "call-command:"],
    ]
    assert restore.startswith(f"api uuid_setvar_multi {uuid} app_disable_expand_variables=;sip_reason=;park_timeout=")


def test_the_dialplans_watchdog_is_cancelled_once_the_phones_ring(lab: Lab) -> None:
    lab.has_group(ANNA, ring_timeout_s=20)
    result = lab.call(anna(answering(10)), hangs_up_after_talk_s=1)
    assert (result.spoken_with, result.fallback) == ("Anna Berg", None)


@ASYNC
def test_a_caller_whom_nobody_answers_and_the_service_forgets_reaches_the_fallback(lab: Lab) -> None:
    forgotten = Interference(freeze_at=Moment.RINGING, frozen_s=SPEED)
    lab.has_group(ANNA)
    result = lab.call(anna(), interference=forgotten)
    assert (result.fallback, result.spoken_with) == ("", "")
    assert GUARD_MARGIN_S < result.duration_s < GUARD_MARGIN_S + 5


@ASYNC
def test_a_caller_who_talks_while_the_service_is_frozen_is_left_alone(lab: Lab) -> None:
    frozen = Interference(freeze_at=Moment.RINGING, frozen_s=SPEED)
    lab.has_group(ANNA)
    result = lab.call(anna(ANNA_ANSWERS), interference=frozen, hangs_up_after_talk_s=GUARD_MARGIN_S + 4)
    assert (result.fallback, result.spoken_with) == (None, "Anna Berg")
    assert result.talk_s > GUARD_MARGIN_S + 3


def test_every_leg_names_the_group_and_keeps_the_caller(lab: Lab) -> None:
    phone = anna(ANNA_ANSWERS)
    lab.call(phone, hangs_up_after_talk_s=1)
    (invited,) = phone.did("invite")
    assert invited.invitation is not None
    assert (invited.invitation.caller_name, invited.invitation.caller_number) == ("Karl Kunde", "030111")
    assert "<sip:700@example.org>;reason=unconditional" in invited.invitation.headers["Diversion"]
    assert "<sip:700@example.org" in invited.invitation.headers["History-Info"]
    assert invited.invitation.variables["presence_id"] == f"1001@{DOMAIN}"


# -- the switch vanishes, freezes, stutters ---------------------------------------------------------------------------

LOST_SWITCH = {
    Moment.CONNECTED: [],
    Moment.BATCH: [
        OPENED,
        ("ended", "switch_gone", "SWITCH_GONE", "", {"Anna": NOT_ASKED}, []),
    ],
    Moment.BRIDGE: [
        OPENED,
        (
            "ended",
            "switch_gone",
            "SWITCH_GONE",
            "",
            {"Anna": (EntryKind.MISSED, True, "UNKNOWN")},
            ["UNKNOWN"],
        ),
    ],
    Moment.TALKING: [
        OPENED,
        ("answered", "Anna Berg", {"Anna": WON}, ["NONE"]),
        ("ended", "answered", "SWITCH_GONE", "", {}, []),
    ],
}
LOST_SWITCH[Moment.RINGING] = LOST_SWITCH[Moment.BRIDGE]


@ASYNC
@pytest.mark.parametrize("moment", [moment for moment in Moment if moment is not Moment.HUNG_UP])
def test_the_switch_vanishes(lab: Lab, moment: Moment, caplog: pytest.LogCaptureFixture) -> None:
    lab.has_group(ANNA)
    with caplog.at_level(logging.DEBUG):
        result = lab.call(anna(ANNA_ANSWERS), interference=Interference(drop_at=moment), hangs_up_after_talk_s=1)
        lab.server.stop(3)
    assert lab.story == LOST_SWITCH[moment]
    told = [it.levelno for it in caplog.records if "the connection" in it.getMessage()]
    silent = moment is Moment.CONNECTED  # who says nothing at all need not be a switch
    assert told
    assert set(told) == {logging.DEBUG if silent else logging.WARNING}
    # The call itself goes on at the switch: it is answered if it rang, and the dialplan's if not.
    rings_on = moment in (Moment.RINGING, Moment.TALKING)
    assert (result.spoken_with, result.fallback) == (("Anna Berg", None) if rings_on else ("", ""))


def test_the_switch_vanishes_after_it_has_told_the_end(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    lab.has_group(ANNA)
    interference = Interference(drop_at=Moment.HUNG_UP, notice=NoticeOrder.BEHIND)
    lab.call(anna(ANNA_ANSWERS), interference=interference, hangs_up_after_talk_s=1)
    lab.server.stop(3)
    assert lab.story[-1] == TALKED
    assert warnings(caplog) == []


@ASYNC
@pytest.mark.parametrize("moment", [moment for moment in Moment if moment is not Moment.HUNG_UP])
def test_the_switch_freezes(
    lab: Lab, moment: Moment, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(controller, "RING_GRACE_S", 0.0)
    monkeypatch.setattr(controller, "SILENCE_S", 0.3)
    lab.has_group(ANNA)
    interference = Interference(freeze_at=moment, frozen_s=10 * SPEED)
    running = lab.switch(anna(ANNA_ANSWERS)).spawn(KARL, "700", interference=interference, hangs_up_after_talk_s=1)
    lab.served.wait()
    running.kill()
    assert lab.story == LOST_SWITCH[moment]
    assert any("no answer within the deadline" in text for text in warnings(caplog))


def test_the_wait_for_a_final_event_that_never_comes_is_no_conversation(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(controller, "LAST_EVENTS_S", 0.7)
    final = (b"CHANNEL_EXECUTE_COMPLETE", b"CHANNEL_HANGUP_COMPLETE")  # without async, the former tells the end
    swallowed = Interference(rewrite=lambda message: b"" if any(name in message for name in final) else message)
    began = time.monotonic()
    lab.call(anna(ANNA_ANSWERS), interference=swallowed, hangs_up_after_talk_s=1)
    lab.journal.ended.wait()
    lasted_s = time.monotonic() - began
    opened, *_, ended = lab.journal.records
    assert isinstance(opened, CallOpened)
    assert isinstance(ended, CallEnded)
    assert ended.outcome is Outcome.ANSWERED
    assert (ended.ended_at_ms - opened.arrived_at_ms) / 1000 <= lasted_s - controller.LAST_EVENTS_S


def test_a_stream_in_single_bytes_is_the_same_call(lab: Lab) -> None:
    lab.call(anna(ANNA_ANSWERS), bernd(), interference=Interference(chunk_bytes=1), hangs_up_after_talk_s=1)
    assert lab.story == ANNA_WINS


@pytest.mark.parametrize("order", [NoticeOrder.BEFORE, NoticeOrder.BEHIND])
def test_the_linger_notice_may_come_before_or_behind_the_last_events(lab: Lab, order: NoticeOrder) -> None:
    lab.call(anna(ANNA_ANSWERS), bernd(), interference=Interference(notice=order), hangs_up_after_talk_s=1)
    assert lab.story == ANNA_WINS


# -- the switch lies --------------------------------------------------------------------------------------------------


def lying(pattern: bytes, lie: bytes) -> Interference:
    return Interference(rewrite=lambda message: re.sub(pattern, lie, message))


def test_a_switch_that_refuses_every_command_still_serves_its_caller(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    lie = lying(rb"(?<=\nReply-Text: )\+OK[^\n]*", b"-ERR no")
    result = lab.call(anna(), interference=lie)
    lab.server.stop(3)
    assert (result.fallback, result.status) == ("service_fault", 503)
    assert any("refuses control of the call" in text for text in warnings(caplog))
    assert lab.story == nobody("service_fault")


def test_a_switch_that_knows_no_api_command_gives_the_call_back(lab: Lab) -> None:
    def lie(message: bytes) -> bytes:
        if not message.startswith(b"Content-Type: api/response"):
            return message
        return b"Content-Type: api/response\nContent-Length: 8\n\n-ERR no\n"

    phone = anna()
    result = lab.call(phone, interference=Interference(rewrite=lie))
    assert (result.fallback, phone.heard) == ("service_fault", [])
    assert lab.story == nobody("service_fault")


LENGTH = rb"(?<=Content-Length: )\d+(?=\nContent-Type: text/event-plain)"


@pytest.mark.parametrize("lie", [b"1000000000", b"-5", b"0x10", b"99999999999999999999", b"\xff\xfe", b""])
def test_a_switch_that_lies_about_a_length_is_left_and_the_conversation_is_not(lab: Lab, lie: bytes) -> None:
    lab.has_group(ANNA)
    result = lab.call(anna(ANNA_ANSWERS), interference=lying(LENGTH, lie), hangs_up_after_talk_s=1)
    lab.server.stop(3)
    assert (result.spoken_with, result.status) == ("Anna Berg", 200)
    assert lab.story[-1][:2] == ("ended", "switch_gone")


def test_an_event_that_is_shorter_than_it_says_swallows_the_next_and_ends_in_a_warning(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    lab.has_group(ANNA)
    longer = Interference(rewrite=lambda text: re.sub(LENGTH, lambda found: b"%d" % (int(found[0]) + 9), text))
    result = lab.call(anna(ANNA_ANSWERS), interference=longer, hangs_up_after_talk_s=1)
    lab.server.stop(3)
    assert result.spoken_with == "Anna Berg"
    assert any("not an event socket" in text or "without Content-Type" in text for text in warnings(caplog))


# -- not a switch at all ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("says", "warned"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: scanner\r\n\r\n", "not an event socket"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "not an event socket"),
        (b"Content-Type: command/re", "no answer within the deadline"),
        (b"Content-Type: command/reply\nReply-Text: +OK\n\n", "is not a channel"),
        (b"Content-Type: command/reply\nContent-Length: 1073741824\n\n", "a Content-Length of 1073741824"),
        (b"Content-Type: command/reply\nContent-Length: 4000000\n\nx", "no answer within the deadline"),
        (b"X: y\n\n", "without Content-Type"),
        (b"", "no answer within the deadline"),
    ],
    ids=["http", "tls", "half a header", "no channel", "1 GB", "a body that never comes", "no type", "nothing"],
)
def test_what_is_no_switch_gets_one_warning_and_its_socket_closed(
    lab: Lab, says: bytes, warned: str, caplog: pytest.LogCaptureFixture
) -> None:
    peer = lab.connect()
    peer.sendall(says)
    received = b""
    while data := _received(peer):
        received += data
    assert received == b"connect\n\n"
    assert lab.server.stop(3) == 0
    (warning,) = warnings(caplog)
    assert warned in warning
    assert "127.0.0.1:" in warning
    assert lab.story == []


def _received(peer: Any) -> bytes:
    try:
        return bytes(peer.recv(9999))
    except ConnectionResetError:
        return b""


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("max_calls", [1, 0], ids=["served", "over the limit"])
def test_a_peer_that_leaves_without_a_word_is_no_warning(
    lab: Lab, caplog: pytest.LogCaptureFixture, max_calls: int, reset: bool
) -> None:
    lab.start(max_calls=max_calls)
    with caplog.at_level(logging.DEBUG):
        peer = lab.connect()
        peer.recv(9999)
        if reset:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
        while not (told := [it for it in caplog.records if "the connection" in it.getMessage()]):
            gevent.sleep(0.01)
    assert [(it.levelno, "127.0.0.1:" in it.getMessage()) for it in told] == [(logging.DEBUG, True)]
    assert [it for it in warnings(caplog) if "0 of 0 are going on" not in it] == []


def test_a_peer_that_leaves_in_the_middle_of_a_word_gets_one_warning(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    peer = lab.connect()
    peer.sendall(b"Content-Type: ")
    peer.recv(9999)
    peer.close()
    assert lab.server.stop(3) == 0
    (warning,) = warnings(caplog)
    assert "the connection ended" in warning


def test_a_call_is_served_while_others_are_silent_on_the_socket(lab: Lab) -> None:
    for _ in range(20):
        lab.connect()
    lab.call(anna(ANNA_ANSWERS), bernd(), hangs_up_after_talk_s=1)
    assert lab.story == ANNA_WINS


# -- too many, too late, badly set up ---------------------------------------------------------------------------------


@ASYNC
def test_a_call_over_the_limit_reaches_the_fallback_and_is_never_parked(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    lab.start(max_calls=1)
    switch = lab.switch(anna(ANNA_ANSWERS), bernd())
    first = switch.spawn(KARL, "700", hangs_up_after_talk_s=4)
    lab.journal.answered.wait()
    second = lab.call(caller=Caller("030222", "Eva Probst"), switch=switch)
    assert (second.status, second.fallback, second.bridges) == (503, "", ())
    assert second.duration_s < 4, "the fallback was reached by the watchdog only"
    assert [command.line.split()[0] for command in second.commands][-1] == "exit"
    assert any("a call is refused: 1 of 1" in text for text in warnings(caplog))
    assert first.get().talk_s > 3
    assert lab.story == ANNA_WINS


def extension_without(lab: Lab, *left_out: str) -> Extension:
    if not hasattr(lab, "server"):
        lab.start()
    full = dialplan.huntgroup(f"127.0.0.1:{lab.address[1]}", DOMAIN, is_fast=lab.is_fast)
    return Extension(full.name, tuple((name, _without(data, left_out)) for name, data in full.actions))


def _without(data: str, left_out: tuple[str, ...]) -> str:
    """Take variables out of the extension's one ``multiset``."""
    return ";".join(pair for pair in data.split(";") if not pair.startswith(left_out))


@pytest.mark.parametrize("setting", ["continue_on_fail", "hangup_after_bridge", "sip_ignore_remote_cause"])
def test_a_setting_that_the_dialplan_misses_is_set_and_named(
    lab: Lab, setting: str, caplog: pytest.LogCaptureFixture
) -> None:
    switch = lab.switch(anna(answering(0.5, talks_s=0.5)), bernd(), extension=extension_without(lab, setting))
    result = lab.call(switch=switch)
    assert result.variables[setting] == "true"
    assert (result.spoken_with, result.fallback) == ("Anna Berg", None)
    assert any(f"does not set {setting}; set for this call" in text for text in warnings(caplog))
    assert lab.story == ANNA_WINS


def test_without_park_timeout_the_call_is_served_and_can_be_given_back(lab: Lab) -> None:
    switch = lab.switch(anna(), bernd(), extension=extension_without(lab, "park_timeout"))
    result = lab.call(switch=switch)
    assert (result.fallback, result.status) == ("no_answer", 480)
    assert lab.story == unanswered("dialplan")


def test_without_a_watchdog_the_call_is_served(lab: Lab) -> None:
    lab.call(switch=lab.switch(anna(ANNA_ANSWERS), bernd(), watchdog_s=None), hangs_up_after_talk_s=1)
    assert lab.story == ANNA_WINS


def test_a_call_that_the_watchdog_is_about_to_take_is_left_alone(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    phone = anna(ANNA_ANSWERS)
    result = lab.call(switch=lab.switch(phone, watchdog_s=1))
    assert ([command.line for command in result.commands], phone.heard) == (["connect"], [])
    assert (result.fallback, result.status) == ("", 503)
    assert any("waited too long" in text for text in warnings(caplog))
    assert lab.story == []


# -- hostile ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "contact",
    [
        "sip:1001@127.0.0.1:5,error/user_busy",
        "sip:1001@127.0.0.1;x=${system(touch pwned)}",
        "sip:1001@127.0.0.1]sofia/internal/sip:evil@127.0.0.1",
        "sip:1001@127.0.0.1:_:sofia/internal/sip:evil@127.0.0.1",
        "sip:1001@127.0.0.1|sofia/internal/sip:evil@127.0.0.1",
        "sip:" + "a" * CONTACT_MAX_CHARS + "@127.0.0.1",
    ],
)
def test_a_hostile_contact_does_not_ring_and_harms_no_other(
    lab: Lab, contact: str, caplog: pytest.LogCaptureFixture
) -> None:
    lab.has_group(ANNA, BERND)
    evil = Phone("Anna Berg", f"1001@{DOMAIN}", (contact,), ANNA_ANSWERS)
    result = lab.call(evil, bernd(ANNA_ANSWERS), hangs_up_after_talk_s=1)
    assert (result.spoken_with, result.expanded) == ("Bernd Cordes", ())
    assert contact not in result.bridges[0]
    assert "1 registered contact is not safe to dial and does not ring: 1001@example.org" in "".join(warnings(caplog))
    seen = {"Anna": (EntryKind.ANSWERED_ELSEWHERE, False, "CONTACT_REFUSED"), "Bernd": WON}
    assert lab.story[1] == ("answered", "Bernd Cordes", seen, ["NONE", "CONTACT_REFUSED"])


@pytest.mark.parametrize(
    "name",
    [
        "x\nUnique-ID: evil\nvariable_huntgroup_member: 99",
        "x'${system(touch pwned)}'\"",
        "x~sip_h_X-Evil=1~,]}error/user_busy",
        "a\r\n\r\napi system touch pwned\r\n\r\n",
        "\\',[x=y]{z}|:_:^^",
        "a" * 5000,
        "%0A%0Aexit%0A%0A",
        "",
    ],
)
def test_a_hostile_caller_name_is_only_a_name(lab: Lab, name: str) -> None:
    phone = anna(ANNA_ANSWERS)
    hostile = Caller("030111", name, domain="example.net", headers={"X-Evil": "a\n\napi status", "Diversion": name})
    result = lab.call(phone, bernd(), caller=hostile, hangs_up_after_talk_s=1)
    assert (result.spoken_with, result.expanded) == ("Anna Berg", ())
    assert lab.story[1:] == ANNA_WINS[1:]
    (invited,) = phone.did("invite")
    assert invited.invitation is not None
    shown = invited.invitation.caller_name
    assert shown.isprintable()
    assert not set(shown) & set("${}[]'\"\\~|^:/@%<>")
    kept = lab.story[0][2]
    assert kept.isprintable()
    assert shown == (display_name(kept) or "030111")


def test_more_contacts_than_one_call_can_have_ring_as_far_as_they_fit(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    lab.has_group(ANNA, BERND, ring_timeout_s=60)
    many = phone_of(ANNA, phones.RINGING, devices=130)
    result = lab.call(many, bernd(ANNA_ANSWERS), hangs_up_after_talk_s=1)
    assert (result.spoken_with, len(many.did("invite"))) == ("Bernd Cordes", 126)
    _, _, seen, causes = lab.story[1]
    assert seen == {"Anna": LOST, "Bernd": WON}
    assert (causes.count("LOSE_RACE"), causes.count("LEG_LIMIT"), causes.count("NONE")) == (126, 4, 1)
    assert any(text.startswith("4 contacts do not ring, 127 is the most one call can") for text in warnings(caplog))


# -- a fault of ours --------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("errors_expected")
def test_a_broken_directory_leaves_a_traceback_and_the_caller_with_the_dialplan(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    lab.book.on_find = raising(RuntimeError("a bug"))
    result = lab.call(anna())
    assert (result.fallback, result.status) == ("service_fault", 503)
    (fault,) = [entry for entry in caplog.records if entry.levelno >= logging.ERROR]
    assert fault.getMessage().startswith("a fault of this program call=")
    assert fault.exc_info is not None


@pytest.mark.usefixtures("errors_expected")
@pytest.mark.parametrize("refused", [CallOpened, CallAnswered, CallEnded])
def test_a_broken_journal_leaves_a_traceback_and_no_caller_alone(
    lab: Lab,
    refused: type[JournalRecord],
    caplog: pytest.LogCaptureFixture,
) -> None:
    lab.journal.refuses = refused
    result = lab.call(anna(ANNA_ANSWERS), bernd(), hangs_up_after_talk_s=2)
    lab.server.stop(3)
    faults = [entry for entry in caplog.records if entry.levelno >= logging.ERROR]
    assert faults[0].getMessage().startswith("a fault of this program call=")
    assert faults[0].exc_info is not None
    if refused is CallOpened:
        assert (result.spoken_with, result.fallback) == ("", "service_fault")
    else:
        assert (result.spoken_with, result.status) == ("Anna Berg", 200)
        assert result.talk_s > 1


@pytest.mark.usefixtures("errors_expected")
def test_a_journal_that_breaks_at_the_end_does_not_keep_the_caller_from_the_overflow(lab: Lab) -> None:
    lab.has_group(ANNA)
    lab.journal.refuses = CallEnded
    assert lab.call().fallback == "nobody_registered"


# -- many at once -----------------------------------------------------------------------------------------------------


def test_calls_at_the_same_time_do_not_mix(lab: Lab) -> None:
    lab.has_group(ANNA, ring_timeout_s=20)
    switch = lab.switch(anna(answering(0.5)))
    callers = [Caller(f"0301{number}", f"Caller {number}") for number in range(20)]
    running = [switch.spawn(caller, "700", hangs_up_after_talk_s=1) for caller in callers]
    gevent.joinall(running, raise_error=True)
    assert [greenlet.get().spoken_with for greenlet in running] == ["Anna Berg"] * 20
    lab.server.stop(3)
    by_call = itertools.groupby(sorted(lab.journal.records, key=lambda entry: entry.call_id), lambda one: one.call_id)
    told = [[_told(entry) for entry in entries if not isinstance(entry, CallRinging)] for _, entries in by_call]
    assert sorted(story[0][3] for story in told) == sorted(caller.number for caller in callers)
    assert all(story[1:] == [("answered", "Anna Berg", {"Anna": WON}, ["NONE"]), TALKED] for story in told)
    assert CLARA.name not in {story[1][1] for story in told}
