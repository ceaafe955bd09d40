"""
PURE: the hunt itself: what to do next, given what just happened.

Rule 1: every decision about a call in progress is made in this file.
Rule 2: this file imports nothing that waits, reads a clock, a database or a socket.

    ARRIVED ──GroupFound──▶ ASKING ──ContactsKnown──▶ ALERTING ──Answered──▶ TALKING ──▶ RELEASED
       │                      │                        │  │  │                              ▲  ▲
       │                      │      taken away: TAKEN ◀──┘  └──▶ REPLACED (transferred) ───┘  │
       └──────────────────────┴── nobody to ring, failed ──▶ LEAVING ──HandedOver──────────────┘

Whatever the state, a caller who hangs up, a switch that is lost and a fault of ours end in RELEASED, with the journal
told. Late events find RELEASED, where each is a listed no-op.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

from esl_huntgroup.calls import broken_ringback, call_records, callerid, leg_note
from esl_huntgroup.calls.call_records import CallEnd, CallFacts
from esl_huntgroup.calls.dialstring import RINGING, dial_string
from esl_huntgroup.calls.diversion import diversion, history_info, names_group
from esl_huntgroup.calls.hunt_messages import (
    Answered,
    AskReplacement,
    AskTaker,
    Bridge,
    BridgeEnded,
    CallerGone,
    Command,
    ContactsKnown,
    EndPickup,
    EndRinging,
    Event,
    Fault,
    GroupFound,
    GroupUnknown,
    HandedOver,
    Keep,
    LateLegEnded,
    LookUp,
    PhonesRegistered,
    Prepare,
    Release,
    ReplacementKnown,
    Restore,
    RingLimitReached,
    RunOverflow,
    SaveCaller,
    SwitchLost,
    TakerKnown,
    Warn,
    WriteRecord,
)
from esl_huntgroup.calls.inbound_call import REQUIRED_SETTINGS, InboundCall, Visit
from esl_huntgroup.calls.joining import Joining
from esl_huntgroup.calls.leg_note import NOTE
from esl_huntgroup.calls.leg_report import NOTHING_TOLD, TRANSFERRED, UNEXPANDED, LegReport
from esl_huntgroup.calls.ring_plan import RingPlan, late_devices, make_plan
from esl_huntgroup.calls.seams import SEAMS, Seams
from esl_huntgroup.journal.records import CallMoved
from esl_huntgroup.model import hangup_causes
from esl_huntgroup.model.group import TO_DIALPLAN, HuntGroup, HuntMode, Line, Overflow, OverflowAction, Taker
from esl_huntgroup.model.limits import LEG_LIMIT
from esl_huntgroup.model.outcome import Outcome
from esl_huntgroup.registrars.contacts import Contacts

WATCHDOG_MARGIN_MS = 2000
"""A call that the dialplan may take back within this time is left to it: two masters would ring its phones."""
GUARD_MARGIN_S = 12
"""
How long after the ringing the switch takes a caller back from a service that is frozen: well after the hand-over that
a living one makes at once, SWITCH_MARGIN_S included.
"""
SWITCH_MARGIN_S = 3
"""
How much later than the group's ring time the switch's own limit ends the ringing, counted in seconds of its clock: well
after we and the task of the switch have (``EndRinging``), so that phones show a missed call.
"""

LOOP_DETECTED = Overflow(OverflowAction.RESPOND, "482")
"""RFC 3261, 21.4.19."""

RESTORED: Mapping[str, str] = {UNEXPANDED: "", "sip_reason": ""}
"""
What is removed once nothing foreign is dialled any more: the caller's dialplan has its ``${variables}`` back, and the
Reason that a phone refused with (FreeSWITCH from 1.11.1 sets it on the caller) does not end the caller's call.
"""
BYPASSED = "the caller has bypass_media=true: no phone can join the call while it rings"
JOINED_LEGS_MAX = LEG_LIMIT - 1
"""The pickup leg takes the place of one phone."""
LATEST_MS = 1000
"""So long before the ring limit, nothing begins to ring any more."""
VISITS_MAX = 3
"""How often one call may be at the same group: an IVR may offer another try, two groups may not spin."""


class State(enum.StrEnum):
    """Where a group call is."""

    ARRIVED = "arrived"
    ASKING = "asking"
    ALERTING = "alerting"
    TAKEN = "taken"
    REPLACED = "replaced"
    TALKING = "talking"
    LEAVING = "leaving"
    RELEASED = "released"


LATE: frozenset[type[Event]] = frozenset({PhonesRegistered, LateLegEnded})
"""From another connection, whatever has become of the call meanwhile; they mean something only while it rings."""

EXPECTED: Mapping[State, frozenset[type[Event]]] = {
    State.ARRIVED: frozenset({GroupFound, GroupUnknown, CallerGone, SwitchLost, Fault}),
    State.ASKING: frozenset({ContactsKnown, CallerGone, SwitchLost, Fault}),
    State.ALERTING: frozenset({Answered, RingLimitReached, BridgeEnded, CallerGone, SwitchLost, Fault}) | LATE,
    # Somebody has taken the ringing caller away: who, the switch is being asked.
    State.TAKEN: frozenset({TakerKnown, Answered, CallerGone, SwitchLost, Fault}) | LATE,
    # Who called has transferred the ringing call: what came of it, the switch is being asked.
    State.REPLACED: frozenset({ReplacementKnown, CallerGone, SwitchLost, Fault}) | LATE,
    # A conversation can be transferred: the caller is then bridged again, which changes nothing for us.
    State.TALKING: frozenset({Answered, BridgeEnded, CallerGone, SwitchLost, Fault}) | LATE,
    # The overflow target may bridge the caller itself before we have let go.
    State.LEAVING: frozenset({HandedOver, Answered, CallerGone, SwitchLost, Fault}) | LATE,
    # After the end everything may still be on its way; nothing more is done.
    State.RELEASED: LATE
    | frozenset({Answered, RingLimitReached, BridgeEnded, HandedOver, CallerGone, SwitchLost, Fault}),
}


class UnexpectedEvent(Exception):
    """An event that its state does not list: a fault of this program."""


class Hunt:
    """
    One group call, from arrival to release.

    ``state`` is the only thing here that changes together with the call; ``group``, ``plan``, ``outcome`` and
    ``answered_by`` are set once, when they are known, and can be read for the log at any time.
    """

    def __init__(
        self,
        call_id: str,
        inbound: InboundCall,
        leg_limit: int = LEG_LIMIT,
        *,
        has_witness: bool = False,
        worker: str = "",
        seams: Seams = SEAMS,
    ) -> None:
        """
        Begin a hunt. ``call_id`` is unique and ends in four zeros (see ``ring_plan.CallIds``).

        ``has_witness`` is whether somebody else learns of the end of a call that we lose sight of (``recovery``);
        ``worker`` is how the journal names the process that has the call; ``seams`` are how phones are found and rung.
        """
        self.call_id = call_id
        self.inbound = inbound
        self.state = State.ARRIVED
        self.group: HuntGroup | None = None
        self.plan = RingPlan((), ())
        self.legs = NOTHING_TOLD
        self.answered_by = ""
        self.outcome: Outcome | None = None
        self.overflow = ""
        self.answered_at_ms = 0
        self.ended_at_ms = 0
        self._replaced_by = ""
        self._rung_at_ms = 0
        self._leg_limit = leg_limit
        self._has_witness = has_witness
        self._worker = worker
        self._seams = seams
        self._joining = Joining(call_id, inbound)

    def begin(self) -> list[Command]:
        """Return the first thing to do."""
        if self._is_too_late(self.inbound.arrived_at_ms):
            return self._leave_alone(self.inbound.arrived_at_ms)
        if self.inbound.problem:
            return [Warn(self.inbound.problem), *self._hand_over(Outcome.UNKNOWN_NUMBER, self.inbound.arrived_at_ms)]
        if self._came_back():
            return self._refuse_loop()
        return [LookUp(self.inbound.domain, self.inbound.number)]

    def _came_back(self) -> bool:
        """
        Whether this call has been at this group already, and came back through SIP: a member's phone leads here.

        Every leg of ours names the group in Diversion and History-Info. A caller whom an overflow has sent back comes
        on the same channel, whose trail knows it.
        """
        inbound = self.inbound
        if self._visits_before():
            return False
        return names_group(inbound.number, inbound.domain, inbound.diversion, inbound.history_info)

    def _refuse_loop(self) -> list[Command]:
        self.state = State.LEAVING
        self.outcome = Outcome.LOOP
        warning = Warn(
            f"a call from group {self._here()} came back to it by SIP and is refused: which phone leads there?"
        )
        return [warning, RunOverflow(LOOP_DETECTED, {"huntgroup_result": Outcome.LOOP.value, **RESTORED})]

    def receive(self, event: Event) -> list[Command]:
        """Take in what happened; return what to do, in order. Raises UnexpectedEvent for what EXPECTED rules out."""
        if type(event) not in EXPECTED[self.state]:
            raise UnexpectedEvent(f"{type(event).__name__} while {self.state.value}")
        if self.state is State.RELEASED:
            return []
        match event:
            case CallerGone():
                return self._caller_gone(event)
            case SwitchLost(at_ms):
                return self._lost(at_ms, Outcome.SWITCH_GONE)
            case Fault(at_ms):
                return self._fault(at_ms)
            case PhonesRegistered() | LateLegEnded():
                return self._receive_late(event) if self.state is State.ALERTING else []
            case GroupFound() | GroupUnknown() | ContactsKnown():
                return self._receive_answer(event)
        return self._receive_news(event)

    def _receive_answer(self, event: GroupFound | GroupUnknown | ContactsKnown) -> list[Command]:
        """Take in what was asked for before the phones ring."""
        match event:
            case GroupFound(group, at_ms):
                return self._group_found(group, at_ms)
            case GroupUnknown(at_ms):
                return self._send_on(Outcome.UNKNOWN_NUMBER, at_ms)
            case ContactsKnown(contacts, at_ms):
                return self._leave_alone(at_ms) if self._is_too_late(at_ms) else self._ring(contacts, at_ms)

    def _receive_news(
        self, event: Answered | RingLimitReached | BridgeEnded | TakerKnown | ReplacementKnown | HandedOver
    ) -> list[Command]:
        """Take in what happens once they do."""
        match event:
            case Answered():
                return self._answered(event)
            case RingLimitReached():
                return [EndRinging(self._joining.lone_leg)]
            case BridgeEnded():
                return self._bridge_ended(event)
            case TakerKnown():
                return self._taken(event)
            case ReplacementKnown():
                return self._replaced(event)
            case HandedOver():
                return self._release()

    # -- before the phones ring -----------------------------------------------------------------------------------

    def _is_too_late(self, at_ms: int) -> bool:
        inbound = self.inbound
        waited_ms = inbound.age_ms + at_ms - inbound.arrived_at_ms
        return bool(inbound.watchdog_ms) and waited_ms > inbound.watchdog_ms - WATCHDOG_MARGIN_MS

    def _group_found(self, group: HuntGroup, at_ms: int) -> list[Command]:
        self.group = group
        opened = WriteRecord(call_records.opened(self.call_id, self.inbound, group, self._worker))
        if self._is_too_late(at_ms):
            return [opened, *self._leave_alone(at_ms)]
        if group.hunt_mode is not HuntMode.SOFTPHONE:
            return [opened, *self._hand_over(Outcome.GROUP_DISABLED, at_ms)]
        self.state = State.ASKING
        missing = self.inbound.missing_settings
        text = f"the dialplan extension does not set {', '.join(missing)}; set for this call"
        warning = [Warn(text)] if missing else []
        # Without expansion no contact, name or header can run a command on the switch (freeswitch.md, finding 9).
        # A reject of one phone ends the ringing of all where this is set, "false" included (switch_ivr_originate.c).
        # Set again when somebody talks to the caller, whoever that is: what the guard in the switch looks at.
        variables = {UNEXPANDED: "true", "fail_on_single_reject": "", "last_bridge_to": ""}
        variables |= {name: REQUIRED_SETTINGS[name] for name in missing}
        if not self.inbound.headers_are_decided:
            # Else a caller's X-Auto-Answer would open the microphones of a whole group (sofia_glue.c copies X- and P-).
            variables["sip_copy_custom_headers"] = "false"
        if group.ringback:
            variables["ringback"] = variables["transfer_ringback"] = group.ringback
        elif self.inbound.is_in_silence:
            variables["transfer_ringback"] = broken_ringback.RINGING_TONE
        return [opened, *warning, Prepare(variables, group.lines, rings=not self.inbound.is_answered)]

    def _ring(self, contacts: Mapping[Line, Contacts], at_ms: int) -> list[Command]:
        group = self._known_group()
        self.plan = make_plan(
            group,
            contacts,
            self.inbound.caller_address,
            min(self._leg_limit, JOINED_LEGS_MAX) if group.joinable else self._leg_limit,
            transferred_by=self.inbound.transferred_by,
            strategy=self._seams.strategy,
        )
        warnings = [Warn(text) for text in call_records.warnings(self.plan)]
        if group.joinable and self.inbound.bypasses_media:
            warnings.append(Warn(BYPASSED))
        if not self._joining.open(group, self.plan):
            return [*warnings, *self._hand_over(Outcome.NOBODY_REGISTERED, at_ms)]
        self.state = State.ALERTING
        return [*warnings, self._bridge(group, at_ms), WriteRecord(call_records.ringing(self.call_id, self.plan))]

    def _bridge(self, group: HuntGroup, at_ms: int) -> Bridge:
        """Return what rings every leg of the plan, for as long as the group says."""
        self._rung_at_ms = at_ms
        return self._bridge_for(self.plan.without_late(), group.ring_timeout_s)

    def _bridge_for(self, plan: RingPlan, ring_s: int) -> Bridge:
        group = self._known_group()
        guard_s = ring_s + GUARD_MARGIN_S if self.inbound.has_plain_uuid else 0
        note = leg_note.note(self.call_id, self.plan)
        pickup = self._joining.next_leg(group, plan)
        variables = self._variables(group, ring_s)
        if not plan.legs and (self.inbound.is_answered or group.ringback):
            variables["instant_ringback"] = "true"  # a pickup leg alone never says that it rings
        caller_uuid, registrar = self.inbound.channel_uuid, self._seams.registrar
        dialled = dial_string(variables, plan, self.call_id, caller_uuid, registrar, pickup=pickup)
        watched = group.lines if self._joining.is_open else ()
        return Bridge(dialled, ring_s, guard_s, note, watched, self._joining.lone_leg, self._joining.marks(group))

    def _variables(self, group: HuntGroup, ring_s: int) -> dict[str, str]:
        """Return what every leg of the call carries. Reasons: ``freeswitch/README.md``, "Channel variables"."""
        variables = {
            "huntgroup_call": self.call_id,
            "ignore_early_media": "true",
            # What ends the ringing cancels the legs that have this; the switch removes it from one that is answered.
            RINGING: self.call_id,
            "execute_on_answer_huntgroup": f"unset {RINGING}",
            "originate_timeout": str(ring_s + SWITCH_MARGIN_S),
            "no_throttle_limits": "true",
            "outbound_redirect_fatal": "true",
            "local_var_clobber": "true",
            "sip_h_Diversion": diversion(group, self.inbound.diversion, self.inbound.trail),
            "sip_h_History-Info": history_info(group, self.inbound.history_info),
        }
        return variables | self.inbound.variables

    # -- phones that come late ------------------------------------------------------------------------------------

    def _left_ms(self, at_ms: int) -> int:
        """Return for how long the phones ring still."""
        return self._rung_at_ms + self._known_group().ring_timeout_s * 1000 - at_ms

    def _receive_late(self, event: PhonesRegistered | LateLegEnded) -> list[Command]:
        if isinstance(event, LateLegEnded):
            return self._late_leg_ended(event)
        group, inbound = self._known_group(), self.inbound
        devices = late_devices(group, self.plan, event.contacts, inbound.caller_address, inbound.transferred_by)
        if not self._joining.is_open or not devices or self._left_ms(event.at_ms) < LATEST_MS:
            return []
        before = self.plan
        self.plan = before.with_late(devices, min(self._leg_limit, JOINED_LEGS_MAX))
        new = self.plan.legs[len(before.legs) :]
        if not new:
            return []
        variables = self._variables(group, self._left_ms(event.at_ms) // 1000 + 1)
        rings = self._joining.ring(group, self.plan, new, variables, self._seams.registrar)
        return [rings, WriteRecord(call_records.ringing(self.call_id, self.plan))]

    def _late_leg_ended(self, event: LateLegEnded) -> list[Command]:
        self._joining.ended(event.leg_uuid, event.cause)
        lone_leg = self._joining.lone_leg
        if not lone_leg or self._joining.is_waiting or self._joining.rings(self.plan):
            return []
        return [EndPickup(lone_leg)]

    def _wait_for_late(self, at_ms: int) -> list[Command]:
        """Ring on for late phones: all others have ended, and the bridge with them."""
        return [self._bridge_for(RingPlan((), ()), max(self._left_ms(at_ms) // 1000, 1))]

    def _swap_lost(self) -> list[Command]:
        """Somebody has joined, and the switch has taken the pickup leg for the winner: nobody hears the caller."""
        self._joining.has_lost_caller = True
        lost = Warn("the switch lost the answer of a phone that joined the call; the caller is connected if possible")
        return [lost, SaveCaller(tuple(self.plan.late_uuids(self.call_id)))]

    # -- while they ring ------------------------------------------------------------------------------------------

    def _answered(self, event: Answered) -> list[Command]:
        if self.state is not State.ALERTING or event.at_ms < self.inbound.arrived_at_ms:
            return []  # a transferred conversation, or the answer in another group, told late
        if self._joining.is_pickup_leg(event.leg_uuid):
            return self._swap_lost()
        winner = self.plan.leg_of(self.call_id, event.leg_uuid)
        self.legs = self._joining.report(event.legs, self.plan, "LOSE_RACE")
        if winner is None:
            return self._taken_away(event.at_ms)
        self.legs = self.legs.answered_by(event.leg_uuid)
        if event.contact:
            self.plan = self.plan.with_contact(winner, event.contact)
        # Whoever transfers the caller now may send them to an extension that needs its variables expanded.
        ended = self._joining.close(self.plan, "LOSE_RACE")
        return [*self._talks(Outcome.ANSWERED, winner.taker, event.at_ms), *ended, Restore(self._restored)]

    @property
    def _restored(self) -> dict[str, str]:
        return {**RESTORED, **self._joining.restored}

    def _talks(self, outcome: Outcome, taker: Taker, at_ms: int) -> list[Command]:
        """Tell the journal who has the call."""
        self.state = State.TALKING
        self.outcome = outcome
        self.answered_at_ms = at_ms
        self.answered_by = taker.name
        return [WriteRecord(call_records.answered(self._facts(), self.legs, taker, at_ms))]

    def _bridge_ended(self, event: BridgeEnded) -> list[Command]:
        if self.state is State.TALKING:
            # A caller who is hanging up brings CallerGone with the cause; one who was transferred lives on elsewhere.
            return [] if not event.caller_up else [*self._end(event.at_ms, "", ""), Release()]
        self.legs = self._joining.report(event.legs, self.plan, "ORIGINATOR_CANCEL")
        if not event.caller_up:
            return []
        if event.was_moved:
            # No cause of a leg says so: a phone can send 487, and those of legs of another group are still there.
            return self._taken_away(event.at_ms)
        if self._has_broken_ringback(list(event.legs.causes.values()), event.at_ms):
            return self._ring_again(event.at_ms)
        if self._joining.rings(self.plan) and self._left_ms(event.at_ms) >= LATEST_MS:
            return self._wait_for_late(event.at_ms)
        ends = self.legs.ends(self.plan, self.call_id)
        return self._hand_over(hangup_causes.call_outcome(ends), event.at_ms)

    def _has_broken_ringback(self, told: list[str], at_ms: int) -> bool:
        group = self._known_group()
        has_ringback = bool(group.ringback) or self.inbound.has_ringback
        rang_ms = at_ms - self._rung_at_ms
        is_first = not self.plan.attempt
        return is_first and has_ringback and broken_ringback.has_broken_off(told, rang_ms, group.ring_timeout_s)

    def _ring_again(self, at_ms: int) -> list[Command]:
        """Ring the same phones once more, with a ringing tone in place of what could not be played."""
        self.plan = self.plan.again()
        whose = "group" if self._known_group().ringback else "dialplan"
        warning = Warn(f"the ringback of the {whose} cannot be played and ended the ringing; once more without it")
        again = Restore({**broken_ringback.INSTEAD, UNEXPANDED: "true"})
        return [warning, again, self._bridge(self._known_group(), at_ms)]

    def _send_on(self, outcome: Outcome, at_ms: int) -> list[Command]:
        """Send on a caller for whom no phone rings, unless the dialplan is about to do that itself."""
        return self._leave_alone(at_ms) if self._is_too_late(at_ms) else self._hand_over(outcome, at_ms)

    # -- taken away, or transferred, while they rang ---------------------------------------------------------------

    def _taken_away(self, at_ms: int) -> list[Command]:
        """Somebody picked up or transferred the ringing caller, who talks elsewhere now and must be left alone."""
        self.state = State.TAKEN
        self.outcome = Outcome.PICKED_UP
        self.answered_at_ms = at_ms
        return [*self._joining.close(self.plan, "LOSE_RACE"), Restore(self._restored), AskTaker()]

    def _taken(self, event: TakerKnown) -> list[Command]:
        talks = self._talks(Outcome.PICKED_UP, event.taker, self.answered_at_ms)
        if event.has_joined:
            return talks
        return [*talks, *self._leave_to_the_witness(event.at_ms, "PICKED_OFF")]

    def _taken_by_nobody_known(self) -> list[Command]:
        """Tell the journal that somebody has the call, where it cannot be found out any more who."""
        return self._talks(Outcome.PICKED_UP, Taker(""), self.answered_at_ms)

    def _replaced(self, event: ReplacementKnown) -> list[Command]:
        """Go on with the channel that has taken the caller's place, whatever has become of it."""
        moved = WriteRecord(CallMoved(self.call_id, self._replaced_by, event.caller_number, event.caller_name))
        winner = self.plan.leg_of(self.call_id, event.leg_uuid)
        # Without a number, too: the second witness follows the channel.
        moves = [moved] if winner or event.is_up else []
        if winner:
            self.legs = self.legs.answered_by(event.leg_uuid)
            kept = Keep(self._replaced_by, {NOTE: leg_note.note(self.call_id, self.plan)})
            talks = self._talks(Outcome.ANSWERED, winner.taker, event.at_ms)
            return [*moves, *talks, kept, *self._leave_to_the_witness(event.at_ms, TRANSFERRED)]
        if event.is_up:
            outcome = hangup_causes.call_outcome(self.legs.ends(self.plan, self.call_id))
            return [*moves, *self._hand_over(outcome, event.at_ms, self._replaced_by)]
        self.outcome = Outcome.CALLER_GONE
        return [*moves, *self._end(event.at_ms, TRANSFERRED, ""), *self._release()]

    def _leave_to_the_witness(self, at_ms: int, cause: str) -> list[Command]:
        """Let go of a conversation that goes on elsewhere; its end is told by the second witness, or now."""
        if self._has_witness:
            self.ended_at_ms = at_ms
            return self._release()
        return [*self._end(at_ms, cause, ""), *self._release()]

    # -- endings --------------------------------------------------------------------------------------------------

    def _hand_over(self, outcome: Outcome, at_ms: int, channel_uuid: str = "") -> list[Command]:
        """Send a caller whose call nobody took on to the overflow; ``channel_uuid`` is who took their place."""
        self.state = State.LEAVING
        self.outcome = outcome
        overflow = self.group.overflow_after(outcome) if self.group else TO_DIALPLAN
        warnings: list[Command] = []
        if self._is_a_loop(overflow):
            warnings = [Warn(f"the overflow of group {self._here()} leads back to it; the call goes to the dialplan")]
            overflow = TO_DIALPLAN
        self.overflow = f"{overflow.action.value} {overflow.target}".strip()
        variables = {
            "huntgroup_result": outcome.value,
            "huntgroup_trail": ",".join(map(str, (*self.inbound.trail, Visit(self._here(), outcome)))),
            **self._restored,
        }
        # The caller first: whatever became of telling the journal, there is somebody who waits.
        leaves = [RunOverflow(overflow, variables, channel_uuid), *self._joining.close(self.plan, "ORIGINATOR_CANCEL")]
        return [*warnings, *leaves, *self._end(at_ms, "", self.overflow)]

    def _is_a_loop(self, overflow: Overflow) -> bool:
        return overflow.action is OverflowAction.TRANSFER and self._visits_before() + 1 >= VISITS_MAX

    def _visits_before(self) -> int:
        """Return how often this caller has been at this group already, on this channel."""
        return [visit.group for visit in self.inbound.trail].count(self._here())

    def _here(self) -> str:
        return f"{callerid.number(self.inbound.number)}@{self.inbound.domain}"

    def _caller_gone(self, event: CallerGone) -> list[Command]:
        if self.state is State.LEAVING:
            return self._release()
        if self.state is State.ALERTING and event.replaced_by:
            self.state, self._replaced_by, self.legs = State.REPLACED, event.replaced_by, event.legs
            return [*self._joining.close(self.plan, "ORIGINATOR_CANCEL"), AskReplacement(event.replaced_by)]
        if self.state is State.TAKEN:
            return [*self._taken_by_nobody_known(), *self._end(event.at_ms, event.cause, ""), *self._release()]
        ended: list[Command] = []
        if self.state is not State.TALKING:
            self.outcome = Outcome.SERVICE_FAULT if self._joining.has_lost_caller else Outcome.CALLER_GONE
            told = self._joining.report(event.legs, self.plan, "ORIGINATOR_CANCEL")
            self.legs = told if event.legs.causes or not self.legs.causes else self.legs
            ended = self._joining.close(self.plan, "ORIGINATOR_CANCEL")
        return [*ended, *self._end(event.at_ms, event.cause, ""), *self._release()]

    def _lost(self, at_ms: int, outcome: Outcome) -> list[Command]:
        if self.state is State.LEAVING:
            return self._release()
        was_taken = self.state in (State.TALKING, State.TAKEN)
        goes_on = was_taken or (self.state in (State.ALERTING, State.REPLACED) and outcome is Outcome.SWITCH_GONE)
        if not was_taken:
            self.outcome = outcome
            self.legs = LegReport(dict.fromkeys(self.plan.uuids(self.call_id), hangup_causes.UNKNOWN))
        if goes_on and self._has_witness:
            # Nothing is over but our view of it; what the journal lacks, it hears from the other witness.
            self.ended_at_ms = at_ms
            return self._release()
        talks = self._taken_by_nobody_known() if self.state is State.TAKEN else []
        return [*talks, *self._end(at_ms, outcome.value.upper(), ""), *self._release()]

    def _fault(self, at_ms: int) -> list[Command]:
        """Serve the caller all the same: before the phones ring by the overflow, later by not touching the call."""
        if self.state in (State.ARRIVED, State.ASKING):
            return self._send_on(Outcome.SERVICE_FAULT, at_ms)
        return self._lost(at_ms, Outcome.SERVICE_FAULT)

    def _end(self, at_ms: int, cause: str, overflow: str) -> list[Command]:
        """Tell the journal that the call is over for us. Nothing when it never was a group call."""
        self.ended_at_ms = at_ms
        if self.state is not State.LEAVING:
            self.state = State.RELEASED
        if self.group is None or self.outcome is None:
            return []
        end = CallEnd(self.outcome, at_ms, self.answered_at_ms, cause, overflow)
        return [WriteRecord(call_records.ended(self._facts(), self.legs, end))]

    def _release(self) -> list[Command]:
        self.state = State.RELEASED
        return [Release()]

    def _leave_alone(self, at_ms: int) -> list[Command]:
        """Do nothing to a call that waited so long for us that the dialplan is about to take it back."""
        self.outcome = Outcome.SERVICE_FAULT
        warning = Warn("the call waited too long for the service; the dialplan's watchdog takes it back")
        return [warning, *self._end(at_ms, "WATCHDOG", ""), *self._release()]

    def _facts(self) -> CallFacts:
        return CallFacts(self.call_id, self.inbound.arrived_at_ms, self._known_group(), self.plan)

    def _known_group(self) -> HuntGroup:
        if self.group is None:
            raise UnexpectedEvent("no group is known yet")
        return self.group
