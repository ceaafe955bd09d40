"""
PURE: what a call tells the switch, as the bytes of event-socket commands.

Which of them are told, when, and in one write with which others, is in ``controller``.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Final

from esl_huntgroup.calls.dialstring import RINGING
from esl_huntgroup.calls.joining import LATE
from esl_huntgroup.calls.ring_plan import PLANS_KNOWN_MAX
from esl_huntgroup.esl.wire import api, command
from esl_huntgroup.fsxml.contract import FALLBACK
from esl_huntgroup.model.group import Line, Overflow, OverflowAction
from esl_huntgroup.registrars.lookups import LookUp
from esl_huntgroup.registrars.registrar import Registrar

LINGER_S: Final = 30
"""How long the switch keeps the socket after the ringing for us to read the last events; we leave much sooner."""
GUARD: Final = "huntgroup"
"""The scheduler's group of watchdog and guard is this and the caller's uuid; the dialplan names it as well."""

ARRIVED: Final = {"endpoint_disposition": "", "transfer_to": ""}
"""Removed from a channel that has taken the place of another: it inherited them, and the transfer is over."""

CONNECT: Final = command("connect")
EVENTS: Final = command("event plain CHANNEL_BRIDGE CHANNEL_EXECUTE_COMPLETE CHANNEL_HANGUP_COMPLETE")
EXIT: Final = command("exit")


def bridge_uuid(call_id: str) -> str:
    """Return the id under which the bridge of a call is executed, and by which its end is known."""
    return f"{call_id[:-4]}ffff"


def subscribe(uuid: str, ring_s: int = 0) -> list[bytes]:
    """
    Return what keeps the socket open to the end of the call, and has it told what happens to the caller.

    ``ring_s`` is how long it may ring: a caller who transfers the ringing call is gone before it is decided.
    """
    return [command(f"linger {ring_s + LINGER_S}"), EVENTS, command(f"filter Unique-ID {uuid}")]


def ask_parked(uuid: str) -> bytes:
    """Return the question whose answer changes when the channel is parked."""
    return api(f"uuid_getvar {uuid} park_timeout")


def ask_existence(uuid: str) -> bytes:
    """Return the question whether the channel is still there; the answer is ``true`` or ``false``."""
    return api(f"uuid_exists {uuid}")


def dump(uuid: str) -> bytes:
    """Return the question for all that the switch knows of a channel; ``esl.dump`` reads the answer."""
    return api(f"uuid_dump {uuid} json")


def move_on(uuid: str, overflow: Overflow) -> bytes:
    """Return what sends a channel that we do not control where the overflow says."""
    match overflow.action:
        case OverflowAction.DIALPLAN:
            return api(f"uuid_transfer {uuid} {FALLBACK}")
        case OverflowAction.TRANSFER:
            return api(f"uuid_transfer {uuid} {overflow.target}")
        case OverflowAction.RESPOND:
            return api(f"uuid_transfer {uuid} respond:{overflow.target} inline")


def tell_ringing(uuid: str) -> bytes:
    """Return what sends the caller a 180."""
    return api(f"uuid_ring_ready {uuid}")


@functools.lru_cache(PLANS_KNOWN_MAX)
def questions(registrar: Registrar, lines: tuple[Line, ...], marker: str) -> tuple[bytes, ...]:
    """Return what asks for the contacts of the lines; ``marker`` as the registrar wants it."""
    return tuple([api(question) for question in registrar.questions(lines, marker)])


@functools.lru_cache(PLANS_KNOWN_MAX)
def lookups(registrar: Registrar, lines: tuple[Line, ...]) -> tuple[LookUp, ...]:
    """Return what others than the switch are asked about the lines."""
    return tuple(registrar.lookups(lines))


def set_variables(uuid: str, variables: Mapping[str, str]) -> bytes:
    """Return what sets channel variables; "" removes one."""
    pairs = ";".join([f"{name}={value}" for name, value in variables.items()])
    return api(f"uuid_setvar_multi {uuid} {pairs}")


def cancel_tasks(uuid: str) -> bytes:
    """Cancel the dialplan's watchdog or our guard, which are in one group, and no other task of the caller."""
    return api(f"sched_del {GUARD}-{uuid}")


def end_ringing(call_id: str) -> bytes:
    """Return what cancels the legs of this call that nobody has answered; each phone shows a missed call then."""
    return api(_end_ringing(call_id))


def end_ringing_later(uuid: str, after_s: int, call_id: str) -> bytes:
    """Have the switch itself do that after so many seconds of its clock: this service may be dead or frozen by then."""
    return api(f"sched_api +{after_s} {GUARD}-{uuid} {_end_ringing(call_id)}")


def kill(uuid: str, cause: str) -> bytes:
    """Return what ends a channel with this cause."""
    return api(f"uuid_kill {uuid} {cause}")


def kill_later(uuid: str, after_s: int, leg_uuid: str, cause: str) -> bytes:
    """Have the switch itself end a channel, as a task of this caller."""
    return api(f"sched_api +{after_s} {GUARD}-{uuid} uuid_kill {leg_uuid} {cause}")


def end_late(call_id: str, cause: str) -> bytes:
    """Return what ends every late phone of a call but the one that has it."""
    return api(f"hupall {cause} {LATE} {call_id}")


def connect_with(uuid: str, other_uuid: str) -> bytes:
    """Return what connects two channels that are up."""
    return api(f"uuid_bridge {uuid} {other_uuid}")


def _end_ringing(call_id: str) -> str:
    # Not NO_ANSWER, with which FreeSWITCH's own limit ends them: a phone that is told Q.850;cause=19 shows no call.
    return f"hupall ORIGINATOR_CANCEL {RINGING} {call_id}"


def set_guard(uuid: str, guard_s: int) -> bytes:
    """
    Have the switch itself look after a caller whose ringing ends while this service is frozen.

    Only one whom nobody has talked to since goes to the fallback: neither who was answered nor who was picked up.
    ``uuid`` must be a plain one (``Arrival.has_plain_uuid``): it becomes part of an expression.
    """
    unless_talked_to = f"${{cond('${{variable_last_bridge_to}}' == '' ? {uuid} : nobody)}}"
    transfer = f"expand uuid:{uuid} uuid_transfer {unless_talked_to} {FALLBACK}"
    return api(f"sched_api +{guard_s} {GUARD}-{uuid} {transfer}")
