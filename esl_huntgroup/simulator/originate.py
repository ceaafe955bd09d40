"""
The race: many legs, one winner (switch_ivr_originate.c).

Every 20 ms the switch looks at the legs in dial-string order; the first that is answered wins, whatever the wall clock
says. Time limits are compared in whole seconds of the epoch, so ``originate_timeout=N`` comes between N-1 and N.
Not modelled: delays, confirmation keys, retries, ringback, throttling, ``|`` alternatives but the first, and endpoints
other than ``sofia/``, ``user/``, ``pickup/`` and ``error/``.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Protocol

from esl_huntgroup.simulator import sipvars
from esl_huntgroup.simulator.causes import dial_status
from esl_huntgroup.simulator.channel import CallerChannel
from esl_huntgroup.simulator.clock import TICK_S
from esl_huntgroup.simulator.dialstring import Dial, DialLeg, DialStringError, parse
from esl_huntgroup.simulator.leg import Leg, Observer, sanitize
from esl_huntgroup.simulator.phones import Invitation, Registrar
from esl_huntgroup.simulator.pickup import NO_PICKUP, PickupLeg

DEFAULT_TIMEOUT_S = 60
PROFILES = ("internal",)


class Host(Protocol):
    """What an originate needs of the session that it runs in."""

    channel: CallerChannel
    registrar: Registrar
    legs: dict[str, Leg]
    observer: Observer

    def run_queued(self) -> None:
        """Execute the commands that are waiting."""

    def first_ring(self) -> None:
        """Take note that a phone rings."""

    def api(self, command: str, argument: str) -> str:
        """Execute an api command and return its output."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a leg goes: the contact, or the cause for which no channel can be made of it."""

    contact: str = ""
    failure: str = ""
    nested: bool = False
    key: str = ""


class Originate:
    """One ``bridge`` on its way: ``run`` returns the winner, or None and leaves the cause in ``cause``."""

    def __init__(self, host: Host, argument: str) -> None:
        """Take the argument of ``bridge``; nothing rings before ``run``."""
        self.cause = ""
        self._host = host
        self._channel = host.channel
        self._argument = argument
        self._legs: list[Leg] = []
        self._nested: set[str] = set()
        self._peers = 0
        self._creation_failure = "ORIGINATOR_CANCEL"  # what an originate without a single leg ends with
        self._began = self._channel.clock.now()

    def run(self) -> Leg | None:
        """Ring them all and wait. The channel variables tell the rest."""
        try:
            dial = parse(self._argument)
        except DialStringError:
            self._conclude(self._creation_failure, None)
            return None
        self._forget_earlier_rounds()
        self._create(dial)
        winner = self._race(dial) if self._legs else None
        self._dismiss(winner)
        self._conclude(self._final_cause(winner), winner)
        return winner

    def _forget_earlier_rounds(self) -> None:
        if self._channel.variables.get("preserve_originated_vars") == "false":
            self._channel.variables.set("originated_legs", None)
            self._channel.variables.set("originate_causes", None)

    # -- creating -------------------------------------------------------------------------------------------------

    def _create(self, dial: Dial) -> None:
        self._began = self._channel.clock.now()
        self._peers = len(dial.legs)
        for dial_leg in dial.legs:
            target = self._target(dial_leg)
            if target.failure:
                self._creation_failure = target.failure
            else:
                self._add(dial, dial_leg, target)

    def _target(self, leg: DialLeg) -> Target:
        if leg.endpoint == "sofia":
            return self._sofia(leg.destination)
        if leg.endpoint == "user":
            return self._user(leg.destination)
        if leg.endpoint == "pickup":
            return Target(key=leg.destination)
        if leg.endpoint == "error":
            return Target(failure=leg.destination.upper())
        return Target(failure="CHAN_NOT_IMPLEMENTED")

    def _sofia(self, destination: str) -> Target:
        profile, _, uri = destination.partition("/")
        if profile not in PROFILES or not uri:
            return Target(failure="INVALID_PROFILE")
        if "@" not in uri and "%" in uri:
            return self._user(uri.replace("%", "@"))
        return Target(contact=uri)

    def _user(self, address: str) -> Target:
        """``user/`` looks the line up; in a fork, the first contact only rings (freeswitch.md, finding 8)."""
        account, _, domain = address.partition("@")
        self._channel.variables.set("dialed_user", account)
        self._channel.variables.set("dialed_domain", domain)
        contacts = self._host.registrar.contacts_of(account, domain)
        if not contacts:
            return Target(failure="USER_NOT_REGISTERED")
        return Target(contact=contacts[0], nested=True)

    def _add(self, dial: Dial, dial_leg: DialLeg, target: Target) -> None:
        variables = _leg_variables(dial, dial_leg)
        variables.pop("origination_uuid", None)
        wanted = dial_leg.named.get("origination_uuid") or dial.named.get("origination_uuid")
        leg_uuid = wanted or str(uuid.uuid4())
        if leg_uuid in self._host.legs:
            self._creation_failure = "DESTINATION_OUT_OF_ORDER"
            return
        phone = self._host.registrar.at(target.contact)
        invitation = self._invitation(leg_uuid, dial, dial_leg, variables)
        kind = PickupLeg if target.key else Leg
        leg = kind(self._channel, phone, invitation, target.key or target.contact, invited_at=self._began)
        if isinstance(leg, PickupLeg):
            leg.key = target.key
        leg.observer = self._host.observer
        leg.api = self._host.api
        self._host.legs[leg_uuid] = leg
        self._legs.append(leg)
        self._announce(leg, target.nested)
        leg.invite()

    def _announce(self, leg: Leg, nested: bool) -> None:
        """
        Tell the caller's channel of a new leg.

        A ``user/`` leg in a fork is an originate within the originate, and the inner one has succeeded: it is pushed
        twice and looks like a partner already. Alone it blocks, and counts twice only when it wins.
        """
        variables = self._channel.variables
        entry = f"{leg.uuid};{leg.profile.callee_name};{leg.profile.callee_number}"
        variables.push("originated_legs", entry)
        if nested:
            self._nested.add(leg.uuid)
        if nested and self._peers > 1:
            variables.push("originated_legs", entry)
            variables.set("signal_bond", leg.uuid)
            self._channel.other_leg = leg.profile
        variables.set("originate_signal_bond", leg.uuid)

    def _invitation(self, leg_uuid: str, dial: Dial, dial_leg: DialLeg, variables: dict[str, str]) -> Invitation:
        """Return what the phone gets to see; headers of the caller's INVITE are copied unless forbidden."""
        own = self._channel.variables
        merged = dial.named | dial_leg.named
        profile = self._channel.profile
        name = merged.get("origination_caller_id_name") or own.get("effective_caller_id_name") or profile.caller_name
        number = (
            merged.get("origination_caller_id_number") or own.get("effective_caller_id_number") or profile.caller_number
        )
        copied = [] if own.get("sip_copy_custom_headers") == "false" else own.items()
        headers = {key: value for key, value in [*copied, *variables.items()] if key.startswith("sip_h_")}
        return Invitation(
            leg_uuid,
            sanitize(name),
            sanitize(number),
            {key.removeprefix("sip_h_"): value for key, value in headers.items()},
            variables,
        )

    # -- racing ---------------------------------------------------------------------------------------------------

    def _race(self, dial: Dial) -> Leg | None:
        started = int(self._channel.clock.now())
        limit_s = _integer(dial.parameter("originate_timeout")) or self._call_timeout()
        early_ok = dial.parameter("ignore_early_media") not in ("true", "ring_ready", "consume")
        while self._channel.ready:
            winner = self._pass(early_ok)
            if winner is not None or self._is_over():
                return winner
            elapsed = int(self._channel.clock.now()) - started
            self._expire_legs(elapsed)
            self._host.run_queued()
            if elapsed >= limit_s:
                self.cause = "NO_ANSWER"
                return None
            self._channel.clock.sleep(TICK_S)
        self.cause = "ORIGINATOR_CANCEL"
        return None

    def _is_over(self) -> bool:
        """Whether nobody is left; pickup legs alone wait for nobody any more, if there ever was another leg."""
        left = [leg for leg in self._legs if leg.up]
        if len(left) == len(self._legs) or not all(isinstance(leg, PickupLeg) for leg in left):
            return not left
        for leg in left:
            leg.hang_up(NO_PICKUP)
        return True

    def _swap(self) -> None:
        """Put whoever has taken the place of a pickup leg there."""
        for at, leg in enumerate(self._legs):
            if isinstance(leg, PickupLeg) and leg.taken_by is not None:
                leg.hang_up("PICKED_OFF")
                self._legs[at] = leg.taken_by

    def _pass(self, early_ok: bool) -> Leg | None:
        """check_channel_status: look for swaps, and at each leg once; return the first in order that has won."""
        self._swap()
        now = self._channel.clock.now()
        for leg in self._legs:
            leg.advance(now)
            if leg.rang and leg.up:
                self._caller_rings(leg)
        return next((leg for leg in self._legs if leg.up and (leg.answered or (early_ok and leg.early))), None)

    def _caller_rings(self, leg: Leg) -> None:
        if self._peers == 1 and not self._channel.profile.callee_name:
            self._pass_callee(leg)
        self._channel.ring()
        self._host.first_ring()

    def _expire_legs(self, elapsed: int) -> None:
        for leg in self._legs:
            limit_s = _integer(leg.variables.get("leg_timeout"))
            if limit_s and elapsed > limit_s:
                leg.hang_up("ALLOTTED_TIMEOUT")

    def _call_timeout(self) -> int:
        return _integer(self._channel.variables.get("call_timeout")) or DEFAULT_TIMEOUT_S

    # -- concluding -----------------------------------------------------------------------------------------------

    def _dismiss(self, winner: Leg | None) -> None:
        """Hang up everybody but the winner, for the reason that ended the race."""
        reason = self.cause or "LOSE_RACE"
        for leg in self._legs:
            if leg is not winner:
                leg.hang_up(reason)

    def _final_cause(self, winner: Leg | None) -> str:
        """Return the disposition: when all failed, the cause of the leg that was created first, not the best one."""
        if winner is not None:
            return "SUCCESS"
        if self.cause:
            return self.cause
        return self._legs[0].cause if self._legs else self._creation_failure

    def _conclude(self, cause: str, winner: Leg | None) -> None:
        self.cause = cause
        variables = self._channel.variables
        if winner is not None:
            self._pass_callee(winner)
            self._connect(winner)
        variables.set("originate_disposition", cause)
        variables.set("DIALSTATUS", dial_status(cause))
        for leg in self._legs:
            self._push_cause(leg, winner)
        if winner is not None:
            variables.set("signal_bond", winner.uuid)
            variables.set("originate_signal_bond", None)
            self._channel.other_leg = winner.profile

    def _push_cause(self, leg: Leg, winner: Leg | None) -> None:
        entry = f"{leg.uuid};{'NONE' if leg is winner else leg.cause}"
        self._channel.variables.push("originate_causes", entry)
        if leg is winner and leg.uuid in self._nested and self._peers == 1:
            name, number = leg.profile.callee_name, leg.profile.callee_number
            self._channel.variables.push("originated_legs", f"{leg.uuid};{name};{number}")
            self._channel.variables.push("originate_causes", entry)

    def _connect(self, winner: Leg) -> None:
        self._channel.variables.set_all(sipvars.PEER_MEDIA)
        if winner.answered:
            self._channel.answer()

    def _pass_callee(self, leg: Leg) -> None:
        """switch_channel_pass_callee_id."""
        self._channel.profile.callee_name = leg.profile.callee_name
        self._channel.profile.callee_number = leg.profile.callee_number


def _leg_variables(dial: Dial, leg: DialLeg) -> dict[str, str]:
    """Return the variables as they end up on the leg: those in ``{}`` win unless local_var_clobber."""
    if dial.parameter("local_var_clobber") == "true":
        return dial.named | leg.named
    return leg.named | dial.named


def _integer(text: str | None) -> int:
    """atoi, for what is not negative."""
    digits = ""
    for char in (text or "").lstrip():
        if not char.isdigit():
            break
        digits += char
    return int(digits or "0")
