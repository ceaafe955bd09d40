"""
A phone of another make: ``linphonec``, the console program of Linphone, with a folder and ports of its own.

SIPp says what is on the wire; Linphone says what a person finds afterwards. Its call log is read from the database in
which it keeps it, in the words of its command ``call-logs``. It leaves a sound card alone.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from .sip import EXPIRES_S, free_port

LINPHONEC = shutil.which("linphonec")
MISSING = "not installed: linphonec (Debian: linphone-cli)"
RINGS = "Receiving new incoming call"
"""What linphonec prints when it is called."""
STATUSES = ("completed", "aborted", "missed", "declined", "early aborted", "answered elsewhere", "declined elsewhere")
"""Linphone's words for what it stores as 0, 1, …"""
WITHIN_S = 10.0

_CONFIGURATION = """[sip]
bind_address=127.0.0.1
sip_port={port}
sip_tcp_port=0
sip_tls_port=0
default_proxy=0

[proxy_0]
reg_proxy=<sip:{registrar[0]}:{registrar[1]};transport=udp>
reg_identity=sip:{account}@{domain}
reg_expires={expires_s}
reg_sendregister=1

[storage]
uri={folder}/linphone.db
call_logs_db_uri={folder}/calls.db

[rtp]
bind_address=127.0.0.1
audio_rtp_port=-1
video_rtp_port=-1
text_rtp_port=-1

[misc]
max_calls={max_calls}
"""


class Linphone:
    """
    One Linphone, which registers ``account`` by itself. ``max_calls`` is how many it has at once before it is busy.

    Everything that waits raises AssertionError, with what Linphone printed, when it has waited ten seconds in vain.
    """

    def __init__(
        self, folder: Path, account: str, domain: str, registrar: tuple[str, int], *, max_calls: int = 10
    ) -> None:
        assert LINPHONEC, MISSING
        folder.mkdir()
        self.account = account
        self.port = free_port()
        self._call_log = folder / "calls.db"
        self._printed = folder / "linphonec.out"
        (folder / "rc").write_text(
            _CONFIGURATION.format(
                folder=folder,
                port=self.port,
                account=account,
                domain=domain,
                registrar=registrar,
                expires_s=EXPIRES_S,
                max_calls=max_calls,
            )
        )
        with self._printed.open("wb") as output:
            self._process = subprocess.Popen(
                [LINPHONEC, "-c", "rc", "-d", "5", "-l", "linphone.log"],
                cwd=folder,
                env=os.environ
                | {"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder), "PULSE_SERVER": f"unix:{folder}/none"},
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._say("soundcard use files")

    def wait_ringing(self, count: int = 1) -> None:
        """Wait until it has been called so many times."""
        self._wait_for(lambda: self.printed().count(RINGS) >= count)

    def answer(self) -> None:
        """Take the call that rings."""
        self._say("answer")

    def terminate(self) -> None:
        """Decline the call that rings, or hang up."""
        self._say("terminate")

    def wait_logged(self, count: int = 1) -> list[str]:
        """Wait until so many calls are in its own log, and return the status of every one, the oldest first."""
        self._wait_for(lambda: len(self.logged()) >= count)
        return self.logged()

    def logged(self) -> list[str]:
        """
        Return the status of every call in its own log, the oldest first. A call comes into it when it is over.

        Read without a lock (``immutable``): Linphone writes at any moment, and must not find its own file locked.
        """
        with contextlib.closing(sqlite3.connect(f"file:{self._call_log}?immutable=1", uri=True)) as db:
            return [STATUSES[status] for (status,) in db.execute("select status from call_history order by id")]

    def shown_log(self) -> list[str]:
        """Return what its command ``call-logs`` shows as the status of every call, the oldest first."""
        before = len(self.printed())
        self._say("call-logs")
        self._wait_for(lambda: self.printed()[before:].count("Status: ") >= len(self.logged()))
        shown = (line.partition("Status: ") for line in self.printed()[before:].splitlines())
        return [status for _, found, status in shown if found][::-1]

    def printed(self) -> str:
        """Return everything that it has printed so far."""
        return self._printed.read_text(errors="replace")

    def stop(self) -> None:
        """Let it say good-bye to the registrar and quit; end it at once when it does not."""
        assert self._process.stdin is not None
        if self._process.stdin.closed:
            return
        try:
            self._process.communicate(b"quit\n", WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def _say(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n".encode())
        self._process.stdin.flush()

    def _wait_for(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + WITHIN_S
        while not condition():
            assert time.monotonic() < deadline, f"Linphone {self.account} waited in vain:\n{self.printed()}"
            time.sleep(0.05)
