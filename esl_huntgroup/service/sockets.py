"""The listening sockets of the service: bound as the settings say, or given by systemd; workers inherit them."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from esl_huntgroup.esl.listener import bind
from esl_huntgroup.settings import Address


class Listeners:
    """The sockets on which callers arrive. Those that systemd gave are its own: no setting moves them."""

    def __init__(self, given: Sequence[socket.socket] = ()) -> None:
        """Take what systemd has opened; without that, ``move`` binds."""
        self._given = list(given)
        self._bound: dict[Address, socket.socket] = {}

    def move(self, addresses: Sequence[Address]) -> None:
        """
        Listen on these addresses and no others; an address that stays keeps its socket, and who waits in its queue.

        Raises SettingsError, naming the address, if one cannot be bound; everything is then as it was.
        """
        if self._given:
            return
        fresh: dict[Address, socket.socket] = {}
        try:
            for address in addresses:
                if address not in self._bound and address not in fresh:
                    fresh[address] = bind(*address, beside=self._at_port(address[1]))
        except BaseException:
            for sock in fresh.values():
                sock.close()
            raise
        for address in self._bound.keys() - set(addresses):
            self._bound.pop(address).close()
        self._bound |= fresh

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The descriptors that a worker inherits."""
        return tuple(sock.fileno() for sock in self._sockets())

    def close(self) -> None:
        """Let go of the sockets. What systemd gave goes on listening: callers wait there for the next service."""
        for sock in self._sockets():
            sock.close()
        self._given, self._bound = [], {}

    def __str__(self) -> str:
        """Return the addresses, with the real port where 0 was asked for."""
        names = [sock.getsockname() for sock in self._sockets()]
        return " ".join(f"{name[0]}:{name[1]}" for name in names)

    def _at_port(self, port: int) -> list[socket.socket]:
        return [sock for sock in self._bound.values() if sock.getsockname()[1] == port]

    def _sockets(self) -> list[socket.socket]:
        return [*self._given, *self._bound.values()]
