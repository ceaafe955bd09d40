"""A connection that listens: it is kept as long as the switch answers, and given up when it does not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from esl_huntgroup.errors import SwitchTimeout
from esl_huntgroup.esl import reconnect
from esl_huntgroup.esl.inbound import InboundSession
from esl_huntgroup.esl.reconnect import PING_AFTER_S, EventSubscription
from tests.protocol.inbound_switch import InboundSwitch

PING = "api strepoch"
BRIDGED = {"Event-Name": "CHANNEL_BRIDGE", "Unique-ID": "caller"}


class Listening:
    """A switch, a subscription to it, and a clock that stands."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.switch = InboundSwitch()
        self.session = InboundSession("127.0.0.1", self.switch.port, "secret", timeout_s=1)
        self.session.connect()
        self.subscription = EventSubscription(self.session, "CHANNEL_BRIDGE", ["variable_mark 1"], lambda: self.now_s)

    def close(self) -> None:
        self.session.stop()
        self.switch.close()


@pytest.fixture
def listening() -> Iterator[Listening]:
    listening = Listening()
    yield listening
    listening.close()


def test_only_one_kind_of_event_of_marked_channels_is_asked_for(listening: Listening) -> None:
    asked = ["event plain CHANNEL_BRIDGE HEARTBEAT", "filter variable_mark 1", "filter Event-Name HEARTBEAT"]
    assert listening.switch.asked[-3:] == asked


def test_a_switch_that_answers_is_kept_however_rare_its_heartbeat(listening: Listening) -> None:
    for times in range(1, 4):
        listening.now_s += 3600
        assert listening.subscription.next_event(0.01) is None
        assert listening.switch.asked.count(PING) == times


def test_nobody_is_asked_who_has_just_been_heard(listening: Listening) -> None:
    listening.now_s += PING_AFTER_S - 1
    listening.switch.tell(BRIDGED)
    assert listening.subscription.next_event(1) is not None
    listening.now_s += PING_AFTER_S - 1
    assert listening.subscription.next_event(0.01) is None
    assert PING not in listening.switch.asked


def test_a_switch_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconnect, "ANSWER_WITHIN_S", 0.05)
    listening = Listening()
    listening.switch.network.clear()
    listening.now_s = PING_AFTER_S
    with pytest.raises(SwitchTimeout, match="nothing was heard for 20 s"):
        listening.subscription.next_event(0.01)
    listening.close()


def test_what_has_piled_up_in_a_short_cut_is_read_to_the_last_event(listening: Listening) -> None:
    piled_up = 3000
    for _ in range(piled_up):
        listening.switch.tell(BRIDGED)
    listening.session.api("strepoch")
    read = [listening.subscription.next_event(0.01) for _ in range(piled_up)]
    assert None not in read
