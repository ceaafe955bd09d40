"""The dialplan applications that the simulated switch knows (mod_dptools.c)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from esl_huntgroup.simulator.causes import cause_of_status, known_cause
from esl_huntgroup.simulator.channel import Transfer
from esl_huntgroup.simulator.clock import TICK_S
from esl_huntgroup.simulator.interference import Moment
from esl_huntgroup.simulator.leg import Leg
from esl_huntgroup.simulator.originate import Originate
from esl_huntgroup.simulator.session import Application, Session


def _set(session: Session, argument: str) -> None:
    """Set a variable; expand a second time, whatever app_disable_expand_variables says (set_function)."""
    name, _, value = argument.partition("=")
    session.channel.variables.set(name, session.expand(value) if value else None)


def _multiset(session: Session, argument: str) -> None:
    """``^^;name=value;…``; a name without a value is unset (multiset_function, base_set)."""
    separator, pairs = (argument[2:3], argument[3:]) if argument.startswith("^^") else (" ", argument)
    for pair in pairs.split(separator):
        _set(session, pair)


def _unset(session: Session, argument: str) -> None:
    session.channel.variables.set(argument, None)


def _nothing(_session: Session, _argument: str) -> None:
    """Do nothing that could be seen from outside."""


def _ring_ready(session: Session, _argument: str) -> None:
    session.channel.ring()


def _answer(session: Session, _argument: str) -> None:
    session.channel.answer()


def _playback(session: Session, _argument: str) -> None:
    while session.channel.ready:
        session.channel.clock.sleep(TICK_S)
    session.channel.variables.set("playback_last_offset_pos", "12160")
    session.channel.variables.set("playback_seconds", "2")
    session.channel.variables.set("playback_ms", "2400")
    session.channel.variables.set("playback_samples", "19200")
    session.channel.variables.set("current_application_response", "PLAYBACK ERROR")


def _hangup(session: Session, argument: str) -> None:
    session.channel.hang_up(known_cause(argument or "NORMAL_CLEARING"))


def _respond(session: Session, argument: str) -> None:
    code = argument.partition(" ")[0]
    status = int(code) if code.isdigit() else 0
    if status >= 300:
        session.channel.hang_up(cause_of_status(status), status)
    elif status == 180:
        session.channel.ring()


def _transfer(session: Session, argument: str) -> None:
    words = argument.split()
    if words:
        session.channel.go_to(Transfer(words[0], words[2] if len(words) > 2 else session.channel.profile.context))


def _sched_transfer(session: Session, argument: str) -> None:
    after, _, destination = argument.partition(" ")
    channel = session.channel

    def move() -> None:
        if channel.ready:
            _transfer(session, destination)

    task = session.exchange.scheduler.add(int(after.lstrip("+")), channel.uuid, move)
    channel.variables.set("last_sched_id", str(task))


def _sched_cancel(session: Session, argument: str) -> None:
    session.exchange.scheduler.cancel(argument or session.channel.uuid)


def _socket(session: Session, argument: str) -> None:
    """Hand the call over. Comes back when the service lets go, the caller goes, or nobody took the connection."""
    if session.exchange.connect(session, argument):
        session.park() if "async" in argument.split() else session.hold()


def _bridge(session: Session, argument: str) -> None:
    originate = Originate(session, argument)
    winner = originate.run()
    if winner is None:
        session.channel.variables.set("originate_failed_cause", originate.cause)
        _handle_cause(session, originate.cause)
        return
    _talk(session, winner)


def _handle_cause(session: Session, cause: str) -> None:
    """switch_channel_handle_cause: without continue_on_fail the caller of a failed bridge is hung up."""
    wanted = session.channel.variables.get("continue_on_fail")
    if wanted is None:
        goes_on = cause in ("NO_ANSWER", "NO_USER_RESPONSE", "ORIGINATOR_CANCEL")
    else:
        goes_on = session.channel.variables.true("continue_on_fail") or cause in wanted.upper().split(",")
    if not goes_on and session.channel.ready:
        session.channel.hang_up(cause)


def _talk(session: Session, leg: Leg) -> None:
    """switch_ivr_multi_threaded_bridge: both talk until one of them goes, or the caller is moved away."""
    channel = session.channel
    if not channel.ready:
        leg.hang_up(channel.hangup_cause or "ORIGINATOR_CANCEL")
        return
    session.spoken_with = leg.phone.name if leg.phone else ""
    channel.profile.times.bridged = channel.clock.micros()
    between = [("Bridge-A-Unique-ID", channel.uuid), ("Bridge-B-Unique-ID", leg.uuid)]
    session.exchange.fire(session, "CHANNEL_BRIDGE", between, [])
    session.moment(Moment.TALKING)
    _note_bridge(session, leg)
    while channel.ready and leg.up:
        channel.clock.sleep(TICK_S)
        leg.advance(channel.clock.now())
        leg.talk()
        if leg.answered and not channel.answered:
            channel.answer()
        session.run_queued()
    _end_bridge(session, leg)
    session.exchange.fire(session, "CHANNEL_UNBRIDGE", between, [])


def _note_bridge(session: Session, leg: Leg) -> None:
    variables = session.channel.variables
    variables.set("bridge_to", leg.uuid)
    variables.set("last_bridge_to", leg.uuid)
    variables.set("bridge_channel", leg.profile.channel_name)
    variables.set("bridge_uuid", leg.uuid)
    variables.set("signal_bond", leg.uuid)


def _end_bridge(session: Session, leg: Leg) -> None:
    channel = session.channel
    if leg.up:
        channel.variables.set("last_bridge_role", "originator")
        leg.hang_up(channel.hangup_cause or "NORMAL_CLEARING")
    channel.variables.set("bridge_to", None)
    channel.variables.set("bridge_hangup_cause", leg.cause)
    if channel.ready and leg.answered and channel.variables.true("hangup_after_bridge"):
        channel.hang_up(leg.cause)


APPLICATIONS: Final[Mapping[str, Application]] = {
    "answer": _answer,
    "bridge": _bridge,
    "hangup": _hangup,
    "info": _nothing,
    "log": _nothing,
    "multiset": _multiset,
    "playback": _playback,
    "respond": _respond,
    "ring_ready": _ring_ready,
    "sched_cancel": _sched_cancel,
    "sched_transfer": _sched_transfer,
    "set": _set,
    "socket": _socket,
    "transfer": _transfer,
    "unset": _unset,
}
