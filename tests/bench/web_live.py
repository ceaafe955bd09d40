"""
``python -m tests.bench.web_live``: a thousand open pages while group calls ring, and what they cost the service.

First the real writer stores so many group calls a second, each opened, answered and ended, and every page of a member
of its group waits for them: how late each event is (from the moment at which a worker records it), and what the web
process needs. Then the service carries as many calls as it can, in turn with and without a web process that a thousand
pages have open; service and switch have a core each, and the web process shares that of the switch.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import resource
import select
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from esl_huntgroup.db.engine import insert_rows, open_database
from esl_huntgroup.db.migrate import upgrade
from esl_huntgroup.journal import recorder, spool, writer
from esl_huntgroup.journal.records import CallAnswered, CallEnded, CallOpened, EntryRecord, JournalRecord
from esl_huntgroup.model.call_ids import first_at
from esl_huntgroup.model.outcome import EntryKind, Outcome
from esl_huntgroup.processes.parent import ChildProcess
from tests.bench.fake_switch import DOMAIN, FakeSwitch
from tests.bench.service import FIRST_LINE, FIRST_NUMBER, ROOT, Running, cpu_s, free_port, numbers, serving

MEMBERS: Final = 10
ANSWERED_AFTER_S: Final = 1.0
ENDED_AFTER_S: Final = 2.0
SETTLES_S: Final = 3.0
OTHERS: Final = 10
"""Groups that the service is called at; nobody has a page of them open."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.bench.web_live", description=__doc__)
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--calls-per-s", type=float, default=50.0)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=5, help="of the service with and without a web process")
    parser.add_argument("--round-seconds", type=float, default=2.0)
    parser.add_argument("--record", default="", help=argparse.SUPPRESS)
    parser.add_argument("--url", default="", help=argparse.SUPPRESS)
    parser.add_argument("--read", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if options.record:
        options.seconds = 1.0
        record(Path(options.record), options.url, options)
        return
    if options.read:
        read(options.read, options.pages)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        url = f"sqlite:///{folder / 'bench.db'}"
        fill(url, options.pages)
        print(_lateness(folder, url, options), flush=True)
        if options.rounds:
            print(_share(folder, url, options), flush=True)


def fill(url: str, pages: int) -> None:
    """Set up groups of ten members each: so many that each page has a user of its own, and some for the service."""
    users, groups = range(1, pages + OTHERS * MEMBERS + 1), range(pages // MEMBERS + OTHERS)
    lines = [(n, DOMAIN, str(FIRST_LINE + n), "softphone", str(FIRST_LINE + n)) for n in users]
    with closing(open_database(url)) as db:
        upgrade(db)
        with db.atomic():
            insert_rows(db, "users", ("id", "name", "display_name"), [(n, f"u{n}", f"User {n}") for n in users])
            insert_rows(db, "lines", ("user_id", "domain", "number", "kind", "account"), lines)
            rows = [(n + 1, f"Group {n}", DOMAIN, str(FIRST_NUMBER + n), "softphone") for n in groups]
            insert_rows(db, "groups", ("id", "name", "domain", "number", "hunt_mode"), rows)
            insert_rows(
                db,
                "members",
                ("group_id", "position", "user_id"),
                [(group + 1, place + 1, group * MEMBERS + place + 1) for group in groups for place in range(MEMBERS)],
            )


# -- open pages -------------------------------------------------------------------------------------------------------


class Pages:
    """Open pages in a process of their own, the last to get a processor: browsers are elsewhere."""

    def __init__(self, port: int, count: int) -> None:
        """Open all."""
        command = [sys.executable, "-m", "tests.bench.web_live", "--read", str(port), "--pages", str(count)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
        assert self._process.stdout is not None
        self._process.stdout.readline()
        self.ended = 0

    def close(self) -> dict[tuple[str, str, int], float]:
        """Close all; return when each event has come: by call, what it was then, and the page."""
        out, _ = self._process.communicate(b"")
        self.ended, *came = json.loads(out)
        return {(call_id, what, user_id): at_s for call_id, what, user_id, at_s in came}


def read(port: int, count: int) -> None:
    """Open so many pages and read, until standard input ends; then tell what has come."""
    os.nice(19)
    came: list[tuple[str, str, int, float]] = []
    ended, rest = 0, dict.fromkeys(range(1, count + 1), b"")
    selector = selectors.DefaultSelector()
    for user_id in rest:
        sock = socket.create_connection(("127.0.0.1", port), timeout=20)
        sock.sendall(f"GET /api/v1/events HTTP/1.0\r\nHost: x\r\nX-User: u{user_id}\r\n\r\n".encode())
        sock.setblocking(False)
        selector.register(sock, selectors.EVENT_READ, user_id)
    time.sleep(SETTLES_S)
    print("open", flush=True)
    selector.register(sys.stdin, selectors.EVENT_READ, 0)
    while True:
        for key, _ in selector.select():
            if not key.data:
                print(json.dumps([ended, *came]))
                return
            data = os.read(key.fd, 65536)
            now = time.time()
            if not data:
                ended += 1
                selector.unregister(key.fileobj)
            *blocks, rest[key.data] = (rest[key.data] + data).split(b"\n\n")
            for block in blocks:
                if (found := _EVENT.search(block)) and (call := _CALL.search(block)):
                    what = (
                        "ended" if found["outcome"] != b"null" else "ringing" if found["at"] == b"null" else "answered"
                    )
                    came.append((call[1].decode(), what, key.data, now))


_CALL: Final = re.compile(rb'"call_id": "([^"]+)"')
_EVENT: Final = re.compile(rb'"answered_at": (?P<at>[^,]+),.*"outcome": (?P<outcome>[^,]+),')


@contextlib.contextmanager
def web(url: str) -> Iterator[tuple[int, int]]:
    """Run a web process; give its port and its process id."""
    port = free_port()
    command = [sys.executable, "-m", "esl_huntgroup", "web"]
    environment = {
        **os.environ,
        "ESL_HUNTGROUP_DATABASE": url,
        "ESL_HUNTGROUP_WEB_LISTEN": f"127.0.0.1:{port}",
        "ESL_HUNTGROUP_WEB_USER_HEADER": "X-User",
        "ESL_HUNTGROUP_WEB_TRUSTED_PROXIES": "127.0.0.1",
        "PYTHONPATH": str(ROOT),
    }
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=ROOT, env=environment)
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(10)


def rss_mb(pid: int) -> float:
    """Return the memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


# -- how late an event is ---------------------------------------------------------------------------------------------


def _lateness(folder: Path, url: str, options: argparse.Namespace) -> str:
    told: dict[tuple[str, str], tuple[float, int]] = {}
    with _journal(folder / "spool", url) as journal, web(url) as (port, pid):
        idle_mb = rss_mb(pid)
        pages = Pages(port, options.pages)
        before = cpu_s([pid])
        _call(journal, options, told)
        time.sleep(SETTLES_S)
        used = cpu_s([pid]) - before
        full_mb = rss_mb(pid)
        came_s = pages.close()
    late, missing = [], 0
    for (call_id, what), (at_s, group) in told.items():
        for place in range(MEMBERS):
            came = came_s.get((call_id, what, group * MEMBERS + place + 1))
            if came is None:
                missing += 1
            else:
                late.append(came - at_s)
    quantiles = statistics.quantiles(late, n=100)
    return (
        f"{options.pages} pages, {options.calls_per_s:g} calls a second: {len(late)} events, {missing} missing, "
        f"{pages.ended} pages ended; late p50 {quantiles[49] * 1000:.0f} ms, p99 {quantiles[98] * 1000:.0f} ms, "
        f"at most {max(late) * 1000:.0f} ms; web process {idle_mb:.0f} MB without pages, {full_mb:.0f} MB with them, "
        f"{used / (options.seconds + ENDED_AFTER_S + SETTLES_S) * 100:.0f} % of a core"
    )


@contextlib.contextmanager
def _journal(directory: Path, url: str) -> Iterator[recorder.Journal]:
    """Give what a worker records with, and run the process that stores it."""
    spool.prepare(directory)
    journal = recorder.Journal(directory)
    journal.start()
    storing = ChildProcess(writer.__name__, writer.WriterConfig(url, str(directory)))
    try:
        yield journal
    finally:
        journal.stop()
        storing.leave()
        storing.wait(10)
        storing.close()


def _call(
    journal: recorder.Journal, options: argparse.Namespace, told: dict[tuple[str, str], tuple[float, int]]
) -> None:
    """Record calls, each at its time; ``told`` gets when each thing was recorded, and in which group."""
    groups, began, number = options.pages // MEMBERS, time.time(), 0
    waiting: list[tuple[float, str, str, int]] = []
    while number < options.calls_per_s * options.seconds or waiting:
        now = time.time()
        while waiting and waiting[0][0] <= now:
            _, what, call_id, group = waiting.pop(0)
            told[call_id, what] = time.time(), group
            journal.record(_further(what, call_id, group))
            if what == "answered":
                waiting.append((now + ENDED_AFTER_S - ANSWERED_AFTER_S, "ended", call_id, group))
                waiting.sort()
        if number < min((now - began) * options.calls_per_s, options.calls_per_s * options.seconds):
            call_id, group = first_at(round(now * 1000))[:-12] + f"{number:012d}", number % groups
            told[call_id, "ringing"] = time.time(), group
            journal.record(
                CallOpened(
                    call_id, "n", f"c{number}", group + 1, f"Group {group}", "7", DOMAIN, "030", "A", round(now * 1000)
                )
            )
            waiting.append((now + ANSWERED_AFTER_S, "answered", call_id, group))
            waiting.sort()
            number += 1
        time.sleep(0.002)


def _further(what: str, call_id: str, group: int) -> JournalRecord:
    now = round(time.time() * 1000)
    if what == "ended":
        return CallEnded(call_id, now, 1000, 1000, Outcome.ANSWERED, "NORMAL_CLEARING", "")
    first = group * MEMBERS + 1
    kinds = [EntryKind.ANSWERED] + [EntryKind.ANSWERED_ELSEWHERE] * (MEMBERS - 1)
    entries = tuple(
        EntryRecord(place + 1, first + place, f"User {first + place}", kind, True, "NONE")
        for place, kind in enumerate(kinds)
    )
    return CallAnswered(call_id, now, 1000, first, f"User {first}", (), entries)


# -- what it costs the service ----------------------------------------------------------------------------------------


def _share(folder: Path, url: str, options: argparse.Namespace) -> str:
    """Return the calls per second of the service with open pages, as a share of those without."""
    called = numbers(options.pages // MEMBERS + OTHERS)[-OTHERS:]
    found: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    with serving(folder / "service", url) as service:
        service.pin(frozenset({0}))
        switch_core = {max(os.sched_getaffinity(0))}
        os.sched_setaffinity(service.writer, switch_core)
        os.sched_setaffinity(0, switch_core)  # whoever is started from now on inherits it
        with _ringing(url, folder / "other", options):
            for number in range(options.rounds):
                for is_open in (True, False) if number % 2 else (False, True):
                    with contextlib.ExitStack() as stack:
                        if is_open:
                            port, _pid = stack.enter_context(web(url))
                            stack.callback(Pages(port, options.pages).close)
                        else:
                            time.sleep(SETTLES_S)
                        found[is_open].append(_rate(service, called, options))
    pairs = list(zip(found[True], found[False], strict=True))
    rates, costs = ([ours[place] / other[place] for ours, other in pairs] for place in (0, 1))
    return (
        f"service: {statistics.median(it[0] for it in found[False]):.0f} calls a second, "
        f"{statistics.median(it[0] for it in found[True]):.0f} with {options.pages} open pages; "
        f"ratio {_spread(rates)}; processor time of a call, ratio {_spread(costs)}"
    )


@contextlib.contextmanager
def _ringing(url: str, folder: Path, options: argparse.Namespace) -> Iterator[None]:
    """Have calls ring that pages are told of, recorded by the workers of another host."""
    arguments = ["--pages", str(options.pages), "--calls-per-s", str(options.calls_per_s)]
    command = [sys.executable, "-m", "tests.bench.web_live", "--record", str(folder), "--url", url, *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, cwd=ROOT)
    try:
        yield
    finally:
        process.communicate(b"")


def record(folder: Path, url: str, options: argparse.Namespace) -> None:
    """Record calls until standard input ends."""
    with _journal(folder, url) as journal:
        while not select.select([sys.stdin], [], [], 0)[0]:
            _call(journal, options, {})


def _spread(ratios: list[float]) -> str:
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"


def _rate(service: Running, called: list[bytes], options: argparse.Namespace) -> tuple[float, float]:
    """Return calls per second, and the processor time that one took."""
    before, switch = cpu_s(service.serving), FakeSwitch(service.address, called)
    rate = switch.closed_loop(50, options.round_seconds)
    cost = (cpu_s(service.serving) - before) / switch.results.ended
    while spool.waiting_bytes(service.spool):
        time.sleep(0.05)
    return rate, cost


if __name__ == "__main__":
    main()
