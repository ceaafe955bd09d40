"""
PURE: how a ringing call is joined: by phones that register late, and by whoever picks it up.

One more leg of the dial string, ``pickup/KEY``, stands for all of them. Whoever executes ``pickup KEY`` takes the place
of that leg, and FreeSWITCH itself tells everybody else that the call was completed elsewhere. It comes first: the
switch looks for a swap before it looks at the answers of the legs, and would take the pickup leg itself for the winner
if that came behind legs whose news take their time. The key belongs to the hunt: a late phone of this call must not
take the caller in the next group.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from esl_huntgroup.calls import leg_note
from esl_huntgroup.calls.dialstring import PICKUP, RINGING, late_dial_string, pickup_leg
from esl_huntgroup.calls.hunt_messages import Command, EndLate, RingLate
from esl_huntgroup.calls.inbound_call import InboundCall
from esl_huntgroup.calls.leg_note import NOTE
from esl_huntgroup.calls.leg_report import LegReport
from esl_huntgroup.calls.ring_plan import Leg, RingPlan
from esl_huntgroup.model.group import HuntGroup
from esl_huntgroup.registrars.registrar import Registrar

LATE: Final = "huntgroup_late"
"""A variable of each late phone's leg: the call's id. What ends the others when somebody has answered looks for it."""
JOINED: Final = "joined"
"""Is no call's id: ``pickup`` copies the variables of its leg to whoever takes the place, who is to be spared."""
MARK: Final = "presence_data"
"""A variable of the caller that ``show channels`` has a column for: the key of the pickup leg, which is in no list."""
BRIDGES_MAX: Final = 3
"""The first, one more where the ringback cannot be played, and one that waits for late phones alone."""
_INFIX: Final = "-pickup"
_KEY = re.compile(r"([^.@]+)\.([0-9a-f-]{36})@(.+)")
TRIES: Final = (60, 120, 200)
"""
After how many milliseconds a late phone that was answered tries again to join: between two bridges of one call, 40 ms,
there is no pickup leg.
"""


class Key(NamedTuple):
    """What the key of a pickup leg says: the group that rings, and the call."""

    number: str
    call_id: str
    domain: str

    def __str__(self) -> str:
        """Return the key; with the domain in it, the switch does not append its own."""
        return f"{self.number}.{self.call_id}@{self.domain}"


def read_key(text: str) -> Key | None:
    """Return what a key says, None for what is none of ours."""
    match = _KEY.fullmatch(text)
    return Key(match[1], match[2], match[3]) if match else None


class Joining:
    """
    What a hunt knows of who may join its call.

    ``is_open`` is whether anybody can; ``is_waiting`` whether the caller waits for phones, where none was registered.
    ``lone_leg`` is the pickup leg of a bridge that has no other leg.
    """

    def __init__(self, call_id: str, inbound: InboundCall) -> None:
        """Begin with a call that nobody can join."""
        self._call_id = call_id
        self._inbound = inbound
        self._bridges = 0
        self._ends: dict[str, str] = {}
        self._hooks: Mapping[str, str] = {}
        self.is_open = self.is_waiting = self.has_lost_caller = False
        self.lone_leg = ""

    def open(self, group: HuntGroup, plan: RingPlan) -> bool:
        """Take note of who rings at first; return whether there is anything to ring, or to wait for."""
        self.is_open = group.joinable and not self._inbound.bypasses_media
        self.is_waiting = self.is_open and group.wait_for_phones and not plan.legs
        return bool(plan.legs) or self.is_waiting

    def next_leg(self, group: HuntGroup, plan: RingPlan) -> str:
        """Return the pickup leg of the next bridge, which rings this plan; empty where nobody can join."""
        if not self.is_open:
            return ""
        self._bridges += 1
        uuid = f"{self._call_id}{_INFIX}{self._bridges}"
        self.lone_leg = "" if plan.legs else uuid
        # ``pickup`` copies these to whoever takes the place of the leg: nothing that ends the ringing may find them.
        return pickup_leg({"origination_uuid": uuid, RINGING: JOINED, LATE: JOINED}, self._key(group))

    def ring(
        self, group: HuntGroup, plan: RingPlan, new: Sequence[Leg], common: Mapping[str, str], registrar: Registrar
    ) -> RingLate:
        """Return what rings these new legs of a plan; ``common`` are the variables of every leg."""
        call_id = self._call_id
        uuids = dict(zip(plan.legs, plan.uuids(call_id), strict=True))
        dial = functools.partial(
            late_dial_string,
            {**common, LATE: call_id},
            plan,
            call_id=call_id,
            caller_uuid=self._inbound.channel_uuid,
            registrar=registrar,
        )
        legs = [(uuids[leg], dial(leg)) for leg in new]
        self._hooks = _hooks(self._call_id, has_own_hangup_hook=self._inbound.has_hangup_hook)
        tries = "".join([f",sleep:{after_ms},pickup:{self._key(group)}" for after_ms in TRIES])
        note = {NOTE: leg_note.note(self._call_id, plan)}
        return RingLate(tuple(legs), f"pickup:{self._key(group)}{tries}", {**self._hooks, **note})

    def ended(self, leg_uuid: str, cause: str) -> None:
        """Take note that a late phone has ended; without a cause it was answered, and what comes of it is told."""
        if cause:
            self._ends[leg_uuid] = cause

    def rings(self, plan: RingPlan) -> bool:
        """Return whether any late phone may still ring."""
        return any(uuid not in self._ends for uuid in plan.late_uuids(self._call_id))

    def report(self, legs: LegReport, plan: RingPlan, cause: str) -> LegReport:
        """Return what is known of all legs: a late phone that has not ended by itself ends with ``cause``."""
        return legs.completed({uuid: self._ends.get(uuid, cause) for uuid in plan.late_uuids(self._call_id)})

    def close(self, plan: RingPlan, cause: str) -> list[Command]:
        """Return what ends the late phones, if any may ring."""
        return [EndLate(cause)] if self.rings(plan) else []

    def marks(self, group: HuntGroup) -> dict[str, str]:
        """Return the variable by which the switch lists the call; one of the dialplan's own stays."""
        is_marked = self.is_open and not self._inbound.has_presence_data
        return {MARK: f"{PICKUP}{self._key(group)}"} if is_marked else {}

    @property
    def restored(self) -> dict[str, str]:
        """What removes from the caller what was set for those who join."""
        mark = {MARK: ""} if self.is_open and not self._inbound.has_presence_data else {}
        return {**dict.fromkeys(self._hooks, ""), **mark}

    def is_pickup_leg(self, uuid: str) -> bool:
        """Return whether this is a pickup leg of this call."""
        return uuid.startswith(f"{self._call_id}{_INFIX}")

    def _key(self, group: HuntGroup) -> str:
        return str(Key(group.number, self._call_id, group.domain))


def pickup_uuids(call_id: str) -> list[str]:
    """Return what a pickup leg of this call can be called: it has one for each bridge, one after the other."""
    return [f"{call_id}{_INFIX}{bridge}" for bridge in range(1, BRIDGES_MAX + 1)]


def _hooks(call_id: str, *, has_own_hangup_hook: bool) -> dict[str, str]:
    """
    Return what is set on the caller as soon as a late phone rings: what ends it in the switch, be this service dead.

    A hook of the dialplan's own stays; then a late phone of a dead service rings until the ring limit.
    """
    answered = {"api_on_answer_huntgroup_late": f"hupall LOSE_RACE {LATE} {call_id}"}
    gone = {"api_hangup_hook": f"hupall ORIGINATOR_CANCEL {LATE} {call_id}"}
    return answered if has_own_hangup_hook else {**answered, **gone}
