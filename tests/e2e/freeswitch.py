"""A FreeSWITCH of our own, in a folder of its own and on the loopback, with the dialplan that the project ships."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest

from .sip import free_port

NAMED = os.environ.get("HUNTGROUP_FREESWITCH") or shutil.which("freeswitch") or ""
BINARIES = tuple(binary for binary in NAMED.split(os.pathsep) if binary)
"""Every FreeSWITCH that can be tested with: HUNTGROUP_FREESWITCH may name several, as PATH does."""
BINARY = next(iter(BINARIES), "")
"""The one that is taken where one is enough; empty without any."""
CONFIGURATION = Path(__file__).parent / "conf" / "freeswitch.xml"
SHIPPED = Path(__file__).parents[2] / "freeswitch" / "dialplan"
SHIPPED_SERVICE = "127.0.0.1:8084"
"""The one thing that is changed in the shipped files, so that several runs do not meet."""

CAUTIOUS, FAST = "$${huntgroup_service} async full", "$${huntgroup_service} full"
"""What the administrator changes for the fast variant."""

DOMAIN = "lab.local"
PASSWORD = "lab"
START_WITHIN_S = 30.0
STOP_WITHIN_S = 15.0
REPLY_WITHIN_S = 10.0
RTP_PORTS = 500
"""Ports for media, below the kernel's own range; enough for two hundred legs at a time."""
STARTS = 3
"""How often a switch is started at most: another program may have taken one of its ports meanwhile."""
NO_SIP_PORT = "Error Creating SIP UA"
_rtp_ranges = itertools.count(os.getpid())


def version_of(binary: str) -> str:
    """Return the version of a FreeSWITCH, such as 1.11.2; the path itself where it does not say."""
    said = subprocess.run([binary, "-version"], capture_output=True, text=True, check=False).stdout
    match = re.search(r"version: (\d+(?:\.\d+)+)", said)
    return match[1] if match else binary


def require() -> None:
    """Skip the test where there is no FreeSWITCH."""
    if not BINARY:
        pytest.skip(
            "FreeSWITCH is not installed, and Debian has no package of it: build 1.10 or later from its sources, and "
            "name it, HUNTGROUP_FREESWITCH=/path/to/bin/freeswitch, or have it in the PATH"
        )


class EventSocket:
    """The smallest inbound event-socket client: ``api`` and its answer."""

    def __init__(self, port: int, password: str = PASSWORD) -> None:
        """Connect and authenticate. Raises OSError while nobody listens."""
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=REPLY_WITHIN_S)
        self._file = self._socket.makefile("rb")
        self._read()
        assert "+OK" in self._command(f"auth {password}"), "the event socket refuses the password"

    def api(self, command: str) -> str:
        """Return what the switch answers to an api command, without the final newline."""
        return self._command(f"api {command}").rstrip("\n")

    def close(self) -> None:
        """Close the connection."""
        self._file.close()
        self._socket.close()

    def _command(self, line: str) -> str:
        self._socket.sendall(f"{line}\n\n".encode())
        return self._read()

    def _read(self) -> str:
        headers: dict[str, str] = {}
        while line := self._file.readline().decode().rstrip("\n"):
            name, _, value = line.partition(": ")
            headers[name] = value
        if length := int(headers.get("Content-Length", 0)):
            return self._file.read(length).decode("utf-8", "replace")
        return headers.get("Reply-Text", "")


class FreeSwitch:
    """
    A switch. ``service_ports`` is where its dialplan expects the services, in the order in which it tries them.

    ``is_fast`` is whether it runs the dialplan's fast variant, ``binary`` the FreeSWITCH that runs,
    ``allowlist`` the element of its ``switch.conf.xml`` (none: it refuses nothing).
    """

    rtp_ports = RTP_PORTS

    def __init__(
        self,
        folder: Path,
        *service_ports: int,
        name: str = "switch1",
        is_fast: bool = False,
        binary: str = BINARY,
        allowlist: str = "",
    ) -> None:
        self.folder = folder
        self._allowlist = allowlist
        self._binary = binary
        self.name = name
        self.is_fast = is_fast
        self.log_file = folder / "freeswitch.log"
        self._service_ports = service_ports
        self._rtp_start = 10_000 + next(_rtp_ranges) % 40 * RTP_PORTS
        self._choose_ports()

    def _choose_ports(self) -> None:
        self.sip_port = free_port()
        self.esl_port = free_port(socket.SOCK_STREAM)
        self._write_configuration()

    @property
    def address(self) -> tuple[str, int]:
        """Where phones register and callers call."""
        return "127.0.0.1", self.sip_port

    def start(self) -> None:
        """
        Start the switch and wait until its SIP profile runs; started once more, it has the ports that it had.

        Only when it cannot have them it takes others, so ask for its ports afterwards.
        """
        for _ in range(STARTS - 1):
            with contextlib.suppress(AssertionError):
                self._start()
                return
            self._choose_ports()
        self._start()

    def _start(self) -> None:
        assert self._binary, "freeswitch is not installed"
        offset = self.log_size()
        kept = ("log", "db", "run", "scripts", "temp", "storage", "recordings", "cache", "certs")
        folders = [part for name in kept for part in (f"-{name}", str(self._sub_folder(name)))]
        options = ["-nf", "-nc", "-nonat", "-nonatmap", "-np", "-conf", str(self._sub_folder("conf"))]
        with (self.folder / "freeswitch.out").open("wb") as output:
            self._process = subprocess.Popen(
                [self._binary, *options, *folders], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
        try:
            self._wait_until_ready(offset)
        except BaseException:
            self._end()
            raise

    def stop(self) -> None:
        """Stop the switch, by force if it does not go."""
        self._esl.close()
        self._end()

    def kill(self) -> None:
        """End the switch as a crash does, with all its calls."""
        self._esl.close()
        self._process.kill()
        self._process.wait()

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def api(self, command: str) -> str:
        """Return what the switch answers to an api command."""
        return self._esl.api(command)

    def caller_uuid(self, number: str) -> str:
        """Return the uuid of the channel of the caller with this number; the switch's own list lags a little."""
        deadline = time.monotonic() + REPLY_WITHIN_S
        while True:
            rows = self.api("show channels").splitlines()
            if found := [row.split(",")[0] for row in rows if f",{number}," in row and ",inbound," in row]:
                return found[0]
            assert time.monotonic() < deadline, f"no channel of {number}:\n" + "\n".join(rows)
            time.sleep(0.05)

    def tasks(self, group: str) -> list[str]:
        """Return the scheduled tasks whose group begins like this."""
        return [row for row in self.api("show tasks").splitlines() if f",{group}" in row]

    def channels(self) -> int:
        """Return how many channels there are, those still held by a socket included."""
        return int(self.api("show channels count").split()[0])

    def wait_without_channels(self, within_s: float = 5.0) -> None:
        """Wait until no channel is left. Raises AssertionError that shows those that are."""
        deadline = time.monotonic() + within_s
        while self.channels():
            assert time.monotonic() < deadline, "channels are left:\n" + self.api("show channels")
            time.sleep(0.05)

    def log_since(self, offset: int) -> str:
        """Return the log from ``offset`` on; ``log_size`` gives an offset."""
        if not self.log_file.exists():
            return ""
        with self.log_file.open("rb") as log:
            log.seek(offset)
            return log.read().decode("utf-8", "replace")

    def log_size(self) -> int:
        """Return how long the log is now."""
        return self.log_file.stat().st_size if self.log_file.exists() else 0

    def _write_configuration(self) -> None:
        conf = self._sub_folder("conf")
        variables = {
            "domain": DOMAIN,
            "lab_log": self.log_file,
            "lab_name": self.name,
            "lab_rtp_start": self._rtp_start,
            "lab_rtp_end": self._rtp_start + self.rtp_ports - 2,
            "lab_esl_port": self.esl_port,
            "lab_esl_password": PASSWORD,
            "lab_sip_port": self.sip_port,
        }
        lines = (
            f'<X-PRE-PROCESS cmd="set" data={quoteattr(f"{name}={value}")}/>\n' for name, value in variables.items()
        )
        (conf / "vars.xml").write_text(f"<include>\n{''.join(lines)}</include>\n")
        (conf / "allowlist.xml").write_text(f"<include>\n{self._allowlist}\n</include>\n")
        shutil.copy(CONFIGURATION, conf)
        (conf / "dialplan").mkdir(exist_ok=True)
        services = "|".join(f"127.0.0.1:{port}" for port in self._service_ports)
        for shipped in sorted(SHIPPED.glob("*.xml")):
            text = shipped.read_text(encoding="utf-8")
            text = text.replace(SHIPPED_SERVICE, services)
            if self.is_fast:
                text = text.replace(CAUTIOUS, FAST)
            (conf / "dialplan" / shipped.name).write_text(text, encoding="utf-8")

    def _sub_folder(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _wait_until_ready(self, offset: int) -> None:
        deadline = time.monotonic() + START_WITHIN_S
        while not self._is_ready():
            said = (self.folder / "freeswitch.out").read_text(errors="replace")
            assert self._process.poll() is None, f"the switch does not start:\n{said}"
            assert NO_SIP_PORT not in self.log_since(offset), "the switch cannot have its SIP port"
            assert time.monotonic() < deadline, f"the switch is not ready after {START_WITHIN_S} s:\n{said}"
            time.sleep(0.1)

    def _is_ready(self) -> bool:
        try:
            self._esl = EventSocket(self.esl_port)
        except OSError:
            return False
        if "RUNNING" in self.api("sofia status"):
            return True
        self._esl.close()
        return False
