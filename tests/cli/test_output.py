"""Where a command writes may be full, or of another encoding; neither is a traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.shell import Shell

LATIN_2 = {"PYTHONIOENCODING": "iso8859-2", "PYTHONUTF8": "0"}


@pytest.mark.parametrize("command", ["user list", "export", "db status", "completion bash", "audit --json"])
def test_a_full_device_is_one_sentence(shell: Shell, command: str) -> None:
    assert shell.run("user", "add", "anna").returncode == 0
    with Path("/dev/full").open("w") as full:
        done = shell.run(*command.split(), stdout=full)
    assert done.returncode == 1
    assert done.stderr == "esl-huntgroup: the output cannot be written: No space left on device\n"


def test_a_terminal_that_is_not_utf_8_shows_the_rest(shell: Shell) -> None:
    assert shell.run("user", "add", "björk", "--display-name", "Ólöf 🚀 Å").returncode == 0
    listed = shell.run("user", "list", environment=LATIN_2, encoding="iso8859-2")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert r"Ólöf \ud83d\ude80 \u00c5" in listed.stdout
    shown = shell.run("user", "show", "björk", "--json", environment=LATIN_2, encoding="iso8859-2")
    assert json.loads(shown.stdout)["display_name"] == "Ólöf 🚀 Å"
    refused = shell.run("user", "show", "å", environment=LATIN_2, encoding="iso8859-2")
    assert refused.stderr.startswith(r"esl-huntgroup: there is no user '\u00e5': ")
