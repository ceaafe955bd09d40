"""
What hostile bytes are thrown at, and what must hold whatever they are.

Each target takes bytes, and raises when a promise is broken. They need no fuzzer: ``test_corpus`` replays with them
what fuzzing has found interesting, and ``python -m tests.fuzz`` searches on.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Callable, Collection
from typing import Any, Final
from unittest import mock
from xml.etree import ElementTree

from esl_huntgroup.calls import callerid, handler
from esl_huntgroup.calls.context import CallContext
from esl_huntgroup.calls.dialstring import dial_string
from esl_huntgroup.calls.hunt import Hunt
from esl_huntgroup.calls.hunt_messages import Bridge, ContactsKnown, GroupFound
from esl_huntgroup.calls.inbound_call import read_inbound_call
from esl_huntgroup.calls.ring_plan import CallIds, RingPlan, make_plan
from esl_huntgroup.diagnostics.checks.kamailio_numbers import read_options
from esl_huntgroup.diagnostics.checks.sip_options import read_final
from esl_huntgroup.errors import ProtocolError
from esl_huntgroup.esl.session import CallSession
from esl_huntgroup.esl.wire import Decoder, Message, api, array, command, execute
from esl_huntgroup.journal.records import CallAnswered, CallEnded, CallOpened, CallRinging, JournalRecord
from esl_huntgroup.lamps import presence
from esl_huntgroup.lamps.announcer import Announcer
from esl_huntgroup.lamps.dialog_info import document
from esl_huntgroup.lamps.lamp import Lamp, LampState
from esl_huntgroup.lamps.publication import answer
from esl_huntgroup.model.group import HuntGroup, Taker
from esl_huntgroup.model.text import is_harmless
from esl_huntgroup.registrars.contacts import Contacts, is_dialable, read_contacts
from esl_huntgroup.registrars.device import in_words
from esl_huntgroup.registrars.http_reader import HttpReader
from esl_huntgroup.registrars.kamailio import Kamailio
from esl_huntgroup.registrars.lookups import AOR, Answer, Rpc
from esl_huntgroup.registrars.notices import LineRegistered, NoticeReader
from esl_huntgroup.simulator.command import CommandReader
from esl_huntgroup.simulator.dialstring import parse
from tests.unit.examples import ANNA, ANNA_LINE, BERND, CALL_ID, DOMAIN, group, inbound

_MESSAGE: Final = re.compile(rb"(?=Content-(?:Type: (?:api|command)|Length: \d+\nContent-Type: text/event))")
MARKER: Final = "[h=000000000000]"
BRIDGE_UUID: Final = f"{CALL_ID[:-4]}ffff"
NAMES: Final = ("Unique-ID", "Event-Name", "Reply-Text", "variable_originate_causes", "Caller-Caller-ID-Name")
KAMAILIO: Final = Kamailio(Rpc("127.0.0.1", 8460, "/huntgroup"), "127.0.0.1:5060")
LAMP: Final = "700@pbx.example"
FIELDS: Final = 6
"""Texts in one input of ``dialling``, with a zero byte between them."""


def framing(data: bytes) -> None:
    """Messages are the same however the network cuts them, and nothing but ProtocolError leaves the decoder."""
    size = 1 + (data[0] if data else 0)
    whole, pieces = _decode([data]), _decode([data[at : at + size] for at in range(0, len(data), size)])
    assert (whole is None) == (pieces is None)
    for message, again in zip(whole or [], pieces or [], strict=True):
        assert (message.head, message.body) == (again.head, again.body)
        assert isinstance(message.reply + message.text() + repr(message), str)
        assert all(message.get(name) is None or array(message.get(name)) is not None for name in NAMES)


def _decode(pieces: list[bytes]) -> list[Message] | None:
    decoder = Decoder()
    try:
        return [message for piece in pieces for message in decoder.receive(piece)]
    except ProtocolError:
        return None


def arriving(data: bytes) -> None:
    """Whatever the channel data says, the caller is read without an exception, and what is read can be dialled."""
    for message in _decode([data]) or []:
        found = read_inbound_call(message.get, DOMAIN)
        assert found.problem or (found.number and found.domain)
        assert callerid.name(found.caller_name) == found.caller_name
        assert callerid.display_name(found.shown.name) == found.shown.name
        assert callerid.number(found.caller_number) == found.caller_number
        assert all(map(is_harmless, found.caller_name + found.shown.name))


def dialling(data: bytes) -> None:
    """No name, number, header or contact adds a leg or a variable to a dial string, or is changed by it."""
    texts = [part.decode("utf-8", "replace") for part in data.split(b"\0", FIELDS - 1)]
    name, number, diversion, history, contacts, group_name = [*texts, *[""] * (FIELDS - len(texts))]
    found = read_contacts(MARKER + contacts, MARKER)
    assert all(map(is_dialable, found.dialable))
    assert not any(map(is_dialable, found.refused))
    caller = {
        "Caller_Caller_ID_Name": name,
        "Caller_Caller_ID_Number": number,
        "variable_sip_h_Diversion": diversion,
        "variable_sip_history_info": history,
    }
    if bridge := _bridge(found, caller, group_name or "x"):
        _assert_dialled(bridge, found)


def _bridge(contacts: Contacts, caller: dict[str, str | None] | dict[str, str], group_name: str) -> Bridge | None:
    hunt = Hunt(CALL_ID, inbound(**caller))
    known = group(ANNA)
    at_ms = hunt.inbound.arrived_at_ms
    hunt.receive(GroupFound(HuntGroup(**{**_values(known), "name": group_name}), at_ms))
    commands = hunt.receive(ContactsKnown({ANNA_LINE: contacts}, at_ms))
    return next((it for it in commands if isinstance(it, Bridge)), None)


def _values(known: HuntGroup) -> dict[str, Any]:
    return {name: getattr(known, name) for name in HuntGroup.__dataclass_fields__}


def _assert_dialled(bridge: Bridge, contacts: Contacts) -> None:
    dial = parse(bridge.dial_string)
    assert len(dial.alternatives) == 1
    assert [f"{leg.endpoint}/{leg.destination}" for leg in dial.legs] == list(contacts.dialable[: len(dial.legs)])
    for leg in dial.legs:
        assert set(leg.named) == {
            *("origination_uuid", "presence_id", "huntgroup_user"),
            *("api_on_ring_huntgroup", "api_on_pre_answer_huntgroup"),
        }
    assert set(dial.named) == {
        *("huntgroup_call", "ignore_early_media", "originate_timeout", "no_throttle_limits"),
        *("huntgroup_ringing", "execute_on_answer_huntgroup"),
        *("outbound_redirect_fatal", "local_var_clobber", "sip_h_Diversion", "sip_h_History-Info"),
        *("origination_caller_id_name", "origination_caller_id_number", "sip_h_Privacy"),
    } & set(dial.named)
    if name := dial.named.get("origination_caller_id_name"):
        assert f"~origination_caller_id_name={name}" in bridge.dial_string
    assert f"~sip_h_Diversion={dial.named['sip_h_Diversion']}" in bridge.dial_string


def encoding(data: bytes) -> None:
    """Let a variable come out of a dial string as it went in, or be refused; let no command be two."""
    text = data.decode("utf-8", "replace")
    with contextlib.suppress(ValueError):
        assert parse(dial_string({"x": text}, RingPlan((), ()), "") + "sofia/a/b").named == {"x": text}
    name, _, argument = text.partition("\0")
    with contextlib.suppress(ValueError):
        assert _is_one_command(execute(name or "x", argument, event_uuid="u"))
    with contextlib.suppress(ValueError):
        assert _is_one_command(command(name or "x"))
    with contextlib.suppress(ValueError):
        assert _is_one_command(api(text))


def _is_one_command(sent: bytes) -> bool:
    reader = CommandReader()
    reader.receive(sent)
    return reader.next() is not None and not reader.in_command


def serving(data: bytes) -> None:
    """
    Whatever a switch says in a call, the call ends, the program has no fault, and the journal tells one whole story.

    The connection ends where the bytes end.
    """
    pages = _Pages()
    session = CallSession(("192.0.2.1", 5), _Peer(data))
    ctx = CallContext(_Book(), pages, DOMAIN, 1.0, 127)
    with _chance_is_fixed(), _faults_raise():
        handler.serve(session, ctx)
    kinds = [type(record) for record in pages.records if not isinstance(record, CallRinging)]
    assert kinds in ([], [CallOpened, CallEnded], [CallOpened, CallAnswered, CallEnded], [CallOpened, CallAnswered])
    assert sum(ctx.meter.outcomes.values()) <= 1


def looking_up(data: bytes) -> None:
    """
    Whatever Kamailio answers, and however the network cuts it, a line has devices, or nobody, or its address.

    Nothing that came with it adds a leg or a variable to a dial string. What it answers to OPTIONS is one line.
    """
    if said := read_final(data):
        finding = read_options("127.0.0.1:5060", "700", DOMAIN, said)
        assert 200 <= said.status < 700
        assert finding is None or str(finding).isprintable()
    reader, pieces = HttpReader(), HttpReader()
    size = 1 + (data[0] if data else 0)
    found, why = _responses(reader, [data])
    assert (found, why) == _responses(pieces, [data[at : at + size] for at in range(0, len(data), size)])
    for status, body in [*found, (200, data)]:
        contacts = KAMAILIO.contacts((ANNA_LINE,), (), MARKER, [Answer(1, status, body)])
        registered = KAMAILIO.registrations(contacts, (), [Answer(1, status, body)])
        assert set(contacts[ANNA_LINE].dialable) <= set(registered)
        assert all(in_words(contact).isprintable() for contact in registered)
        plan = make_plan(group(ANNA), contacts, "")
        if plan.legs:
            dial = parse(dial_string({}, plan, CALL_ID, "", KAMAILIO))
            ends = f";fs_path=sip:{KAMAILIO.sip}%3Blr"
            assert all(_THROUGH.fullmatch(leg.destination.removesuffix(ends)) for leg in dial.legs)
            assert len(dial.alternatives) == 1
            assert len(dial.legs) == len(plan.legs)


_THROUGH: Final = re.compile(r"internal/sip:(?:1001|[a-z0-9-]{1,64}-[0-9a-f]+)@example\.org(?:;gr)?")


def noticing(data: bytes) -> None:
    """Whatever Kamailio tells by itself, however it is cut, is a line that can be asked for, or ends the connection."""
    size = 1 + (data[0] if data else 0)
    found, is_broken = _notices([data])
    assert (found, is_broken) == _notices([data[at : at + size] for at in range(0, len(data), size)])
    assert all(AOR.fullmatch(notice.address) and notice.account for notice in found)


def _notices(pieces: list[bytes]) -> tuple[list[LineRegistered], bool]:
    reader, found = NoticeReader(), []
    try:
        for piece in pieces:
            for notice in reader.receive(piece):
                found.append(notice)
    except ProtocolError:
        return found, True
    return found, False


def _responses(reader: HttpReader, pieces: list[bytes]) -> tuple[list[tuple[int, bytes]], str]:
    found: list[tuple[int, bytes]] = []
    try:
        for piece in pieces:
            found += reader.receive(piece)
    except ProtocolError as error:
        return found, str(error)
    return found, ""


class _Pages:
    def __init__(self) -> None:
        self.records: list[JournalRecord] = []

    def record(self, entry: JournalRecord) -> None:
        self.records.append(entry)


class _Book:
    def find(self, domain: str, number: str) -> HuntGroup | None:
        return group(ANNA, BERND) if (domain, number) == (DOMAIN, "700") else None

    def line_at(self, domain: str, number: str) -> str:
        return ""

    def may_pick_up(self, user_id: int, addresses: Collection[str]) -> frozenset[str]:
        return frozenset()

    def user_at(self, address: str) -> Taker | None:
        return None


class _Peer:
    """A socket whose other side sends these bytes, message by message, and reads everything."""

    def __init__(self, data: bytes) -> None:
        self._pieces = [piece for piece in _MESSAGE.split(data) if piece][::-1]

    def settimeout(self, _seconds: float) -> None:
        pass

    def recv(self, _most: int) -> bytes:
        return self._pieces.pop() if self._pieces else b""

    def send(self, data: bytes) -> int:
        return len(data)

    def close(self) -> None:
        pass


@contextlib.contextmanager
def _chance_is_fixed() -> Any:
    with (
        mock.patch("os.urandom", bytes),
        mock.patch.object(CallIds, "next", return_value=CALL_ID),
        mock.patch("gevent.sleep"),
    ):
        yield


@contextlib.contextmanager
def _faults_raise() -> Any:
    """Let what the program would log as its own fault break the target; say nothing else."""

    def fault(sentence: str, *arguments: object) -> None:
        raise  # noqa: PLE0704  # the exception that is being logged

    with (
        mock.patch.object(handler.log, "exception", fault),
        mock.patch.object(logging.Logger, "isEnabledFor", return_value=False),
    ):
        yield


def lighting(data: bytes) -> None:
    """Whoever calls and whatever a phone writes, a switch gets one command, and phones a document with one caller."""
    texts = data.decode("utf-8", "replace").split("\0")
    name, number, call_id, watched = (*texts, "", "", "", "")[:4]
    for state in LampState:
        lamp = Lamp(state, name, number)
        said = CommandReader()
        said.receive(presence.told(LAMP, lamp, "4f"))
        event = said.next()
        assert event is not None
        assert said.next() is None
        assert (event.line, event.header("from"), event.header("call-id")) == ("sendevent PRESENCE_IN", LAMP, "4f")
        ElementTree.fromstring(f'<identity display="{event.header("caller-caller-id-name")}"/>')
        (dialog,) = ElementTree.fromstring(document(LAMP, lamp))
        assert len(list(dialog.iter())) == (8 if lamp.is_lit else 2)
    heard = {"Event-Name": presence.PROBE, "to": watched, "sub-call-id": call_id}
    misled = presence.misled(heard.get)
    if misled and (told := Announcer().correction({LAMP: Lamp(LampState.RINGING)}, misled)):
        assert told.count(b"\n\n") == 1
        assert told.endswith(b"\n\n")
    answer(data)


Target = Callable[[bytes], None]
TARGETS: Final[dict[str, Target]] = {
    it.__name__: it for it in (framing, arriving, dialling, encoding, serving, looking_up, noticing, lighting)
}
