"""What `check` says of a Kamailio, judged from its answers and from a call that a switch makes through it."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from esl_huntgroup.diagnostics.checks.kamailio import NOBODY, check_restriction, read_lookups, read_way, ways
from esl_huntgroup.model.group import Line
from esl_huntgroup.registrars.lookups import Answer, Rpc
from esl_huntgroup.settings import KamailioAt, Settings

RPC = Rpc("10.0.0.1", 8460, "/huntgroup")
NONE = Answer(1, 500, b'{"jsonrpc":"2.0","error":{"code":500,"message":"AOR not found in location table"},"id":1}')
LINES = [Line("", "a.example", NOBODY), Line("1", "a.example", "1"), Line("1", "b.example", "1")]


def found(aor: str) -> Answer:
    contacts = [{"Contact": {"Ruid": "uloc-1", "Address": "sip:x@h"}}]
    return Answer(1, 200, json.dumps({"result": {"AoR": aor, "Contacts": contacts}, "id": 1}).encode())


def test_a_kamailio_that_tells_who_is_registered_is_right() -> None:
    (it,) = read_lookups(RPC, LINES, [NONE, found("1@a.example"), NONE])
    assert str(it) == "ok  kamailio: http://10.0.0.1:8460/huntgroup tells who is registered (1 of 2 lines asked for)"


def test_one_that_does_not_tell_domains_apart_is_found() -> None:
    right, wrong = read_lookups(RPC, LINES, [NONE, found("1"), NONE])
    assert right.is_ok
    assert "does not tell domains apart" in wrong.text
    (alone,) = read_lookups(RPC, LINES[:2], [NONE, found("1")])
    assert alone.is_ok


def test_one_that_gives_no_answer_is_to_be_mended() -> None:
    (it,) = read_lookups(RPC, LINES, [Answer(1, 403, b"no")] * 3)
    assert not it.is_ok
    assert "HTTP status 403: the endpoint refuses ul.lookup or this service" in it.text


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("-ERR MANDATORY_IE_MISSING", "Kamailio wants a password of FreeSWITCH"),
        ("-ERR CALL_REJECTED", "route(HUNTGROUP) is missing"),
        ("-ERR RECOVERY_ON_TIMER_EXPIRE", "pike has banned FreeSWITCH"),
        ("-ERR USER_BUSY", "404 would be right"),
        ("+OK 28d93954-673b-42a5-88bd-6068fb9b5cb5", "voicemail or a forwarding"),
    ],
)
def test_each_cause_of_a_call_to_nobody_has_its_sentence(answer: str, text: str) -> None:
    it = read_way("a.example", "10.0.0.1:5060", answer)
    assert not it.is_ok
    assert text in it.text


def test_the_call_goes_to_a_phone_that_does_not_exist() -> None:
    asked = []

    def api(command: str) -> str:
        asked.append(command)
        return "-ERR UNALLOCATED_NUMBER\n"

    settings = Settings(
        kamailio=(KamailioAt("a.example", None, "10.0.0.1:5060"), KamailioAt("*", None, "10.0.0.2:5060"))
    )
    assert all(it.is_ok for it in ways(settings, api))
    assert "sofia/internal/sip:uloc-0-0-0-" in asked[0]
    assert "@a.example;gr;fs_path=sip:10.0.0.1:5060%3Blr &sleep(10)" in asked[0]


@pytest.mark.parametrize(
    ("status", "body", "is_ok"),
    [(403, b"no\n", True), (200, b'{"result":"5.6.3"}', False), (200, b'{"error":{"code":405}}', True)],
)
def test_an_endpoint_that_runs_any_command_is_found(status: int, body: bytes, is_ok: bool) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        it = check_restriction(Rpc("127.0.0.1", server.server_port, "/RPC"), "0123456789abcdef")
        thread.join()
    assert it.is_ok is is_ok
