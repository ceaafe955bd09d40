"""A phone registers at a real Kamailio, and the service hears of it at once."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent import subprocess
from gevent.queue import Queue

from esl_huntgroup.diagnostics.checks.notices import check_notices
from esl_huntgroup.esl import reconnect
from esl_huntgroup.registrars.notice_feed import NoticeFeed
from esl_huntgroup.registrars.notices import LineRegistered, Listening, Notice
from tests.database.servers import free_port
from tests.e2e import sip
from tests.faults.event_socket import EventSocket
from tests.kamailio.phone import Datagrams, SmallPhone, WebSocket
from tests.kamailio.registrar import Registrar
from tests.kamailio.test_calls import until
from tests.protocol.test_notice_feed import Flood
from tests.protocol.test_service import Installation, Office
from tests.protocol.test_workers import Service, asked
from tests.unit.examples import DOMAIN

SAYS_WITHIN_S = 30.0


@pytest.fixture
def heard() -> list[Notice]:
    return []


@pytest.fixture
def feed(registrar: Registrar, heard: list[Notice], monkeypatch: pytest.MonkeyPatch) -> Iterator[NoticeFeed]:
    monkeypatch.setattr(reconnect, "MAX_S", 0.5)
    feed = NoticeFeed([("127.0.0.1", registrar.notices_port)], heard.append)
    feed.start()
    until(lambda: heard == [Listening()])
    yield feed
    feed.stop()
    registrar.forget("1001", "1002")


@pytest.fixture
def phone(registrar: Registrar) -> Iterator[SmallPhone]:
    phone = SmallPhone(Datagrams(registrar.address), "1001", DOMAIN)
    yield phone
    phone.close()


ANNA = LineRegistered(f"1001@{DOMAIN}")


def test_a_phone_that_comes_is_told_and_one_that_stays_or_goes_is_not(
    feed: NoticeFeed, heard: list[Notice], phone: SmallPhone, registrar: Registrar
) -> None:
    phone.register()
    phone.register()
    phone.register(expires_s=0)
    other = SmallPhone(WebSocket(("127.0.0.1", registrar.rpc_port)), "1002", DOMAIN)
    other.register()
    until(lambda: LineRegistered(f"1002@{DOMAIN}") in heard)
    assert heard == [Listening(), ANNA, LineRegistered(f"1002@{DOMAIN}")]
    phone.register()
    until(lambda: heard[3:] == [ANNA])
    other.close()


def test_a_kamailio_that_is_started_anew_is_heard_again(
    feed: NoticeFeed, heard: list[Notice], phone: SmallPhone, registrar: Registrar
) -> None:
    registrar.kill()
    until(lambda: feed.lost)
    gevent.get_hub().threadpool.apply(registrar.start)
    until(lambda: not feed.lost)
    phone.register()
    until(lambda: heard == [Listening(), Listening(), ANNA])


def test_a_phone_cannot_say_more_than_the_line_that_it_registers(
    feed: NoticeFeed, heard: list[Notice], phone: SmallPhone, registrar: Registrar
) -> None:
    accounts = ('x",', "5:registered", "a%2c", "${uptime}", "1001,24:registered")
    hostile = [SmallPhone(Datagrams(registrar.address), account, DOMAIN) for account in accounts]
    for it in hostile:
        gevent.spawn(_try, it).join(timeout=1)  # Kamailio does not answer all of them
    phone.register()
    until(lambda: ANNA in heard)
    assert set(heard) == {Listening(), ANNA, LineRegistered(f"5@{DOMAIN}")}  # what is behind the colon is a password
    assert not feed.lost
    for it in hostile:
        it.close()


def _try(phone: SmallPhone) -> None:
    with contextlib.suppress(AssertionError):
        phone.register()


def test_who_is_not_the_service_is_put_out(tmp_path: Path) -> None:
    registrar = Registrar(tmp_path / "other", DOMAIN, sip.free_port(), notices=True, listener="127.0.0.9")
    registrar.start()
    try:
        address = ("127.0.0.1", registrar.notices_port)
        until(lambda: "refused" not in str(check_notices(address)))  # evapi listens a little later than SIP
        assert "HUNTGROUP_NOTICES_TO has to be the address of this host" in str(check_notices(address))
    finally:
        registrar.stop()


def test_the_service_counts_what_it_hears_and_calls_go_on_whatever_comes(
    registrar: Registrar, phone: SmallPhone, tmp_path: Path
) -> None:
    service, metrics = Service(tmp_path), free_port()
    service.set_up()
    with closing(Flood()) as flood:
        told = f"127.0.0.1:{registrar.notices_port},127.0.0.1:{flood.port}"
        address = service.start(kamailio_notices=told, metrics_listen=f"127.0.0.1:{metrics}", log_level="debug")
        try:
            until(lambda: _metric(metrics, "huntgroup_registrar_notices_total") > 0)
            assert _metric(metrics, "huntgroup_registrar_notices_lost") == 0
            phone.register()
            service.await_log(f"1001@{DOMAIN} has registered")
            assert Office(address).call(talks_s=0.2).get().spoken_with == "Anna Berg"
            registrar.forget("1001")
        finally:
            service.end()


def _metric(port: int, name: str) -> float:
    _, text = asked(port, "/metrics")
    return float(next(line.split()[1] for line in text.splitlines() if line.startswith(f"{name} ")))


class Watching:
    """``esl-huntgroup explain --watch`` as a process; ``line`` waits for the next one that begins like this."""

    def __init__(self, installation: Installation, *arguments: str, **settings: str) -> None:
        command = [sys.executable, "-m", "esl_huntgroup", "explain", "700", "--watch", *arguments]
        environment = installation.environment | settings | {"PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._lines: Queue = Queue()
        self._reads = gevent.spawn(self._read, self.process.stdout)

    def line(self, begin: str) -> str:
        with gevent.Timeout(SAYS_WITHIN_S, AssertionError(f"it does not say {begin!r}")):
            while not (line := self._lines.get()).startswith(begin):
                pass
        return str(line)

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(SAYS_WITHIN_S)
        self._reads.join()
        for pipe in (self.process.stdout, self.process.stderr):
            pipe.close()
        return int(status)

    def _read(self, pipe: Any) -> None:
        for line in pipe:
            self._lines.put(line.rstrip("\n"))


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    installation = Installation(tmp_path)
    installation.set_up()
    return installation


def test_explain_shows_a_phone_that_registers_at_once(
    registrar: Registrar, installation: Installation, phone: SmallPhone
) -> None:
    events = EventSocket(lambda name, argument: "-ERR no reply\n", lambda uuid: None)
    watching = Watching(
        installation,
        ESL_HUNTGROUP_ESL_ADDRESS=f"127.0.0.1:{events.port}",
        ESL_HUNTGROUP_ESL_PASSWORD="secret",
        ESL_HUNTGROUP_KAMAILIO=registrar.setting,
        ESL_HUNTGROUP_KAMAILIO_NOTICES=f"127.0.0.1:{registrar.notices_port}",
        ESL_HUNTGROUP_DEFAULT_DOMAIN=DOMAIN,
    )
    try:
        assert "0 of 2 members would ring" in watching.line("group Vertrieb")
        stranger = SmallPhone(Datagrams(registrar.address), "4711", DOMAIN)
        stranger.register()  # nobody of the group: nothing is said of it
        phone.register()
        assert watching.line("1001@") == f"1001@{DOMAIN} has registered"
        assert "1 of 2 members would ring" in watching.line("group Vertrieb")
        assert f"1001@{DOMAIN} at small phone at sip:1001@127.0.0.1:{phone.way.port}" in watching.line("rings")
        stranger.close()
    finally:
        status = watching.end()
        events.close()
        registrar.forget("1001", "4711")
    assert status == 0


def test_what_cannot_be_watched_is_said_in_a_sentence(installation: Installation) -> None:
    done = installation.run("explain", "700", "--watch")
    assert done.returncode == 1
    assert "kamailio_notices is not set" in done.stderr
    assert os.linesep not in done.stderr.strip()
