"""Sees that a channel is parked, before which letting go of its socket would leave the caller parked for ever."""

from __future__ import annotations

from typing import Final

import gevent

from esl_huntgroup.calls import esl_commands
from esl_huntgroup.calls.enquiries import Exchange
from esl_huntgroup.calls.inbound_call import InboundCall
from esl_huntgroup.errors import SwitchTimeout
from esl_huntgroup.esl.wire import Message

POLL_S: Final = 0.002
POLLS_MAX: Final = 500
BLIND_WAIT_S: Final = 0.1
"""How long parking may take where the dialplan gives no way to see it (no ``park_timeout``)."""


def await_park(exchange: Exchange, inbound: InboundCall, answer: Message) -> None:
    """
    Wait until the channel is parked; ``answer`` is that to ``esl_commands.ask_parked``, which is asked again.

    ``park_timeout``, which parking removes, shows it (mod_event_socket.c, socket_function). A channel whose socket is
    without ``async`` is never parked. Raises SwitchError.
    """
    if inbound.is_static:
        return
    if not inbound.parks_visibly or answer.reply.startswith("-ERR"):
        gevent.sleep(BLIND_WAIT_S)
        return
    for _ in range(POLLS_MAX):
        if answer.reply != inbound.park_timeout:
            return
        gevent.sleep(POLL_S)
        (answer,) = exchange([esl_commands.ask_parked(inbound.channel_uuid)])
    raise SwitchTimeout("the switch does not park the channel")
