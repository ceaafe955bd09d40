"""The switch and the services of the experiment: those of the end-to-end tests, each on a host of its own."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from tests.e2e.freeswitch import FreeSwitch
from tests.e2e.service import Service
from tests.netcut.network import SERVICE_ADDRESS, SWITCH_ADDRESS

LOOPBACK_ONLY = '<param name="listen-ip" value="127.0.0.1"/>'
FOR_BOTH_HOSTS = '<param name="listen-ip" value="0.0.0.0"/><param name="apply-inbound-acl" value="lab"/>'
LAB = '<node type="allow" cidr="127.0.0.0/8"/>'


class DistantSwitch(FreeSwitch):
    """
    A switch whose event socket is reached from the other host, too.

    ``services`` is where its dialplan expects the services, as it is written there.
    """

    rtp_ports = 10_000

    def __init__(self, folder: Path, services: str, *, is_fast: bool) -> None:
        self._services = services
        super().__init__(folder, is_fast=is_fast)

    def _write_configuration(self) -> None:
        super()._write_configuration()
        conf = self.folder / "conf"
        _edit(
            conf / "freeswitch.xml",
            (LOOPBACK_ONLY, FOR_BOTH_HOSTS),
            (LAB, f'{LAB}<node type="allow" cidr="{SERVICE_ADDRESS}/32"/>'),
        )
        _edit(
            conf / "dialplan" / "00_huntgroup.xml",
            ('"huntgroup_service="', f'"huntgroup_service={self._services}"'),
        )

    @property
    def pid(self) -> int:
        """The process id of the switch."""
        return self._process.pid


class DistantService(Service):
    """A service on a host of its own, which ``inside`` leads to; its database is the folder's."""

    def __init__(self, folder: Path, address: str, port: int, inside: Sequence[str], database: str = "") -> None:
        super().__init__(folder, database)
        self._inside = list(inside)
        self.port = port
        self._environment["ESL_HUNTGROUP_LISTEN"] = f"{address}:{port}"
        self._environment["ESL_HUNTGROUP_LOG_LEVEL"] = "info"
        self._environment["ESL_HUNTGROUP_ALLOWED_PEERS"] = f"127.0.0.1,{SWITCH_ADDRESS}"

    def witness(self, *event_sockets: int) -> None:
        """Have the second witness listen to the switch at its address in the network."""
        super().witness(*event_sockets)
        addresses = ",".join(f"{SWITCH_ADDRESS}:{port}" for port in event_sockets)
        self._environment["ESL_HUNTGROUP_ESL_ADDRESS"] = addresses

    def _command(self, *arguments: str) -> list[str]:
        return [*self._inside, sys.executable, "-m", "esl_huntgroup", *arguments]


def _edit(file: Path, *changes: tuple[str, str]) -> None:
    text = file.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, f"{file.name} has no {old}"
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")
