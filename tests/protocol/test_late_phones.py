"""What a worker asks a switch about phones that register while groups ring, and what it does with the answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import gevent
import pytest

from esl_huntgroup.calls.late_phones import AGAIN_S, Hears, LatePhones, Watch
from esl_huntgroup.errors import SwitchGone
from esl_huntgroup.model.group import Line
from esl_huntgroup.registrars.contacts import Contacts
from esl_huntgroup.registrars.freeswitch import FreeSwitch
from tests.protocol.inbound_switch import NODE, InboundSwitch
from tests.unit.examples import ANNA_LINE, BERND_LINE, CALL_ID, CLARA_LINE, DOMAIN, contact

WAIT_S = 30
OTHER_ID = CALL_ID.replace("0190", "0191", 1)


class Registering(InboundSwitch):
    """One at which phones register, and that rings them when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.contacts: dict[str, str] = {}
        self.jobs: list[str] = []

    def _answer(self, line: str) -> bytes:
        if line.startswith("Job-UUID: "):
            self.jobs.append(line.removeprefix("Job-UUID: "))
            return b""  # a header of the command before
        return super()._answer(line)

    def _api(self, name: str, argument: str) -> str:
        if name != "sofia_contact":
            return super()._api(name, argument)
        _, address, marker = argument.split("/")
        found = self.contacts.get(address)
        return f"{marker}{found}" if found else "error/user_not_registered"

    def registers(self, line: Line, *, device: int = 1) -> None:
        """Let a phone register, and tell whoever listens."""
        self.contacts[line.address] = contact(line, device)
        self.tells_of(line)

    def tells_of(self, line: Line) -> None:
        user, _, host = line.address.partition("@")
        self.tell({"Event-Subclass": "sofia::register", "Event-Name": "CUSTOM", "from-user": user, "from-host": host})

    def ends_job(self, text: str) -> None:
        job = {"Event-Name": "BACKGROUND_JOB", "Job-UUID": self.jobs[-1], "Content-Length": str(len(text))}
        head = "".join(f"{name}: {value}\n" for name, value in job.items()) + f"\n{text}"
        content = f"Content-Length: {len(head)}\nContent-Type: text/event-plain\n\n{head}"
        self.connections[-1].sendall(content.encode())

    def filters(self, begin: str = "filter from-user") -> list[str]:
        return [line for line in self.asked if line.startswith(begin)]

    def questions(self, line: Line) -> int:
        return len([asked for asked in self.asked if asked.startswith(f"api sofia_contact */{line.address}/")])


class Call:
    """A call that hears."""

    def __init__(self) -> None:
        self.told: list[Mapping[Line, Contacts]] = []
        self.ends: list[tuple[str, str]] = []
        self.hears = Hears(self.told.append, lambda *end: self.ends.append(end))

    def knows(self, line: Line, *, device: int = 1) -> bool:
        return any(contact(line, device) in told.get(line, Contacts()).dialable for told in self.told)


@pytest.fixture
def switch() -> Iterator[Registering]:
    switch = Registering()
    yield switch
    switch.close()


@pytest.fixture
def feed(switch: Registering) -> Iterator[LatePhones]:
    feed = LatePhones([("127.0.0.1", switch.port)], "ClueCon")
    yield feed
    feed.stop()


def await_(condition: Callable[[], object]) -> None:
    with gevent.Timeout(WAIT_S, AssertionError("it does not come true")):
        while not condition():
            gevent.sleep(0.01)


def watching(feed: LatePhones, switch: Registering, call: Call, *lines: Line, call_id: str = CALL_ID) -> Watch:
    watch = feed.watch(NODE, call_id, lines, call.hears)
    await_(lambda: all(switch.questions(line) for line in lines))
    return watch


def test_nothing_is_asked_before_the_first_call_wants_it(feed: LatePhones, switch: Registering) -> None:
    gevent.sleep(0.1)
    assert switch.asked == []
    watching(feed, switch, Call(), ANNA_LINE)
    assert "event plain HEARTBEAT BACKGROUND_JOB CUSTOM sofia::register" in switch.asked


def test_a_call_hears_of_a_phone_that_registers_and_of_one_that_did_before_the_switch_was_asked(
    feed: LatePhones, switch: Registering
) -> None:
    call = Call()
    switch.contacts[BERND_LINE.address] = contact(BERND_LINE)
    watching(feed, switch, call, ANNA_LINE, BERND_LINE)
    await_(lambda: call.knows(BERND_LINE))
    switch.registers(ANNA_LINE)
    await_(lambda: call.knows(ANNA_LINE))


def test_the_switch_is_asked_for_the_accounts_of_ringing_calls_alone_each_once(
    feed: LatePhones, switch: Registering
) -> None:
    one = watching(feed, switch, Call(), ANNA_LINE, BERND_LINE)
    other = feed.watch(NODE, OTHER_ID, [BERND_LINE, CLARA_LINE], Call().hears)
    await_(lambda: len(switch.filters()) == 3)
    assert sorted(switch.filters()) == [f"filter from-user {number}" for number in (1001, 1002, 1003)]
    one.stop()
    await_(lambda: switch.filters("filter delete"))
    other.stop()
    other.stop()
    await_(lambda: len(switch.filters("filter delete")) == 3)
    assert sorted(switch.filters("filter delete")) == [f"filter delete from-user {n}" for n in (1001, 1002, 1003)]
    assert switch.filters("filter delete")[0] == "filter delete from-user 1001"


def test_an_account_with_signs_that_mean_something_to_the_filter_is_asked_for_by_a_pattern(
    feed: LatePhones, switch: Registering
) -> None:
    watching(feed, switch, Call(), Line("+49", DOMAIN, "+49"))
    assert switch.filters() == [r"filter from-user /^\+49$/"]


def test_a_flood_of_one_line_costs_two_questions_a_second(feed: LatePhones, switch: Registering) -> None:
    call = Call()
    watching(feed, switch, call, ANNA_LINE)
    began = gevent.get_hub().loop.now()
    for _ in range(1000):
        switch.tells_of(ANNA_LINE)
    switch.registers(ANNA_LINE)
    await_(lambda: call.knows(ANNA_LINE))
    gevent.sleep(AGAIN_S)
    gevent.get_hub().loop.update_now()
    assert switch.questions(ANNA_LINE) <= 3 + (gevent.get_hub().loop.now() - began) / AGAIN_S


def test_registrations_of_others_and_of_calls_that_are_over_are_not_asked_about(
    feed: LatePhones, switch: Registering
) -> None:
    call = Call()
    watch = watching(feed, switch, call, ANNA_LINE)
    switch.tells_of(CLARA_LINE)
    watch.stop()
    switch.tells_of(ANNA_LINE)
    asked = switch.questions(ANNA_LINE)
    gevent.sleep(AGAIN_S * 1.5)
    assert (switch.questions(CLARA_LINE), switch.questions(ANNA_LINE)) == (0, asked)


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("+OK leg\n", ""),
        ("-ERR USER_BUSY\n", "USER_BUSY"),
        ("-ERR \n", "NORMAL_UNSPECIFIED"),
        ("-USAGE: <call url> <exten>\n", "NORMAL_UNSPECIFIED"),
        ("", "NORMAL_UNSPECIFIED"),
    ],
)
def test_the_end_of_a_late_leg_is_told_with_its_cause(
    feed: LatePhones, switch: Registering, said: str, cause: str
) -> None:
    call, leg = Call(), f"{CALL_ID[:-4]}0003"
    watch = watching(feed, switch, call, CLARA_LINE)
    watch.ring([(leg, "'{^^~a=b c}sofia/x'")], "pickup:k,sleep:60", [b"api uuid_setvar_multi a b=c\n\n"])
    assert switch.asked[-1] == "bgapi originate '{^^~a=b c}sofia/x' pickup:k,sleep:60 inline"
    assert switch.asked[-2] == "api uuid_setvar_multi a b=c"
    switch.ends_job(said)
    await_(lambda: call.ends)
    assert call.ends == [(leg, cause)]
    mark = next(line for line in switch.asked if line.startswith("filter Job-UUID")).partition("/^")[2].rstrip("-/")
    assert switch.jobs == [f"{mark}-{leg}"]


def test_a_connection_that_breaks_is_made_again_and_told_everything_once_more(
    feed: LatePhones, switch: Registering
) -> None:
    call = Call()
    watch = watching(feed, switch, call, ANNA_LINE)
    switch.asked.clear()
    switch.drop()
    await_(lambda: switch.filters() == ["filter from-user 1001"])
    switch.registers(ANNA_LINE)
    await_(lambda: call.knows(ANNA_LINE))
    watch.stop()


def test_a_call_at_a_switch_without_a_connection_rings_without_late_phones(caplog: pytest.LogCaptureFixture) -> None:
    feed = LatePhones()
    watches = [feed.watch("elsewhere", call_id, [ANNA_LINE], Call().hears) for call_id in (CALL_ID, OTHER_ID)]
    assert "calls ring without late phones: no event socket of elsewhere is connected" in caplog.text
    with pytest.raises(SwitchGone):
        watches[0].exchange([b"api status\n\n"])
    for watch in watches:
        watch.stop()


def test_a_fault_in_one_call_makes_no_other_deaf(
    feed: LatePhones, switch: Registering, caplog: pytest.LogCaptureFixture
) -> None:
    def is_faulty(_: object) -> None:
        raise LookupError("a fault")

    call = Call()
    feed.watch(NODE, OTHER_ID, [ANNA_LINE], Hears(is_faulty, lambda *_: None))
    watching(feed, switch, call, ANNA_LINE)
    switch.registers(ANNA_LINE)
    await_(lambda: call.knows(ANNA_LINE))
    assert "a fault of this program in a call with late phones" in caplog.text


def test_lines_that_are_registered_elsewhere_are_not_watched(switch: Registering) -> None:
    class Elsewhere(FreeSwitch):
        def name(self, line: Line) -> str:
            return "Kamailio" if line == ANNA_LINE else ""

    feed = LatePhones([("127.0.0.1", switch.port)], "ClueCon", Elsewhere())
    watch = feed.watch(NODE, CALL_ID, [ANNA_LINE, BERND_LINE], Call().hears)
    await_(lambda: switch.questions(BERND_LINE))
    assert (watch.lines, switch.questions(ANNA_LINE)) == (frozenset({BERND_LINE}), 0)
    feed.stop()
