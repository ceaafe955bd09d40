"""
PURE: the hunt itself: what to do next, given what just happened.

Rule 1: every decision about a call in progress is made in this file.
Rule 2: this file imports nothing that waits, reads a clock, a database or a socket.

    ARRIVED ──GroupFound──▶ ASKING ──ContactsKnown──▶ ALERTING ──Answered──▶ TALKING ──▶ RELEASED
       │                      │                          │                                  ▲
       └──────────────────────┴── nobody to ring, failed ┴──▶ LEAVING ──HandedOver──────────┘

Whatever the state, a caller who hangs up, a switch that is lost and a fault of ours end in RELEASED, with the journal
told. Late events find RELEASED, where each is a listed no-op.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

from esl_huntgroup.calls import broken_ringback, call_records, callerid, leg_note
from esl_huntgroup.calls.dialstring import dial_string
from esl_huntgroup.calls.diversion import diversion, history_info
from esl_huntgroup.calls.hunt_messages import (
    Answered,
    Bridge,
    BridgeEnded,
    CallerGone,
    Command,
    ContactsKnown,
    Event,
    Fault,
    GroupFound,
    GroupUnknown,
    HandedOver,
    LookUp,
    Prepare,
    Release,
    Restore,
    RunOverflow,
    SwitchLost,
    Warn,
    WriteRecord,
)
from esl_huntgroup.calls.inbound_call import REQUIRED_SETTINGS, InboundCall
from esl_huntgroup.calls.ring_plan import RingPlan, make_plan
from esl_huntgroup.model import hangup_causes
from esl_huntgroup.model.group import TO_DIALPLAN, HuntGroup, HuntMode, Line, Overflow, OverflowAction
from esl_huntgroup.model.limits import LEG_LIMIT
from esl_huntgroup.model.outcome import Outcome
from esl_huntgroup.registrars.contacts import Contacts

WATCHDOG_MARGIN_MS = 2000
"""A call that the dialplan may take back within this time is left to it: two masters would ring its phones."""
GUARD_MARGIN_S = 12
"""
How long after the ringing the switch takes a caller back from a service that is frozen: well after the hand-over that
a living one makes at once, the whole second that FreeSWITCH rings longer included.
"""

EXPANSION_ON: Mapping[str, str] = {"app_disable_expand_variables": ""}
"""What gives the caller's dialplan its ``${variables}`` back, once nothing foreign is dialled any more."""
VISITS_MAX = 3
"""How often one call may overflow from the same group: an IVR may offer another try, two groups may not spin."""


class State(enum.StrEnum):
    """Where a group call is."""

    ARRIVED = "arrived"
    ASKING = "asking"
    ALERTING = "alerting"
    TALKING = "talking"
    LEAVING = "leaving"
    RELEASED = "released"


EXPECTED: Mapping[State, frozenset[type[Event]]] = {
    State.ARRIVED: frozenset({GroupFound, GroupUnknown, CallerGone, SwitchLost, Fault}),
    State.ASKING: frozenset({ContactsKnown, CallerGone, SwitchLost, Fault}),
    State.ALERTING: frozenset({Answered, BridgeEnded, CallerGone, SwitchLost, Fault}),
    # A conversation can be transferred: the caller is then bridged again, which changes nothing for us.
    State.TALKING: frozenset({Answered, BridgeEnded, CallerGone, SwitchLost, Fault}),
    # The overflow target may bridge the caller itself before we have let go.
    State.LEAVING: frozenset({HandedOver, Answered, CallerGone, SwitchLost, Fault}),
    # After the end everything may still be on its way; nothing more is done.
    State.RELEASED: frozenset({Answered, BridgeEnded, HandedOver, CallerGone, SwitchLost, Fault}),
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
    ) -> None:
        """
        Begin a hunt. ``call_id`` is unique and ends in four zeros (see ``ring_plan.CallIds``).

        ``has_witness`` is whether somebody else learns of the end of a call that we lose sight of (``recovery``);
        ``worker`` is how the journal names the process that has the call.
        """
        self.call_id = call_id
        self.inbound = inbound
        self.state = State.ARRIVED
        self.group: HuntGroup | None = None
        self.plan = RingPlan((), ())
        self.leg_causes: Mapping[str, str] = {}
        self.answered_by = ""
        self.outcome: Outcome | None = None
        self.overflow = ""
        self.answered_at_ms = 0
        self.ended_at_ms = 0
        self._rung_at_ms = 0
        self._leg_limit = leg_limit
        self._has_witness = has_witness
        self._worker = worker

    def begin(self) -> list[Command]:
        """Return the first thing to do."""
        if self._is_too_late(self.inbound.arrived_at_ms):
            return self._leave_alone(self.inbound.arrived_at_ms)
        if self.inbound.problem:
            return [Warn(self.inbound.problem), *self._hand_over(Outcome.UNKNOWN_NUMBER, self.inbound.arrived_at_ms)]
        return [LookUp(self.inbound.domain, self.inbound.number)]

    def receive(self, event: Event) -> list[Command]:
        """Take in what happened; return what to do, in order. Raises UnexpectedEvent for what EXPECTED rules out."""
        if type(event) not in EXPECTED[self.state]:
            raise UnexpectedEvent(f"{type(event).__name__} while {self.state.value}")
        if self.state is State.RELEASED:
            return []
        match event:
            case GroupFound(group, at_ms):
                return self._group_found(group, at_ms)
            case GroupUnknown(at_ms):
                return self._send_on(Outcome.UNKNOWN_NUMBER, at_ms)
            case ContactsKnown(contacts, at_ms):
                return self._leave_alone(at_ms) if self._is_too_late(at_ms) else self._ring(contacts, at_ms)
            case Answered():
                return self._answered(event)
            case BridgeEnded():
                return self._bridge_ended(event)
            case HandedOver():
                return self._release()
            case CallerGone():
                return self._caller_gone(event)
            case SwitchLost(at_ms):
                return self._lost(at_ms, Outcome.SWITCH_GONE)
            case Fault(at_ms):
                return self._fault(at_ms)

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
        variables = {"app_disable_expand_variables": "true", "fail_on_single_reject": "", "last_bridge_to": ""}
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
        self.plan = make_plan(group, contacts, self.inbound.caller_address, self._leg_limit)
        warnings = [Warn(text) for text in call_records.warnings(self.plan)]
        if not self.plan.legs:
            return [*warnings, *self._hand_over(Outcome.NOBODY_REGISTERED, at_ms)]
        self.state = State.ALERTING
        return [*warnings, self._bridge(group, at_ms)]

    def _bridge(self, group: HuntGroup, at_ms: int) -> Bridge:
        self._rung_at_ms = at_ms
        guard_s = group.ring_timeout_s + GUARD_MARGIN_S if self.inbound.has_plain_uuid else 0
        note = leg_note.note(self.call_id, self.plan)
        return Bridge(dial_string(self._variables(group), self.plan, self.call_id), guard_s, note)

    def _variables(self, group: HuntGroup) -> dict[str, str]:
        """Return what every leg of the call carries. Reasons: ``freeswitch/README.md``, "Channel variables"."""
        variables = {
            "huntgroup_call": self.call_id,
            "ignore_early_media": "true",
            # Whole seconds of the epoch are compared: N+1 rings between N and N+1 seconds.
            "originate_timeout": str(group.ring_timeout_s + 1),
            "no_throttle_limits": "true",
            "outbound_redirect_fatal": "true",
            "local_var_clobber": "true",
            "sip_h_Diversion": diversion(group, self.inbound.diversion),
            "sip_h_History-Info": history_info(group, self.inbound.history_info),
        }
        return variables | self.inbound.variables

    # -- while they ring ------------------------------------------------------------------------------------------

    def _answered(self, event: Answered) -> list[Command]:
        if self.state is not State.ALERTING or event.at_ms < self.inbound.arrived_at_ms:
            return []  # a transferred conversation, or the answer in another group, told late
        self.state = State.TALKING
        self.outcome = Outcome.ANSWERED
        self.answered_at_ms = event.at_ms
        self.leg_causes = {**event.leg_causes, event.leg_uuid: "NONE"}
        winner = self.plan.leg_of(self.call_id, event.leg_uuid)
        self.answered_by = winner.member.name if winner else ""
        return [
            WriteRecord(
                call_records.answered(
                    self.call_id,
                    self.inbound.arrived_at_ms,
                    self._known_group(),
                    self.plan,
                    self.leg_causes,
                    leg_uuid=event.leg_uuid,
                    at_ms=event.at_ms,
                )
            ),
            # Whoever transfers the caller now may send them to an extension that needs its variables expanded.
            Restore(EXPANSION_ON),
        ]

    def _bridge_ended(self, event: BridgeEnded) -> list[Command]:
        if self.state is State.TALKING:
            # A caller who is hanging up brings CallerGone with the cause; one who was transferred lives on elsewhere.
            return [] if not event.caller_up else [*self._end(event.at_ms, "", ""), Release()]
        self.leg_causes = event.leg_causes
        if not event.caller_up:
            return []
        if event.was_moved:
            # Somebody picked up or transferred the ringing caller, who talks elsewhere now and must be left alone.
            # No cause of a leg says so: a phone can send 487, and those of legs of another group are still there.
            self.outcome = Outcome.CALLER_GONE
            return [Restore(EXPANSION_ON), *self._end(event.at_ms, "PICKED_OFF", ""), *self._release()]
        told = call_records.told(self.call_id, self.plan, event.leg_causes)
        if self._has_broken_ringback(told, event.at_ms):
            return self._ring_again(event.at_ms)
        return self._hand_over(hangup_causes.call_outcome(told), event.at_ms)

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
        return [warning, Restore(broken_ringback.INSTEAD), self._bridge(self._known_group(), at_ms)]

    def _send_on(self, outcome: Outcome, at_ms: int) -> list[Command]:
        """Send on a caller for whom no phone rings, unless the dialplan is about to do that itself."""
        return self._leave_alone(at_ms) if self._is_too_late(at_ms) else self._hand_over(outcome, at_ms)

    # -- endings --------------------------------------------------------------------------------------------------

    def _hand_over(self, outcome: Outcome, at_ms: int) -> list[Command]:
        """Send a caller whose call nobody took on to the overflow."""
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
            "huntgroup_trail": ",".join((*self.inbound.trail, self._here())),
            **EXPANSION_ON,
        }
        # The caller first: whatever became of telling the journal, there is somebody who waits.
        return [*warnings, RunOverflow(overflow, variables), *self._end(at_ms, "", self.overflow)]

    def _is_a_loop(self, overflow: Overflow) -> bool:
        return overflow.action is OverflowAction.TRANSFER and self.inbound.trail.count(self._here()) >= VISITS_MAX

    def _here(self) -> str:
        return f"{callerid.number(self.inbound.number)}@{self.inbound.domain}"

    def _caller_gone(self, event: CallerGone) -> list[Command]:
        if self.state is State.LEAVING:
            return self._release()
        if self.state is not State.TALKING:
            self.outcome = Outcome.CALLER_GONE
            self.leg_causes = event.leg_causes or self.leg_causes
        return [*self._end(event.at_ms, event.cause, ""), *self._release()]

    def _lost(self, at_ms: int, outcome: Outcome) -> list[Command]:
        if self.state is State.LEAVING:
            return self._release()
        goes_on = self.state is State.TALKING or (self.state is State.ALERTING and outcome is Outcome.SWITCH_GONE)
        if self.state is not State.TALKING:
            self.outcome = outcome
            self.leg_causes = dict.fromkeys(self.plan.uuids(self.call_id), hangup_causes.UNKNOWN)
        if goes_on and self._has_witness:
            # Nothing is over but our view of it; what the journal lacks, it hears from the other witness.
            self.ended_at_ms = at_ms
            return self._release()
        return [*self._end(at_ms, outcome.value.upper(), ""), *self._release()]

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
        return [
            WriteRecord(
                call_records.ended(
                    self.call_id,
                    self.inbound.arrived_at_ms,
                    self.group,
                    self.plan,
                    self.leg_causes,
                    outcome=self.outcome,
                    answered_at_ms=self.answered_at_ms,
                    ended_at_ms=at_ms,
                    cause=cause,
                    overflow=overflow,
                )
            )
        ]

    def _release(self) -> list[Command]:
        self.state = State.RELEASED
        return [Release()]

    def _leave_alone(self, at_ms: int) -> list[Command]:
        """Do nothing to a call that waited so long for us that the dialplan is about to take it back."""
        self.outcome = Outcome.SERVICE_FAULT
        warning = Warn("the call waited too long for the service; the dialplan's watchdog takes it back")
        return [warning, *self._end(at_ms, "WATCHDOG", ""), *self._release()]

    def _known_group(self) -> HuntGroup:
        if self.group is None:
            raise UnexpectedEvent("no group is known yet")
        return self.group
