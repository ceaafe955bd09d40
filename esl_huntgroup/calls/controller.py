"""
The loop of one call: it carries messages between the switch and ``hunt``, and decides nothing.

``esl_commands`` has the bytes of what it tells the switch, ``esl_events`` what the switch's events mean.

What it writes to the switch, in this order:

    connect
    linger · event · filter · uuid_getvar park_timeout · uuid_setvar_multi · sofia_contact for each line
        · uuid_ring_ready                                                                                  (one write)
    sendmsg bridge · uuid_setvar_multi note · sched_del watchdog · sched_api end of the ringing
        · sched_api guard                                                                                  (one write)
    ... the phones ring, somebody talks, the switch tells the end ...

One ``sendmsg`` only, because a parked channel takes one per 20 ms; ``api`` does not wait for that.

A socket without ``async`` parks no channel: ``bridge`` begins at once, comes last in its write, and the socket says
nothing more until it is over. The answer is heard from another connection then (``answer_feed``), or when it is over.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Final

from esl_huntgroup.calls import esl_commands
from esl_huntgroup.calls.answer_feed import FOLLOWER
from esl_huntgroup.calls.context import CallContext
from esl_huntgroup.calls.enquiries import Enquiries, Exchange
from esl_huntgroup.calls.esl_events import EventReader
from esl_huntgroup.calls.hunt import Hunt, State
from esl_huntgroup.calls.hunt_messages import (
    Answered,
    AskReplacement,
    AskTaker,
    Bridge,
    CallerGone,
    Command,
    ContactsKnown,
    EndLate,
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
    Restore,
    RingLate,
    RingLimitReached,
    RunOverflow,
    SaveCaller,
    SwitchLost,
    Warn,
    WriteRecord,
)
from esl_huntgroup.calls.inbound_call import InboundCall
from esl_huntgroup.calls.late_phones import Hears, Watch
from esl_huntgroup.calls.leg_note import NOTE
from esl_huntgroup.calls.leg_report import NOTHING_TOLD
from esl_huntgroup.calls.parking import await_park
from esl_huntgroup.calls.peers import SECRET_VARIABLE
from esl_huntgroup.calls.ring_plan import RingPlan
from esl_huntgroup.errors import CommandRefused, DatabaseError, SwitchError, SwitchGone, SwitchTimeout
from esl_huntgroup.esl.dump import read_dump
from esl_huntgroup.esl.inbound import InboundSession
from esl_huntgroup.esl.session import CallSession
from esl_huntgroup.esl.wire import DISCONNECT_NOTICE, Message, execute
from esl_huntgroup.fsxml.contract import FALLBACK
from esl_huntgroup.model.group import Line, OverflowAction
from esl_huntgroup.registrars.contacts import Contacts

log = logging.getLogger(__name__)

LAST_EVENTS_S: Final = 3.0
"""How long to wait for the last events once the switch has said that the channel is gone."""
RING_GRACE_S: Final = 10.0
"""The switch ends the ringing by itself; after this much more silence it is asked whether the call still exists."""
SILENCE_S: Final = 60.0
"""After this much silence in a conversation the switch is asked whether the call still exists."""
NO_CHANNEL: Final = "-ERR No such channel"
"""What an ``api uuid_…`` command answers once the caller has hung up."""


class CallController:
    """One call: a session, a hunt, and what carries between them."""

    def __init__(self, session: CallSession, inbound: InboundCall, hunt: Hunt, ctx: CallContext) -> None:
        """Take over a session that is connected; ``connected_at`` starts to run now."""
        self._session = session
        self._inbound = inbound
        self._hunt = hunt
        self._ctx = ctx
        self._connected_at = ctx.clock()
        self._events = EventReader(inbound, hunt.call_id)
        self._ring_limit_at: float | None = None
        self._is_controlled = False
        self._has_task = inbound.watchdog_ms > 0
        self._unrestored: Restore | None = None
        self._is_replaced = False
        self._watch: Watch | None = None
        self._enquiries = Enquiries(self._exchange, ctx.directory, inbound, hunt.call_id)

    def run(self) -> None:
        """Serve the caller until the hunt is over. Raises nothing but what is a fault of this program."""
        uuid = self._inbound.channel_uuid
        with self._ctx.answer_feed.follow(uuid, self._on_event) if self._inbound.is_static else nullcontext():
            try:
                self._carry_all(self._hunt.begin())
                while self._hunt.state is not State.RELEASED:
                    self._carry_all(self._hunt.receive(self._next_event()))
                    self._unwatch_unless_ringing()
            finally:
                if self._watch:
                    self._watch.stop()

    def fail(self) -> None:
        """After a fault of this program: serve the caller all the same, as far as the hunt still can."""
        self._carry_all(self._hunt.receive(Fault(self._now_ms())))

    def give_back(self) -> None:
        """Return the call to the dialplan without a hunt. Raises SwitchError."""
        self._control([self._set_variables({})] if self._ctx.secret else [])
        self._exchange([*self._cancel_tasks(), esl_commands.EXIT])

    # -- commands of the hunt ---------------------------------------------------------------------------------------

    def _carry_all(self, commands: list[Command]) -> None:
        """Carry out the commands in order, and behind them those that follow from what came of each."""
        waiting = deque(commands)
        while waiting:
            event = self._carry(waiting.popleft())
            if event is not None:
                waiting.extend(self._hunt.receive(event))

    def _carry(self, what: Command) -> Event | None:
        """Carry out one command; return what came of it, if that is known at once."""
        try:
            return self._carry_here(what) if isinstance(what, WriteRecord | Warn | LookUp) else self._carry_out(what)
        except SwitchError as error:
            return self._switch_failed(error)

    def _carry_here(self, what: WriteRecord | Warn | LookUp) -> Event | None:
        """Carry out what the switch has no part in."""
        match what:
            case WriteRecord(entry):
                self._ctx.journal.record(entry)
                self._ctx.meter.wrote(entry)
            case Warn(text):
                log.warning("%s call=%s channel=%s", text, self._hunt.call_id, self._inbound.channel_uuid)
            case LookUp(domain, number):
                return self._look_up(domain, number)
        return None

    def _carry_out(self, what: Command) -> Event | None:
        """Carry out what the switch has to do. Raises SwitchError."""
        match what:
            case Prepare():
                return self._prepare(what)
            case Bridge():
                self._bridge(what)
            case EndRinging(pickup_uuid):
                last = [esl_commands.kill(pickup_uuid, "ORIGINATOR_CANCEL")] if pickup_uuid else []
                self._exchange([esl_commands.end_ringing(self._hunt.call_id), *last])
            case RingLate() | EndLate() | EndPickup() | SaveCaller():
                self._carry_beside(what)
            case Restore(variables):
                self._exchange(self._restoring(variables))
            case AskTaker():
                return self._enquiries.taker(self._now_ms)
            case AskReplacement(channel_uuid):
                return self._enquiries.replacement(channel_uuid, self._now_ms)
            case Keep(channel_uuid, variables):
                self._exchange([esl_commands.set_variables(channel_uuid, variables)])
            case RunOverflow():
                return self._move_on(what) if what.channel_uuid else self._hand_over(what)
            case Release():
                self._release()
        return None

    def _carry_beside(self, what: RingLate | EndLate | EndPickup | SaveCaller) -> None:
        """Carry out what goes by the connection of the late phones. One that fails leaves the call as it is."""
        if self._watch is None:
            return
        uuid = self._inbound.channel_uuid
        try:
            match what:
                case RingLate(legs, joins, variables):
                    self._watch.ring(legs, joins, [esl_commands.set_variables(uuid, variables)])
                case EndLate(cause):
                    self._watch.exchange([esl_commands.end_late(self._hunt.call_id, cause)])
                case EndPickup(pickup_uuid):
                    self._watch.exchange([esl_commands.kill(pickup_uuid, "NO_PICKUP")])
                case SaveCaller(leg_uuids):
                    self._watch.exchange([esl_commands.connect_with(uuid, leg_uuid) for leg_uuid in leg_uuids])
        except SwitchError as error:
            log.warning("late phones: %s call=%s", error, self._hunt.call_id)

    def _watch_for(self, lines: tuple[Line, ...]) -> None:
        """Hear of the phones of these lines that register from now on; by a second bridge of the same call, still."""
        if lines and self._watch is None:
            hears = Hears(self._on_contacts, self._on_late_end)
            self._watch = self._ctx.late_phones.watch(self._inbound.node, self._hunt.call_id, lines, hears)

    def _unwatch_unless_ringing(self) -> None:
        if self._watch and self._hunt.state is not State.ALERTING:
            self._watch.stop()

    def _on_contacts(self, contacts: Mapping[Line, Contacts]) -> None:
        self._on_late(PhonesRegistered(contacts, self._now_ms()))

    def _on_late_end(self, leg_uuid: str, cause: str) -> None:
        self._on_late(LateLegEnded(leg_uuid, cause, self._now_ms()))

    def _on_late(self, event: PhonesRegistered | LateLegEnded) -> None:
        """Take in what another connection tells; what follows from it goes by that, too."""
        for what in self._hunt.receive(event):
            self._carry(what)

    def _release(self) -> None:
        if self._unrestored and not self._session.is_dismissed:
            self._exchange(self._restoring(self._unrestored.variables))
        # The end of the connection means ``exit`` to the switch (mod_event_socket.c, listener_run).
        self._session.stop()

    def _look_up(self, domain: str, number: str) -> Event:
        try:
            group = self._ctx.directory.find(domain, number)
        except DatabaseError as error:
            self._ctx.meter.count("database_errors")
            log.error("no group can be found: %s call=%s", error, self._hunt.call_id)
            return Fault(self._now_ms())
        return GroupFound(group, self._now_ms()) if group else GroupUnknown(self._now_ms())

    def _prepare(self, what: Prepare) -> Event | None:
        registrar, marker = self._ctx.seams.registrar, self._ctx.marker
        questions = esl_commands.questions(registrar, what.lines, marker)
        lookups = esl_commands.lookups(registrar, what.lines)
        asked = self._ctx.kamailio.ask(lookups) if lookups else None  # answered while the switch is asked
        ring = [esl_commands.tell_ringing(self._inbound.channel_uuid)] if what.rings else []
        (settings, *answers) = self._control([self._set_variables(what.variables), *questions, *ring])
        if settings.reply.startswith(NO_CHANNEL):
            return None  # the caller has hung up; the event that says so comes next
        if not settings.reply.startswith("+OK"):
            raise CommandRefused(f"the switch does not set what the call needs: {settings.reply[:80]!r}")
        told = [answer.body for answer in answers[: len(questions)]]  # what uuid_ring_ready answers does not matter
        contacts = registrar.contacts(what.lines, told, marker, asked.answers() if asked else ())
        self._ctx.looked_up(len(lookups), contacts)
        return ContactsKnown(contacts, self._now_ms())

    def _control(self, more: list[bytes]) -> list[Message]:
        """
        Subscribe to the caller's events and see that the channel is parked, together with more commands.

        Returns the replies to ``more``.
        """
        if self._is_controlled:
            return self._exchange(more)
        uuid = self._inbound.channel_uuid
        ring_s = self._hunt.group.ring_timeout_s if self._hunt.group else 0
        replies = self._exchange([*esl_commands.subscribe(uuid, ring_s), esl_commands.ask_parked(uuid), *more])
        await_park(self._exchange, self._inbound, replies[3])
        self._is_controlled = True  # refused or not: from here on the call can be given back
        for reply in replies[:3]:
            if not reply.reply.startswith("+OK"):
                raise CommandRefused(f"the switch refuses control of the call: {reply.reply[:80]!r}")
        return replies[4:]

    def _bridge(self, what: Bridge) -> None:
        ring = execute("bridge", what.dial_string, event_uuid=esl_commands.bridge_uuid(self._hunt.call_id))
        follower = {FOLLOWER: self._ctx.answer_feed.mark} if self._inbound.is_static else {}
        beside = [
            self._set_variables({NOTE: what.note, **what.marks, **follower}),
            *self._cancel_tasks(),
            *self._set_tasks(what),
        ]
        if self._inbound.is_static:
            self._session.exchange([*beside, ring], self._ctx.reply_timeout_s, later=1)
        else:
            (queued, *_) = self._exchange([ring, *beside])
            if not queued.reply.startswith("+OK"):
                raise CommandRefused(f"bridge: {queued.reply[:80]!r}")
        self._watch_for(what.watched)
        self._ring_limit_at = self._ctx.clock() + what.limit_s
        self._ctx.meter.to_bridge.observe(self._ctx.clock() - self._connected_at)

    def _hand_over(self, what: RunOverflow) -> Event:
        """
        Let the caller go on, and leave in the same breath.

        The channel runs what is queued before it leaves the socket (mod_event_socket.c, socket_function). A socket
        that stayed open would end only when the caller is in the next group already, and take its control away. The
        watchdog is cancelled last: until the channel is seen parked, it is the only one who can save the caller.
        """
        self._control([self._set_variables(what.variables)])
        target = what.overflow.target
        match what.overflow.action:
            case OverflowAction.DIALPLAN:
                last = []
            case OverflowAction.TRANSFER:
                last = [execute("transfer", target)]
            case OverflowAction.RESPOND:
                last = [execute("respond", target)]
        self._exchange([*self._cancel_tasks(), *last, esl_commands.EXIT])
        self._session.stop()
        return HandedOver(self._now_ms())

    def _move_on(self, what: RunOverflow) -> Event:
        """
        Let a channel that is not under our control go on: it has taken the place of the caller.

        It waits for us in the fallback. One that has found its way from there (an administrator's own routing) is left.
        """
        uuid = what.channel_uuid
        (answer,) = self._exchange([esl_commands.dump(uuid)])
        if read_dump(answer.text()).get("Caller-Destination-Number") == FALLBACK:
            self._exchange(
                [
                    esl_commands.set_variables(uuid, {**what.variables, **esl_commands.ARRIVED}),
                    esl_commands.move_on(uuid, what.overflow),
                ]
            )
        self._exchange([esl_commands.EXIT])
        self._session.stop()
        return HandedOver(self._now_ms())

    # -- what the switch says ---------------------------------------------------------------------------------------

    def _next_event(self) -> Event:
        """Return the next thing that happened to the call. Ends by a deadline, or by the end of the connection."""
        try:
            while True:
                try:
                    event = self._read(self._session.next_message(self._patience_s()))
                except SwitchTimeout:
                    event = self._ring_limit_reached() or self._ask_whether_it_exists()
                if event is not None:
                    return self._which_phone(event) if isinstance(event, Answered) else event
        except SwitchError as error:
            return self._switch_failed(error)

    def _on_event(self, message: Message, switch: InboundSession) -> None:
        """Take in from another connection that somebody has answered, while our own is silent. Raises SwitchError."""
        event = self._read(message) if self._session.is_busy else None
        if not isinstance(event, Answered):
            return

        def exchange(commands: list[bytes]) -> list[Message]:
            return switch.exchange(commands, switch.timeout_s)

        waiting = deque(self._hunt.receive(self._which_phone(event, exchange)))
        while waiting:
            match waiting.popleft():
                case Restore() as what:
                    self._restore_by(switch, what)
                case AskTaker():
                    waiting.extend(self._hunt.receive(self._enquiries.taker(self._now_ms, exchange)))
                case what:
                    self._carry(what)
        self._unwatch_unless_ringing()

    def _which_phone(self, event: Answered, exchange: Exchange | None = None) -> Answered:
        """Return the answer with the phone that it came from, where the leg rang a whole line."""
        leg = self._ringing and self._ringing.leg_of(self._hunt.call_id, event.leg_uuid)
        return self._enquiries.which_phone(event, leg.contact, exchange) if leg else event

    def _restore_by(self, switch: InboundSession, what: Restore) -> None:
        """Restore by another connection. Raises SwitchError; then it is done by our own when that is heard again."""
        had_task, self._unrestored = self._has_task, what
        try:
            switch.exchange(self._restoring(what.variables), switch.timeout_s)
        except SwitchError:
            self._has_task = had_task
            raise
        self._unrestored = None

    def _patience_s(self) -> float:
        if self._is_gone:
            return LAST_EVENTS_S
        if self._limit_at is not None:
            return max(self._limit_at - self._ctx.clock(), 0.0)
        if self._hunt.state is State.ALERTING and self._hunt.group:
            return self._hunt.group.ring_timeout_s + RING_GRACE_S
        return SILENCE_S if self._hunt.state is State.TALKING else self._ctx.reply_timeout_s

    @property
    def _is_gone(self) -> bool:
        """Whether the switch has said that the caller is gone; one who was replaced has left the ringing behind."""
        return self._session.is_dismissed and not self._is_replaced

    @property
    def _limit_at(self) -> float | None:
        """
        When we are to end the ringing, None where we are not.

        A socket without ``async`` cannot be told to end it; there the switch's own task does.
        """
        is_ours = self._hunt.state is State.ALERTING and not self._is_gone and not self._session.is_busy
        return self._ring_limit_at if is_ours else None

    def _ring_limit_reached(self) -> Event | None:
        """Return RingLimitReached, once, when it is."""
        if self._limit_at is None or self._ctx.clock() < self._limit_at:
            return None
        self._ring_limit_at = None
        return RingLimitReached(self._now_ms())

    def _read(self, message: Message) -> Event | None:
        """Return what an event means for the hunt, None for one that means nothing."""
        if message.content_type == DISCONNECT_NOTICE and self._inbound.is_static:
            return self._read_notice()
        return self._events.read(message, self._ringing)

    def _read_notice(self) -> Event | None:
        """Return what it means that the caller is gone: the end, where no event will tell of it."""
        return self._gone(self._now_ms()) if self._hunt.state in (State.ARRIVED, State.ASKING) else None

    def _gone(self, at_ms: int) -> CallerGone:
        """Return the end of a caller of whose end no event tells. A channel that waits for us can still be asked."""
        (channel,) = self._exchange([esl_commands.CONNECT])
        return self._events.read_end(channel, at_ms, self._ringing)

    @property
    def _ringing(self) -> RingPlan | None:
        """The legs of which what became of them can still change what the journal knows."""
        return self._hunt.plan if self._hunt.state is State.ALERTING else None

    def _ask_whether_it_exists(self) -> Event | None:
        """
        After a long silence: return CallerGone if the channel is no more, None if it is. Raises SwitchError.

        A caller of whom the switch has said only that they are gone has been so since before the silence.
        """
        if self._is_gone:
            gone = self._gone(self._now_ms() - int(LAST_EVENTS_S * 1000))
            # Who has transferred the ringing call is gone, and the last event comes when the ringing ends.
            self._is_replaced = bool(gone.replaced_by) and self._hunt.state is State.ALERTING
            return None if self._is_replaced else gone
        if self._session.is_busy:
            return None  # nobody hears the question; a switch that is gone ends the connection
        (answer,) = self._exchange([esl_commands.ask_existence(self._inbound.channel_uuid)])
        return None if answer.reply == "true" else CallerGone(self._now_ms(), "", NOTHING_TOLD)

    def _switch_failed(self, error: SwitchError) -> Event:
        """Return what a broken conversation with the switch means: after a hang-up notice it is just the end."""
        if self._session.is_dismissed and isinstance(error, SwitchGone):
            return CallerGone(self._now_ms(), "", NOTHING_TOLD)
        log.warning("%s call=%s channel=%s", error, self._hunt.call_id, self._inbound.channel_uuid)
        if isinstance(error, CommandRefused):
            return Fault(self._now_ms())
        self._session.stop()
        return SwitchLost(self._now_ms())

    # -- small change -----------------------------------------------------------------------------------------------

    def _exchange(self, commands: list[bytes]) -> list[Message]:
        return self._session.exchange(commands, self._ctx.reply_timeout_s)

    def _set_variables(self, variables: Mapping[str, str]) -> bytes:
        hidden = {SECRET_VARIABLE: ""} if self._ctx.secret else {}  # the detail records would show it
        if self._inbound.is_static and self._inbound.park_timeout:
            hidden["park_timeout"] = ""  # which no parking has removed
        return esl_commands.set_variables(self._inbound.channel_uuid, {**variables, **hidden} if hidden else variables)

    def _restoring(self, variables: Mapping[str, str]) -> list[bytes]:
        return [self._set_variables(variables), *self._cancel_tasks()]

    def _cancel_tasks(self) -> list[bytes]:
        if not self._has_task:
            return []
        self._has_task = False
        return [esl_commands.cancel_tasks(self._inbound.channel_uuid)]

    def _set_tasks(self, what: Bridge) -> list[bytes]:
        """Return what the switch shall do by itself if we cannot: end the ringing, and look after the caller then."""
        if not what.guard_s:
            return []
        self._has_task = True
        uuid = self._inbound.channel_uuid
        after_s = what.limit_s + 1
        ends = [esl_commands.end_ringing_later(uuid, after_s, self._hunt.call_id)]
        if what.pickup_uuid:
            ends.append(esl_commands.kill_later(uuid, after_s, what.pickup_uuid, "ORIGINATOR_CANCEL"))
        return [*ends, esl_commands.set_guard(uuid, what.guard_s)]

    def _now_ms(self) -> int:
        """Return the time by the switch's clock, reckoned from what it said when the caller arrived."""
        return self._inbound.arrived_at_ms + int((self._ctx.clock() - self._connected_at) * 1000)
