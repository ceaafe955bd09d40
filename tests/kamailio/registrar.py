"""A Kamailio of Debian with what ``kamailio/README.md`` says to add, and more of what a site may have around it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
from pathlib import Path

from tests.e2e import sip
from tests.e2e.kamailio import BINARY, SHIPPED, Kamailio, _replaced

SCHEMAS = Path("/usr/share/kamailio")
TABLES = ("standard", "usrloc")
"""What usrloc needs of them."""
MODULES = {
    "websocket": "kamailio-websocket-modules",
    "db_sqlite": "kamailio-sqlite-modules",
    "db_postgres": "kamailio-postgres-modules",
    "evapi": "kamailio-extra-modules",
}
"""Module → the Debian package that has it."""
SAVE = """\tif (!save("location")) {
\t\tsl_reply_error();
\t}
"""
SAVE_AND_TELL = SAVE.rstrip("\n") + " else {\n\t\troute(HUNTGROUP_REGISTERED);\n\t}\n"
INCLUDED = 'include_file "huntgroup.cfg"\ninclude_file "late-registration.cfg"\n'
"""What ``kamailio/README.md`` says to change for ``late-registration.cfg``."""


def missing_packages() -> list[str]:
    """Return the packages of modules that tests want, and that are not there."""
    there = {module.stem for module in Path("/usr/lib").glob("*/kamailio/modules/*.so")}
    return [package for module, package in MODULES.items() if module not in there]


class Registrar(Kamailio):
    """
    One Kamailio. ``websocket`` has it take phones by WebSocket at the port of the RPC.

    With ``notices``, it tells of registrations at ``notices_port``, as ``late-registration.cfg`` has it, to
    whoever connects from the address of the ``listener``.

    With ``database`` (``postgres://…``; ``sqlite`` is a file of its own) usrloc keeps there, in this mode, who is
    registered. ``switches`` are the ports of those that take over when the first one is gone.
    """

    def __init__(
        self,
        folder: Path,
        domain: str,
        freeswitch_port: int,
        *defines: str,
        websocket: bool = False,
        notices: bool = False,
        listener: str = "127.0.0.1",
        database: str = "",
        db_mode: int = 1,
        switches: tuple[int, ...] = (),
    ) -> None:
        self._notices, self._database, self._db_mode = notices, database, db_mode
        self.notices_port = sip.free_port(socket.SOCK_STREAM)
        self._listener = listener
        super().__init__(folder, domain, freeswitch_port, *defines, takes_websocket=websocket, other_switches=switches)

    def kill(self) -> None:
        """End it as a crash does."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def freeze(self) -> None:
        """Have all of it stand still: the kernel takes packets and connections, and nobody answers."""
        os.killpg(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.killpg(self._process.pid, signal.SIGCONT)

    def tcp_processes(self) -> list[int]:
        """Return the processes that answer what comes by TCP, which the RPC does; SIP by UDP does not need them."""
        lines = self.command("ps").splitlines()
        return [int(pid) for pid, _, what in (line.partition("\t") for line in lines) if what.startswith("tcp ")]

    def command(self, *words: str) -> str:
        """Return what Kamailio answers to a command of its own tool."""
        command = [str(Path(BINARY).with_name("kamcmd")), "-s", f"unix:{self._folder / 'run' / 'kamailio_ctl'}", *words]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout

    def forget(self, *accounts: str) -> None:
        """Take back every registration of these accounts."""
        for account in accounts:
            self.command("ul.rm", "location", f"s:{account}")

    def register(self, account: str, contact: str) -> None:
        """Register a contact from nowhere in particular."""
        sip.register(self.address, account, self.domain, contact)

    def _write(self, freeswitch_port: int, defines: tuple[str, ...], numbers: str) -> None:
        super()._write(freeswitch_port, defines, numbers)
        if self._notices:
            shutil.copy(SHIPPED / "late-registration.cfg", self._folder)
            self._edit("late-registration.cfg", "10.0.0.1:8461", f"127.0.0.1:{self.notices_port}")
            self._edit("late-registration.cfg", '"10.0.0.5"', f'"{self._listener}"')
            self._edit("kamailio.cfg", SAVE, SAVE_AND_TELL)
            self._edit("kamailio.cfg", 'include_file "huntgroup.cfg"\n', INCLUDED)
        if self._database:
            with (self._folder / "kamailio.cfg").open("a") as file:
                file.write(self._usrloc(self._database))

    def _edit(self, name: str, old: str, new: str) -> None:
        file = self._folder / name
        text = file.read_text(encoding="utf-8", errors="surrogateescape")
        file.write_text(_replaced(text, old, new), encoding="utf-8", errors="surrogateescape")

    def _usrloc(self, url: str) -> str:
        module = "db_postgres"
        if url == "sqlite":
            module, file = "db_sqlite", self._folder / "location.sqlite"
            url = f"sqlite:///{file}"
            with sqlite3.connect(file) as db:
                for name in TABLES:
                    db.executescript((SCHEMAS / "db_sqlite" / f"{name}-create.sql").read_text())
            db.close()
        return (
            f'\nloadmodule "{module}.so"\nmodparam("usrloc", "db_url", "{url}")\n'
            f'modparam("usrloc", "db_mode", {self._db_mode})\n'
        )
