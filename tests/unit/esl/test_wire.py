"""Bytes of the event socket: whole, in pieces, and from somebody who is no switch."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esl_huntgroup.errors import ProtocolError
from esl_huntgroup.esl.wire import BODY_MAX_BYTES, HEAD_MAX_BYTES, Decoder, Message, api, array, command, execute

REPLY = b"Content-Type: command/reply\nReply-Text: +OK\n\n"
API = b"Content-Type: api/response\nContent-Length: 4\n\n+OK\n"
EVENT_BODY = b"Event-Name: CHANNEL_BRIDGE\nUnique-ID: a\nCaller-Caller-ID-Name: M%C3%BCller%0AUnique-ID%3A%20evil\n\n"
EVENT = b"Content-Length: %d\nContent-Type: text/event-plain\n\n%b" % (len(EVENT_BODY), EVENT_BODY)
STREAM = REPLY + API + EVENT + REPLY


def decode(*pieces: bytes) -> list[Message]:
    decoder = Decoder()
    return [message for piece in pieces for message in decoder.receive(piece)]


def shape(messages: list[Message]) -> list[tuple[bytes, bytes]]:
    return [(message.head, message.body) for message in messages]


def test_a_stream_has_its_messages_in_order() -> None:
    assert [message.content_type for message in decode(STREAM)] == [
        "command/reply",
        "api/response",
        "text/event-plain",
        "command/reply",
    ]


def test_byte_by_byte_is_the_same_as_whole() -> None:
    assert shape(decode(*(bytes([byte]) for byte in STREAM))) == shape(decode(STREAM))


@pytest.mark.parametrize("cut", range(len(STREAM)))
def test_a_cut_anywhere_is_the_same_as_whole(cut: int) -> None:
    assert shape(decode(STREAM[:cut], STREAM[cut:])) == shape(decode(STREAM))


def test_an_unfinished_message_is_counted() -> None:
    decoder = Decoder()
    decoder.receive(REPLY + API[:-1])
    assert decoder.incomplete_bytes == len(API) - 1


def test_a_line_break_in_a_value_adds_no_header() -> None:
    (event,) = decode(EVENT)
    assert event.get("Unique-ID") == "a"
    assert event.get("Caller-Caller-ID-Name") == "Müller\nUnique-ID: evil"


def test_a_value_is_decoded_only_where_the_switch_encodes() -> None:
    (reply,) = decode(b"Content-Type: command/reply\nReply-Text: +OK 100%25\n\n")
    assert reply.reply == "+OK 100%25"
    (channel,) = decode(b"Event-Name: CHANNEL_DATA\nContent-Type: command/reply\nReply-Text: %2BOK%0A\n\n")
    assert channel.reply == "+OK"


@given(st.lists(st.sampled_from([b"Event-Name: X", b"A: 1", b"A: 2", b"A:B: %41 ", b"B", b": x", b"", b"C: \xff\r"])))
def test_many_values_are_read_as_one_is(lines: list[bytes]) -> None:
    block = b"\n".join(lines)
    for message in (Message(block, b"", "command/reply"), Message(b"", block, "text/event-plain")):
        get = message.reader()
        assert [get(name) for name in ("Event-Name", "A", "B", "C", "D")] == [
            message.get(name) for name in ("Event-Name", "A", "B", "C", "D")
        ]
        for prefix in ("Event-", "A", "B", ""):
            found = message.beginning(prefix)
            assert {prefix + rest: value for rest, value in found.items()}.items() >= {
                (name, value)
                for name in ("Event-Name", "A", "B", "C", "D")
                if name.startswith(prefix) and (value := message.get(name)) is not None
            }


def test_bytes_that_are_not_utf8_are_replaced() -> None:
    body = b"Event-Name: X\nA: %FF\nB: \xff\n\n"
    (event,) = decode(b"Content-Type: text/event-plain\nContent-Length: %d\n\n%b" % (len(body), body))
    assert (event.get("A"), event.get("B"), event.get("C")) == ("�", "�", None)


def test_the_body_of_an_event_is_no_header() -> None:
    body = b"Event-Name: X\nContent-Length: 12\n\nUnique-ID: b"
    (event,) = decode(b"Content-Type: text/event-plain\nContent-Length: %d\n\n%b" % (len(body), body))
    assert event.get("Unique-ID") is None


@pytest.mark.parametrize(
    ("garbage", "sentence"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "not an event socket"),
        (b"\x16\x03\x01\x02\x00", "not an event socket"),
        (b"SSH-2.0-OpenSSH_9.2\r\n" + b"x" * 100, "not an event socket"),
        (b"\n\n", "not an event socket"),
        (b"Content-Length: 5\n\nhello", "without Content-Type"),
        (b"Content-Type: x\nContent-Length: 1073741824\n\n", "a Content-Length of 1073741824"),
        (b"Content-Type: x\nContent-Length: -1\n\n", "not a number"),
        (b"Content-Type: x\nContent-Length: 4x\n\n", "not a number"),
        (b"Content-Type: x\nContent-Length: \xd9\xa3\n\n", "not a number"),
        (b"Content-Type: x\n" + b"A: b\n" * (HEAD_MAX_BYTES // 5), "without an end"),
    ],
    ids=lambda value: repr(value[:24]),
)
def test_what_is_not_a_switch_is_refused_with_a_sentence(garbage: bytes, sentence: str) -> None:
    with pytest.raises(ProtocolError, match=sentence):
        decode(garbage)


def test_http_is_refused_at_its_first_bytes() -> None:
    with pytest.raises(ProtocolError):
        decode(b"G", b"E", b"T", b" ")


def test_the_largest_body_is_accepted() -> None:
    (message,) = decode(b"Content-Type: x\nContent-Length: %d\n\n" % BODY_MAX_BYTES, b"x" * BODY_MAX_BYTES)
    assert len(message.body) == BODY_MAX_BYTES


@given(st.lists(st.binary(max_size=60), max_size=12))
def test_no_bytes_make_the_decoder_do_anything_but_decode_or_refuse(pieces: list[bytes]) -> None:
    with contextlib.suppress(ProtocolError):
        decode(*pieces)


@given(st.data())
def test_mangled_streams_are_decoded_or_refused(data: st.DataObject) -> None:
    mangled = bytearray(STREAM)
    for _ in range(data.draw(st.integers(1, 5))):
        mangled[data.draw(st.integers(0, len(mangled) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ProtocolError):
        for message in decode(bytes(mangled)):
            repr(message)


@pytest.mark.parametrize(
    ("value", "elements"),
    [
        (None, ()),
        ("", ()),
        ("a;NONE", ("a;NONE",)),
        ("ARRAY::a;NONE|:b;LOSE_RACE", ("a;NONE", "b;LOSE_RACE")),
    ],
)
def test_a_single_value_stands_without_array(value: str | None, elements: tuple[str, ...]) -> None:
    assert array(value) == elements


def test_a_command_ends_with_an_empty_line() -> None:
    assert api("status") == b"api status\n\n"


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "a\0b", "a\x7fb"])
def test_a_control_character_is_no_second_command(text: str) -> None:
    with pytest.raises(ValueError, match="control character"):
        command(text)
    with pytest.raises(ValueError, match="control character"):
        command("sendmsg", {"execute-app-name": text})


def test_a_dial_string_travels_as_a_body() -> None:
    sent = execute("bridge", "{a=ü}\n\nsofia/x", event_uuid="u1")
    head, _, body = sent.partition(b"\n\n")
    assert body.decode() == "{a=ü}\n\nsofia/x"
    assert f"content-length: {len(body)}".encode() in head
    assert b"Event-UUID: u1" in head
    assert b"execute-app-arg" not in head


def test_an_application_without_argument_has_no_body() -> None:
    assert execute("answer") == b"sendmsg\ncall-command: execute\nexecute-app-name: answer\n\n"
