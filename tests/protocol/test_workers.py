"""Several workers under a supervisor: they die, hang, are replaced and end, and no caller notices."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import gevent
import pytest

from esl_huntgroup.journal.spool import has_writer
from esl_huntgroup.service.process import MODULE
from esl_huntgroup.simulator.switch import CallResult
from tests.database.servers import free_port
from tests.protocol.test_service import KARL, LIMIT_S, Installation, Office

IMPATIENT = "from esl_huntgroup.service import process; process.SILENT_BEATS_MAX, process.KILL_AFTER_BEATS = 3, 2; "
PATIENT = "from esl_huntgroup.service import process; process.SILENT_BEATS_MAX = 1000; "
SERVE = "import sys; sys.argv[1:] = ['serve']; from esl_huntgroup.cli import main; main()"


class Service(Installation):
    """An installation whose workers can be seen, and who can be sent signals."""

    def start_as(self, program: str, pass_fds: tuple[int, ...] = (), **settings: str) -> None:
        """Start serving by a Python program."""
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", program], env=self._with(settings), stdout=log, stderr=log, pass_fds=pass_fds
            )

    def workers(self) -> list[int]:
        """Return the process ids of the workers."""
        assert self.process is not None
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        children = [int(pid) for pid in path.read_text().split()]
        return [pid for pid in children if MODULE in Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")]

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def end(self) -> None:
        workers = self.workers() if self.process is not None and self.process.poll() is None else []
        super().end()
        for pid in workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 2 * LIMIT_S
    while not is_so():
        assert time.monotonic() < deadline, "it never becomes so"
        gevent.sleep(0.02)


def is_alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def asked(port: int, path: str, host: str = "127.0.0.1") -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=LIMIT_S) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture(autouse=True)
def nothing_hangs() -> Iterator[None]:
    with gevent.Timeout(5 * LIMIT_S, AssertionError("it hangs")):
        yield


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path)
    service.set_up()
    yield service
    service.end()


def kinds(service: Service) -> list[tuple[str, str | None]]:
    return [(line["user_name"], line["outcome"]) for line in service.journal()]


# -- dying and hanging ------------------------------------------------------------------------------------------------


def test_a_worker_that_is_killed_is_replaced_and_its_conversation_lives_on(service: Service) -> None:
    office = Office(service.start())
    talking = office.call(talks_s=3)
    office.answered.wait()
    (killed,) = service.workers()
    os.kill(killed, signal.SIGKILL)
    service.await_log("ended with SIGKILL; its calls live on without it, and it is replaced")
    late = Office(office_address(office)).call(talks_s=0.2)
    result: CallResult = talking.get()
    assert (result.spoken_with, result.status) == ("Anna Berg", 200)
    assert late.get().spoken_with == "Anna Berg"
    assert killed not in service.workers()


def test_no_process_of_the_service_imports_from_the_folder_in_which_it_was_started(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("json", "gevent", "esl_huntgroup"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a stranger is imported')")
    monkeypatch.chdir(tmp_path)
    service.start_as("import sys; sys.path.remove('')\n" + SERVE)
    log = service.await_log("serving on ")
    assert "stranger" not in log
    until(lambda: has_writer(tmp_path / "journal.spool"))


def office_address(office: Office) -> tuple[str, int]:
    return office.switch._service


def test_a_worker_that_hangs_is_replaced(service: Service) -> None:
    service.start_as(IMPATIENT + SERVE)
    service.await_log("serving on ")
    (stopped,) = service.workers()
    os.kill(stopped, signal.SIGSTOP)
    log = service.await_log("ended with SIGKILL")
    assert "hangs and is ended: it has not been heard for too long" in log
    until(lambda: len(service.workers()) == 1 and stopped not in service.workers())


def test_a_service_that_was_stopped_as_a_whole_accuses_nobody(service: Service) -> None:
    service.start_as(IMPATIENT + SERVE)
    service.await_log("serving on ")
    before = service.workers()
    everybody = [service.process.pid, *before] if service.process else []
    for pid in everybody:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(6)  # longer than a worker may be silent
    for pid in everybody:
        os.kill(pid, signal.SIGCONT)
    gevent.sleep(2.5)
    assert service.workers() == before
    assert "hangs" not in service.log.read_text()


def test_workers_end_by_themselves_when_their_supervisor_is_killed(service: Service) -> None:
    address = service.start(workers="2", listen=f"127.0.0.1:{free_port()}")
    until(lambda: len(service.workers()) == 2)
    office = Office(address)
    talking = office.call(talks_s=1)
    office.answered.wait()
    workers = service.workers()
    service.send(signal.SIGKILL)
    service.exit_status()
    assert talking.get().spoken_with == "Anna Berg"
    until(lambda: not any(map(is_alive, workers)))
    assert kinds(service) == [("Anna Berg", "answered"), ("Bernd Cordes", "answered")]
    service.start(listen=f"127.0.0.1:{address[1]}")


def test_a_service_whose_worker_cannot_start_says_why_in_one_line(service: Service) -> None:
    done = service.run("serve", spool=str(service.folder / "huntgroup.db" / "spool"))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("esl-huntgroup: the spool ")
    assert "Traceback" not in done.stderr


# -- reloading --------------------------------------------------------------------------------------------------------


def test_a_reload_replaces_all_workers_and_loses_no_call(service: Service) -> None:
    address = service.start(workers="2")
    until(lambda: len(service.workers()) == 2)
    before = set(service.workers())
    office = Office(address)
    talking = office.call(talks_s=2.5)
    office.answered.wait()
    settings = service.folder / "settings.toml"
    settings.write_text('log_format = "json"')
    service.send(signal.SIGHUP)
    others = []
    while before & set(service.workers()) and not talking.ready():
        others.append(Office(address).call(talks_s=0.1))
        gevent.sleep(0.3)
    result: CallResult = talking.get()
    assert (result.spoken_with, result.status, result.fallback) == ("Anna Berg", 200, None)
    assert {call.get().spoken_with for call in others} == {"Anna Berg"}
    until(lambda: len(service.workers()) == 2 and not before & set(service.workers()))
    service.terminate()
    assert service.exit_status() == 0
    assert {outcome for _, outcome in kinds(service)} == {"answered"}
    assert len(kinds(service)) == 2 + 2 * len(others)
    lines = [json.loads(line) for line in service.log.read_text().splitlines() if line.startswith("{")]
    assert any(line["message"].startswith("reloaded: serving on 127.0.0.1") for line in lines)


def test_a_reload_with_bad_settings_is_refused_in_one_sentence_and_changes_nothing(service: Service) -> None:
    port = free_port()
    address = service.start(metrics_listen=f"127.0.0.1:{port}")
    before = service.workers()
    (service.folder / "settings.toml").write_text("max_calls = 'many'")
    service.send(signal.SIGHUP)
    log = service.await_log("the reload is refused, everything stays as it was: ")
    assert log.count("'many' is refused, a whole number from 1 to 100000 is accepted") == 1
    assert Office(address).call(talks_s=0.1).get().spoken_with == "Anna Berg"
    assert service.workers() == before
    until(lambda: 'huntgroup_reloads_total{result="refused"} 1.0' in asked(port, "/metrics")[1])
    until(lambda: bool(re.search(r"\nhuntgroup_follower_lag_seconds \d\.\d+\n", asked(port, "/metrics")[1])))


def test_a_reload_to_an_address_that_is_taken_is_refused_and_everything_stays(service: Service) -> None:
    address = service.start()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (service.folder / "settings.toml").write_text(f"metrics_listen = '127.0.0.1:{port}'")
        service.send(signal.SIGHUP)
        service.await_log(f"everything stays as it was: metrics_listen: cannot listen on 127.0.0.1 port {port}")
    assert Office(address).call(talks_s=0.1).get().spoken_with == "Anna Berg"


def test_a_reload_widens_both_addresses_on_the_same_port_and_narrows_them_again(service: Service) -> None:
    calls, status = free_port(), free_port()
    del service.environment["ESL_HUNTGROUP_LISTEN"]

    def settings(host: str) -> None:
        text = f"listen = '{host}:{calls}'\nmetrics_listen = '{host}:{status}'\n"
        (service.folder / "settings.toml").write_text(text)

    settings("127.0.0.1")
    service.start()
    for host, local in (("0.0.0.0", "127.0.0.2"), ("127.0.0.1", "127.0.0.1")):
        before = service.workers()
        settings(host)
        service.send(signal.SIGHUP)
        service.await_log(f"reloaded: serving on {host}:{calls}")
        until(lambda before=before: not set(before) & set(service.workers()))  # type: ignore[misc]  # bound at once
        assert Office((local, calls)).call(talks_s=0.1).get().spoken_with == "Anna Berg"
        assert asked(status, "/readyz", local)[0] == 200
    for port in (calls, status):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port))
        with pytest.raises(OSError, match="in use"):
            socket.create_server(("0.0.0.0", port))
    assert "refused" not in service.log.read_text()


def test_a_reload_that_is_refused_has_moved_nothing_that_would_have_to_be_put_back(service: Service) -> None:
    before, after = free_port(), free_port()
    del service.environment["ESL_HUNTGROUP_LISTEN"]
    file = service.folder / "settings.toml"
    file.write_text(f"listen = '127.0.0.1:0'\nmetrics_listen = '127.0.0.1:{before}'\n")
    address = service.start()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for listen, metrics, why in (
            (f"127.0.0.1:{taken.getsockname()[1]}", f"127.0.0.1:{after}", "in use"),
            (f"{'a' * 70}:1", f"127.0.0.1:{after}", "a port 1: this is not the name of a host; an address of this"),
        ):
            file.write_text(f"listen = '{listen}'\nmetrics_listen = '{metrics}'\n")
            service.send(signal.SIGHUP)
            assert "everything stays as it was: " in service.await_log(why)
            assert asked(before, "/readyz")[0] == 200
            with pytest.raises(urllib.error.URLError):
                asked(after, "/readyz")
    assert Office(address).call(talks_s=0.1).get().spoken_with == "Anna Berg"


# -- stopping ---------------------------------------------------------------------------------------------------------


def test_all_workers_let_their_calls_end(service: Service) -> None:
    address = service.start(workers="3")
    until(lambda: len(service.workers()) == 3)
    offices = [Office(address) for _ in range(4)]
    calls = [office.call(talks_s=1.5) for office in offices]
    for office in offices:
        office.answered.wait()
    service.terminate()
    assert {call.get().spoken_with for call in calls} == {"Anna Berg"}
    assert service.exit_status() == 0
    assert kinds(service) == [("Anna Berg", "answered"), ("Bernd Cordes", "answered")] * 4
    assert service.log.read_text().rstrip().endswith("main stopped")


def test_a_second_signal_does_not_wait_for_the_calls(service: Service) -> None:
    office = Office(service.start(drain_timeout_s="3600"))
    talking = office.call(talks_s=4)
    office.answered.wait()
    service.terminate()
    service.await_log("stopping: no new calls, 1 is going on")
    service.terminate()
    assert service.exit_status() == 0
    assert not talking.ready()
    assert talking.get().spoken_with == "Anna Berg"


# -- systemd ----------------------------------------------------------------------------------------------------------


class Systemd:
    """A notification socket, and what has been told to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sock.bind(str(path))
        self._sock.setblocking(False)
        self.told: list[str] = []

    def hear(self) -> list[str]:
        with contextlib.suppress(BlockingIOError):
            while True:
                self.told += self._sock.recv(4096).decode().splitlines()
        return self.told

    def heard(self, line: str) -> bool:
        return line in self.hear()

    def close(self) -> None:
        self._sock.close()


@pytest.fixture
def systemd(service: Service, tmp_path: Path) -> Iterator[Systemd]:
    systemd = Systemd(tmp_path / "notify")
    service.environment |= {"NOTIFY_SOCKET": str(systemd.path), "WATCHDOG_USEC": "30000000"}
    yield systemd
    systemd.close()


def test_systemd_is_told_of_readiness_life_reload_and_end(service: Service, systemd: Systemd) -> None:
    service.start()
    until(lambda: systemd.heard("READY=1"))
    until(lambda: systemd.heard("WATCHDOG=1"))
    until(lambda: systemd.heard("STATUS=0 calls, 1 of 1 worker serves"))
    service.send(signal.SIGHUP)
    until(lambda: systemd.heard("RELOADING=1"))
    until(lambda: systemd.hear().count("READY=1") == 2)
    service.terminate()
    assert service.exit_status() == 0
    assert systemd.heard("STOPPING=1")


def test_the_watchdog_of_systemd_hears_nothing_while_no_worker_is_alive(service: Service, systemd: Systemd) -> None:
    port = free_port()
    service.start_as(PATIENT + SERVE, metrics_listen=f"127.0.0.1:{port}")
    until(lambda: systemd.heard("READY=1"))
    assert asked(port, "/readyz") == (200, "ok\n")
    (worker,) = service.workers()
    os.kill(worker, signal.SIGSTOP)
    until(lambda: asked(port, "/readyz") == (503, "none of 1 workers serves\n"))
    assert asked(port, "/healthz") == (200, "ok\n")
    systemd.hear().clear()
    gevent.sleep(2.5)
    assert systemd.hear() == []
    os.kill(worker, signal.SIGCONT)
    until(lambda: systemd.heard("WATCHDOG=1"))


ACTIVATE = (
    "import os, sys; os.dup2(int(os.environ.pop('FD')), 3); os.environ |= {'LISTEN_PID': str(os.getpid()), "
    "'LISTEN_FDS': '1'}; os.execv(sys.executable, [sys.executable, '-m', 'esl_huntgroup', 'serve'])"
)


def test_a_socket_of_systemd_outlives_the_service_and_keeps_its_callers(service: Service) -> None:
    with socket.create_server(("127.0.0.1", 0)) as given:
        address = given.getsockname()
        service.environment["FD"] = str(given.fileno())
        service.start_as(ACTIVATE, pass_fds=(given.fileno(),))
        service.await_log(f"serving on 127.0.0.1:{address[1]} with ")
        assert Office(address).call(talks_s=0.1).get().spoken_with == "Anna Berg"
        service.terminate()
        assert service.exit_status() == 0
        waiting = Office(address).call(talks_s=0.1)
        gevent.sleep(0.2)
        service.start_as(ACTIVATE, pass_fds=(given.fileno(),))
        assert waiting.get().spoken_with == "Anna Berg"


def test_what_is_no_listening_socket_is_refused(service: Service, tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file:
        service.environment["FD"] = str(file.fileno())
        service.start_as(ACTIVATE, pass_fds=(file.fileno(),))
        assert service.exit_status() == 1
    assert service.log.read_text() == "esl-huntgroup: LISTEN_FDS: file descriptor 3 is no socket: " + (
        "Socket operation on non-socket\n"
    )


# -- what is told -----------------------------------------------------------------------------------------------------


def test_the_metrics_add_up_over_all_workers_and_outlive_them(service: Service) -> None:
    port = free_port()
    address = service.start(workers="2", metrics_listen=f"127.0.0.1:{port}")
    until(lambda: len(service.workers()) == 2)
    office = Office(address)
    talking = office.call(talks_s=3)
    office.answered.wait()
    until(lambda: "huntgroup_talking_calls 1.0" in asked(port, "/metrics")[1])
    for _ in range(3):
        Office(address).call(talks_s=0).get()
    talking.get()
    until(lambda: 'huntgroup_calls_total{outcome="answered"} 4.0' in asked(port, "/metrics")[1])
    for worker in service.workers():
        os.kill(worker, signal.SIGKILL)
    until(lambda: "huntgroup_worker_restarts_total 2.0" in asked(port, "/metrics")[1])
    told = asked(port, "/metrics")[1]
    assert 'huntgroup_calls_total{outcome="answered"} 4.0' in told
    assert "huntgroup_time_to_answer_seconds_count 4.0" in told
    assert "huntgroup_time_to_bridge_seconds_count 4.0" in told
    assert asked(port, "/metric")[0] == 404


def test_a_call_is_one_line_of_json_with_its_fields(service: Service) -> None:
    office = Office(service.start(log_format="json"))
    office.call(talks_s=0.1).get()
    service.terminate()
    assert service.exit_status() == 0
    lines = [json.loads(line) for line in service.log.read_text().splitlines()]
    (line,) = [line for line in lines if line["message"].startswith("hunt ended ")]
    assert (line["level"], line["process"], line["outcome"], line["by"]) == (
        "info",
        "worker-1",
        "answered",
        "Anna Berg",
    )
    assert (line["group"], line["legs"], line["caller"]) == ("700@example.org", 2, KARL.number)
    assert isinstance(line["wait_s"], float)
    assert lines[-1] | {"time": ""} == {"time": "", "level": "info", "process": "main", "message": "stopped"}
