"""``check`` tells the truth in one line each, whatever it meets."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from esl_huntgroup.db.engine import execute, open_database
from esl_huntgroup.diagnostics.checks import service
from esl_huntgroup.diagnostics.checks.service import check_service
from esl_huntgroup.diagnostics.finding import Finding
from esl_huntgroup.journal import changes
from esl_huntgroup.settings import Settings
from tests.cli.shell import Shell


def test_a_database_that_fails_in_the_middle_of_a_check_is_a_finding(shell: Shell) -> None:
    db = open_database(shell.database)
    execute(db, "ALTER TABLE members RENAME COLUMN user_id TO person_id")
    db.close()
    done = shell.run("check")
    assert (done.returncode, done.stderr) == (1, "")
    (finding,) = (line for line in done.stdout.splitlines() if line.startswith("FIX database"))
    assert "cannot be used: no such column" in finding
    assert "esl_address" in done.stdout.splitlines()[-1]


def test_a_journal_that_nobody_follows_is_a_finding(shell: Shell) -> None:
    db = open_database(shell.database)
    now_ms = time.time_ns() // 1_000_000
    changes.note(db, ["a"], now_ms - 50_000)
    assert not [it for it in shell.run("check").stdout.splitlines() if "followed" in it]
    changes.note(db, ["b"], now_ms - 70_000)
    (finding,) = (it for it in shell.run("check").stdout.splitlines() if "followed" in it)
    assert finding.startswith("FIX journal: nobody has followed it since 20")
    assert "start the service: esl-huntgroup serve" in finding
    execute(db, "INSERT INTO followers (name, position, at_ms) VALUES ('follower', 2, 0)")
    db.close()
    assert not [it for it in shell.run("check").stdout.splitlines() if "followed" in it]


@contextmanager
def listener(says: bytes, *, closes: bool = False) -> Iterator[str]:
    """Give the address of a program that is not the service; it says this to everybody."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client, _ = server.accept()
                    kept.append(client)
                    with suppress(ConnectionError):
                        client.sendall(says)
                    if closes:
                        client.settimeout(1)
                        with suppress(OSError):  # closed with something unread, what was said could be lost
                            says and client.recv(1000)
                        client.close()

        kept: list[socket.socket] = []
        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        for client in kept:
            client.close()


def about_service(**settings: Any) -> Finding:
    found = Settings(**settings)
    return check_service(found, found.listen[0])


@pytest.mark.parametrize(
    ("says", "closes", "sentence"),
    [
        (b"", False, "is not the service, or hangs (it says nothing within 0.3 s)"),
        (b"", True, "is not the service (it closes at once)"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", False, "is not the service (it says 'SSH-2.0-O')"),
        (b"connect\n\n", True, "is not the service (it is another program with an outbound event socket)"),
    ],
)
def test_what_listens_on_the_port_and_is_not_the_service_is_told(
    monkeypatch: pytest.MonkeyPatch, says: bytes, closes: bool, sentence: str
) -> None:
    monkeypatch.setattr(service, "GREETING_TIMEOUT_S", 0.3)
    with listener(says, closes=closes) as address:
        found = about_service(listen=(("127.0.0.1", int(address.rpartition(":")[2])),))
    assert not found.is_ok
    assert sentence in found.text
    assert "ss -ltnp" in found.text


def test_a_service_that_does_not_admit_this_machine_is_not_accused() -> None:
    with listener(b"", closes=True) as address:
        port = int(address.rpartition(":")[2])
        assert about_service(listen=(("127.0.0.1", port),), allowed_peers=("10.1.2.3/32",)).is_ok


def test_nobody_on_the_port_is_told_as_before() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    found = about_service(listen=(("127.0.0.1", port),))
    assert found.text == f"service: nobody answers on 127.0.0.1 port {port} (Connection refused); start it: " + (
        "esl-huntgroup serve"
    )
