"""
One call of somebody who dials for a pickup: asks the switch what rings, the directory what is allowed, and joins.

The dialplan sends it to the service with ``huntgroup_pickup``; ``pickup`` decides, this carries.
"""

from __future__ import annotations

import logging
import time
from typing import Final

import gevent

from esl_huntgroup.calls import esl_commands, pickup
from esl_huntgroup.calls.context import CallContext
from esl_huntgroup.calls.dialstring import PICKUP
from esl_huntgroup.calls.inbound_call import InboundCall
from esl_huntgroup.calls.joining import Key, pickup_uuids
from esl_huntgroup.calls.parking import await_park
from esl_huntgroup.calls.peers import SECRET_VARIABLE
from esl_huntgroup.calls.pickup import Refusal, RingingCall
from esl_huntgroup.errors import DatabaseError, InputError, SwitchError
from esl_huntgroup.esl.session import CallSession
from esl_huntgroup.esl.wire import Message, api, execute
from esl_huntgroup.model.group import HuntGroup
from esl_huntgroup.model.numbers import normal_number

log = logging.getLogger(__name__)

JOINS_WITHIN_S: Final = 5.0
RINGS_WITHIN_S: Final = 2.0
POLL_S: Final = 0.1
REFUSED_TONE: Final = "%(250,250,480,620)|2"
"""The tone of a call that cannot be made, for as long as the phone shows why."""


class PickupCall:
    """A session that is connected, and what is to be picked up."""

    def __init__(self, session: CallSession, inbound: InboundCall, wanted: str, ctx: CallContext) -> None:
        """Take over a session that is connected; ``wanted`` is what was dialled behind the code."""
        self._session = session
        self._inbound = inbound
        self._ctx = ctx
        self._uuid = inbound.channel_uuid
        try:
            self._wanted = normal_number(wanted)
        except InputError:
            self._wanted = ""

    def run(self) -> None:
        """Join the oldest call that may be picked up, or refuse. Raises SwitchError."""
        self._control()
        user = self._ctx.directory.user_at(self._inbound.caller_address) if self._inbound.caller_address else None
        if user is None or user.user_id is None:
            self._refuse(pickup.NOBODY)
            return
        found = self._wait_for_calls(user.user_id)
        if isinstance(found, Refusal):
            self._refuse(found, user.name)
            return
        for call in found:
            if self._joins(call):
                log.info(
                    "pickup: call=%s group=%s@%s by=%r", call.key.call_id, call.key.number, call.key.domain, user.name
                )
                return
        self._refuse(pickup.TOO_LATE, user.name)

    def _control(self) -> None:
        """Hear of what this channel executes, once it is parked. Raises SwitchError."""
        commands = [esl_commands.ask_parked(self._uuid), *esl_commands.subscribe(self._uuid), *self._hidden()]
        await_park(self._exchange, self._inbound, self._exchange(commands)[0])

    def _hidden(self) -> list[bytes]:
        return [esl_commands.set_variables(self._uuid, {SECRET_VARIABLE: ""})] if self._ctx.secret else []

    def _wait_for_calls(self, user_id: int) -> list[RingingCall] | Refusal:
        """Ask until something rings there, for a moment: the switch's own list of channels lags."""
        deadline = time.monotonic() + RINGS_WITHIN_S
        while (found := self._calls(user_id)) is pickup.NOTHING_RINGS and time.monotonic() < deadline:
            gevent.sleep(POLL_S)
        return found

    def _calls(self, user_id: int) -> list[RingingCall] | Refusal:
        """Return the calls that the user may pick up there, the oldest first, or why there is none."""
        directory, domain = self._ctx.directory, self._inbound.domain
        group = self._group(domain, self._wanted)
        line = "" if group else directory.line_at(domain, self._wanted)
        if not group and not line:
            return pickup.NO_TARGET
        (answer,) = self._exchange([api(f"show channels like {PICKUP} as json")])
        calls = list(pickup.ringing_calls(pickup.read_rows(answer.text())))
        calls = [call for call in calls if group is None or pickup.is_of_group(call, group)][: pickup.CALLS_MAX]
        calls = self._ringing(calls)
        answers = self._exchange([api(f"show channels like {call.key.call_id[:-4]} as json") for call in calls])
        found = []
        for call, told in zip(calls, answers, strict=True):
            lines = pickup.rings_at(call, pickup.read_rows(told.text()))
            if group or line in lines:
                found.append((call, lines if group else (line,), group or self._group(*_of(call.key))))
        if not found:
            return pickup.NOTHING_RINGS
        others = {line for _, lines, its_group in found for line in lines if not pickup.is_member(user_id, its_group)}
        rights = directory.may_pick_up(user_id, others) if others else frozenset()
        return pickup.allowed(found, user_id, rights) or pickup.NO_RIGHT

    def _ringing(self, calls: list[RingingCall]) -> list[RingingCall]:
        """Return those that still have their pickup leg; the switch's own list of channels lags."""
        legs = [(call, leg) for call in calls for leg in pickup_uuids(call.key.call_id)]
        answers = self._exchange([esl_commands.ask_existence(leg) for _, leg in legs])
        there = {call for (call, _), answer in zip(legs, answers, strict=True) if answer.reply == "true"}
        return [call for call in calls if call in there]

    def _group(self, domain: str, number: str) -> HuntGroup | None:
        try:
            return self._ctx.directory.find(domain, number) if number else None
        except DatabaseError as error:
            log.error("no group can be found: %s", error)
            return None

    def _joins(self, call: RingingCall) -> bool:
        """Take a call; return whether it was still there."""
        shown = {"initial_callee_id_name": call.caller_name, "initial_callee_id_number": call.caller_number}
        event_uuid = esl_commands.bridge_uuid(call.key.call_id)
        self._exchange(
            [
                esl_commands.set_variables(
                    self._uuid, {name: value for name, value in shown.items() if value} or shown
                ),
                execute("answer"),
                execute("pickup", str(call.key), event_uuid=event_uuid),
            ]
        )
        done = self._await("Application-UUID", event_uuid)
        return done is not None and done.get("variable_huntgroup_call") == call.key.call_id

    def _await(self, name: str, value: str) -> Message | None:
        """Return the end of what was executed, None where it does not come. Raises SwitchError."""
        deadline = time.monotonic() + JOINS_WITHIN_S
        while (left_s := deadline - time.monotonic()) > 0:
            message = self._session.next_message(left_s)
            if message.get("Event-Name") == "CHANNEL_EXECUTE_COMPLETE" and message.get(name) == value:
                return message
        return None

    def _refuse(self, refusal: Refusal, who: str = "") -> None:
        """Let the picker hear that it cannot be, and end the call with the reason; nobody else is disturbed."""
        log.info(
            "pickup refused: %s wanted=%s@%s by=%r channel=%s",
            refusal.why,
            self._wanted or "?",
            self._inbound.domain,
            who or self._inbound.caller_number,
            self._uuid,
        )
        self._exchange(
            [
                execute("pre_answer"),
                execute("gentones", REFUSED_TONE),
                execute("respond", refusal.status),
                esl_commands.EXIT,
            ]
        )

    def _exchange(self, commands: list[bytes]) -> list[Message]:
        return self._session.exchange(commands, self._ctx.reply_timeout_s) if commands else []


def _of(key: Key) -> tuple[str, str]:
    return key.domain, key.number


def serve_pickup(session: CallSession, inbound: InboundCall, wanted: str, ctx: CallContext) -> None:
    """Serve somebody who dials for a pickup, and close the socket. Nothing is raised."""
    try:
        PickupCall(session, inbound, wanted, ctx).run()
    except SwitchError as error:
        log.warning("pickup: %s channel=%s", error, inbound.channel_uuid)
    except Exception:
        log.exception("a fault of this program in a pickup channel=%s", inbound.channel_uuid)
    finally:
        session.stop()
