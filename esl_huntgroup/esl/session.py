"""
One call's event socket: the outbound session of greenswitch, with its unhappy paths cured.

What is cured in the stream of bytes and messages is in ``stream``; here is what concerns a call. Each comment that
begins with "Cures" names the defect of greenswitch 0.0.19 that is cured there.
"""

from __future__ import annotations

import re
import time
from typing import Any

from greenswitch.esl import OutboundSession

from esl_huntgroup.errors import CommandRefused, OnlyAsked, ProtocolError, SwitchGone
from esl_huntgroup.esl import greeting
from esl_huntgroup.esl.stream import EventSocket
from esl_huntgroup.esl.wire import COMMAND_REPLY, Message, command, execute

_CHANNEL = re.compile(r"(?!.*:_:)[A-Za-z0-9_.:@+-]{1,255}", re.ASCII)
"""A uuid, unless somebody has set origination_uuid to something of their own."""


class CallSession(EventSocket, OutboundSession):  # type: ignore[misc]  # greenswitch has no types
    """The event socket of one call."""

    def __init__(self, client_address: Any, sock: Any) -> None:
        """Take over the socket of a new connection. Does not read or write."""
        # Cures "three greenlets a call and a one-second poll", "unbounded event queue": the constructor of
        # greenswitch starts two greenlets and a buffered reader, so it is not called.
        EventSocket.__init__(self, sock)
        self.client_address = client_address
        self.session_data: Message | None = None

    def connect(self, timeout_s: float = 5.0) -> Message:
        """
        Take control of the call and return the channel data.

        Raises ProtocolError if the answer is no channel, or one whose name could be more than one word of a command,
        and OnlyAsked if it is the question of ``check``, which ``tell_version`` answers.
        """
        # Cures "connect of a silent peer is held for ever" and "splits with splitlines() what it has unquoted".
        (answer,) = self.exchange([command("connect")], timeout_s)
        if greeting.is_question(answer):
            raise OnlyAsked("somebody asked who listens here")
        if answer.content_type != COMMAND_REPLY or not _CHANNEL.fullmatch(answer.get("Unique-ID") or ""):
            raise ProtocolError(f"the answer to connect is not a channel: {answer!r}")
        self.session_data = answer
        return answer

    def tell_version(self, version: str, timeout_s: float = 5.0) -> None:
        """Say who listens here to who has asked instead of bringing a call. Raises SwitchError."""
        self._write(greeting.answer_with(version), time.monotonic() + timeout_s)

    def call_command(
        self, app_name: str, app_args: str | None = None, block: bool = False, response_timeout: float | None = None
    ) -> Message:
        """Queue one application; the switch answers at once. ``block`` is refused: wait for the event by its UUID."""
        # Cures "the end of an application is matched by its name", "a stale waiter takes the next completion".
        if block:
            raise NotImplementedError("wait for CHANNEL_EXECUTE_COMPLETE with the Application-UUID instead")
        (reply,) = self.exchange([execute(app_name, app_args or "")], response_timeout or 5.0)
        if reply.reply.startswith("-ERR"):
            raise CommandRefused(f"{app_name}: {reply.reply}")
        return reply

    def linger(self, timeout: int | None = None) -> Message:
        """Ask the switch to keep the socket after the hang-up. Without seconds it would be for ever: refused."""
        if timeout is None:
            raise ValueError("linger without seconds keeps the channel of the switch locked for ever")
        return self.send(f"linger {timeout}")

    @property
    def uuid(self) -> str:
        """The ``Unique-ID`` of the caller's channel. Raises SwitchGone before ``connect``."""
        # Cures "session.uuid": variable_uuid is a variable that the dialplan may set.
        if self.session_data is None:
            raise SwitchGone("not connected to a channel yet")
        return self.session_data.get("Unique-ID") or ""

    bridge = playback = say = play_and_get_digits = uuid_break = EventSocket._refused
    while_connected = myevents = register_expected_event = EventSocket._refused
