"""Debian's own Kamailio with the configuration of its package, and in it what ``kamailio/README.md`` says to add."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from .sip import free_port

BINARY = shutil.which("kamailio") or shutil.which("kamailio", path="/usr/sbin:/usr/local/sbin") or ""
DEBIAN = Path("/etc/kamailio/kamailio.cfg")
TABLES = Path("/usr/share/kamailio/dbtext/kamailio")
"""Empty tables of Kamailio as text, which a Kamailio reads without a database."""
SHIPPED = Path(__file__).parents[2] / "kamailio"
PASSWORD = "geheim"
"""Of every account where Kamailio asks for one (``WITH_AUTH``)."""
START_WITHIN_S = 15.0
STOP_WITHIN_S = 10.0


def require_presence() -> None:
    """Skip the test where Kamailio cannot serve phones that watch a number."""
    require()
    if not any(Path("/usr/lib").glob("*/kamailio/modules/presence_dialoginfo.so")):
        pytest.skip("the presence modules of Kamailio are not installed (Debian package: kamailio-presence-modules)")


def require() -> None:
    """Skip the test where there is no Kamailio."""
    if not BINARY or not DEBIAN.exists():
        pytest.skip("Kamailio is not installed with its configuration (Debian package: kamailio)")


class Kamailio:
    """
    One Kamailio, registrar of ``domain``, whose callers and phones come from 127.0.0.1, as FreeSWITCH does.

    So it is told FreeSWITCH by its port. ``defines`` are those of Debian's file, such as ``WITH_NAT``. With
    ``has_presence`` phones can watch groups there.
    """

    def __init__(
        self,
        folder: Path,
        domain: str,
        freeswitch_port: int,
        *defines: str,
        numbers: str = "^7[0-9][0-9]$",
        host: str = "127.0.0.1",
        is_registrar: bool = True,
        takes_websocket: bool = False,
        other_switches: tuple[int, ...] = (),
        service: str = "src_ip == 127.0.0.1",
        endpoint: bool = True,
        local: str = "",
        edits: Mapping[str, str] | None = None,
        has_presence: bool = False,
    ) -> None:
        """
        Write its configuration.

        One that is no registrar passes REGISTER on to FreeSWITCH (``path.cfg``). ``other_switches`` are the SIP ports
        of switches that take over when the first is gone. ``service`` is who may ask, ``endpoint`` whether the shipped
        file answers it. ``local`` stands at the end of kamailio-local.cfg, and ``edits`` are made in Debian's file,
        beside those that the README tells; ``{tables}`` in them is a folder of empty tables as text.
        """
        folder.mkdir()
        self._folder = folder
        self.domain, self.host = domain, host
        self.port, self.rpc_port = free_port(), free_port(socket.SOCK_STREAM)
        self.voicemail_port = free_port()
        self.log_file = folder / "kamailio.log"
        self._is_registrar, self._takes_websocket = is_registrar, takes_websocket
        self._other_switches, self._local, self._own_edits = other_switches, local, dict(edits or {})
        self._service, self._has_endpoint = service, endpoint
        self._tables = folder / "tables"
        shutil.copytree(TABLES, self._tables)
        self._has_presence = has_presence
        self._write(freeswitch_port, defines, numbers)

    @property
    def address(self) -> tuple[str, int]:
        """Where phones register."""
        return self.host, self.port

    @property
    def setting(self) -> str:
        """What the setting ``kamailio`` of the service says of this one."""
        return f"{self.domain} http://{self.host}:{self.rpc_port}/huntgroup {self.host}:{self.port}"

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
                f"OPTIONS sip:{self.host}:{self.port} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK-{port}\r\n"
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
        ports = (freeswitch_port, *self._other_switches)
        is_freeswitch = " || ".join(f"src_ip == 127.0.0.1 && src_port == {port}" for port in ports)
        local = (SHIPPED / "kamailio-local.cfg").read_text(encoding="utf-8")
        for old, new in (
            (
                "#!define HUNTGROUP_IS_FREESWITCH src_ip == 10.0.0.5",
                f"#!define HUNTGROUP_IS_FREESWITCH {is_freeswitch}",
            ),
            ('"sip:10.0.0.5:5060"', f'"sip:127.0.0.1:{freeswitch_port}"'),
            ('"^7[0-9][0-9]$"', f'"{numbers}"'),
            (
                "#!define HUNTGROUP_IS_SERVICE src_ip == 10.0.0.5",
                f"#!define HUNTGROUP_IS_SERVICE {self._service}",
            ),
            ("listen=udp:10.0.0.1:5060", f"listen=udp:{self.host}:{self.port}"),
            ("listen=tcp:10.0.0.1:5060", f"listen=tcp:{self.host}:{self.port}"),
            ("listen=tcp:10.0.0.1:8460", f"listen=tcp:{self.host}:{self.rpc_port}"),
        ):
            local = _replaced(local, old, new)
        if self._takes_websocket:
            local = _replaced(local, "# #!define HUNTGROUP_WEBSOCKET\n", "#!define HUNTGROUP_WEBSOCKET\n")
            local = _replaced(local, '# loadmodule "websocket.so"\n', 'loadmodule "websocket.so"\n')
        if self._other_switches:
            local = _replaced(local, "# #!define HUNTGROUP_DISPATCHER\n", "#!define HUNTGROUP_DISPATCHER\n")
            self._list_switches(ports)
        local = "".join(f"#!define {name}\n" for name in defines) + local
        local += f'auto_aliases=no\nalias="{self.domain}"\n'
        if "WITH_AUTH" in defines:
            local += self._accounts(freeswitch_port)
        debian = DEBIAN.read_text(encoding="utf-8", errors="surrogateescape")
        for old, new in (self._steps(defines) | self._own_edits).items():
            debian = _replaced(debian, old, new.replace("{tables}", str(self._tables)))
        shipped = "huntgroup.cfg" if self._is_registrar else "path.cfg"
        debian += f'\ninclude_file "{shipped}"\n'
        if self._has_presence:
            debian += 'include_file "huntgroup-presence.cfg"\n'
            shutil.copy(SHIPPED / "huntgroup-presence.cfg", self._folder)
        (self._folder / "kamailio-local.cfg").write_text(local + self._local, encoding="utf-8")
        (self._folder / "kamailio.cfg").write_text(debian, encoding="utf-8", errors="surrogateescape")
        text = (SHIPPED / shipped).read_text(encoding="utf-8")
        if not self._has_endpoint:
            text = text.partition("event_route[xhttp:request]")[0]
        (self._folder / shipped).write_text(text.replace("/etc/kamailio/", f"{self._folder}/"), encoding="utf-8")

    def _steps(self, defines: tuple[str, ...]) -> dict[str, str]:
        """Return what the README says to change in Debian's file, and what a test changes for itself."""
        steps = {
            "\nchildren=8\n": "\nchildren=2\n",
            'voicemail.srv_ip = ""': 'voicemail.srv_ip = "127.0.0.1"',
            'voicemail.srv_port = "5060"': f'voicemail.srv_port = "{self.voicemail_port}"',
        }
        if self._is_registrar:
            steps["\troute(PSTN);\n"] = "\troute(HUNTGROUP);\n\troute(PSTN);\n"
            steps["onreply_route[MANAGE_REPLY] {\n"] = "onreply_route[MANAGE_REPLY] {\n\troute(HUNTGROUP_REPLY);\n"
        else:
            steps["\troute(AUTH);\n"] = "\troute(HUNTGROUP_PATH);\n\troute(AUTH);\n"
        if self._has_presence:
            steps["route[PRESENCE] {\n"] = "route[PRESENCE] {\n\troute(HUNTGROUP_PRESENCE);\n"
        if self._takes_websocket:
            steps['nat_uac_test("19")'] = 'nat_uac_test("83")'
        if "WITH_ANTIFLOOD" in defines:
            steps["\tif(src_ip!=myself) {\n"] = "\tif (src_ip!=myself && !(HUNTGROUP_IS_FREESWITCH)) {\n"
        return steps

    def _list_switches(self, ports: tuple[int, ...]) -> None:
        listed = (SHIPPED / "dispatcher.list").read_text(encoding="utf-8")
        lines = [line.split() for line in listed.splitlines() if line and line[0] != "#"]
        text = "".join(
            f"{it[0]} sip:127.0.0.1:{port} {' '.join(it[2:])}\n" for it, port in zip(lines, ports, strict=True)
        )
        (self._folder / "dispatcher.list").write_text(text)

    def _accounts(self, freeswitch_port: int) -> str:
        """Write into the tables: accounts 1000 to 1099 with PASSWORD, and the address of FreeSWITCH."""
        with (self._tables / "subscriber").open("a") as file:
            file.writelines(f"{at}:{999 + at}:{self.domain}:{PASSWORD}:x:x\n" for at in range(1, 101))
        with (self._tables / "address").open("a") as file:
            file.write(f"1:1:127.0.0.1:32:{freeswitch_port}:fs\n")
        return f'loadmodule "db_text.so"\n#!define DBURL "text://{self._tables}"\n'


def _replaced(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
    return text.replace(old, new)
