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


def found(aor: str, *states: str) -> Answer:
    contacts = [{"Contact": {"Ruid": "uloc-1", "Address": "sip:x@h", "State": it}} for it in states or [""]]
    return Answer(1, 200, json.dumps({"result": {"AoR": aor, "Contacts": contacts}, "id": 1}).encode())


NO_DOMAIN = Answer(1, 500, b'{"jsonrpc":"2.0","error":{"code":500,"message":"Domain missing in AOR"},"id":1}')


def test_a_kamailio_that_tells_who_is_registered_is_right() -> None:
    it, _ = read_lookups(RPC, LINES, [NONE, found("1@a.example"), NONE], NO_DOMAIN)
    assert str(it) == "ok  kamailio: http://10.0.0.1:8460/huntgroup tells who is registered (1 of 2 lines asked for)"


def test_one_that_does_not_tell_domains_apart_is_found() -> None:
    right, wrong, _ = read_lookups(RPC, LINES, [NONE, NONE, NONE], NONE)
    assert right.is_ok
    assert "does not tell domains apart" in wrong.text
    assert all(it.is_ok for it in read_lookups(RPC, LINES[:2], [NONE, found("1")], NONE))


@pytest.mark.parametrize(
    ("states", "is_note", "text"),
    [
        ([], True, "shows no registration, so it is not seen whether those outlive a restart of it"),
        (["CS_NEW", "CS_NEW"], True, "keeps registrations in memory alone (seen at 2 of them): after a restart"),
        (["CS_SYNC", "CS_SYNC"], False, "has its registrations in a database, too: they outlive a restart of it"),
        (["CS_SYNC", "CS_NEW"], True, "db_mode 2): those of the last minute are lost when it crashes"),
        (["CS_DIRTY"], True, "db_mode 2): those of the last minute are lost when it crashes"),
    ],
)
def test_the_states_of_registrations_show_what_a_restart_costs(states: list[str], is_note: bool, text: str) -> None:
    answers = [found(LINES[0].address, *states)] if states else [NONE]
    *_, it = read_lookups(RPC, LINES[:1], answers, NO_DOMAIN)
    assert (it.is_ok, it.is_note) == (True, is_note)
    assert text in it.text


def test_one_that_gives_no_answer_is_to_be_mended() -> None:
    (it,) = read_lookups(RPC, LINES, [Answer(1, 403, b"no")] * 3, Answer(1, 403, b"no"))
    assert not it.is_ok
    assert "HTTP status 403: the endpoint refuses ul.lookup or this service" in it.text


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("-ERR MANDATORY_IE_MISSING", "Kamailio wants a password of FreeSWITCH"),
        ("-ERR CALL_REJECTED", "route(HUNTGROUP) is missing"),
        ("-ERR PROGRESS_TIMEOUT", "pike has banned FreeSWITCH"),
        ("-ERR RECOVERY_ON_TIMER_EXPIRE", "somebody who is silent (408)"),
        ("-ERR NORMAL_UNSPECIFIED", "Kamailio cannot send it on"),
        ("-ERR NORMAL_TEMPORARY_FAILURE", "see kamailio_profile"),
        ("-ERR EXCHANGE_ROUTING_ERROR", "it goes in a circle"),
        ("-ERR NO_ANSWER", "voicemail or a forwarding"),
        ("-ERR INVALID_PROFILE", "set kamailio_profile"),
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
        kamailio=(KamailioAt("a.example", RPC, "10.0.0.1:5060"), KamailioAt("*", None, "10.0.0.2:5060"))
    )
    assert all(it.is_ok for it in ways(settings, api))
    assert "sofia/internal/sip:uloc-0-0-0-" in asked[0]
    assert "@a.example;gr;fs_path=sip:10.0.0.1:5060%3Blr &hangup()" in asked[0]
    assert f",sip_invite_to_uri=<sip:{NOBODY}@a.example>}}" in asked[0]
    assert (
        f",sip_h_X-Huntgroup=line}}sofia/internal/sip:{NOBODY}@example.invalid;fs_path=sip:10.0.0.2:5060%3Blr"
        in (asked[1])
    )


class Endpoint:
    """An HTTP server with one answer for each path, else 404; ``asked`` has what came."""

    def __init__(self, answers: dict[str, tuple[int, bytes]]) -> None:
        self.asked: list[tuple[str, bytes, str]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(handler) -> None:
                sent = handler.rfile.read(int(handler.headers["Content-Length"]))
                self.asked.append((handler.path, sent, handler.headers.get("Authorization", "")))
                status, body = answers.get(handler.path, (404, b"no"))
                handler.send_response(status)
                handler.send_header("Content-Length", str(len(body)))
                handler.end_headers()
                handler.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def rpc(self) -> Rpc:
        return Rpc("127.0.0.1", self._server.server_port, "/huntgroup")

    def __enter__(self) -> Endpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.mark.parametrize(
    ("answers", "where"),
    [
        ({"/huntgroup": (403, b"no\n")}, ""),
        ({"/huntgroup": (200, b'{"error":{"code":405}}')}, ""),
        ({"/huntgroup": (200, b'{"result":"5.6.3"}')}, "/huntgroup"),
        ({"/huntgroup": (403, b"no"), "/RPC": (200, b'{"result":"5.6.3"}')}, "/RPC"),
    ],
)
def test_an_endpoint_that_runs_any_command_is_found(answers: dict[str, tuple[int, bytes]], where: str) -> None:
    with Endpoint(answers) as endpoint:
        (it,) = check_restriction(endpoint.rpc, "0123456789abcdef")
    assert {secret for _, _, secret in endpoint.asked} == {"Bearer 0123456789abcdef"}
    assert it.is_ok is not bool(where)
    if where:
        assert f":{endpoint.rpc.port}{where} runs any RPC command" in it.text
    else:
        assert len(endpoint.asked) == 6


def test_nothing_is_said_of_an_endpoint_that_nobody_reaches() -> None:
    with Endpoint({}) as endpoint:
        gone = endpoint.rpc
    assert list(check_restriction(gone, "")) == []
