"""The service's own connection to the switch: greenswitch's inbound client, with deadlines, for asking questions."""

from __future__ import annotations

from typing import Any

from gevent import socket
from greenswitch.esl import InboundESL

from esl_huntgroup.errors import SwitchError, SwitchGone, SwitchTimeout
from esl_huntgroup.esl.stream import EventSocket, prepare
from esl_huntgroup.esl.wire import AUTH_REQUEST, RUDE_REJECTION, api, command


class InboundSession(EventSocket, InboundESL):  # type: ignore[misc]  # greenswitch has no types
    """An authenticated connection to mod_event_socket; a context manager that closes it."""

    def __init__(self, host: str, port: int, password: str, timeout_s: float = 5.0) -> None:
        """Note where to connect to; ``connect`` does it. The password is never shown. ``timeout_s`` is per exchange."""
        self._address = (host, port)
        self._password = password
        self.timeout_s = timeout_s

    def connect(self) -> None:
        """
        Connect and authenticate.

        Raises SwitchGone when nobody listens there or the switch refuses this address, SwitchTimeout when it does not
        answer, SwitchError for a wrong password.
        """
        # Cures "connect is held for ever by a silent peer" and "a rude rejection looks like a wrong password".
        host, port = self._address
        try:
            sock = socket.create_connection(self._address, timeout=self.timeout_s)
        except TimeoutError:
            raise SwitchTimeout(f"{host} port {port} does not answer") from None
        except OSError as error:
            raise SwitchGone(f"{host} port {port}: {error.strerror or error}") from None
        prepare(sock)
        EventSocket.__init__(self, sock)
        try:
            self._authenticate(f"{host} port {port}")
        except BaseException:  # also when the greenlet is ended
            self.stop()
            raise

    def _authenticate(self, where: str) -> None:
        greeting = self.next_message(self.timeout_s)
        if greeting.content_type == RUDE_REJECTION:
            raise SwitchGone(f"{where} refuses this address (apply-inbound-acl in event_socket.conf.xml)")
        if greeting.content_type != AUTH_REQUEST:
            raise SwitchError(f"{where} is no event socket: it says {greeting.content_type!r}")
        (reply,) = self.exchange([command(f"auth {self._password}")], self.timeout_s)
        if not reply.reply.startswith("+OK"):
            raise SwitchError(f"{where} refuses the password (password in event_socket.conf.xml)")

    def api(self, line: str) -> str:
        """Run one api command and return what it printed. Raises SwitchError."""
        (answer,) = self.exchange([api(line)], self.timeout_s)
        return answer.text()

    def __enter__(self) -> InboundSession:
        """Connect."""
        self.connect()
        return self

    def __exit__(self, *_: Any) -> None:
        """Close the connection."""
        self.stop()
