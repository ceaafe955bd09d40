"""Who may not read what a command needs is told so in one sentence; what needs nothing works for everybody."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.cli.shell import ROOT, Shell

FIRM = ROOT / "db" / "examples" / "small-firm.yaml"


@pytest.mark.parametrize(
    "command",
    ["journal", "db status", "db upgrade", "load firm.yaml", "export", "serve", "explain 700", "user list", "audit"],
)
def test_somebody_who_may_not_enter_the_state_directory_is_told_in_one_sentence(shell: Shell, command: str) -> None:
    shutil.copy(FIRM, shell.folder / "firm.yaml")
    shell.hide()
    done = shell.run(*command.split(), is_nobody=True)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"esl-huntgroup: the database {shell.database} cannot be read by ")
    assert ": run this as root or as " in line


def test_check_says_so_as_a_finding_and_goes_on(shell: Shell) -> None:
    shell.hide()
    done = shell.run("check", is_nobody=True)
    assert (done.returncode, done.stderr) == (1, "")
    database, journal = (line for line in done.stdout.splitlines() if line.startswith(("FIX database", "FIX journal")))
    assert "cannot be read by" in database
    assert "cannot be read: Permission denied; run this as root or as " in journal
    assert "esl_address" in done.stdout.splitlines()[-1]


def test_the_owner_of_the_files_is_named(shell: Shell) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to give a folder to another user")
    os.chown(shell.state, 1, 1)  # daemon, on every Debian
    shell.hide()
    assert "run this as root or as daemon" in shell.run("journal", is_nobody=True).stderr


def test_a_database_that_may_be_read_is_listed_and_not_changed(shell: Shell) -> None:
    assert shell.run("load", str(FIRM)).returncode == 0
    shell.state.chmod(0o755)
    (shell.state / "huntgroup.db").chmod(0o444)
    before = sorted(os.listdir(shell.state))
    listed = shell.run("user", "list", is_nobody=True)
    assert (listed.returncode, listed.stderr) == (0, "")
    assert "Anna Berg" in listed.stdout
    refused = shell.run("user", "add", "zoe", is_nobody=True)
    assert refused.returncode == 1
    assert "can be read by " in refused.stderr
    assert " and not written: run this as root or as " in refused.stderr
    assert sorted(os.listdir(shell.state)) == before


@pytest.mark.parametrize(
    ("command", "settings"),
    [
        ("completion bash", "workers = many"),
        ("completion bash", None),
        ("demo --help", "workers = many"),
        ("demo --help", None),
        ("--version", "workers = many"),
        ("--help", None),
        ("db prune --help", None),
        ("user add -h", "workers = many"),
    ],
)
def test_what_needs_no_settings_does_not_read_them(shell: Shell, command: str, settings: str | None) -> None:
    _write_settings(shell.folder / "settings.toml", settings)
    done = shell.run(*command.split(), is_nobody=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "esl-huntgroup" in done.stdout.lower().replace("_", "-")


@pytest.mark.parametrize(
    ("settings", "why"), [("workers = many", "is not TOML"), (None, "Permission denied: run this")]
)
def test_what_needs_settings_says_in_one_sentence_why_it_has_none(shell: Shell, settings: str | None, why: str) -> None:
    _write_settings(shell.folder / "settings.toml", settings)
    done = shell.run("journal", is_nobody=True)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"esl-huntgroup: the settings file {shell.folder / 'settings.toml'} ")
    assert why in line


def _write_settings(file: Path, text: str | None) -> None:
    """Write the settings; None: nobody may read them."""
    file.write_text(text or "")
    if text is None:
        file.chmod(0o600 if os.geteuid() == 0 else 0o000)
