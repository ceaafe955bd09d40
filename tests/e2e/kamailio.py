"""Debian's own Kamailio with the configuration of its package, and in it what ``kamailio/README.md`` says to add."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from .sip import free_port

BINARY = shutil.which("kamailio") or shutil.which("kamailio", path="/usr/sbin:/usr/local/sbin") or ""
DEBIAN = Path("/etc/kamailio/kamailio.cfg")
SHIPPED = Path(__file__).parents[2] / "kamailio"
START_WITHIN_S = 15.0
STOP_WITHIN_S = 10.0


def require() -> None:
    """Skip the test where there is no Kamailio."""
    if not BINARY or not DEBIAN.exists():
        pytest.skip("Kamailio is not installed with its configuration (Debian package: kamailio)")


class Kamailio:
    """
    One Kamailio, registrar of ``domain``, whose callers and phones come from 127.0.0.1, as FreeSWITCH does.

    So it is told FreeSWITCH by its port. ``defines`` are those of Debian's file, such as ``WITH_NAT``.
    """

    def __init__(
        self, folder: Path, domain: str, freeswitch_port: int, *defines: str, numbers: str = "^7[0-9][0-9]$"
    ) -> None:
        folder.mkdir()
        self._folder = folder
        self.domain = domain
        self.port, self.rpc_port = free_port(), free_port(socket.SOCK_STREAM)
        self.voicemail_port = free_port()
        self.log_file = folder / "kamailio.log"
        self._write(freeswitch_port, defines, numbers)

    @property
    def address(self) -> tuple[str, int]:
        """Where phones register."""
        return "127.0.0.1", self.port

    @property
    def setting(self) -> str:
        """What the setting ``kamailio`` of the service says of this one."""
        return f"{self.domain} http://127.0.0.1:{self.rpc_port}/huntgroup 127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it answers SIP. Nobody is registered then."""
        run = self._folder / "run"
        run.mkdir(exist_ok=True)
        options = ["-DD", "-E", "-f", str(self._folder / "kamailio.cfg"), "-Y", str(run), "-w", str(self._folder)]
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [BINARY, *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + START_WITHIN_S
        while not self._answers():
            assert self._process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()

    def stop(self) -> None:
        """End it and all its processes."""
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def log(self) -> str:
        """Return what it has logged."""
        return self.log_file.read_text(errors="replace")[-4000:]

    def _answers(self) -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.2)
            sock.connect(self.address)
            host, port = sock.getsockname()
            request = (
                f"OPTIONS sip:127.0.0.1:{self.port} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};branch=z9hG4bK-{port}\r\n"
                f"Max-Forwards: 1\r\nFrom: <sip:t@h>;tag=1\r\nTo: <sip:t@h>\r\nCall-ID: {port}\r\nCSeq: 1 OPTIONS\r\n"
                "Content-Length: 0\r\n\r\n"
            )
            try:
                sock.send(request.encode())
                return sock.recv(4096).startswith(b"SIP/2.0 ")
            except OSError:
                time.sleep(0.05)
                return False

    def _write(self, freeswitch_port: int, defines: tuple[str, ...], numbers: str) -> None:
        is_freeswitch = f"src_ip == 127.0.0.1 && src_port == {freeswitch_port}"
        local = (SHIPPED / "kamailio-local.cfg").read_text(encoding="utf-8")
        for old, new in (
            (
                "#!define HUNTGROUP_IS_FREESWITCH src_ip == 10.0.0.5",
                f"#!define HUNTGROUP_IS_FREESWITCH {is_freeswitch}",
            ),
            ('"sip:10.0.0.5:5060"', f'"sip:127.0.0.1:{freeswitch_port}"'),
            ('"^7[0-9][0-9]$"', f'"{numbers}"'),
            ("#!define HUNTGROUP_IS_SERVICE src_ip == 10.0.0.5", "#!define HUNTGROUP_IS_SERVICE src_ip == 127.0.0.1"),
            ("listen=udp:10.0.0.1:5060", f"listen=udp:127.0.0.1:{self.port}"),
            ("listen=tcp:10.0.0.1:5060", f"listen=tcp:127.0.0.1:{self.port}"),
            ("listen=tcp:10.0.0.1:8460", f"listen=tcp:127.0.0.1:{self.rpc_port}"),
        ):
            local = _replaced(local, old, new)
        local += f'auto_aliases=no\nalias="{self.domain}"\n' + "".join(f"#!define {name}\n" for name in defines)
        debian = DEBIAN.read_text(encoding="utf-8", errors="surrogateescape")
        for old, new in (
            ("\troute(PSTN);\n", "\troute(HUNTGROUP);\n\troute(PSTN);\n"),
            ("onreply_route[MANAGE_REPLY] {\n", "onreply_route[MANAGE_REPLY] {\n\troute(HUNTGROUP_REPLY);\n"),
            ("\nchildren=8\n", "\nchildren=2\n"),
            ('voicemail.srv_ip = ""', 'voicemail.srv_ip = "127.0.0.1"'),
            ('voicemail.srv_port = "5060"', f'voicemail.srv_port = "{self.voicemail_port}"'),
        ):
            debian = _replaced(debian, old, new)
        debian += '\ninclude_file "huntgroup.cfg"\n'
        (self._folder / "kamailio-local.cfg").write_text(local, encoding="utf-8")
        (self._folder / "kamailio.cfg").write_text(debian, encoding="utf-8", errors="surrogateescape")
        shutil.copy(SHIPPED / "huntgroup.cfg", self._folder)


def _replaced(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
    return text.replace(old, new)
