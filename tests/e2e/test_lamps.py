"""The lamp of a group on phones that watch its number: at a real switch, with one service and with two."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import kamailio as kamailio_of
from . import sip, sipp
from .agent import Agent, Rings
from .conftest import FIRM
from .freeswitch import DOMAIN, FreeSwitch
from .lab import WITNESS_WITHIN_S, Lab
from .service import Service
from .watching import Shown, Watching

IDLE = ("", "terminated")


class SwitchWithPresence(FreeSwitch):
    """A switch whose profile keeps presence, and asks watchers for no password."""

    def _write_configuration(self) -> None:
        super()._write_configuration()
        configuration = self.folder / "conf" / "freeswitch.xml"
        text = configuration.read_text(encoding="utf-8")
        old = '<param name="manage-presence" value="false"/>'
        assert text.count(old) == 1
        new = '<param name="manage-presence" value="true"/><param name="auth-subscriptions" value="false"/>'
        configuration.write_text(text.replace(old, new), encoding="utf-8")


class LampLab(Lab):
    """A lab whose phones can watch groups."""

    def agent(self, account: str, rings: Rings | None = None) -> Agent:
        agent = super().agent(account, rings)
        self.phones = {**getattr(self, "phones", {}), account: agent}
        return agent

    def answer_at(self, account: str, count: int) -> None:
        """Lift a phone when it has been called so often."""
        phone = self.phones[account]
        dialog = phone.invited(count)
        dialog.wait_for(lambda it: it.invite, "the INVITE")
        phone.answer(dialog)

    def watch(self, number: str = "700", event: str = "dialog", domain: str = DOMAIN) -> Watching:
        """Have a phone watch a number; it shows something when this returns."""
        watching = Watching(self.stranger(), number, domain, self.switch.address, event)
        watching.wait(lambda _: watching.shown(), "the first NOTIFY")
        return watching


def rings(shown: Shown) -> bool:
    return shown.state == "early"


def talks(shown: Shown) -> bool:
    return shown.state == "confirmed"


def is_idle(shown: Shown) -> bool:
    return shown.state in IDLE


@pytest.fixture(scope="module")
def lamp_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("lamps"))
    service.load(FIRM)
    for name in ("Vertrieb", "Einkauf"):
        service.run("group", "set", name, "--lamp")
    yield service
    service.stop()


@pytest.fixture(scope="module")
def lamp_switch(
    tmp_path_factory: pytest.TempPathFactory, lamp_service: Service, binary: str
) -> Iterator[SwitchWithPresence]:
    switch = SwitchWithPresence(tmp_path_factory.mktemp("switch"), lamp_service.port, is_fast=True, binary=binary)
    switch.start()
    lamp_service.witness(switch.esl_port)
    yield switch
    switch.stop()


@pytest.fixture
def lamps(lamp_switch: SwitchWithPresence, lamp_service: Service, tmp_path: Path) -> Iterator[LampLab]:
    if not lamp_service.is_running:
        lamp_service.start()
    lab = LampLab(lamp_switch, lamp_service, tmp_path)
    yield lab
    lamp_service.thaw()
    lab.close()


def test_a_phone_sees_that_the_group_rings_with_who_calls_and_that_it_talks(lamps: LampLab) -> None:
    lamps.phone("1001", sipp.answers(after_ms=1500))
    watching, note = lamps.watch(), lamps.watch(event="presence")
    caller = lamps.stranger()
    call = caller.call("700", display="Frau Meier")
    shown = watching.wait(rings, "ringing")
    assert (shown.name, shown.uri) == ("Frau Meier", f"sip:{caller.number}@{DOMAIN}")
    note.wait(lambda it: it.name == f"Ring {caller.number}", "ringing")
    call.wait_answered()
    shown = watching.wait(talks, "talking")
    assert (shown.name, shown.uri) == ("Frau Meier", f"sip:{caller.number}@{DOMAIN}")
    note.wait(lambda it: it.name == f"Talk {caller.number}", "talking")
    call.bye()
    watching.wait(is_idle, "idle")
    note.wait(lambda it: (it.state, it.name) == ("open", "Available"), "idle")
    states = [it.state for it in watching.shown()]
    assert states[states.index("early") :] == ["early", "confirmed", "terminated"]


def test_several_calls_at_once_are_one_state(lamps: LampLab) -> None:
    lamps.agent("1001", Rings())
    watching = lamps.watch()
    first, second = lamps.stranger(), lamps.stranger()
    one = first.call("700", display="Eins")
    assert watching.wait(rings, "ringing").name == "Eins"
    lamps.answer_at("1001", 1)
    one.wait_answered()
    watching.wait(talks, "talking")
    two = second.call("700", display="Zwei")
    assert watching.wait(rings, "ringing again").name == "Zwei"
    two.cancel()
    two.wait_over()
    assert watching.wait(talks, "talking, still").name == "Eins"
    one.bye()
    watching.wait(is_idle, "idle")


@pytest.mark.parametrize("event", ["dialog", "presence"])
def test_a_phone_that_begins_to_watch_or_goes_on_sees_the_truth(lamps: LampLab, event: str) -> None:
    lamps.agent("1001", Rings())
    caller = lamps.stranger()
    early = lamps.watch(event=event)
    call = caller.call("700", display="Frau Meier")
    shows = (lambda it: it.name == "Frau Meier") if event == "dialog" else (lambda it: caller.number in it.name)
    early.wait(shows, "ringing")
    late = lamps.watch(event=event)
    ringing = late.wait(shows, "ringing")
    early.wait(lambda it: it == ringing, "ringing, still")
    count = len(early.shown())
    early.subscribe()
    early.wait(lambda it: len(early.shown()) > count and shows(it), "ringing after it has gone on")
    lamps.answer_at("1001", 1)
    call.wait_answered()
    for watching in (early, late):
        watching.wait(lambda it: talks(it) or it.name == f"Talk {caller.number}", "talking")
    count = len(late.shown())
    late.subscribe()
    late.wait(lambda it: len(late.shown()) > count and shows(it), "talking after it has gone on")
    talking = lamps.watch(event=event).wait(shows, "talking")
    assert talks(talking) or talking.name == f"Talk {caller.number}"
    for watching in (early, late):
        watching.wait(lambda it: it == talking, "talking, still")
    call.bye()
    for watching in (early, late):
        watching.wait(lambda it: is_idle(it) or it.name == "Available", "idle")


def test_who_watches_the_presence_puts_out_no_lamp(lamps: LampLab) -> None:
    lamps.agent("1001", Rings())
    watching = lamps.watch()
    call = lamps.stranger().call("700", display="Frau Meier")
    watching.wait(rings, "ringing")
    for _ in range(10):
        note = lamps.watch(event="presence")
        note.wait(lambda it: it.name.startswith("Ring "), "ringing")
        watching.wait(rings, "ringing, still")
    call.cancel()
    watching.wait(is_idle, "idle")


def test_a_group_that_is_idle_can_be_reached_for_those_who_watch_its_presence(lamps: LampLab) -> None:
    lamps.watch(event="presence").wait(lambda it: (it.state, it.name) == ("open", "Available"), "idle")


def test_the_lamp_of_a_group_without_one_stays_dark_and_only_the_group_that_rings_is_lit(lamps: LampLab) -> None:
    lamps.agent("1001", Rings())
    without, other, watching = lamps.watch("703"), lamps.watch("701"), lamps.watch()
    calls = [lamps.stranger().call(number) for number in ("703", "700")]
    watching.wait(rings, "ringing")
    calls[1].cancel()
    watching.wait(is_idle, "idle")
    assert all(map(is_idle, [*without.shown(), *other.shown()]))
    calls[0].cancel()


@pytest.mark.parametrize(
    "name",
    ["Müller & Söhne <b>", r"\"x\" onload=y", "${uptime()} %0a]]>", "</identity></remote><x>", "&amp; &#60; &lt;"],
)
def test_names_are_escaped(lamps: LampLab, name: str) -> None:
    lamps.agent("1001", Rings())
    watching, note = lamps.watch(), lamps.watch(event="presence")
    caller = lamps.stranger()
    call = caller.call("700", display=name)
    shown = watching.wait(rings, "ringing")
    note.wait(lambda it: it.name == f"Ring {caller.number}", "ringing")
    assert shown.name == lamps.journal(caller, until=lambda _: True).caller_name != ""
    call.cancel()
    watching.wait(is_idle, "idle")


def test_who_withholds_the_number_is_not_on_the_lamp(lamps: LampLab) -> None:
    lamps.agent("1001", Rings())
    watching, note = lamps.watch(), lamps.watch(event="presence")
    caller = lamps.stranger()
    call = caller.call("53700", display="Frau Geheim")
    assert watching.wait(rings, "ringing") == Shown("early", "Anonymous", "sip:anonymous@anonymous.invalid")
    assert note.wait(lambda it: it.name.startswith("Ring"), "ringing").name == "Ring anonymous"
    call.cancel()
    watching.wait(is_idle, "idle")
    told = "".join(packet.body for it in (watching, note) for packet in it.notifies())
    assert caller.number not in told
    assert "Geheim" not in told


def test_a_service_that_comes_back_tells_the_truth_and_one_that_does_not_leaves_no_lamp_burning(
    lamps: LampLab, lamp_service: Service
) -> None:
    lamps.agent("1001", Rings())
    watching = lamps.watch()
    caller = lamps.stranger()
    call = caller.call("700")
    watching.wait(rings, "ringing")
    lamps.answer_at("1001", 1)
    watching.wait(talks, "talking")
    lamp_service.kill()
    call.bye()
    lamps.wait_for_channels(0)
    assert talks(watching.now())
    lamp_service.start()
    watching.wait(is_idle, "idle", WITNESS_WITHIN_S)
    lamps.wait_for_tasks("huntgroup-lamp", 0)

    call = lamps.stranger().call("700")
    watching.wait(rings, "ringing")
    lamps.wait_for_tasks("huntgroup-lamp", 1)
    lamp_service.kill()
    (task,) = lamps.switch.tasks("huntgroup-lamp")
    assert f"huntgroup-lamp-700@{DOMAIN}" in task
    assert rings(watching.now())
    # What the switch does by itself within a minute.
    assert lamps.switch.api(f"presence in 700@{DOMAIN} unknown CS_HANGUP") == "Event Sent"
    watching.wait(is_idle, "idle")
    call.cancel()


def test_check_sees_whether_phones_can_watch_groups(
    lamps: LampLab, lamp_service: Service, tmp_path: Path, binary: str
) -> None:
    lamps.register("1001", "<sip:1001@127.0.0.1:9>")
    assert "ok  switch: phones can watch groups at internal" in lamp_service.run("check")
    deaf = FreeSwitch(tmp_path / "deaf", lamp_service.port, binary=binary)
    deaf.start()
    try:
        sip.register(deaf.address, "1001", DOMAIN, "<sip:1001@127.0.0.1:9>")
        settings = {"ESL_HUNTGROUP_ESL_ADDRESS": f"127.0.0.1:{deaf.esl_port}"}
        told = lamp_service.run("check", settings=settings, status=1)
    finally:
        deaf.stop()
    assert "FIX switch: SIP profile internal keeps no presence" in told


def test_a_lamp_at_one_switch_shows_a_call_at_another_and_outlives_one_of_two_services(
    tmp_path: Path, binary: str
) -> None:
    services = [Service(tmp_path / name, f"sqlite:///{tmp_path / 'huntgroup.db'}") for name in ("host1", "host2")]
    for service in services:
        service.folder.mkdir()
    first, second = services
    ports = [service.port for service in services]
    with contextlib.ExitStack() as last:
        switches = []
        for name, its_ports in (("switch1", ports), ("switch2", ports[::-1])):
            switch = SwitchWithPresence(tmp_path / name, *its_ports, name=name, is_fast=True, binary=binary)
            switch.start()
            last.callback(switch.stop)
            switches.append(switch)
        first.load(FIRM)
        first.run("group", "set", "Vertrieb", "--lamp")
        for service in services:
            service.witness(*(switch.esl_port for switch in switches))
            service.start()
            last.callback(service.stop)
        here, there = (LampLab(switch, first, tmp_path) for switch in switches)
        last.callback(there.close)
        last.callback(here.close)
        here.agent("1001", Rings())
        keys = [lab.watch() for lab in (here, there)]
        call = here.stranger().call("700", display="Frau Meier")
        for key in keys:
            assert key.wait(rings, "ringing").name == "Frau Meier"
        here.answer_at("1001", 1)
        for key in keys:
            key.wait(talks, "talking")
        second.kill()
        late = there.watch()
        assert late.wait(talks, "talking").name == "Frau Meier"
        call.bye()
        for key in (*keys, late):
            key.wait(is_idle, "idle")


def test_phones_at_kamailio_see_the_lamp_too(lamps: LampLab, lamp_service: Service, tmp_path: Path) -> None:
    kamailio_of.require_presence()
    kamailio = kamailio_of.Kamailio(tmp_path / "kamailio", DOMAIN, lamps.switch.sip_port, has_presence=True)
    kamailio.start()
    try:
        lamp_service.stop()
        lamp_service.start({"ESL_HUNTGROUP_KAMAILIO_PRESENCE": f"* 127.0.0.1:{kamailio.port}"})
        lamps.agent("1001", Rings())
        watchers = [Agent(name, DOMAIN, kamailio.address) for name in ("3901", "3902")]
        key = Watching(watchers[0], "700", DOMAIN, None)
        caller = lamps.stranger()
        call = caller.call("700", display="A & B <x>")
        assert key.wait(rings, "ringing") == Shown("early", "A & B <x>", f"sip:{caller.number}@{DOMAIN}")
        lamps.answer_at("1001", 1)
        key.wait(talks, "talking")
        late = Watching(watchers[1], "700", DOMAIN, None)
        late.wait(talks, "talking")
        key.subscribe()
        key.wait(lambda it: talks(it) and len(key.shown()) > len(late.shown()), "talking after it has gone on")
        call.bye()
        for it in (key, late):
            it.wait(is_idle, "idle")
        for watcher in watchers:
            watcher.stop()
    finally:
        lamp_service.stop()
        kamailio.stop()
