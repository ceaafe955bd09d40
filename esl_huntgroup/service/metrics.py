"""What Prometheus is told: each metric declared once, and made from the readings of all workers."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from esl_huntgroup import __version__
from esl_huntgroup.calls.counters import Histogram, Snapshot
from esl_huntgroup.journal import spool
from esl_huntgroup.journal.followed import Followed
from esl_huntgroup.model.outcome import How, Outcome
from esl_huntgroup.model.text import counted


@dataclass(frozen=True, slots=True)
class JournalStatus:
    """The journal's spool: bytes that are not in the database, bytes set aside, and whether the database takes any."""

    waiting_bytes: int = 0
    rejected_bytes: int = 0
    is_out: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    """What the supervisor knows of the service, at one moment of its own clock."""

    at_s: float = 0.0
    is_stopping: bool = False
    workers_wanted: int = 0
    workers_serving: int = 0
    workers_leaving: int = 0
    max_calls: int = 0
    reading: Snapshot = field(default_factory=Snapshot)
    restarts: int = 0
    reloads: int = 0
    refused_reloads: int = 0
    journal: JournalStatus = field(default_factory=JournalStatus)
    journal_lag_s: float = 0.0
    followed: Followed = field(default_factory=Followed)
    follower_lag_s: float = 0.0

    def __str__(self) -> str:
        """Return the line that ``systemctl status`` shows."""
        calls = counted(int(self.reading.gauges.get("open", 0)), "call")
        return f"{calls}, {self.workers_serving} of {counted(self.workers_wanted, 'worker serves', 'workers serve')}"


GAUGES = {
    "open": ("huntgroup_open_calls", "Calls that the service has hold of"),
    "ringing": ("huntgroup_ringing_calls", "Calls whose phones ring now"),
    "registrars_down": ("huntgroup_registrars_down", "Kamailios that give no answer now, added up over the workers"),
    "notices_lost": (
        "huntgroup_registrar_notices_lost",
        "Kamailios that tell of no registration now, added up over the workers",
    ),
    "talking": ("huntgroup_talking_calls", "Calls in conversation now"),
}
COUNTERS = {
    "database_errors": ("huntgroup_database_errors", "Look-ups of a group to which the database gave no answer"),
    "registrar_lookups": ("huntgroup_registrar_lookups", "Lines that Kamailio was asked for"),
    "registrar_unanswered": ("huntgroup_registrar_unanswered", "Lines that rang as a whole for want of an answer"),
    "registrar_notices": (
        "huntgroup_registrar_notices",
        "Registrations that Kamailio has told, added up over the workers",
    ),
    "refused_peers": ("huntgroup_refused_peers", "Connections from outside of allowed_peers"),
}
REFUSED = {"refused_calls": "limit", "wrong_secrets": "secret"}


class StatusCollector(Collector):
    """Makes the metrics of a Status."""

    def __init__(self, status: Callable[[], Status]) -> None:
        """Take what returns the Status of now."""
        self._status = status

    def collect(self) -> Iterator[Metric]:
        """Return every metric. A counter that never counted is 0: an alert needs something to compare with."""
        status = self._status()
        yield InfoMetricFamily("huntgroup", "The program", value={"version": __version__})
        yield from _service(status)
        yield from _calls(status.reading)
        yield from _journal(status.journal, status.journal_lag_s)
        yield from _follower(status.followed, status.follower_lag_s)


def _service(status: Status) -> Iterator[Metric]:
    workers = GaugeMetricFamily("huntgroup_workers", "Worker processes by what they do", labels=["state"])
    workers.add_metric(["serving"], status.workers_serving)
    workers.add_metric(["leaving"], status.workers_leaving)
    yield workers
    yield GaugeMetricFamily("huntgroup_workers_wanted", "Workers that should serve", status.workers_wanted)
    yield GaugeMetricFamily("huntgroup_max_calls", "The limit of calls", status.max_calls)
    yield CounterMetricFamily("huntgroup_worker_restarts", "Workers replaced: they died or hung", status.restarts)
    reloads = CounterMetricFamily("huntgroup_reloads", "Reloads of the settings", labels=["result"])
    reloads.add_metric(["done"], status.reloads)
    reloads.add_metric(["refused"], status.refused_reloads)
    yield reloads


def _calls(reading: Snapshot) -> Iterator[Metric]:
    for key, (name, sentence) in GAUGES.items():
        yield GaugeMetricFamily(name, sentence, reading.gauges.get(key, 0.0))
    for key, (name, sentence) in COUNTERS.items():
        yield CounterMetricFamily(name, sentence, reading.counters[key])
    refused = CounterMetricFamily("huntgroup_refused_calls", "Calls given back without a hunt", labels=["reason"])
    for key, reason in REFUSED.items():
        refused.add_metric([reason], reading.counters[key])
    yield refused
    calls = CounterMetricFamily("huntgroup_calls", "Calls that are over, by outcome", labels=["outcome"])
    for outcome in dict.fromkeys([*(it.value for it in Outcome), *reading.outcomes]):
        calls.add_metric([outcome], reading.outcomes[outcome])
    yield calls
    yield _histogram("huntgroup_time_to_bridge_seconds", "From the arrival to the bridge command", reading.to_bridge)
    yield _histogram("huntgroup_time_to_answer_seconds", "From the arrival to the conversation", reading.to_answer)


def _histogram(name: str, sentence: str, histogram: Histogram) -> Metric:
    bounds = [*(f"{bound:g}" for bound in histogram.bounds_s), "+Inf"]
    buckets = list(zip(bounds, itertools.accumulate(histogram.counts), strict=True))
    return HistogramMetricFamily(name, sentence, buckets=buckets, sum_value=histogram.sum_s)


def _journal(journal: JournalStatus, lag_s: float) -> Iterator[Metric]:
    waiting, rejected = "Journal records not in the database yet", "Journal records that the database has refused"
    yield GaugeMetricFamily("huntgroup_journal_lag_seconds", "Age of the oldest record not in the database yet", lag_s)
    yield GaugeMetricFamily("huntgroup_journal_outage", "1 while the database takes no records", int(journal.is_out))
    yield GaugeMetricFamily("huntgroup_spool_bytes", waiting, journal.waiting_bytes)
    yield GaugeMetricFamily("huntgroup_spool_rejected_bytes", rejected, journal.rejected_bytes)


def _follower(followed: Followed, lag_s: float) -> Iterator[Metric]:
    yield GaugeMetricFamily("huntgroup_follower_lag_seconds", "Since when the follower has not read everything", lag_s)
    failures = "Times that the database did not let the follower go on"
    yield CounterMetricFamily("huntgroup_follower_failures", failures, followed.failures)
    handled = CounterMetricFamily(
        "huntgroup_handled_calls", "Missed calls that the follower has found handled", labels=["how"]
    )
    for how in dict.fromkeys([How.CALLED_BACK.value, How.CALLED_AGAIN.value, *followed.handled]):
        handled.add_metric([how], followed.handled[how])
    yield handled


def journal_status(directory: Path) -> JournalStatus:
    """Look into the spool. Raises nothing: one that cannot be read counts as empty, and the log says why."""
    with contextlib.suppress(OSError):
        rejected = directory / spool.REJECTED
        return JournalStatus(
            spool.waiting_bytes(directory),
            rejected.stat().st_size if rejected.exists() else 0,
            spool.outage(directory) is not None,
        )
    return JournalStatus()
