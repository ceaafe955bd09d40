"""A process is started, told, heard and ended in one way, whatever it does."""

from __future__ import annotations

import os
import select
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from esl_huntgroup.processes.parent import ChildProcess

LIMIT_S = 30.0
PROGRAM = """
import os, signal
from dataclasses import dataclass
from esl_huntgroup.processes import child
from esl_huntgroup.processes.messages import BYTES_MAX

@dataclass
class Task:
    text: str
    stays: bool

child.ignore([signal.SIGTERM])
task = child.configuration(Task)
os.write(0, task.text.encode())
said = os.read(0, BYTES_MAX)
while said and task.stays:
    signal.pause()
raise SystemExit(7 if said else 8)
"""


@dataclass
class Task:
    """What the program below is told."""

    text: str
    stays: bool = False


class Heard(ChildProcess):
    """A process whose messages are kept."""

    said = b""

    def _understand(self, data: bytes) -> None:
        self.said += data


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the name of a module that a child can run."""
    (tmp_path / "a_child.py").write_text(PROGRAM)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(__file__).parents[3]}")
    return "a_child"


def until_it_has_said_something(process: Heard) -> None:
    assert select.select([process], [], [], LIMIT_S)[0]
    assert process.receive()


def test_a_process_is_told_its_task_where_no_command_line_shows_it_and_ends_when_it_is_let_go(module: str) -> None:
    process = Heard(module, Task("grüße"), arguments=["3"])
    until_it_has_said_something(process)
    assert process.said.decode() == "grüße"
    assert Path(f"/proc/{process.pid}/cmdline").read_bytes().split(b"\0")[1:-1] == [b"-P", b"-m", b"a_child", b"3"]
    assert process.end_status() is None
    process.leave()
    process.wait(LIMIT_S)
    assert process.end_status() == 7
    assert not process.receive()
    process.close()


def test_a_process_whose_service_is_gone_learns_it_from_the_line(module: str) -> None:
    process = Heard(module, Task("x"))
    until_it_has_said_something(process)
    process.close()
    process.wait(LIMIT_S)
    assert process.end_status() == 8


def test_one_that_does_not_end_in_time_is_ended_by_force_and_one_that_is_gone_can_still_be_told(module: str) -> None:
    process = Heard(module, Task("x", stays=True))
    until_it_has_said_something(process)
    process.leave(1.0)
    begin = time.monotonic()
    process.wait(0.2)
    assert time.monotonic() - begin < LIMIT_S
    assert process.end_status() == -signal.SIGKILL
    process.leave()
    process.close()


def test_what_is_apart_is_in_a_session_of_its_own_and_a_worker_in_that_of_the_service(module: str) -> None:
    beside, apart = Heard(module, Task("x")), Heard(module, Task("x"), is_apart=True)
    assert (os.getsid(beside.pid), os.getsid(apart.pid)) == (os.getsid(0), apart.pid)
    for process in (beside, apart):
        process.kill()
        process.close()


def test_a_program_that_cannot_be_started_is_an_error_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    with pytest.raises(FileNotFoundError):
        ChildProcess("a_child", Task("x"))
