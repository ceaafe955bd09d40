"""A reader of server-sent events that sees every byte, and the process that sends them."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.database.servers import free_port

START_S = 20.0
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Event:
    """One event; ``id`` is empty where it had none."""

    name: str
    data: str
    id: str


class Reader:
    """
    One open page, by HTTP/1.0, which puts nothing between the pieces.

    Raises AssertionError where an event does not come in time.
    """

    def __init__(self, port: int, user: str, *, path: str = "/api/v1/events", **headers: str) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=5)
        self.last_id = ""
        self.events: list[Event] = []
        self._data = b""
        lines = [f"GET {path} HTTP/1.0", "Host: test"]
        lines += [f"X-User: {user}"] if user else []
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.sock.sendall("\r\n".join([*lines, "", ""]).encode())
        self.head = self._line_block(b"\r\n\r\n", 5)
        self.status = int(self.head.split()[1])

    def next(self, name: str = "", within_s: float = 3.0) -> Event:
        """Return the next event of this name, of any where it is empty."""
        deadline = time.monotonic() + within_s
        while True:
            while self.events:
                event = self.events.pop(0)
                if not name or event.name == name:
                    return event
            self._read(deadline - time.monotonic())

    def settle(self, within_s: float = 3.0) -> None:
        """Wait until the stream has said where it is."""
        deadline = time.monotonic() + within_s
        while not self.last_id:
            self._read(deadline - time.monotonic())

    def rest(self, for_s: float) -> list[Event]:
        """Return all that comes within so long, or until the end."""
        deadline = time.monotonic() + for_s
        with contextlib.suppress(AssertionError, EOFError):
            while True:
                self._read(deadline - time.monotonic())
        found, self.events = self.events, []
        return found

    def ended(self, within_s: float) -> bool:
        """Return whether the other side ends the stream in time."""
        deadline = time.monotonic() + within_s
        try:
            while True:
                self._read(deadline - time.monotonic())
        except EOFError:
            return True
        except AssertionError:
            return False

    def close(self) -> None:
        self.sock.close()

    def _read(self, within_s: float) -> None:
        """Take in one block of the stream. Raises EOFError at its end, AssertionError where none comes."""
        block = self._line_block(b"\n\n", within_s)
        fields: dict[str, list[str]] = {}
        for line in block.split("\n"):
            key, _, value = line.partition(": ")
            fields.setdefault(key, []).append(value)
        if "id" in fields:
            self.last_id = fields["id"][-1]
        if "event" in fields:
            self.events.append(Event(fields["event"][0], "\n".join(fields["data"]), fields.get("id", [""])[0]))

    def _line_block(self, end: bytes, within_s: float) -> str:
        deadline = time.monotonic() + within_s
        while end not in self._data:
            self.sock.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                data = self.sock.recv(65536)
            except TimeoutError:
                raise AssertionError(f"nothing has come within {within_s:.1f} s; there is {self._data!r}") from None
            if not data:
                raise EOFError
            self._data += data
        block, _, self._data = self._data.partition(end)
        return block.decode()


BEHIND_PROXY = {"WEB_USER_HEADER": "X-User", "WEB_TRUSTED_PROXIES": "127.0.0.1,::1"}


class Web:
    """``esl-huntgroup web`` on a database; unless it has other settings, behind a proxy that names users in X-User."""

    def __init__(
        self,
        url: str,
        folder: Path,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        settings: Mapping[str, str] = BEHIND_PROXY,
    ) -> None:
        self.port = port or free_port()
        self.host = host
        self.url = url
        listen = f"{f'[{host}]' if ':' in host else host}:{self.port}"
        values = {"DATABASE": url, "WEB_LISTEN": listen, **settings}
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ESL_HUNTGROUP_")},
            **{f"ESL_HUNTGROUP_{name}": value for name, value in values.items()},
            "PYTHONPATH": str(ROOT),
        }
        self.log = folder / "web.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.begin()
        self.await_page()

    def begin(self) -> None:
        """Start the process."""
        command = [sys.executable, "-m", "esl_huntgroup", "web"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=self.environment)

    def await_page(self) -> None:
        """Wait until the page is there, and knows how far it is."""
        assert self.process is not None
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError):
                if self.position():
                    return
            time.sleep(0.05)
        raise AssertionError(self.log.read_text())

    def stop(self) -> float:
        """End it as a service manager does; return how long that took."""
        assert self.process is not None
        began = time.monotonic()
        self.process.terminate()
        self.process.wait(10)
        return time.monotonic() - began

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def position(self, user: str = "anna") -> str:
        """Return how far the page says that it is, as it is rendered now."""
        found = re.search(r'data-position="([^"]*)"', self.get("/", user))
        return found[1] if found else ""

    def get(self, path: str, user: str = "anna") -> str:
        """Return the body of an answer."""
        with socket.create_connection((self.host, self.port), timeout=5) as sock:
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: test\r\nX-User: {user}\r\nConnection: close\r\n\r\n".encode())
            data = b""
            while more := sock.recv(65536):
                data += more
        return data.partition(b"\r\n\r\n")[2].decode()

    def metric(self, name: str) -> float:
        lines = self.get("/metrics").splitlines()
        return float(next(line.split()[1] for line in lines if line.startswith(f"huntgroup_web_{name} ")))

    def log_text(self) -> str:
        return self.log.read_text()


@contextlib.contextmanager
def running(url: str, folder: Path) -> Iterator[Web]:
    """Run the process for a test."""
    web = Web(url, folder)
    try:
        web.start()
        yield web
    finally:
        if web.process is not None and web.process.poll() is None:
            web.stop()
