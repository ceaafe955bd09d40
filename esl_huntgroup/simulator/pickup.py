"""
The pickup leg (mod_dptools.c, pickup_outgoing_channel and pickup_function), and phones that take its place.

Nobody rings there. Whoever executes ``pickup`` with the key takes the place of the leg at the next pass of the
originate, in the leg's own place in the order. Not modelled: an answer between the two looks of a pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from esl_huntgroup.simulator.channel import CallerChannel
from esl_huntgroup.simulator.clock import TICK_S, Clock
from esl_huntgroup.simulator.dialstring import parse
from esl_huntgroup.simulator.leg import Api, Leg, Observer
from esl_huntgroup.simulator.phones import Invitation, Registrar

NO_PICKUP: Final = "NO_PICKUP"


class PickupLeg(Leg):
    """A leg behind which nobody is, until ``taken_by`` is somebody who has answered."""

    key = ""
    taken_by: Leg | None = None

    def invite(self) -> None:
        """Ring nobody."""


class Channels(Protocol):
    """What a late phone needs of the switch."""

    registrar: Registrar
    clock: Clock
    legs: dict[str, Leg]
    callers: dict[str, CallerChannel]


def pickup_leg(channels: Channels, key: str) -> PickupLeg | None:
    """Return the oldest pickup leg with this key that nobody has taken yet."""
    found = (leg for leg in channels.legs.values() if isinstance(leg, PickupLeg) and leg.up and leg.key == key)
    return next((leg for leg in found if leg.taken_by is None), None)


def originate(channels: Channels, argument: str, caller_uuid: str, *, observer: Observer, api: Api) -> str:
    """
    Ring one phone for a caller, and let it execute what is behind the dial string: ``pickup:KEY``, more than once.

    ``argument`` is that of ``originate``, quotes included. Returns what the switch prints when it has ended.
    """
    dialled, _, rest = argument.removeprefix("'").partition("' ")
    dial = parse(dialled)
    (leg_dialled,) = dial.legs
    variables: Mapping[str, str] = dial.named | leg_dialled.named
    caller = channels.callers.get(caller_uuid)
    if caller is None:
        return "-ERR NO_ROUTE_DESTINATION\n"
    contact = leg_dialled.destination.partition("/")[2]
    uuid = variables["origination_uuid"]
    headers = {name.removeprefix("sip_h_"): value for name, value in variables.items() if name.startswith("sip_h_")}
    name, number = (variables.get(f"origination_caller_id_{it}", "") for it in ("name", "number"))
    invitation = Invitation(uuid, name, number, headers, variables)
    leg = Leg(caller, channels.registrar.at(contact), invitation, contact, channels.clock.now())
    leg.observer, leg.api = observer, api
    channels.legs[uuid] = leg
    leg.invite()
    limit = channels.clock.now() + int(variables["originate_timeout"])
    while leg.up and not leg.answered and channels.clock.now() < limit:
        channels.clock.sleep(TICK_S)
        leg.advance(channels.clock.now())
    if not leg.answered:
        leg.hang_up("NO_ANSWER")
        return f"-ERR {leg.cause}\n"
    _join(channels, leg, rest.partition(" ")[0].split(","))
    return f"+OK {uuid}\n"


def _join(channels: Channels, leg: Leg, actions: list[str]) -> None:
    """Execute what the dialplan ``inline`` was told; who has joined executes nothing more, who could not hangs up."""
    for action in actions:
        name, _, argument = action.partition(":")
        if name == "sleep":
            channels.clock.sleep(int(argument) / 1000)
        elif leg.up and (taken := pickup_leg(channels, argument)):
            leg.variables |= taken.variables
            taken.taken_by = leg
            return
    leg.hang_up("NORMAL_CLEARING")
