"""The bytes that the simulated switch makes of values, and what it makes of the bytes of a service."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esl_huntgroup.simulator.command import CommandError, CommandReader
from esl_huntgroup.simulator.cstring import split_list, split_words
from esl_huntgroup.simulator.event import encode
from esl_huntgroup.simulator.variables import ChannelVariables


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("a b,c", b"a%20b,c"),
        ("a\r\nb", b"a%0D%0Ab"),
        ("Müller", b"M%C3%BCller"),
        ("a%0Ab", b"a%0Ab"),
        ("a%0ab", b"a%250ab"),
        ("100%", b"100%25"),
        ("a|b", b"a%7Cb"),
        ("~'()*!$/", b"~'()*!$/"),
    ],
)
def test_values_are_encoded_as_switch_url_encode_does(value: str, encoded: bytes) -> None:
    assert encode(value) == encoded


@given(st.text())
def test_no_value_ends_a_line(value: str) -> None:
    encoded = encode(value)
    assert b"\n" not in encoded
    if "%" not in value:
        assert unquote_to_bytes(encoded) == value.encode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a b c", ["a", "b", "c"]),
        ("a  'b c'  d", ["a", "b c", "d"]),
        (r"a b\sc", ["a", "b c"]),
        ("a b c d e", ["a", "b", "c d e"]),
        ("a", ["a"]),
    ],
)
def test_api_arguments_are_cut_at_blanks(text: str, words: list[str]) -> None:
    assert split_words(text, 3) == words


def test_lists_are_cut_at_their_delimiter_and_a_prefix_can_change_it() -> None:
    assert split_list("a=1;b=x y;c='1;2'", ";", 64) == ["a=1", "b=x y", "c=1;2"]
    assert split_list("^^:a=1;2:b=3", ";", 64) == ["a=1;2", "b=3"]


def commands(*pieces: bytes) -> list[tuple[str, str]]:
    reader = CommandReader()
    found = []
    for piece in pieces:
        reader.receive(piece)
        while command := reader.next():
            found.append((command.line, command.body))
    return found


STREAM = b"connect\n\nsendmsg\ncall-command: execute\ncontent-length: 3\n\na\n\napi x\r\n\r\n\n\nexit\n\n"


def test_commands_are_cut_wherever_the_network_cuts() -> None:
    whole = [("connect", ""), ("sendmsg", "a\n\n"), ("api x", ""), ("exit", "")]
    assert commands(STREAM) == whole
    assert commands(*(bytes([byte]) for byte in STREAM)) == whole


@pytest.mark.parametrize("length", [b"-1", b"99999999999"])
def test_a_body_out_of_range_closes_the_connection(length: bytes) -> None:
    with pytest.raises(CommandError):
        commands(b"sendmsg\ncontent-length: " + length + b"\n\n")


def test_a_variable_that_is_set_again_moves_to_the_end_and_a_pushed_one_stays() -> None:
    variables = ChannelVariables()
    variables.set_all({"a": "1", "b": "2"})
    variables.push("a", "3")
    assert variables.items() == [("a", "ARRAY::1|:3"), ("b", "2")]
    variables.set("a", "4")
    assert variables.items() == [("b", "2"), ("a", "4")]
    variables.set("b", "")
    assert variables.items() == [("a", "4")]
