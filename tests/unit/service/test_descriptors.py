"""The small parts between the processes: what they share, inherit, complain about."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from esl_huntgroup.calls import call_records
from esl_huntgroup.esl import log_throttle, server
from esl_huntgroup.journal.spool import segments
from esl_huntgroup.processes.parent import PAUSE_FORGOTTEN_S
from esl_huntgroup.service import descriptors
from esl_huntgroup.service.health_server import StatusServer
from esl_huntgroup.service.metrics import Status
from esl_huntgroup.service.process import WorkerConfig, WorkerProcess
from esl_huntgroup.service.sd_notify import Notifier, activated_sockets
from esl_huntgroup.service.usage import SharedUsage
from esl_huntgroup.service.worker import Worker
from esl_huntgroup.service.worker_pool import Slot
from esl_huntgroup.settings import Settings
from tests.unit.examples import ANNA, CALL_ID, group, inbound


def test_as_many_refusals_are_reckoned_with_as_the_server_makes() -> None:
    assert descriptors.REFUSALS == server.REFUSALS_MAX


def test_what_is_needed_is_what_fits() -> None:
    assert descriptors.calls_that_fit(descriptors.needed(1234)) == 1234
    assert descriptors.calls_that_fit(10) == 1


def test_all_workers_see_the_calls_of_all() -> None:
    table = SharedUsage()
    one, two = (SharedUsage(number, os.dup(table.descriptor)) for number in (1, 255))
    one.own += 3
    two.own += 4
    assert (one.total, two.total, table.total, one.own) == (7, 7, 7, 3)
    table.forget(1)
    assert (two.total, one.own) == (4, 0)


def test_a_complaint_is_made_once_in_a_while_and_counts_the_rest() -> None:
    now = [0.0]
    quiet = log_throttle.LogThrottle(lambda: now[0])
    assert [quiet.is_due() for _ in range(3)] == [1, 0, 0]
    now[0] = log_throttle.EVERY_S
    assert [quiet.is_due(), quiet.is_due()] == [3, 0]


@pytest.mark.parametrize(
    "environment",
    [{}, {"LISTEN_PID": "1", "LISTEN_FDS": "1"}, {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "x"}],
)
def test_sockets_that_are_for_somebody_else_are_left_alone(environment: dict[str, str]) -> None:
    assert activated_sockets(environment) == []
    assert environment == {}


def test_without_systemd_nobody_is_told_and_with_a_dead_one_nothing_breaks() -> None:
    Notifier({}).tell("READY=1")
    environment = {"NOTIFY_SOCKET": "@nobody-listens-here"}
    Notifier(environment).tell("READY=1")
    assert environment == {}


class Stub(WorkerProcess):
    """A worker without a process."""

    def __init__(self) -> None:
        self.is_leaving = False


def test_the_pause_before_the_next_start_doubles_and_is_forgotten_after_a_long_life() -> None:
    slot, child = Slot(), Stub()
    pauses = []
    for _ in range(8):
        slot.lose(child, now=1.0)
        pauses.append(slot.start_at - 1.0)
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    slot.started_at = 100.0
    slot.lose(child, now=100.1 + PAUSE_FORGOTTEN_S)
    assert slot.pause_s == 1.0
    child.is_leaving = True
    slot.lose(child, now=500.0)
    assert slot.start_at == 500.0


def test_the_status_waits_for_no_name_service(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(_host: str = "") -> str:
        raise AssertionError("the name service is asked")

    monkeypatch.setattr(socket, "getfqdn", ask)
    status = StatusServer(Status)
    status.move(("127.0.0.1", 0))
    status.move(None)


def test_what_calls_tell_while_a_worker_ends_is_still_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(spool=str(tmp_path), database=f"sqlite:///{tmp_path / 'huntgroup.db'}")
    worker = Worker(WorkerConfig(1, settings, (), SharedUsage().descriptor))
    close = worker._directory.close

    def somebody_answers_meanwhile() -> None:
        close()
        worker._journal.record(call_records.opened(CALL_ID, inbound(), group(ANNA)))

    monkeypatch.setattr(worker._directory, "close", somebody_answers_meanwhile)
    worker._journal.start()
    worker.drain(0)
    assert [path.read_bytes().count(b"\n") for path in segments(tmp_path)] == [1]
