"""
``esl-huntgroup demo --web``: the members' page, with calls that go on until Ctrl-C.

Three processes beside this one: the real service, the simulated switch, and the page, all on one temporary database.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from esl_huntgroup.db.engine import fetch, open_database
from esl_huntgroup.db.tables import User
from esl_huntgroup.simulator import demo, history
from esl_huntgroup.simulator.demo import START_LIMIT_S, DemoFailed

SEEN_AS: Final = (("anna", "127.0.0.1"), ("bernd", "localhost"))
"""Whom one can be, each at an address of its own: a browser keeps one session for an address."""
RING_TIMEOUT_S: Final = 20
_POLL_S: Final = 0.1
_QUIET_S: Final = 1.0


def run(language: str = "en", port: int = 0) -> None:
    """
    Serve the page and let people call until SIGINT or SIGTERM. ``port`` 0 is a free one.

    Raises DemoFailed, with one sentence, when a process does not start or ends by itself.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="esl-huntgroup-demo-") as directory, contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.suppress(KeyboardInterrupt))
        home = Path(directory)
        demo.prepare(home, RING_TIMEOUT_S)
        with contextlib.closing(open_database(demo.database_url(home))) as db:
            history.write(db, time.time_ns() // 1_000_000)
        _environment, address = stack.enter_context(demo.service(home, language))
        page = stack.enter_context(_page(home, language, port or demo.free_port()))
        calls = stack.enter_context(_calls(address))
        click.echo("Calls go on until Ctrl-C.")
        while page.poll() is None and calls.poll() is None:
            time.sleep(_QUIET_S)
        raise DemoFailed(f"the {'page' if calls.poll() is None else 'simulated switch'} ended by itself")


@contextlib.contextmanager
def _page(home: Path, language: str, port: int) -> Iterator[subprocess.Popen[str]]:
    """Run the page, and print where it is."""
    with contextlib.closing(open_database(demo.database_url(home))) as db:
        ids = dict(fetch(db, User.select(User.name, User.id)))
        names = dict(fetch(db, User.select(User.name, User.display_name)))
    doors = {name: secrets.token_urlsafe(18) for name, _host in SEEN_AS}
    told = {
        "database": demo.database_url(home),
        "port": port,
        "language": language,
        "doors": {secret: ids[name] for name, secret in doors.items()},
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "esl_huntgroup.simulator.door"], stdin=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.stdin is not None
        process.stdin.write(json.dumps(told) + "\n")
        process.stdin.flush()
        _await(process, port)
        click.echo()
        for number, (name, host) in enumerate(SEEN_AS):
            url = f"http://{host}:{port}/demo/{doors[name]}"
            click.secho(f"{'The page' if not number else 'or'} as {names[name]}: ", bold=True, nl=False)
            click.secho(url, fg="blue", underline=True)
        click.echo()
        yield process
    finally:
        demo.stop(process)


@contextlib.contextmanager
def _calls(address: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run the simulated switch, whose people call for ever."""
    process = subprocess.Popen(
        [sys.executable, "-m", "esl_huntgroup.simulator", "--for-ever", address], start_new_session=True
    )
    try:
        yield process
    finally:
        demo.stop(process)


def _await(process: subprocess.Popen[str], port: int) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2).close()
            return
        time.sleep(_POLL_S)
    raise DemoFailed("the page did not start; what it says is above")
