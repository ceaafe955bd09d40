"""What a person sees on a terminal of eighty columns, in both languages, with and without colours."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios

import click
import pytest

from esl_huntgroup.db.engine import open_database
from esl_huntgroup.journal.store import JournalStore
from esl_huntgroup.model.columns import width
from esl_huntgroup.simulator.showcase import PEOPLE
from tests.cli.shell import Shell
from tests.database.test_journal import opened, people, whole

COLUMNS = 80


def seen(shell: Shell, *arguments: str, columns: int = COLUMNS, **environment: str) -> list[str]:
    """Return the lines that a terminal of so many columns is sent."""
    try:
        ours, theirs = pty.openpty()
    except OSError as error:
        pytest.skip(f"there is no pseudo terminal here ({error}): mount devpts on /dev/pts")
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    inherited = {name: value for name, value in shell.environment.items() if name not in ("COLUMNS", "NO_COLOR")}
    command = [sys.executable, "-m", "esl_huntgroup", *arguments]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=inherited | environment) as process:
        os.close(theirs)
        said = b""
        while data := _read(ours):
            said += data
        assert process.wait() == 0, said
    os.close(ours)
    return said.decode().splitlines()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how a terminal says that nobody writes any more
        return b""


@pytest.fixture
def with_calls(shell: Shell) -> Shell:
    db = open_database(shell.database)
    people(db)
    long = opened(2, caller_name="Wilhelmine von Schönhausen-Übersee", caller_number="+4930123456789")
    JournalStore(db).write([*whole(1), long, *whole(2)[1:]])
    db.close()
    return shell


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("options", [[], ["--user", "user2"], ["--calls"]], ids=str)
def test_the_journal_fits_eighty_columns_and_breaks_no_word(
    with_calls: Shell, language: str, options: list[str]
) -> None:
    shown = [click.unstyle(line) for line in seen(with_calls, "journal", *options, ESL_HUNTGROUP_LANGUAGE=language)]
    assert max(map(width, shown)) <= COLUMNS
    whole_table = [click.unstyle(line) for line in seen(with_calls, "journal", *options, columns=200)]
    assert len(shown) == len(whole_table)
    assert "+4930123456789" in "".join(whole_table)
    assert any("User 1" in line for line in shown)


def test_no_colour_is_sent_to_who_wants_none(with_calls: Shell) -> None:
    assert any("\x1b[34m" in line for line in seen(with_calls, "journal"))
    assert not any("\x1b" in line for line in seen(with_calls, "journal", NO_COLOR="1"))


def test_the_demo_fits_eighty_columns_and_its_tables_have_the_same_columns(shell: Shell) -> None:
    shown = seen(shell, "demo", NO_COLOR="1", ESL_HUNTGROUP_LANGUAGE="de")
    assert not any("\x1b" in line for line in shown)
    assert max(map(width, shown)) <= COLUMNS
    headings = [shown[number + 1] for number, line in enumerate(shown) if line.startswith("The journal of ")]
    assert len(headings) == len(PEOPLE)
    assert len(set(headings)) == 1
    assert "The journal of Frieda Gerber" in shown
    talked = [line for line in shown if line.endswith(" 0:01")]
    assert {line.rindex("0:01") for line in talked} == {headings[0].index("Dauer")}
