"""A lamp as a document and as a PUBLISH, and what the answers of a server mean."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from esl_huntgroup.lamps.dialog_info import ANONYMOUS, NAMESPACE, document
from esl_huntgroup.lamps.lamp import IDLE, Lamp, LampState
from esl_huntgroup.lamps.publication import EXPIRES_S, RENEW_S, Answer, Publication, answer

ADDRESS = "700@pbx.example"
RINGS = Lamp(LampState.RINGING, "Anna & <Berg> \"x\" 'y'", "3001")
LOCAL = "10.0.0.5:40000"


def headers(request: bytes) -> dict[str, str]:
    _, *lines = request.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    return dict(line.split(": ", 1) for line in lines)


def body(request: bytes) -> str:
    return request.partition(b"\r\n\r\n")[2].decode()


def taken(cseq: int, etag: str = "e1", status: int = 200) -> Answer:
    return Answer(status, "4f", cseq, etag)


@pytest.mark.parametrize("state", [LampState.RINGING, LampState.TALKING])
@pytest.mark.parametrize(
    ("name", "number", "display", "uri"),
    [
        (RINGS.name, "3001", RINGS.name, "sip:3001@pbx.example"),
        ("", "*9#", "*9#", "sip:*9%23@pbx.example"),
        ("a\r\n\0b", "+49 <1>", "a b", "sip:+491@pbx.example"),
        ("", "", "Anonymous", ANONYMOUS),
    ],
)
def test_a_document_says_who_calls(state: LampState, name: str, number: str, display: str, uri: str) -> None:
    root = ElementTree.fromstring(document(ADDRESS, Lamp(state, name, number)))
    assert root.get("entity") == f"sip:{ADDRESS}"
    (dialog,) = root
    assert (dialog.get("id"), dialog.get("direction")) == ("hunt700_pbx.example", "recipient")
    assert dialog.findtext(f"{{{NAMESPACE}}}state") == state.value
    (identity,) = dialog.findall(f"{{{NAMESPACE}}}remote/{{{NAMESPACE}}}identity")
    assert (identity.get("display"), identity.text) == (display, uri)


def test_a_document_of_an_idle_lamp_names_nobody() -> None:
    (dialog,) = ElementTree.fromstring(document(ADDRESS, IDLE))
    assert [(it.tag, it.text) for it in dialog] == [(f"{{{NAMESPACE}}}state", "terminated")]


def test_the_first_request_is_new_and_the_next_ones_are_about_the_same() -> None:
    it = Publication(ADDRESS, "4f")
    first = it.request(RINGS, LOCAL)
    assert first.startswith(b"PUBLISH sip:700@pbx.example SIP/2.0\r\n")
    told = headers(first)
    assert told["Via"] == f"SIP/2.0/UDP {LOCAL};rport;branch=z9hG4bK-4f-1"
    assert (told["Event"], told["Expires"], told["CSeq"]) == ("dialog", str(EXPIRES_S), "1 PUBLISH")
    assert "SIP-If-Match" not in told
    assert int(told["Content-Length"]) == len(body(first).encode())
    assert body(first) == document(ADDRESS, RINGS)
    assert it.answered(RINGS, taken(1), 0.0)
    second = headers(it.request(IDLE, LOCAL))
    assert (second["SIP-If-Match"], second["CSeq"], second["Call-ID"]) == ("e1", "2 PUBLISH", told["Call-ID"])


def test_what_is_lit_is_renewed_and_what_is_not_expires() -> None:
    it = Publication(ADDRESS, "4f")
    assert it.is_due(RINGS, 0.0)
    it.request(RINGS, LOCAL)
    it.answered(RINGS, taken(1), 0.0)
    assert not it.is_due(RINGS, RENEW_S - 0.1)
    assert it.is_due(RINGS, RENEW_S)
    assert it.is_due(IDLE, 1.0)
    it.request(IDLE, LOCAL)
    it.answered(IDLE, taken(2, "e2"), 1.0)
    assert not it.is_due(IDLE, 1e6)
    assert 2 * RENEW_S < EXPIRES_S


@pytest.mark.parametrize("status", [403, 412, 500])
@pytest.mark.parametrize("lamp", [RINGS, IDLE])
def test_what_is_refused_is_said_anew(status: int, lamp: Lamp) -> None:
    it = Publication(ADDRESS, "4f")
    it.request(RINGS, LOCAL)
    it.answered(RINGS, taken(1), 0.0)
    it.request(lamp, LOCAL)
    assert not it.answered(lamp, taken(2, "x", status), 0.0)
    assert it.is_due(lamp, 0.0)
    assert "SIP-If-Match" not in headers(it.request(lamp, LOCAL))


def test_what_nobody_answers_is_said_again_about_the_same() -> None:
    it = Publication(ADDRESS, "4f")
    it.request(RINGS, LOCAL)
    it.answered(RINGS, taken(1), 0.0)
    it.request(IDLE, LOCAL)
    it.lost()
    assert it.is_due(IDLE, 0.0)
    assert headers(it.request(IDLE, LOCAL))["SIP-If-Match"] == "e1"


OK = (
    b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.5:40000;branch=z9hG4bK-4f-3\r\nFrom: <sip:a@b>;tag=4f\r\n"
    b"To: <sip:a@b>;tag=9\r\nCall-ID: 4f\r\nCSeq: 3 PUBLISH\r\nSIP-ETag: a.1795.2.0\r\nExpires: 60\r\n"
    b"Content-Length: 0\r\n\r\n"
)


def test_an_answer_is_read() -> None:
    assert answer(OK) == Answer(200, "4f", 3, "a.1795.2.0")
    assert answer(OK.replace(b"Call-ID:", b"i:").replace(b"SIP-ETag", b"sip-etag ")) == answer(OK)
    assert answer(OK.replace(b"200 OK", b"412 X").replace(b"SIP-ETag", b"X")) == Answer(412, "4f", 3, "")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\x00" * 40,
        OK.replace(b"200 OK", b"100 Trying"),
        OK.replace(b"200 OK", b"700 Oh"),
        OK.replace(b"Call-ID: 4f\r\n", b""),
        OK.replace(b"CSeq: 3", b"CSeq: x"),
        OK.replace(b"CSeq: 3", b"CSeq: 99999999999"),
        OK.replace(b"SIP/2.0 200", b"INVITE sip:x"),
        b"\r\n\r\n" + OK,
    ],
)
def test_what_is_no_answer_is_none(data: bytes) -> None:
    assert answer(data) is None
