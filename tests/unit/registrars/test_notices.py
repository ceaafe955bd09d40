"""What Kamailio tells by itself, however the network cuts it."""

from __future__ import annotations

import pytest

from esl_huntgroup.errors import ProtocolError
from esl_huntgroup.registrars.notices import NOTICE_MAX_BYTES, LineRegistered, NoticeReader


def netstring(payload: bytes) -> bytes:
    return b"%d:%b," % (len(payload), payload)


STREAM = (
    netstring(b"registered 1001@pbx.example.org")
    + netstring(b'{"event":"of somebody else"}')
    + netstring(b"")
    + netstring(b"registered Anna.Berg@PBX.example.org")
)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_lines_are_told_in_lower_case_and_what_others_say_is_passed_over(size: int) -> None:
    reader = NoticeReader()
    pieces = [STREAM[at : at + size] for at in range(0, len(STREAM), size)]
    found = [it for piece in pieces for it in reader.receive(piece)]
    assert found == [LineRegistered("1001@pbx.example.org"), LineRegistered("anna.berg@pbx.example.org")]
    assert [it.account for it in found] == ["1001", "anna.berg"]


@pytest.mark.parametrize(
    "address",
    [b"1001", b"@h", b"1001@", b"a b@h", b'1001"@h', b"\xff\xfe@h", b"x" * 300 + b"@h", b"1001@h\r\n", b"<null>@h"],
)
def test_a_line_that_nobody_can_have_is_none(address: bytes) -> None:
    assert list(NoticeReader().receive(netstring(b"registered " + address))) == []


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\n",
        b":x,",
        b"00:,",
        b"3:abcd",
        b"-1:,",
        b"999999",
        b"%d:" % (NOTICE_MAX_BYTES + 1),
        b"\x00",
        netstring(b"registered 1001@h") + b"garbage",
    ],
)
def test_what_is_no_netstring_ends_it(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        list(NoticeReader().receive(data))


def test_no_more_is_held_than_one_notice() -> None:
    reader = NoticeReader()
    assert list(reader.receive(b"%d:" % NOTICE_MAX_BYTES + b"x" * NOTICE_MAX_BYTES)) == []
    with pytest.raises(ProtocolError):
        list(reader.receive(b"x"))
