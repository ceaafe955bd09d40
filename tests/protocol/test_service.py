"""``esl-huntgroup serve`` as a process of its own: starts or says in one line why not, serves, stops in order."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import gevent
import pytest
from gevent.event import Event

from esl_huntgroup import __version__
from esl_huntgroup.diagnostics.checks.service import check_service
from esl_huntgroup.esl.greeting import version_of_listener
from esl_huntgroup.journal import spool
from esl_huntgroup.settings import Settings
from esl_huntgroup.simulator.phones import RINGING, Heard, Phone, answering, registered
from esl_huntgroup.simulator.sipvars import Caller
from esl_huntgroup.simulator.switch import CallResult, Switch

DOMAIN = "example.org"
LIMIT_S = 30.0
KARL = Caller("030111", "Karl Kunde", domain="example.net")
FIRM = {
    "users": [
        {"name": "anna", "display_name": "Anna Berg", "lines": [{"number": "1001"}]},
        {"name": "bernd", "display_name": "Bernd Cordes", "lines": [{"number": "1002"}]},
    ],
    "groups": [
        {
            "name": "Vertrieb",
            "number": "700",
            "hunt_mode": "softphone",
            "ring_timeout_s": 5,
            "members": ["anna", "bernd"],
        }
    ],
}


class Installation:
    """A database, a spool and a log in one folder, and the command line on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "service.log"
        self.process: subprocess.Popen[bytes] | None = None
        settings = folder / "settings.toml"
        settings.touch()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ESL_HUNTGROUP_")}
        self.environment = inherited | {
            "ESL_HUNTGROUP_CONFIG": str(settings),
            "ESL_HUNTGROUP_DATABASE": f"sqlite:///{folder / 'huntgroup.db'}",
            "ESL_HUNTGROUP_SPOOL": str(folder / "journal.spool"),
            "ESL_HUNTGROUP_LISTEN": "127.0.0.1:0",
            "ESL_HUNTGROUP_DEFAULT_DOMAIN": DOMAIN,
        }

    def run(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run one command to its end; ``settings`` are for this run."""
        return subprocess.run(
            [sys.executable, "-m", "esl_huntgroup", *arguments],
            env=self._with(settings),
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    def set_up(self) -> None:
        firm = self.folder / "firm.yaml"
        firm.write_text(json.dumps(FIRM), encoding="utf-8")  # JSON is YAML
        for arguments in (["db", "upgrade"], ["load", str(firm)]):
            done = self.run(*arguments)
            assert done.returncode == 0, done.stderr

    def start(self, **settings: str) -> tuple[str, int]:
        """Start serving; return the address."""
        with self.log.open("wb") as log:
            command = [sys.executable, "-m", "esl_huntgroup", "serve"]
            self.process = subprocess.Popen(command, env=self._with(settings), stdout=log, stderr=log)
        match = re.search(r"serving on 127\.0\.0\.1:(\d+)", self.await_log("serving on 127.0.0.1:"))
        assert match is not None
        return "127.0.0.1", int(match[1])

    def await_log(self, text: str) -> str:
        """Return the log once it has this text; the switch goes on meanwhile."""
        assert self.process is not None
        deadline = time.monotonic() + LIMIT_S
        while text not in (log := self.log.read_text()):
            assert self.process.poll() is None, log
            assert time.monotonic() < deadline, log
            gevent.sleep(0.01)
        return log

    def terminate(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)

    def exit_status(self) -> int:
        assert self.process is not None
        return self.process.wait(LIMIT_S)

    def journal(self, *options: str) -> list[dict[str, Any]]:
        done = self.run("journal", "--json", *options)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def _with(self, settings: dict[str, str]) -> dict[str, str]:
        return self.environment | {f"ESL_HUNTGROUP_{name.upper()}": value for name, value in settings.items()}


@pytest.fixture(autouse=True)
def nothing_hangs() -> Iterator[None]:
    with gevent.Timeout(3 * LIMIT_S, AssertionError("it hangs")):
        yield


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(tmp_path)
    yield installation
    installation.end()


@pytest.fixture
def installation(empty: Installation) -> Installation:
    empty.set_up()
    return empty


class Office:
    """The phones of the firm behind a switch; ``answered`` is set when Anna takes a call."""

    def __init__(self, service: tuple[str, int]) -> None:
        self.answered = Event()
        self.phones = (
            registered("Anna Berg", f"1001@{DOMAIN}", answering(0.2), port=10010),
            registered("Bernd Cordes", f"1002@{DOMAIN}", RINGING, port=10020),
        )
        self.switch = Switch(service, self.phones, domain=DOMAIN, observer=self._observe)

    def call(self, talks_s: float) -> gevent.Greenlet:
        return self.switch.spawn(KARL, "700", hangs_up_after_talk_s=talks_s)

    def _observe(self, _phone: Phone, heard: Heard) -> None:
        if heard.what == "answered":
            self.answered.set()


def assert_refused_in_one_line(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("esl-huntgroup: ")
    for word in words:
        assert word in line


# -- starting ---------------------------------------------------------------------------------------------------------


def test_a_database_that_was_never_set_up_is_refused_in_one_line(empty: Installation) -> None:
    assert_refused_in_one_line(empty.run("serve"), "db upgrade")


def test_a_port_in_use_is_refused_in_one_line_that_names_it(installation: Installation) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = installation.run("serve", listen=f"127.0.0.1:{port}")
    assert_refused_in_one_line(done, f"127.0.0.1 port {port}", "in use")


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("max_calls", "many", "from 1 to 100000 is accepted"),
        ("listen", "localhost", "HOST:PORT is accepted"),
        ("log_level", "loud", "debug, info, warning or error is accepted"),
        ("max_cals", "7", "there is no such setting"),
    ],
)
def test_a_bad_setting_is_refused_in_one_line(empty: Installation, name: str, value: str, accepted: str) -> None:
    assert_refused_in_one_line(empty.run("serve", **{name: value}), f"ESL_HUNTGROUP_{name.upper()}", accepted)


# -- serving ----------------------------------------------------------------------------------------------------------


def test_a_call_is_served_and_the_journal_shows_it_to_each_member(installation: Installation) -> None:
    office = Office(installation.start())
    result: CallResult = office.call(talks_s=0.5).get()
    installation.terminate()
    assert installation.exit_status() == 0
    assert (result.status, result.spoken_with, result.fallback) == (200, "Anna Berg", None)
    lines = installation.journal()
    assert [(line["user_name"], line["kind"], line["rang"], line["cause"]) for line in lines] == [
        ("Anna Berg", "answered", True, "NONE"),
        ("Bernd Cordes", "answered_elsewhere", True, "LOSE_RACE"),
    ]
    for line in lines:
        assert (line["group_name"], line["group_number"], line["group_domain"]) == ("Vertrieb", "700", DOMAIN)
        assert (line["caller_name"], line["caller_number"]) == ("Karl Kunde", "030111")
        assert (line["answered_by_name"], line["outcome"]) == ("Anna Berg", "answered")
        assert 100 <= line["wait_ms"] < 2000
        assert 300 <= line["talk_ms"] < 2000
    assert installation.journal("--user", "bernd") == lines[1:]
    log = installation.log.read_text()
    assert log.count("hunt ended") == 1
    (warning,) = [line for line in log.splitlines() if "WARNING" in line]
    assert " main esl_address is not set: should a worker die, the journal never hears how its calls end" in warning
    assert "Traceback" not in log


def test_a_port_scan_harms_nobody(installation: Installation) -> None:
    address = installation.start()
    for says in (b"", b"GET / HTTP/1.0\r\n\r\n", b"\x00" * 100):
        with socket.create_connection(address) as scanner:
            scanner.sendall(says)
    office = Office(address)
    assert office.call(talks_s=0.2).get().spoken_with == "Anna Berg"
    assert "Traceback" not in installation.log.read_text()


# -- stopping ---------------------------------------------------------------------------------------------------------


def test_check_asks_the_service_who_it_is_and_no_call_comes_of_it(installation: Installation) -> None:
    host, port = installation.start(max_calls="1")
    done = installation.run("check", listen=f"{host}:{port}")
    assert f"ok  service: answers on {host} port {port}, version {__version__}\n" in done.stdout
    assert "no call from" not in installation.log.read_text()
    with patch("esl_huntgroup.diagnostics.checks.service.__version__", "0.0.1"):
        found = check_service(Settings(), (host, port))
    assert found.text == f"service: {__version__} answers on {host} port {port}, but 0.0.1 is installed; start it anew"
    with socket.create_connection((host, port)) as held:  # one of one: who comes now is asked by those who refuse
        assert held.recv(9) == b"connect\n\n"
        assert version_of_listener((host, port), LIMIT_S) == __version__
    assert installation.journal() == []


def test_a_stopping_service_takes_no_new_call_and_waits_for_the_one_it_has(installation: Installation) -> None:
    office = Office(installation.start())
    talking = office.call(talks_s=1.5)
    office.answered.wait()
    installation.terminate()
    installation.await_log("stopping: no new calls, 1 is going on")
    late: CallResult = office.switch.call(Caller("030222"), "700")
    assert (late.connected, late.fallback, late.status) == (False, "", 503)
    assert not talking.ready()
    assert talking.get().talk_s >= 1
    assert installation.exit_status() == 0
    assert [(line["user_name"], line["outcome"]) for line in installation.journal()] == [
        ("Anna Berg", "answered"),
        ("Bernd Cordes", "answered"),
    ]
    assert all(line["talk_ms"] >= 1000 for line in installation.journal())
    assert installation.log.read_text().rstrip().endswith("stopped")


def test_a_call_that_outlasts_the_limit_lives_on_without_the_service(installation: Installation) -> None:
    office = Office(installation.start(drain_timeout_s="0.2"))
    talking = office.call(talks_s=3)
    office.answered.wait()
    installation.terminate()
    installation.await_log("1 call is still going on; it lives on without the service")
    assert installation.exit_status() == 0
    assert not talking.ready()
    result: CallResult = talking.get()
    assert (result.spoken_with, result.status) == ("Anna Berg", 200)
    assert result.talk_s >= 2.5
    told = [(line["user_name"], line["kind"], line["outcome"]) for line in installation.journal()]
    assert told == [("Anna Berg", "answered", None), ("Bernd Cordes", "answered_elsewhere", None)]


def test_an_idle_service_stops_at_once(installation: Installation) -> None:
    installation.start()
    began = time.monotonic()
    installation.terminate()
    assert installation.exit_status() == 0
    assert time.monotonic() - began < 5
    assert spool.waiting_bytes(installation.folder / "journal.spool") == 0
