"""A ringing call that can be joined, on the simulated switch: what callers, phones and the journal see of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import gevent
import pytest

from esl_huntgroup.calls.late_phones import Hears, LatePhones
from esl_huntgroup.esl.wire import Message
from esl_huntgroup.journal.records import CallAnswered, CallEnded, CallRinging
from esl_huntgroup.model.group import Line
from esl_huntgroup.registrars.contacts import Contacts
from esl_huntgroup.simulator import pickup
from esl_huntgroup.simulator.phones import BUSY, Phone, answering, registered, rejecting
from esl_huntgroup.simulator.switch import Switch
from tests.protocol.test_call import KARL, Lab, anna, bernd, the_caller_of
from tests.unit.examples import CLARA_LINE

COMPLETED_ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'


class Feed(LatePhones):
    """The connection of the late phones, without one: what it is told, the simulated switch does."""

    def __init__(self) -> None:
        super().__init__()
        self.switch: Switch | None = None
        self.hears: Hears | None = None
        self.told: list[str] = []
        self.ringing: list[gevent.Greenlet] = []

    def watch(self, node: str, call_id: str, lines: Iterable[Line], hears: Hears) -> Any:
        self.hears = hears
        return self

    def unwatch(self, watch: object) -> None:
        self.hears = None

    def stop(self) -> None:
        self.hears = None

    def exchange(self, *commands: Any) -> list[Message]:
        assert self.switch
        for line in [command.decode().strip() for command in commands[-1]]:
            self.told.append(line)
            name, _, argument = line.removeprefix("api ").partition(" ")
            self.switch.api(name, argument)
        return []

    def ring(self, legs: Iterable[tuple[str, str]], joins: str, before: Sequence[bytes]) -> None:
        self.exchange(before)
        for uuid, dialled in legs:
            self.ringing.append(gevent.spawn(self._ring, uuid, f"{dialled} {joins} inline"))

    def _ring(self, uuid: str, argument: str) -> None:
        assert self.switch
        caller = the_caller_of(self.switch).uuid
        said = pickup.originate(self.switch, argument, caller, observer=lambda *_: None, api=self.switch.api)
        if self.hears:
            self.hears.on_end(uuid, "" if said.startswith("+OK") else said.removeprefix("-ERR").strip())

    def registers(self, phone: Phone) -> None:
        """Let a phone register, and the service hear of it."""
        assert self.switch
        assert self.hears
        registrar = self.switch.registrar
        registrar.phones = (*[it for it in registrar.phones if it.address != phone.address], phone)
        account, _, domain = phone.address.partition("@")
        line = Line(account, domain, account)
        found: Mapping[Line, Contacts] = {line: Contacts(tuple(f"sofia/internal/{it}" for it in phone.contacts))}
        self.hears.on_contacts(found)


def clara(*script: Any) -> Phone:
    return registered("Clara Dietz", CLARA_LINE.address, *script, port=5091)


@pytest.fixture(params=["async", "fast"])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    lab = Lab(is_fast=request.param == "fast")
    lab.late = Feed()
    yield lab
    assert lab.stop() == 0


def rings(lab: Lab, *members: Phone, **options: Any) -> tuple[Switch, gevent.Greenlet, Feed]:
    """Let somebody call a group that can be joined, and wait until its bridge has begun."""
    lab.has_group(joinable=True, ring_timeout_s=3, **options)
    switch = lab.switch(*members)
    feed = lab.late
    assert isinstance(feed, Feed)
    feed.switch = switch
    running = switch.spawn(KARL, "700", hangs_up_after_talk_s=1)
    with gevent.Timeout(30):
        while not (feed.hears and any(isinstance(leg, pickup.PickupLeg) for leg in switch.legs.values())):
            gevent.sleep(0.01)
    return switch, running, feed


def told(lab: Lab, kind: type[Any]) -> Any:
    lab.journal.ended.wait(30)
    return [record for record in lab.journal.records if isinstance(record, kind)]


def causes(record: CallAnswered | CallEnded) -> list[str]:
    return [leg.cause for leg in record.legs]


def reasons(phone: Phone) -> list[str]:
    return [heard.detail for heard in phone.heard if heard.what in ("cancel", "bye")]


def test_members_answer_as_in_any_group(lab: Lab) -> None:
    _, running, _ = rings(lab, anna(answering(1.0)), bernd())
    assert running.get().spoken_with == "Anna Berg"
    (answered,) = told(lab, CallAnswered)
    assert causes(answered) == ["NONE", "LOSE_RACE"]


def test_all_busy_is_told_at_once_and_the_pickup_leg_holds_nobody_up(lab: Lab) -> None:
    _, running, _ = rings(lab, anna(rejecting(1.0, 486)), bernd(rejecting(1.0, 486)))
    result = running.get()
    assert result.fallback == "all_busy"
    assert result.duration_s < 2.5


def test_a_late_phone_takes_the_call_and_all_others_are_told(lab: Lab) -> None:
    one, other = anna(), bernd()
    _, running, feed = rings(lab, one, other)
    late = clara(answering(0.5))
    feed.registers(late)
    result = running.get()
    assert (result.status, result.spoken_with) == (200, "Clara Dietz")
    assert reasons(one) == reasons(other) == [COMPLETED_ELSEWHERE]
    (answered,) = told(lab, CallAnswered)
    assert (answered.answered_by_name, causes(answered)) == ("Clara Dietz", ["LOSE_RACE", "LOSE_RACE", "NONE"])
    assert [record.user_ids for record in told(lab, CallRinging)] == [(1, 2), (1, 2, 3)]
    assert len(late.did("invite")) == 1
    if not lab.is_fast:  # where no connection tells of the answer, they stay to the end
        assert the_variables(result, "presence_data", "api_hangup_hook") == [None, None]


def the_variables(result: Any, *names: str) -> list[str | None]:
    return [result.variables.get(name) or None for name in names]


@pytest.mark.parametrize("refreshes", [1, 3])
def test_a_member_who_answers_ends_the_late_phone_which_a_refreshed_contact_rang_once(lab: Lab, refreshes: int) -> None:
    _, running, feed = rings(lab, anna(answering(1.5)), bernd())
    late = clara()
    for _ in range(refreshes):
        feed.registers(late)
    assert running.get().spoken_with == "Anna Berg"
    gevent.joinall(feed.ringing, timeout=30)
    assert (len(late.did("invite")), reasons(late)) == (1, [COMPLETED_ELSEWHERE])
    (answered,) = told(lab, CallAnswered)
    assert causes(answered) == ["NONE", "LOSE_RACE", "LOSE_RACE"]


def test_the_ring_limit_makes_it_a_missed_call_for_late_phones_too(lab: Lab) -> None:
    _, running, feed = rings(lab, anna(), bernd())
    late = clara()
    feed.registers(late)
    assert running.get().fallback == "no_answer"
    gevent.joinall(feed.ringing, timeout=30)
    assert reasons(late) == ['SIP;cause=487;text="ORIGINATOR_CANCEL"']
    (ended,) = told(lab, CallEnded)
    assert causes(ended) == ["ORIGINATOR_CANCEL"] * 3
    assert {entry.kind.value for entry in ended.entries} == {"missed"}


def test_when_all_others_have_refused_the_late_phone_still_has_the_call(lab: Lab) -> None:
    _, running, feed = rings(lab, anna(rejecting(0.8, 486)), bernd(rejecting(0.8, 486)))
    feed.registers(clara(answering(1.5)))
    result = running.get()
    assert (result.spoken_with, len(result.bridges)) == ("Clara Dietz", 2)
    (answered,) = told(lab, CallAnswered)
    assert causes(answered) == ["USER_BUSY", "USER_BUSY", "NONE"]


def test_and_when_that_refuses_as_well_all_are_busy(lab: Lab) -> None:
    _, running, feed = rings(lab, anna(rejecting(0.8, 486)), bernd(rejecting(0.8, 486)))
    feed.registers(clara(rejecting(1.4, 486)))
    result = running.get()
    assert result.fallback == "all_busy"
    assert result.duration_s < 2.9
    assert any(line.startswith("api uuid_kill ") and line.endswith("-pickup2 NO_PICKUP") for line in feed.told)


def test_a_caller_waits_for_phones_where_the_group_wants_it(lab: Lab) -> None:
    _, running, feed = rings(lab, wait_for_phones=True)
    feed.registers(clara(answering(0.5)))
    result = running.get()
    assert (result.rang, result.spoken_with) == (True, "Clara Dietz")


@pytest.mark.parametrize("comes", [None, BUSY])
def test_a_caller_for_whom_nobody_comes_waits_no_longer_than_the_ring_limit(lab: Lab, comes: Any) -> None:
    _, running, feed = rings(lab, wait_for_phones=True)
    if comes:
        feed.registers(clara(comes))
    result = running.get()
    assert result.fallback == ("all_busy" if comes else "nobody_registered")
    assert 2 < result.duration_s < 7


def test_a_caller_whose_media_bypasses_the_switch_is_served_as_ever(lab: Lab) -> None:
    lab.has_group(joinable=True)
    switch = lab.switch(anna(answering(0.2)), bernd())
    result = lab.call(switch=switch, variables={"bypass_media": "true"}, hangs_up_after_talk_s=1)
    assert result.spoken_with == "Anna Berg"
    assert "pickup/" not in result.bridges[0]
