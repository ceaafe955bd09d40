"""What `check` says of group numbers that Kamailio does or does not pass on, judged from its answers to OPTIONS."""

from __future__ import annotations

import pytest

from esl_huntgroup.diagnostics.checks.kamailio_numbers import NUMBERS_MAX, PAUSE_S, check_numbers
from esl_huntgroup.diagnostics.checks.sip_options import SipAnswer, read_final, request
from esl_huntgroup.settings import KamailioAt, Settings

SIP = "10.0.0.1:5060"
SWITCH = SipAnswer(200, "FreeSWITCH-mod_sofia/1.10.12-release~64bit")
ONE = Settings(kamailio=(KamailioAt("a.example", None, SIP),))


class Kamailio:
    """Answers OPTIONS: ``others`` are the answers to numbers that are not the switch's."""

    def __init__(self, others: dict[str, SipAnswer | Exception] | None = None) -> None:
        self.others = others or {}
        self.asked: list[tuple[str, str, str]] = []
        self.slept: list[float] = []

    def ask(self, sip: str, number: str, domain: str) -> SipAnswer:
        self.asked.append((sip, number, domain))
        answer = self.others.get(number, SWITCH)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def check(self, numbers: dict[str, list[str]], settings: Settings = ONE) -> list[str]:
        return [str(it) for it in check_numbers(settings, numbers, self.ask, self.slept.append)]


def test_numbers_that_arrive_are_counted() -> None:
    kamailio = Kamailio()
    assert kamailio.check({"a.example": ["700", "701"], "b.example": ["900"]}) == [
        f"ok  kamailio: {SIP} passes 2 of 2 group numbers on to FreeSWITCH"
    ]
    assert kamailio.asked == [(SIP, "700", "a.example"), (SIP, "701", "a.example")]
    assert kamailio.slept == [PAUSE_S]


def test_every_other_domain_is_asked_at_the_kamailio_of_every_other_domain() -> None:
    settings = Settings(kamailio=(KamailioAt("a.example", None, SIP), KamailioAt("*", None, "10.0.0.2:5060")))
    kamailio = Kamailio()
    assert len(kamailio.check({"a.example": ["700"], "b.example": ["900"]}, settings)) == 2
    assert kamailio.asked == [(SIP, "700", "a.example"), ("10.0.0.2:5060", "900", "b.example")]


def test_a_domain_without_groups_needs_no_sentence() -> None:
    assert Kamailio().check({"b.example": ["900"]}) == []


@pytest.mark.parametrize(
    ("answer", "mark", "text"),
    [
        (
            SipAnswer(404, "kamailio (5.6.3)"),
            "FIX",
            "with 404 by 'kamailio (5.6.3)': FreeSWITCH does not get such calls",
        ),
        (SipAnswer(403, ""), "FIX", "it relays nothing for a.example, which is no domain of its own"),
        (SipAnswer(407, ""), "NB ", "it wants a password, so it is not seen"),
        (SipAnswer(408, "kamailio (5.6.3)"), "FIX", "it cannot reach FreeSWITCH"),
        (SipAnswer(477, ""), "FIX", "it cannot reach FreeSWITCH"),
        (SipAnswer(503, ""), "FIX", "it cannot reach FreeSWITCH"),
        (SipAnswer(200, "kamailio (5.6.3)"), "NB ", "by 'kamailio (5.6.3)', which does not call itself FreeSWITCH"),
        (SipAnswer(200, ""), "NB ", "with 200, which does not call itself FreeSWITCH"),
        (SipAnswer(484, ""), "FIX", "HUNTGROUP_NUMBERS has to match it"),
    ],
)
def test_every_other_answer_has_its_sentence(answer: SipAnswer, mark: str, text: str) -> None:
    found, passed = Kamailio({"800": answer}).check({"a.example": ["700", "800"]})
    assert found.startswith(f"{mark} kamailio: {SIP} answers OPTIONS to the group number 800 of a.example with ")
    assert text in found
    assert passed == f"ok  kamailio: {SIP} passes 1 of 2 group numbers on to FreeSWITCH"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (TimeoutError("no answer within 2 s"), "gives no answer to OPTIONS (no answer within 2 s)"),
        (ConnectionRefusedError(111, "Connection refused"), "gives no answer to OPTIONS (Connection refused)"),
    ],
)
def test_one_that_is_silent_is_asked_once(error: Exception, text: str) -> None:
    kamailio = Kamailio({"700": error})
    (it,) = kamailio.check({"a.example": ["700", "701"]})
    assert it.startswith(f"FIX kamailio: {SIP} {text}: a wrong address, a firewall,")
    assert "pike has banned this host" in it
    assert len(kamailio.asked) == 1


def test_of_many_numbers_some_are_asked_for_from_the_first_to_the_last() -> None:
    kamailio = Kamailio()
    numbers = [str(number) for number in range(7000, 7100)]
    (it,) = kamailio.check({"a.example": numbers})
    assert it == f"ok  kamailio: {SIP} passes 30 of 100 group numbers on to FreeSWITCH (30 were asked for)"
    assert len(set(kamailio.asked)) == NUMBERS_MAX
    assert (kamailio.asked[0][1], kamailio.asked[-1][1]) == ("7000", "7099")
    assert 2 / PAUSE_S < 16  # what pike of Debian's file lets pass in two seconds


def test_one_by_tls_is_not_asked() -> None:
    settings = Settings(kamailio=(KamailioAt("a.example", None, f"{SIP};transport=tls"),))
    (it,) = Kamailio().check({"a.example": ["700"]}, settings)
    assert it == (
        f"NB  kamailio: {SIP};transport=tls is not asked whether it passes on the numbers of groups: "
        "check speaks no TLS"
    )


def test_a_question_is_a_whole_request() -> None:
    head = request("7#0", "a.example", "10.0.0.5:40000", "UDP").decode().split("\r\n")
    assert head[0] == "OPTIONS sip:7%230@a.example SIP/2.0"
    assert "From: <sip:esl-huntgroup-check@10.0.0.5:40000>;tag=" in head[3]
    assert head[-2:] == ["", ""]


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (b"SIP/2.0 100 Trying\r\nVia: x\r\n\r\n", None),
        (b"SIP/2.0 200 OK\r\nUser-Agent: FreeSWI", None),
        (b"SIP/2.0 100 Trying\r\n\r\nSIP/2.0 200 OK\r\nuser-agent: FreeSWITCH\r\n\r\n", SipAnswer(200, "FreeSWITCH")),
        (b"SIP/2.0 404 Not Found\r\nServer: \x1b[31mred\xff\r\n\r\n", SipAnswer(404, "\ufffd[31mred\ufffd")),
        (b"SIP/2.0 999 What\r\n\r\n", None),
        (b"HTTP/1.1 200 OK\r\n\r\n", None),
        (b"\x00" * 50, None),
    ],
)
def test_the_final_answer_is_read_whatever_comes_before_it(data: bytes, answer: SipAnswer | None) -> None:
    assert read_final(data) == answer
