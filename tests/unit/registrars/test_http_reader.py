"""Answers of HTTP, one behind the other, however the network cuts them."""

from __future__ import annotations

import pytest

from esl_huntgroup.errors import ProtocolError
from esl_huntgroup.registrars.http_reader import BODY_MAX_BYTES, HEAD_MAX_BYTES, HttpReader

STREAM = (
    b"HTTP/1.1 200 OK\r\nSia: SIP/2.0/TCP 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}"
    b"HTTP/1.1 500 AOR not found\r\ncontent-length:3\r\n\r\nabc"
)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_answers_are_the_same_however_they_are_cut(size: int) -> None:
    reader = HttpReader()
    pieces = [STREAM[at : at + size] for at in range(0, len(STREAM), size)]
    assert [it for piece in pieces for it in reader.receive(piece)] == [(200, b"{}"), (500, b"abc")]
    assert not reader.is_last


def test_a_server_that_closes_says_so() -> None:
    reader = HttpReader()
    assert list(reader.receive(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")) == [(200, b"")]
    assert reader.is_last


@pytest.mark.parametrize(
    "data",
    [
        b"SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (BODY_MAX_BYTES + 1),
        b"x" * (HEAD_MAX_BYTES + 1),
    ],
)
def test_what_is_no_answer_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        list(HttpReader().receive(data))
