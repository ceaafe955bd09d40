"""One run: load, a cut without a word, and what becomes of everything."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.e2e import sip, sipp
from tests.e2e.conftest import FIRM
from tests.e2e.freeswitch import DOMAIN, EventSocket
from tests.e2e.journal import Call
from tests.e2e.sip import Message
from tests.e2e.sipp import Endpoint
from tests.netcut.gauges import Gauges, Sample
from tests.netcut.hosts import DistantService, DistantSwitch
from tests.netcut.network import SERVICE, SERVICE_ADDRESS, SWITCH, Network

BEFORE_S = 10
AFTER_S = 10
SETTLED_WITHIN_S = 180.0
RING_S = 1.0
TALK_S = 3.0
TALKED_AT_LEAST_S = TALK_S - 1.0
PHONES = {"1001": sipp.answers(int(RING_S * 1000)), "1002": sipp.rings(), "1100": sipp.rings()}
CALLERS = {"3001": "700", "3002": "709"}
"""Who calls which group: in the first somebody answers, in the second nobody does, and the caller gets 480."""
RINGS_OUT_SHARE = 10
"""One caller in so many rings out."""
LAST_S = 5.0
SHORT_CUT_S = 30
"""A cut so short that the journal must know of every call how it ended (``reconnect.ANSWER_WITHIN_S``)."""
SERVICE_PORT = 8084
ANSWERED = 200


@dataclass(frozen=True, slots=True)
class Plan:
    """
    What is tried.

    ``has_near_service``: calls are served on the switch's own host, and the other only listens. ``is_control``: the
    same load, and nothing is cut.
    """

    folder: Path
    calls_per_s: int
    cut_s: int
    is_fast: bool
    has_near_service: bool
    is_control: bool = False

    @property
    def connections(self) -> int:
        """How many the distant service has to the event socket: that of its witness, and of each worker with calls."""
        return 2 if self.is_fast and not self.has_near_service else 1


@dataclass(frozen=True, slots=True)
class Fate:
    """What one caller got: the final status (0: none), after how long, and how long a conversation was."""

    group: str
    began_s: float
    status: int
    waited_s: float
    talked_s: float


@dataclass(frozen=True, slots=True)
class Finding:
    """What was seen. Times are seconds from the first sample; memory is in kB."""

    samples: Sequence[Sample]
    cut_at_s: float
    mended_at_s: float
    fates: Sequence[Fate]
    calls: Sequence[Call]
    completed_by_witness: int
    said: Sequence[str]
    wrong: Sequence[str]


class Experiment:
    """The hosts of one run; a context manager."""

    def __init__(self, network: Network, plan: Plan) -> None:
        """Start nothing yet. Runs on the host of the switch."""
        self._network = network
        self._plan = plan
        self._stack = ExitStack()

    def __enter__(self) -> Experiment:
        """Start the switch, the services and the phones."""
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End them all."""
        self._stack.close()

    def _start(self) -> None:
        plan = self._plan
        hosts = [SERVICE_ADDRESS]
        if plan.has_near_service:
            hosts.insert(0, "127.0.0.1")
        services = "|".join(f"{host}:{SERVICE_PORT}" for host in hosts)
        self.switch = DistantSwitch(_made(plan.folder / "switch"), services, is_fast=plan.is_fast)
        self.switch.start()
        self._stack.callback(self.switch.stop)
        folder = _made(plan.folder / "service")
        self.service = DistantService(folder, SERVICE_ADDRESS, SERVICE_PORT, self._network.inside(SERVICE))
        self.service.load(FIRM)
        self._serve(self.service)
        if plan.has_near_service:
            inside = self._network.inside(SWITCH)
            folder = _made(plan.folder / "near")
            self._serve(DistantService(folder, "127.0.0.1", SERVICE_PORT, inside, self.service.database))
        for account, scenario in PHONES.items():
            phone = Endpoint(plan.folder, f"phone-{account}", scenario, life_s=3600)
            self._stack.callback(phone.stop)
            sip.register(self.switch.address, account, DOMAIN, f"<sip:{account}@127.0.0.1:{phone.port}>")

    def _serve(self, service: DistantService) -> None:
        service.witness(self.switch.esl_port)
        service.start()
        self._stack.callback(service.stop)

    def run(self) -> Finding:
        """Run to the end."""
        plan = self._plan
        with self._measured() as gauges:
            began = time.time()
            callers = {group: self._call(group, caller) for caller, group in CALLERS.items()}
            time.sleep(BEFORE_S)
            offset = self.service.log_size()
            cut_at_s = gauges.now_s
            if not plan.is_control:
                self._network.cut()
            time.sleep(plan.cut_s)
            self._network.mend()
            mended_at_s = gauges.now_s
            time.sleep(AFTER_S)
            wrong = self._settle(gauges)
        fates = [fate for group, endpoint in callers.items() for fate in _fates(group, endpoint, began)]
        rows = self._rows()
        said = self.service.log_since(offset)
        return Finding(
            gauges.samples,
            cut_at_s,
            mended_at_s,
            fates,
            rows,
            said.count("was left open"),
            [*_about_the_connection(said), *_about_the_queue(self.switch.log_since(0))],
            [*wrong, *_wrong(fates, plan), *_wrong_rows(rows, plan)],
        )

    def _rows(self) -> list[Call]:
        return [call for caller in CALLERS for call in self.service.calls_of(caller)]

    @contextmanager
    def _measured(self) -> Iterator[Gauges]:
        socket = EventSocket(self.switch.esl_port)
        channels = lambda: int(socket.api("show channels count").split()[0])  # noqa: E731
        gauges = Gauges(self.switch.pid, self.switch.esl_port, SERVICE_ADDRESS, channels)
        yield gauges
        gauges.stop()
        socket.close()

    def _call(self, group: str, caller: str) -> Endpoint:
        plan = self._plan
        calls_per_s = plan.calls_per_s if group == CALLERS["3001"] else max(plan.calls_per_s // RINGS_OUT_SHARE, 1)
        callers = Endpoint(
            plan.folder,
            f"callers-{group}",
            sipp.calls(group, caller, domain=DOMAIN, talk_ms=int(TALK_S * 1000)),
            self.switch.address,
            calls=(BEFORE_S + plan.cut_s + AFTER_S) * calls_per_s,
            calls_per_s=calls_per_s,
            life_s=3600,
        )
        self._stack.callback(callers.stop)
        return callers

    def _settle(self, gauges: Gauges) -> list[str]:
        """Wait until no channel is left, no call is open and no dead connection; return what is left."""
        deadline = time.monotonic() + SETTLED_WITHIN_S
        while True:
            last = gauges.samples[-1]
            open_calls = sum(not call.ended_at_ms for call in self._rows())
            if not last.channels and not open_calls and len(last.listeners) == self._plan.connections:
                return []
            if time.monotonic() > deadline:
                return [
                    f"{last.channels} channels and {open_calls} open calls are left, and the service has "
                    f"{len(last.listeners)} connections to the event socket, not {self._plan.connections}"
                ]
            time.sleep(2)


def _fates(group: str, callers: Endpoint, began: float) -> Iterator[Fate]:
    """Yield what the callers of one group got."""
    calls: dict[str, list[Message]] = {}
    for message in callers.messages:
        calls.setdefault(message.call_id, []).append(message)
    for messages in calls.values():
        first = messages[0].at
        final = next((it for it in messages if it.status >= 200 and it.header("CSeq").endswith("INVITE")), None)
        over = next((it for it in messages if it.method == "BYE"), messages[-1])
        status, at = (final.status, final.at) if final else (0, over.at)
        yield Fate(group, first - began, status, at - first, over.at - at)


def _wrong(fates: Sequence[Fate], plan: Plan) -> Iterator[str]:
    """Yield a sentence for each thing that a cut must never do."""
    unserved = sum(not fate.status for fate in fates)
    if unserved:
        yield f"{unserved} callers have got no answer at all"
    broken = sum(fate.status == ANSWERED and fate.talked_s < TALKED_AT_LEAST_S for fate in fates)
    if broken:
        yield f"{broken} conversations were broken"
    ended_s = BEFORE_S + plan.cut_s + AFTER_S
    late = [fate.status for fate in fates if fate.group == CALLERS["3001"] and fate.began_s > ended_s - LAST_S]
    if set(late) - {ANSWERED}:
        yield f"{len(late) - late.count(ANSWERED)} of the last {len(late)} callers were not answered"


def _wrong_rows(rows: Sequence[Call], plan: Plan) -> Iterator[str]:
    """Yield a sentence if the journal knows less than it must."""
    unknown = sum(row.outcome == "interrupted" for row in rows)
    if unknown and plan.cut_s <= SHORT_CUT_S:
        yield f"the journal does not know how {unknown} calls ended, after a cut of {plan.cut_s} s"


def _about_the_connection(log: str) -> list[str]:
    lines = [line for line in log.splitlines() if "witness:" in line or "live:" in line]
    return [line for line in lines if "was left open" not in line and "does not answer" not in line]


def _about_the_queue(log: str) -> list[str]:
    return [line for line in log.splitlines() if "Lost [" in line or "Killing listener" in line]


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def tell(finding: Finding, every_s: int) -> Iterator[str]:
    """Yield the lines of a report."""
    yield f"cut at {finding.cut_at_s:.0f} s, mended at {finding.mended_at_s:.0f} s"
    yield "   s  switch MB  channels  connections from the service: bytes in the send queue"
    for sample in finding.samples[::every_s]:
        queues = ", ".join(f"{port}: {size}" for port, size in sorted(sample.listeners.items()))
        yield f"{sample.at_s:4.0f}  {sample.rss_kb / 1024:9.1f}  {sample.channels:8d}  {queues}"
    for key, fates in _by_time(finding).items():
        waits = [fate.waited_s for fate in fates]
        yield f"callers of {key}: {len(fates)}, after {median(waits):.2f} s (at most {max(waits):.1f})"
    outcomes = Counter(call.outcome or "open" for call in finding.calls)
    yield "journal: " + ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
    yield f"completed by the second witness: {finding.completed_by_witness}"
    yield from finding.said
    yield from (f"WRONG: {sentence}" for sentence in finding.wrong)


def _by_time(finding: Finding) -> dict[str, list[Fate]]:
    """Return the fates by group, time and status, as the report calls them."""
    found: dict[str, list[Fate]] = {}
    for fate in sorted(finding.fates, key=lambda fate: (fate.group, fate.began_s)):
        when = (
            "before"
            if fate.began_s < finding.cut_at_s
            else "in the cut"
            if fate.began_s < finding.mended_at_s
            else "after"
        )
        found.setdefault(f"{fate.group}, {when}: {fate.status}", []).append(fate)
    return found
