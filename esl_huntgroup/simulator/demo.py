"""
``esl-huntgroup demo``: the real service, on a database of its own, against the simulated switch.

Three processes over real TCP on the loopback: this one, ``esl-huntgroup serve``, and the simulator that plays
FreeSWITCH and the phones. Everything lives in a temporary directory and is gone afterwards.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from esl_huntgroup.db.engine import open_database
from esl_huntgroup.db.migrate import upgrade
from esl_huntgroup.errors import HuntgroupError
from esl_huntgroup.journal.query import entries
from esl_huntgroup.journal.view import table
from esl_huntgroup.provisioning.load import load_file
from esl_huntgroup.settings import CONFIG_VARIABLE, PREFIX
from esl_huntgroup.simulator import showcase
from esl_huntgroup.simulator.narrator import READER_GONE
from esl_huntgroup.simulator.showcase import DOMAIN, MEMBERS, PEOPLE, SCENES, Scene

START_LIMIT_S: Final = 10.0
CALLS_LIMIT_S: Final = 24.0
STOP_LIMIT_S: Final = 3.0
JOURNAL_LIMIT_S: Final = 2.0
_POLL_S: Final = 0.05
LEADER: Final = "1002"
"""Who leads the groups, by account: sees their journals, and their pages."""

Entries = Sequence[Mapping[str, Any]]


class DemoFailed(HuntgroupError):
    """The demo did not go as announced."""


def run(language: str = "en") -> None:
    """
    Play the demo to its end; takes about fifteen seconds.

    Raises DemoFailed, with one sentence, when a call did not go as announced or the journal does not say so.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends us ends our processes, too
    with tempfile.TemporaryDirectory(prefix="esl-huntgroup-demo-") as directory:
        home = Path(directory)
        prepare(home)
        with service(home, language) as (environment, address):
            _play(address)
            complaint = _await_journal(environment)
            _show_journal(home, language)
    if complaint:
        raise DemoFailed(complaint)
    click.echo()
    click.secho(f"All {len(SCENES)} calls went as announced, and the journal says so.", fg="green")


# -- the parts, in order ----------------------------------------------------------------------------------------------


def prepare(home: Path, ring_timeout_s: int = showcase.RING_TIMEOUT_S) -> None:
    """Write the firm of the demo into a new database."""
    click.secho("esl-huntgroup demo: the real service, and a simulated switch (FreeSWITCH)", bold=True)
    for name, number, members in (
        ("Vertrieb", showcase.GROUP_NUMBER, MEMBERS),
        ("Technik", showcase.EMPTY_GROUP_NUMBER, showcase.EMPTY_GROUP_MEMBERS),
    ):
        click.echo(f"group {name}, {number}: {', '.join(PEOPLE[account].split()[0] for account in members)}")
    firm = home / "firm.yaml"
    firm.write_text(json.dumps(_firm(ring_timeout_s), ensure_ascii=False, indent=2), encoding="utf-8")
    db = open_database(database_url(home))
    try:
        upgrade(db)
        load_file(db, firm, default_domain=DOMAIN)
    finally:
        db.close()


def _firm(ring_timeout_s: int) -> dict[str, Any]:
    """Return the firm as ``esl-huntgroup load`` takes it; JSON is YAML."""
    users = {
        account: {"name": _login(account), "display_name": name, "lines": [{"number": account}]}
        for account, name in PEOPLE.items()
    }
    return {
        "services": [{"name": "journal", "description": "leader and deputy see the journal of the group"}],
        "users": list(users.values()),
        "groups": [
            _group("Vertrieb", showcase.GROUP_NUMBER, MEMBERS, ring_timeout_s),
            _group("Technik", showcase.EMPTY_GROUP_NUMBER, showcase.EMPTY_GROUP_MEMBERS, ring_timeout_s),
        ],
    }


def _group(name: str, number: str, members: Sequence[str], ring_timeout_s: int) -> dict[str, Any]:
    return {
        "name": name,
        "number": number,
        "hunt_mode": "softphone",
        "ring_timeout_s": ring_timeout_s,
        "members": [_login(account) for account in members],
        "leader": {"user": _login(LEADER), "level": "team"},
        "services": ["journal"],
    }


@contextlib.contextmanager
def service(home: Path, language: str) -> Iterator[tuple[dict[str, str], str]]:
    """Run the real service; yield its environment and its address."""
    address = f"127.0.0.1:{free_port()}"
    environment = _environment(home, address, language)
    log = home / "service.log"
    with log.open("wb") as output:
        process = subprocess.Popen(_ourselves("serve"), env=environment, stdout=output, stderr=output)
    try:
        _await_service(process, address, log)
        click.echo(f"the service listens on {address}, process {process.pid}")
        yield environment, address
    finally:
        stop(process)


def _play(address: str) -> None:
    """Let the simulated switch play all calls, live on the terminal."""
    simulator = subprocess.Popen(
        [sys.executable, "-m", "esl_huntgroup.simulator", address], stderr=subprocess.PIPE, text=True
    )
    try:
        _, complaints = simulator.communicate(timeout=CALLS_LIMIT_S)
    except subprocess.TimeoutExpired:
        raise DemoFailed(f"the calls were not over after {CALLS_LIMIT_S:g} s") from None
    finally:
        stop(simulator)
    if simulator.returncode == READER_GONE:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
    if simulator.returncode:
        raise DemoFailed((complaints.strip().splitlines() or ["the simulated switch ended without a word"])[-1])


def _show_journal(home: Path, language: str) -> None:
    """Show the journal as each member sees it, all with the same columns."""
    with contextlib.closing(open_database(database_url(home))) as db:
        seen = {account: entries(db, user=_login(account)) for account in PEOPLE}
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    every = [line for lines in seen.values() for line in lines]
    heading, *shown = table(every, language, with_member=False, width=width)
    rows = iter(shown)
    for account, lines in seen.items():
        click.echo()
        click.secho(f"The journal of {PEOPLE[account]}", bold=True)
        for row in (heading, *itertools.islice(rows, len(lines))):
            click.echo(row)


def _await_journal(environment: Mapping[str, str]) -> str:
    """Hold the journal against what was announced; the last call may still be on its way into it."""
    deadline = time.monotonic() + JOURNAL_LIMIT_S
    while (complaint := _complaint(_read_journal(environment))) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    return complaint


def _complaint(entries: Entries) -> str:
    """Return what the journal has wrong, empty if nothing."""
    for number, scene in enumerate(SCENES, 1):
        found = _seen(entries, scene)
        announced = {PEOPLE[account]: (kind.value, scene.outcome.value) for account, kind in scene.journal.items()}
        if found != announced:
            return f"call {number}: the journal says {found}; announced was {announced}"
    return ""


def _seen(entries: Entries, scene: Scene) -> dict[str, tuple[str, str]]:
    ours = [entry for entry in entries if entry["caller_number"] == scene.caller.number]
    return {entry["user_name"]: (entry["kind"], entry["outcome"]) for entry in ours}


# -- processes --------------------------------------------------------------------------------------------------------


def _read_journal(environment: Mapping[str, str]) -> Entries:
    answer = subprocess.run(
        _ourselves("journal", "--json"), env=dict(environment), capture_output=True, text=True, check=False
    )
    if answer.returncode:
        raise DemoFailed(f"the journal cannot be read: {answer.stderr.strip()}")
    return [json.loads(line) for line in answer.stdout.splitlines()]


def _ourselves(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "esl_huntgroup", *arguments]


def _environment(home: Path, address: str, language: str) -> dict[str, str]:
    """Return an environment in which nothing that is configured on this machine counts."""
    settings = home / "settings.toml"
    settings.touch()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return inherited | {
        CONFIG_VARIABLE: str(settings),
        f"{PREFIX}DATABASE": database_url(home),
        f"{PREFIX}SPOOL": str(home / "journal.spool"),
        f"{PREFIX}LISTEN": address,
        f"{PREFIX}DEFAULT_DOMAIN": DOMAIN,
        f"{PREFIX}DRAIN_TIMEOUT_S": "1",
        f"{PREFIX}LANGUAGE": language,
    }


def _await_service(service: subprocess.Popen[bytes], address: str, log: Path) -> None:
    host, _, port = address.rpartition(":")
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline and service.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
            return
        time.sleep(_POLL_S)
    said = log.read_text(errors="replace").strip().splitlines()
    raise DemoFailed(f"the service did not start: {said[-1] if said else 'it said nothing'}")


def stop(process: subprocess.Popen[Any]) -> None:
    """End a process that we have started: politely, then for certain."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    """Return a port of the loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _login(account: str) -> str:
    return PEOPLE[account].split()[0].lower()


def database_url(home: Path) -> str:
    """Return the database of a demo that lives in this directory."""
    return f"sqlite:///{home / 'demo.db'}"
