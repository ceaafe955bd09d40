"""The fast variant of the dialplan: the call's own socket is silent, and another connection tells of the answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import gevent
import pytest

from esl_huntgroup.calls.answer_feed import AnswerFeed
from esl_huntgroup.simulator.channel import Transfer
from esl_huntgroup.simulator.event import Header
from esl_huntgroup.simulator.session import Session
from esl_huntgroup.simulator.switch import Switch
from tests.protocol.inbound_switch import InboundSwitch
from tests.protocol.test_call import ANNA_ANSWERS, ANNA_WINS, KARL, Lab, anna, bernd, the_caller_of

WAIT_S = 10


class Told(Switch):
    """A switch that tells its events to an inbound connection, too."""

    inbound: InboundSwitch

    def fire(self, session: Session, name: str, before: list[Header], after: list[Header]) -> None:
        """Send CHANNEL_BRIDGE to both."""
        super().fire(session, name, before, after)
        if name == "CHANNEL_BRIDGE" and listens(self.inbound):
            self.inbound.tell(dict([*self._preamble(name), *before, *session.channel.headers(), *after]))


@pytest.fixture
def inbound() -> Iterator[InboundSwitch]:
    switch = InboundSwitch()
    yield switch
    switch.close()


@pytest.fixture
def lab(inbound: InboundSwitch, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    monkeypatch.setattr("tests.protocol.test_call.Switch", Told)
    monkeypatch.setattr(Told, "inbound", inbound, raising=False)
    lab = Lab(is_fast=True)
    lab.live = AnswerFeed([("127.0.0.1", inbound.port)], "ClueCon")
    lab.has_group()
    yield lab
    assert lab.stop() == 0
    lab.live.stop()


def await_(condition: object) -> None:
    """Wait until something is true that is looked at again and again."""
    assert callable(condition)
    with gevent.Timeout(WAIT_S, AssertionError("it does not come true")):
        while not condition():
            gevent.sleep(0.01)


def listens(inbound: InboundSwitch) -> bool:
    """Whether the service has asked for events, and got no refusal."""
    return not inbound.refuses and any(line.startswith("filter Event-Name") for line in inbound.asked)


def first_call(lab: Lab, inbound: InboundSwitch) -> None:
    """Make one call, with which the connection begins."""
    lab.call(anna(ANNA_ANSWERS), bernd(), hangs_up_after_talk_s=1)
    await_(lambda: listens(inbound))
    lab.journal.records.clear()
    lab.journal.answered.clear()
    lab.journal.ended.clear()


def test_the_journal_learns_of_the_answer_while_they_talk_and_hears_it_once(lab: Lab, inbound: InboundSwitch) -> None:
    first_call(lab, inbound)
    switch = lab.switch(anna(ANNA_ANSWERS), bernd())
    running = switch.spawn(KARL, "700", hangs_up_after_talk_s=5)
    lab.journal.answered.wait(WAIT_S)
    caller = the_caller_of(switch)
    assert caller.up
    assert lab.story == ANNA_WINS[:2]
    await_(lambda: f"api sched_del huntgroup-{caller.uuid}" in inbound.asked)
    assert any("app_disable_expand_variables=" in line and caller.uuid in line for line in inbound.asked)
    result = running.get()
    lab.journal.ended.wait(WAIT_S)
    assert (result.spoken_with, result.fallback) == ("Anna Berg", None)
    assert lab.story == ANNA_WINS


def test_a_transferred_conversation_is_over_for_the_group_and_goes_on_elsewhere(
    lab: Lab, inbound: InboundSwitch
) -> None:
    first_call(lab, inbound)
    switch = lab.switch(anna(ANNA_ANSWERS), bernd())
    running = switch.spawn(KARL, "700", hangs_up_after_talk_s=3)
    lab.journal.answered.wait(WAIT_S)
    the_caller_of(switch).go_to(Transfer("9998"))
    lab.journal.ended.wait(WAIT_S)
    result = running.get()
    assert (result.extensions, result.fallback) == (("huntgroup", "9998"), None)
    assert lab.story == [*ANNA_WINS[:2], ("ended", "answered", "", "", {}, [])]


def test_a_switch_that_tells_nothing_costs_the_journal_only_time(lab: Lab, inbound: InboundSwitch) -> None:
    inbound.refuses = "event"
    lab.call(anna(ANNA_ANSWERS), bernd(), hangs_up_after_talk_s=1)
    lab.journal.ended.wait(WAIT_S)
    assert "event plain CHANNEL_BRIDGE HEARTBEAT" in inbound.asked
    assert lab.story == ANNA_WINS


def test_a_worker_asks_for_the_calls_alone_that_carry_its_mark(lab: Lab, inbound: InboundSwitch) -> None:
    first_call(lab, inbound)
    switch = lab.switch(anna(ANNA_ANSWERS), bernd())
    running = switch.spawn(KARL, "700", hangs_up_after_talk_s=1)
    lab.journal.answered.wait(WAIT_S)
    assert the_caller_of(switch).variables.get("huntgroup_follower") == lab.live.mark
    assert f"filter variable_huntgroup_follower {lab.live.mark}" in inbound.asked
    assert not [line for line in inbound.asked if line.startswith("filter") and "huntgroup_legs" in line]
    assert AnswerFeed().mark != lab.live.mark
    running.get()
    lab.journal.ended.wait(WAIT_S)


def test_a_connection_that_breaks_is_made_again(lab: Lab, inbound: InboundSwitch) -> None:
    first_call(lab, inbound)
    inbound.asked.clear()
    inbound.drop()
    await_(lambda: listens(inbound))
    running = lab.switch(anna(ANNA_ANSWERS), bernd()).spawn(KARL, "700", hangs_up_after_talk_s=3)
    lab.journal.answered.wait(WAIT_S)
    assert lab.story == ANNA_WINS[:2]
    running.get()
    lab.journal.ended.wait(WAIT_S)
    assert lab.story == ANNA_WINS


def test_what_the_other_connection_could_not_restore_is_restored_before_the_caller_goes_on(
    lab: Lab, inbound: InboundSwitch
) -> None:
    first_call(lab, inbound)
    inbound.breaks_at = "api uuid_setvar_multi"
    switch = lab.switch(anna(ANNA_ANSWERS), bernd())
    running = switch.spawn(KARL, "700", hangs_up_after_talk_s=8)
    lab.journal.answered.wait(WAIT_S)
    caller = the_caller_of(switch)
    caller.go_to(Transfer("9998"))
    lab.journal.ended.wait(WAIT_S)
    result = running.get()
    assert (result.extensions, result.fallback) == (("huntgroup", "9998"), None)
    assert caller.variables.get("app_disable_expand_variables") is None
    assert lab.story == [*ANNA_WINS[:2], ("ended", "answered", "", "", {}, [])]


def test_a_fault_in_one_call_makes_no_other_deaf(inbound: InboundSwitch, caplog: pytest.LogCaptureFixture) -> None:
    live = AnswerFeed([("127.0.0.1", inbound.port)], "ClueCon")
    told: list[str] = []

    def is_faulty(*_: object) -> None:
        raise LookupError("a fault")

    with live.follow("faulty", is_faulty), live.follow("caller", lambda *_: told.append("heard")):
        await_(lambda: listens(inbound))
        for uuid in ("faulty", "caller"):
            inbound.tell({"Event-Name": "CHANNEL_BRIDGE", "Unique-ID": uuid})
        await_(lambda: told)
    assert "a fault of this program" in caplog.text
    live.stop()


def test_who_goes_from_group_to_group_is_heard_for_the_second_when_the_first_is_over(inbound: InboundSwitch) -> None:
    live = AnswerFeed([("127.0.0.1", inbound.port)], "ClueCon")
    told: list[str] = []
    with ExitStack() as second:
        with live.follow("caller", lambda *_: told.append("first")):
            second.enter_context(live.follow("caller", lambda *_: told.append("second")))
        await_(lambda: listens(inbound))
        inbound.tell({"Event-Name": "CHANNEL_BRIDGE", "Unique-ID": "caller"})
        await_(lambda: told)
    assert told == ["second"]
    live.stop()
