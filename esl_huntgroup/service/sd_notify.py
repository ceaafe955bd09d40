"""What the service tells systemd (sd_notify), and what systemd has opened for it (socket activation)."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import MutableMapping
from typing import Final

from esl_huntgroup.errors import SettingsError

FIRST_DESCRIPTOR: Final = 3
"""SD_LISTEN_FDS_START: systemd passes sockets from here on (sd_listen_fds(3))."""


class Notifier:
    """Tells systemd what the service is doing (sd_notify(3)). Without systemd it tells nobody."""

    def __init__(self, environment: MutableMapping[str, str]) -> None:
        """Take the address out of the environment: no process of ours has anything to say there but this one."""
        self._address = environment.pop("NOTIFY_SOCKET", "")
        for name in ("WATCHDOG_PID", "WATCHDOG_USEC"):
            environment.pop(name, None)

    def tell(self, *assignments: str) -> None:
        """Send assignments such as ``READY=1``. Never waits and never raises: systemd has its own time limits."""
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.sendto("\n".join(assignments).encode(), address)


def activated_sockets(environment: MutableMapping[str, str]) -> list[socket.socket]:
    """
    Return the listening sockets that systemd passed, none if it passed none; takes the variables out.

    Raises SettingsError for anything that is no listening stream socket.
    """
    process, count = environment.pop("LISTEN_PID", ""), environment.pop("LISTEN_FDS", "")
    environment.pop("LISTEN_FDNAMES", None)
    if process != str(os.getpid()) or not count.isdigit():
        return []
    return [_listening(descriptor) for descriptor in range(FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + int(count))]


def _listening(descriptor: int) -> socket.socket:
    try:
        sock = socket.socket(fileno=descriptor)
        is_listening = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise SettingsError(f"LISTEN_FDS: file descriptor {descriptor} is no socket: {error.strerror}") from None
    if not is_listening or sock.type != socket.SOCK_STREAM or sock.family not in (socket.AF_INET, socket.AF_INET6):
        raise SettingsError(
            f"LISTEN_FDS: file descriptor {descriptor} is no listening TCP socket; ListenStream=HOST:PORT makes one"
        )
    os.set_inheritable(descriptor, False)
    return sock
