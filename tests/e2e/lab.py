"""What a test holds in its hands: one switch, one service, and phones and callers to put on them."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import sip, sipp
from .agent import Agent, Rings
from .freeswitch import DOMAIN, FreeSwitch
from .journal import Call, assert_whole
from .linphone import Linphone
from .service import Service
from .sipp import Endpoint

ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'
"""The Reason after which a phone shows no missed call (RFC 3326)."""
GAVE_UP = 'SIP;cause=487;text="ORIGINATOR_CANCEL"'
RANG_OUT = 'Q.850;cause=19;text="NO_ANSWER"'

NOT_SET = "-ERR no reply"
"""What the switch says of a global variable that nobody has set."""

REGISTERED_WITHIN_S = 10.0
ENDED_WITHIN_S = 8.0
WITNESS_WITHIN_S = 30.0
"""The second witness lets the first one speak for 8 s, looks every 3 s, and may have to connect first."""
_caller_numbers = itertools.count(3001)


class Caller:
    """Somebody who calls; each call has a number of its own, by which the journal is searched."""

    def __init__(self, number: str, endpoint: Endpoint) -> None:
        self.number = number
        self.endpoint = endpoint

    def final_status(self, within_s: float = 30.0) -> int:
        """Wait for the end of the call, and return the final status of the INVITE."""
        return self.endpoint.wait_ended(within_s)


class Lab:
    """The phones and callers of one test. ``close`` ends them, and sees that the switch is empty again."""

    def __init__(self, switch: FreeSwitch, service: Service, folder: Path) -> None:
        self.switch = switch
        self.service = service
        self._folder = folder
        self._endpoints: list[Endpoint] = []
        self._agents: list[Agent] = []
        self._linphones: list[Linphone] = []
        self._registered: set[str] = set()
        self._log_offset = service.log_size()

    def phone(self, account: str, scenario: str) -> Endpoint:
        """Switch on a phone that is registered as ``account``; several phones can share one."""
        phone = self._endpoint(f"phone{len(self._endpoints)}-{account}", scenario)
        self.register(account, f"<sip:{account}@127.0.0.1:{phone.port}>")
        return phone

    def agent(self, account: str, rings: Rings | None = None) -> Agent:
        """Switch on a phone that can do what no SIPp scenario can."""
        agent = self.stranger(account, rings)
        self.register(account, agent.contact)
        return agent

    def stranger(self, account: str = "", rings: Rings | None = None) -> Agent:
        """Give somebody who is registered nowhere, with a number of their own, such a phone."""
        agent = Agent(account or str(next(_caller_numbers)), DOMAIN, self.switch.address, rings)
        self._agents.append(agent)
        return agent

    def linphone(self, account: str, *, max_calls: int = 10) -> Linphone:
        """Switch on a Linphone, and wait until it has registered itself as ``account``."""
        folder = self._folder / f"linphone{len(self._linphones)}-{account}"
        phone = Linphone(folder, account, DOMAIN, self.switch.address, max_calls=max_calls)
        self._linphones.append(phone)
        self._registered.add(account)
        deadline = time.monotonic() + REGISTERED_WITHIN_S
        while f":{phone.port}" not in self.switch.api(f"sofia_contact {account}@{DOMAIN}"):
            assert time.monotonic() < deadline, f"Linphone does not register:\n{phone.printed()}"
            time.sleep(0.05)
        return phone

    def dead_phone(self, account: str) -> None:
        """Register ``account`` where nothing listens: a phone whose plug was pulled."""
        self.register(account, f"<sip:{account}@127.0.0.1:{sip.free_port()}>")

    def register(self, account: str, contact: str) -> None:
        """Register any Contact at all."""
        self._registered.add(account)
        sip.register(self.switch.address, account, DOMAIN, contact)

    def forget(self, account: str) -> None:
        """Take back every registration of ``account``."""
        self.switch.api(f"sofia profile internal flush_inbound_reg {account}@{DOMAIN}")

    def call(self, to: str = "700", caller: str = "", **how: Any) -> Caller:
        """Call a number; ``how`` is that of ``sipp.calls``."""
        number = caller or str(next(_caller_numbers))
        scenario = sipp.calls(to, number, domain=DOMAIN, **how)
        return Caller(number, self._endpoint(f"caller{len(self._endpoints)}-{number}", scenario, self.switch.address))

    def unregistered_phone(self, scenario: str, host: str = "127.0.0.1") -> Endpoint:
        """Switch on a phone that is registered nowhere: the target of a redirection, or of a hostile contact."""
        return self._endpoint(f"stranger{len(self._endpoints)}", scenario, host=host)

    def journal(
        self,
        caller: Caller | Agent,
        until: Callable[[Call], object] = lambda call: call.outcome,
        within_s: float = ENDED_WITHIN_S,
    ) -> Call:
        """Return the journal's view of a call, waiting until it has an outcome (or whatever ``until`` asks for)."""
        deadline = time.monotonic() + within_s
        while True:
            calls = self.service.calls_of(caller.number)
            if calls and until(calls[-1]):
                return calls[-1]
            assert time.monotonic() < deadline, f"not in the journal of {caller.number}: {calls}\n{self.service_log()}"
            time.sleep(0.1)

    def journals(
        self,
        caller: Caller,
        until: Callable[[Call], object] = lambda call: call.outcome,
        within_s: float = ENDED_WITHIN_S,
    ) -> list[Call]:
        """Return all calls of a caller who came to several groups: once all are over, and the last is what is asked."""
        deadline = time.monotonic() + within_s
        while True:
            calls = self.service.calls_of(caller.number)
            if calls and until(calls[-1]) and all(call.outcome for call in calls):
                return calls
            assert time.monotonic() < deadline, f"not all over for {caller.number}: {calls}\n{self.service_log()}"
            time.sleep(0.1)

    def whole(self, caller: Caller | Agent) -> Call:
        """Return the caller's only call, once it is over; every member of the group 700 has exactly one entry then."""
        call = self.journal(caller, within_s=WITNESS_WITHIN_S)
        assert len(self.service.calls_of(caller.number)) == 1
        assert_whole(call)
        return call

    def wait_for_channels(self, number: int) -> None:
        """Wait until the switch has so many channels; its own list lags a little."""
        deadline = time.monotonic() + ENDED_WITHIN_S
        while (there := self.switch.channels()) != number:
            assert time.monotonic() < deadline, f"{there} channels, not {number}"
            time.sleep(0.05)

    def wait_for_tasks(self, group: str, number: int) -> None:
        """Wait until so many tasks are scheduled in groups that begin like this; that list lags too."""
        deadline = time.monotonic() + ENDED_WITHIN_S
        while len(there := self.switch.tasks(group)) != number:
            assert time.monotonic() < deadline, f"{there} are scheduled, not {number}"
            time.sleep(0.05)

    @staticmethod
    def sleep(seconds: float) -> None:
        """Let people talk, or phones ring, for so long."""
        time.sleep(seconds)

    def service_log(self) -> str:
        """Return what the service has logged since the test began."""
        return self.service.log_since(self._log_offset)

    def close(self) -> None:
        """End everything, whatever fails of it. Raises AssertionError when a channel is left that nobody hangs up."""
        with contextlib.ExitStack() as last:  # from the end to the begin
            last.callback(self.switch.wait_without_channels, ENDED_WITHIN_S)
            last.callback(self.switch.api, "hupall")
            everybody: list[Endpoint | Agent | Linphone] = [*self._endpoints, *self._agents, *self._linphones]
            for endpoint in everybody:
                last.callback(endpoint.stop)
            for account in self._registered:
                last.callback(self.forget, account)
            self.switch.wait_without_channels(ENDED_WITHIN_S)

    def _endpoint(
        self, name: str, scenario: str, remote: tuple[str, int] | None = None, host: str = "127.0.0.1"
    ) -> Endpoint:
        endpoint = Endpoint(self._folder, name, scenario, remote, host)
        self._endpoints.append(endpoint)
        return endpoint
