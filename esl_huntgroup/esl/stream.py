"""
A connected event socket: writes commands, reads until their replies are there, keeps the events that came between.

The greenlet that uses it owns it; nothing runs beside. So an end of file, a reset and every deadline reach the one who
waits, as SwitchGone and SwitchTimeout. Shared by the socket of a call (``session``) and the one to the switch
(``inbound``). Each comment that begins with "Cures" names the defect of greenswitch 0.0.19 that is cured there.
"""

from __future__ import annotations

import socket as native_socket
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from gevent import socket

from esl_huntgroup.errors import CommandRefused, ProtocolError, SwitchGone, SwitchTimeout
from esl_huntgroup.esl.deadline import Deadline
from esl_huntgroup.esl.wire import API_RESPONSE, COMMAND_REPLY, DISCONNECT_NOTICE, Decoder, Message, command

RECEIVE_BYTES: Final = 65536
PENDING_MAX: Final = 1000
"""A call subscribes to three kinds of event; a thousand at a time is a broken peer."""
KEEPALIVE_IDLE_S: Final = 30
KEEPALIVE_INTERVAL_S: Final = 10
KEEPALIVE_PROBES: Final = 3
DEAD_AFTER_S: Final = KEEPALIVE_IDLE_S + KEEPALIVE_INTERVAL_S * KEEPALIVE_PROBES
"""After so much silence of a peer a connection is broken, also one on which something waits to be acknowledged."""

_REPLIES = (COMMAND_REPLY, API_RESPONSE)


class EventSocket:
    """
    Bytes out, messages in.

    Every method that waits takes its deadline in seconds and raises SwitchTimeout when it has passed, SwitchGone
    when the connection ended, and ProtocolError when the peer sent something else than the protocol.
    """

    pending_max = PENDING_MAX
    """Events kept while a reply is awaited. More are a ProtocolError."""

    def __init__(self, sock: Any) -> None:
        """
        Take over a connected gevent socket. Does not read or write.

        ``has_heard`` becomes true with the first byte, ``is_dismissed`` when the switch has said that this socket is
        over.
        """
        self.sock = sock
        self.connected = True
        self.has_heard = False
        self.is_dismissed = False
        self._decoder = Decoder()
        self._messages: deque[Message] = deque()
        self._owed = 0
        self._is_asked_for_long = False
        self._alarm = Deadline()
        sock.settimeout(None)

    @property
    def is_busy(self) -> bool:
        """Whether the switch is at work on a command whose reply was not waited for, and hears no other meanwhile."""
        return self._is_asked_for_long or self._owed > 0

    def exchange(self, commands: Sequence[bytes], timeout_s: float, *, later: int = 0) -> list[Message]:
        """
        Send commands in one write and return their replies, in the same order.

        Events that arrive in between are kept for ``next_message``. A reply that says ``-ERR`` is returned like
        any other: what it means is for the caller to say. The replies to the last ``later`` commands are not waited
        for: they come when the switch has done what was asked, and are skipped then.
        """
        # Cures "no time-out on any command", "an unasked reply kills the reader" and "send, not sendall".
        deadline = time.monotonic() + timeout_s
        self._is_asked_for_long = later > 0
        self._write(b"".join(commands), deadline)
        owed, awaited = self._owed, self._owed + len(commands) - later
        replies: list[Message] = []
        kept: list[Message] = []
        try:
            while len(replies) < awaited:
                for message in self._read(deadline):
                    (replies if message.content_type in _REPLIES else kept).append(message)
                if len(kept) > self.pending_max:
                    raise ProtocolError(f"more than {self.pending_max} events while a reply was awaited")
        finally:
            self._messages.extend(kept)
        self._owed = awaited + later - len(replies)
        self._is_asked_for_long = False
        if self._owed < 0:
            raise ProtocolError(f"a reply that nobody asked for: {replies[-1].reply[:80]!r}")
        return replies[owed:awaited]

    def next_message(self, timeout_s: float) -> Message:
        """Return the next event or notice. A reply that nobody asked for is a ProtocolError."""
        deadline = time.monotonic() + timeout_s
        while True:
            if not self._messages:
                self._messages.extend(self._read(deadline))
            message = self._messages.popleft()
            if message.content_type not in _REPLIES:
                return message
            if not self._owed:
                raise ProtocolError(f"a reply that nobody asked for: {message.reply[:80]!r}")
            self._owed -= 1

    def read(self, timeout_s: float) -> list[Message]:
        """Return whatever comes next, at least one message: for one who keeps count of the replies (``shared``)."""
        if self._messages:
            found = list(self._messages)
            self._messages.clear()
            return found
        return self._read(time.monotonic() + timeout_s)

    def send(self, data: str, timeout_s: float = 5.0) -> Message:
        """Send one command line and return its reply. Raises CommandRefused for ``-ERR``, ValueError for a bad line."""
        # Cures "-ERR is never raised" and the injection of a second command.
        (reply,) = self.exchange([command(data)], timeout_s)
        if reply.reply.startswith("-ERR"):
            raise CommandRefused(f"{data.split(' ', 1)[0]}: {reply.reply}")
        return reply

    def stop(self) -> None:
        """Close the socket. Never raises, may be called twice."""
        # Cures "end of file never wakes who waits; the slot leaks": nothing else waits on this socket.
        self.connected = False
        self._alarm.close()
        self.sock.close()

    def _refused(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Raise NotImplementedError: the stock method waits without a deadline or matches the wrong completion."""
        raise NotImplementedError("not safe in greenswitch 0.0.19; use exchange() and next_message()")

    register_handle = unregister_handle = start_event_handlers = _refused
    receive_events = process_events = handle_event = _refused

    def _read(self, deadline: float) -> list[Message]:
        """Return the messages that come next, at least one."""
        while True:
            data = self._receive(deadline)
            if not data:
                # Cures "end of file inside a body loops for ever" and "events queued at end of file are dropped":
                # complete messages were handed out before this point is reached.
                raise SwitchGone(self._how_it_ended())
            self.has_heard = True
            if messages := self._decoder.receive(data):
                # Cures "the linger notice fails all waiters and the final events are lost": it is only noted.
                self.is_dismissed = self.is_dismissed or DISCONNECT_NOTICE in [it.content_type for it in messages]
                return messages

    def _how_it_ended(self) -> str:
        self.connected = False
        if unfinished := self._decoder.incomplete_bytes:
            return f"the connection ended inside a message ({unfinished} bytes of it had come)"
        return "the connection ended"

    def _receive(self, deadline: float) -> bytes:
        try:
            with self._alarm.until(deadline):
                return bytes(self.sock.recv(RECEIVE_BYTES))
        except TimeoutError:
            return self._receive_what_is_here()
        except OSError as error:
            self.connected = False
            raise SwitchGone(f"the connection broke: {error.strerror or error}") from None

    def _receive_what_is_here(self) -> bytes:
        """After the deadline: a process that was stopped meanwhile finds the time over and the answer waiting."""
        try:
            self.sock.settimeout(0)
            return bytes(self.sock.recv(RECEIVE_BYTES))
        except BlockingIOError:
            raise SwitchTimeout("no answer within the deadline") from None
        except OSError as error:
            self.connected = False
            raise SwitchGone(f"the connection broke: {error.strerror or error}") from None
        finally:
            self.sock.settimeout(None)

    def _write(self, data: bytes, deadline: float) -> None:
        try:
            with self._alarm.until(deadline):
                sent = self.sock.send(data)
                if sent < len(data):
                    self.sock.sendall(data[sent:])
        except TimeoutError:
            raise SwitchTimeout("the peer does not read") from None
        except OSError as error:
            self.connected = False
            raise SwitchGone(f"the connection broke: {error.strerror or error}") from None


def prepare(sock: Any) -> None:
    """
    Make a TCP socket send small commands at once, and notice a dead peer after about a minute of silence.

    On a listening socket it is done for every connection that will be accepted (Linux).
    """
    # Cures "no NODELAY, no keepalive".
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(native_socket, "TCP_KEEPIDLE"):
        sock.setsockopt(socket.IPPROTO_TCP, native_socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_S)
        sock.setsockopt(socket.IPPROTO_TCP, native_socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S)
        sock.setsockopt(socket.IPPROTO_TCP, native_socket.TCP_KEEPCNT, KEEPALIVE_PROBES)
    if hasattr(native_socket, "TCP_USER_TIMEOUT"):
        # Keepalive is silent as long as something is unacknowledged; the kernel would repeat that for 15 minutes.
        sock.setsockopt(socket.IPPROTO_TCP, native_socket.TCP_USER_TIMEOUT, DEAD_AFTER_S * 1000)
