"""
The session thread of one caller: it walks through the dialplan, parks, and executes what is queued for it.

switch_core_session_exec, switch_ivr_park, switch_ivr_parse_event. The listener (see ``listener``) runs beside it and
only queues; nothing here touches a socket.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from esl_huntgroup.simulator.causes import known_cause
from esl_huntgroup.simulator.channel import CallerChannel, Transfer
from esl_huntgroup.simulator.clock import TICK_S
from esl_huntgroup.simulator.command import Command
from esl_huntgroup.simulator.dialplan import Extension
from esl_huntgroup.simulator.event import Header
from esl_huntgroup.simulator.expansion import expand
from esl_huntgroup.simulator.interference import Moment
from esl_huntgroup.simulator.leg import Leg, Observer
from esl_huntgroup.simulator.phones import Registrar
from esl_huntgroup.simulator.scheduler import Scheduler

Route = Callable[[Transfer, CallerChannel], Extension | None]
Application = Callable[["Session", str], None]
RUN_BY_THE_DEAD: Final = frozenset({"set", "multiset", "unset", "log"})
"""Applications that still run when the caller has hung up (SAF_ZOMBIE_EXEC)."""


class Exchange(Protocol):
    """What a session needs of the switch that it lives in."""

    registrar: Registrar
    legs: dict[str, Leg]
    scheduler: Scheduler

    def api(self, command: str, argument: str) -> str:
        """Execute an api command and return its output."""

    def fire(self, session: Session, name: str, before: list[Header], after: list[Header]) -> None:
        """Send an event of this session's channel to whoever listens."""

    def connect(self, session: Session, argument: str) -> bool:
        """Connect the session to a service; say whether one took the connection."""


class Session:
    """
    One call at the switch.

    ``controlled`` is CF_CONTROLLED: set when the park begins, cleared when the listener ends. A listener that ends
    *before* the park leaves a caller parked for ever; only the watchdog gets him out.
    """

    def __init__(
        self,
        exchange: Exchange,
        channel: CallerChannel,
        route: Route,
        observer: Observer,
        applications: Mapping[str, Application],
    ) -> None:
        """Put a caller in front of a dialplan that knows ``applications``; ``route`` finds where a transfer goes."""
        self.exchange = exchange
        self.channel = channel
        self.registrar = exchange.registrar
        self.legs = exchange.legs
        self.observer = observer
        self.visited: list[str] = []
        self.spoken_with = ""
        self.expanded: list[str] = []
        self.park_ends = False
        self.controlled = False
        self.moment: Callable[[Moment], None] = lambda _moment: None
        self._route = route
        self._applications = applications
        self._queue: deque[Command] = deque()
        self._locked = self._for_service = False
        self._last_application = ("", "")

    # -- the dialplan ---------------------------------------------------------------------------------------------

    def run(self, first: Extension) -> None:
        """Serve the caller from the first extension to the report of the hang-up."""
        extension: Extension | None = first
        while extension is not None and self.channel.up:
            self.visited.append(extension.name)
            self._walk(extension)
            extension = self._next_extension()
        self.channel.hang_up("NORMAL_CLEARING")
        self.exchange.scheduler.cancel(self.channel.uuid)
        self.channel.report(*self._last_application)
        cause = [("Hangup-Cause", self.channel.hangup_cause)]
        self.exchange.fire(self, "CHANNEL_HANGUP_COMPLETE", cause, [])

    def _walk(self, extension: Extension) -> None:
        for application, argument in extension.actions:
            if not self.channel.ready:
                return
            self.execute(application, argument)

    def _next_extension(self) -> Extension | None:
        transfer = self.channel.arrive()
        if transfer is None:
            return None
        extension = self._route(transfer, self.channel)
        if extension is None:
            self.channel.hang_up("NO_ROUTE_DESTINATION")
        return extension

    # -- applications ---------------------------------------------------------------------------------------------

    def execute(self, name: str, argument: str, app_uuid: str = "") -> None:
        """Execute one application: expand, run, report. An unknown one hangs the caller up."""
        application = self._applications.get(name)
        channel = self.channel
        if not channel.up and name not in RUN_BY_THE_DEAD:
            return
        if application is None:
            channel.hang_up("DESTINATION_OUT_OF_ORDER")
            return
        if not channel.variables.true("app_disable_expand_variables"):
            argument = self.expand(argument)
        app_uuid = app_uuid or str(uuid.uuid4())
        self._note_application(name, argument)
        self.exchange.fire(self, "CHANNEL_EXECUTE", [], _application(name, argument, app_uuid))
        application(self, argument)
        response = channel.variables.get("current_application_response") or "_none_"
        about = _application(name, argument, app_uuid, response)
        self.exchange.fire(self, "CHANNEL_EXECUTE_COMPLETE", [], about)

    def expand(self, text: str) -> str:
        """Expand ``${…}``. What the service had expanded is remembered: tests ask whether it ever did."""
        if "${" not in text:
            return text
        if self._for_service:
            self.expanded.append(text)
        return expand(text, self.channel.variables.get, self.exchange.api)

    def _note_application(self, name: str, argument: str) -> None:
        variables = self.channel.variables
        variables.set("current_application_data", argument)
        variables.set("current_application_response", None)
        variables.set("current_application", name)
        self._last_application = (name, argument)

    # -- under control --------------------------------------------------------------------------------------------

    def queue(self, message: Command) -> None:
        """Take in a ``sendmsg``; it is executed at the next opportunity."""
        self._queue.append(message)

    def park(self) -> None:
        """switch_ivr_park: wait for commands until the listener ends, the caller goes, or is moved."""
        self.channel.variables.set("park_timeout", None)
        self.controlled = True
        self.exchange.fire(self, "CHANNEL_PARK", [], [])
        while self.channel.ready and self.controlled:
            self.channel.clock.sleep(TICK_S)
            self.run_queued()
        self.run_queued()

    def hold(self) -> None:
        """Wait until the listener ends, which executes applications itself: the socket is without ``async``."""
        while self.controlled:
            self.channel.clock.sleep(TICK_S)

    def release(self) -> None:
        """Let a caller go on in the dialplan: the listener has ended."""
        self.controlled = False

    def run_queued(self) -> None:
        """switch_ivr_parse_all_events: execute what waits, unless a command with ``event-lock`` is running."""
        while self._queue and not self._locked:
            self.perform(self._queue.popleft())

    def first_ring(self) -> None:
        """Take note that a phone rings."""
        self.moment(Moment.RINGING)

    def api(self, command: str, argument: str) -> str:
        """Execute an api command and return its output."""
        return self.exchange.api(command, argument)

    def perform(self, message: Command) -> None:
        """switch_ivr_parse_event."""
        kind = message.header("call-command")
        if kind == "hangup":
            self.channel.hang_up(known_cause(message.header("hangup-cause") or "NORMAL_CLEARING"))
        elif kind == "execute":
            self._locked, self._for_service = message.header("event-lock") == "true", True
            self._execute_message(message)
            self._locked = self._for_service = False

    def _execute_message(self, message: Command) -> None:
        name = message.header("execute-app-name")
        argument = message.header("execute-app-arg")
        if not argument and message.header("content-type").lower() == "text/plain":
            argument = message.body
        variables = self.channel.variables
        variables.set("current_loop", "1")
        variables.set("total_loops", "1")
        self.execute(name, argument, message.header("event-uuid"))
        variables.set("current_loop", None)
        variables.set("total_loops", None)


def _application(name: str, argument: str, app_uuid: str, response: str = "") -> list[Header]:
    return [
        ("Application", name),
        *([("Application-Data", argument)] if argument else []),
        *([("Application-Response", response)] if response else []),
        ("Application-UUID", app_uuid),
    ]
