"""What Prometheus, Grafana and systemd are given: every name in it is one that the service has."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import peewee
import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from esl_huntgroup.calls.counters import Snapshot
from esl_huntgroup.journal.followed import Followed
from esl_huntgroup.journal.spool import REJECTED, SEGMENT, Outage, note_outage, prepare
from esl_huntgroup.model.outcome import How, Outcome
from esl_huntgroup.service.descriptors import needed
from esl_huntgroup.service.metrics import GAUGES, JournalStatus, Status, StatusCollector, journal_status
from esl_huntgroup.service.supervisor import FINISH_S
from esl_huntgroup.settings import Settings
from esl_huntgroup.web.around import Around
from esl_huntgroup.web.config import WebConfig
from esl_huntgroup.web.live.feed import Feed
from esl_huntgroup.web.live.metrics import shown

ROOT = Path(__file__).parents[3]
UNITS = sorted((ROOT / "systemd").iterdir())
WEB = WebConfig(database="sqlite:///unused", listen=("127.0.0.1", 8090))
_NAME = re.compile(r"\bhuntgroup_[a-z_]+")
_LABELS = re.compile(r"\b(huntgroup_[a-z_]+)\{([a-z_]+)=~?\"([^\"]*)\"")


def told(status: Status) -> str:
    registry = CollectorRegistry()
    registry.register(StatusCollector(lambda: status))
    return generate_latest(registry).decode()


def told_by_pages() -> str:
    """Return what a web process tells that has just been started."""
    guard: Any = None
    return shown(Feed(peewee.SqliteDatabase(None), guard, {}), Around(WEB, peewee.SqliteDatabase(None)).marked)


def samples(status: Status) -> dict[str, list[dict[str, str]]]:
    """Return what is told by the service and by its web process: name → the labels of each sample."""
    found: dict[str, list[dict[str, str]]] = {}
    for family in text_string_to_metric_families(told(status) + told_by_pages()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample.labels)
    return found


def alert_rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((ROOT / "docs" / "monitoring" / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions() -> Iterator[tuple[str, str]]:
    """Return every expression of the alert rules and the dashboard, with where it stands."""
    for rule in alert_rules():
        yield rule["alert"], rule["expr"]
    dashboard = json.loads((ROOT / "docs" / "monitoring" / "dashboard.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_a_metric_that_is_watched_exists(where: str, expression: str) -> None:
    known = samples(Status())
    names = set(_NAME.findall(expression))
    assert names
    assert names <= known.keys()
    for name, label, value in _LABELS.findall(expression):
        assert set(value.split("|")) <= {labels[label] for labels in known[name]} | {"unknown"}


def test_every_metric_is_watched_or_shown() -> None:
    watched = {name for _, expression in expressions() for name in _NAME.findall(expression)}
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in samples(Status())}
    assert families == {name.removesuffix("_bucket") for name in watched}


@pytest.mark.parametrize(
    "rule", yaml.safe_load((ROOT / "docs/monitoring/alerts.yml").read_text())["groups"][0]["rules"]
)
def test_a_rule_is_one_that_prometheus_accepts_and_says_what_to_do(rule: dict[str, Any]) -> None:
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert set(rule["annotations"]) == {"summary", "action"}
    assert re.fullmatch(r"\d+[smh]", rule.get("for", "1m"))
    assert all(rule["expr"].count(opening) == rule["expr"].count(closing) for opening, closing in ("()", "[]", "{}"))


def test_every_outcome_is_there_before_it_happens_and_counts_after() -> None:
    reading = Snapshot()
    reading.outcomes.update(answered=3, unknown=1)
    text = told(Status(reading=reading))
    assert 'huntgroup_calls_total{outcome="answered"} 3.0' in text
    assert 'huntgroup_calls_total{outcome="unknown"} 1.0' in text
    assert all(f'huntgroup_calls_total{{outcome="{outcome.value}"}}' in text for outcome in Outcome)


def test_a_gauge_shows_its_own_value() -> None:
    reading = Snapshot(gauges={key: float(number) for number, key in enumerate(GAUGES, 1)})
    text = told(Status(reading=reading))
    for number, (name, _) in enumerate(GAUGES.values(), 1):
        assert f"\n{name} {number}.0\n" in text


def test_the_follower_tells_what_it_has_handled_and_how_late_it_is() -> None:
    followed = Followed(2.5, 3, Counter({How.CALLED_BACK.value: 7}))
    text = told(Status(followed=followed, follower_lag_s=4.0))
    for line in (
        "follower_lag_seconds 4.0",
        "follower_failures_total 3.0",
        'handled_calls_total{how="called_back"} 7.0',
        'handled_calls_total{how="called_again"} 0.0',
    ):
        assert f"\nhuntgroup_{line}\n" in text


def test_a_histogram_counts_upwards() -> None:
    reading = Snapshot()
    for seconds in (0.003, 0.003, 0.3, 99.0):
        reading.to_bridge.observe(seconds)
    text = told(Status(reading=reading))
    for le, count in (("0.002", 0), ("0.005", 2), ("0.5", 3), ("5", 3), ("+Inf", 4)):
        assert f'huntgroup_time_to_bridge_seconds_bucket{{le="{le}"}} {count}.0' in text
    assert "huntgroup_time_to_bridge_seconds_count 4.0" in text


def test_what_waits_in_the_spool_and_what_was_set_aside(tmp_path: Path) -> None:
    assert journal_status(tmp_path / "none") == JournalStatus()
    prepare(tmp_path)
    (tmp_path / f"0-1-000001{SEGMENT}").write_bytes(b"x" * 7)
    (tmp_path / REJECTED).write_bytes(b"x" * 11)
    note_outage(tmp_path, Outage(1, "locked"))
    assert journal_status(tmp_path) == JournalStatus(waiting_bytes=7, rejected_bytes=11, is_out=True)
    text = told(Status(journal=journal_status(tmp_path), journal_lag_s=3.5))
    for line in ("spool_bytes 7.0", "spool_rejected_bytes 11.0", "journal_outage 1.0", "journal_lag_seconds 3.5"):
        assert f"\nhuntgroup_{line}\n" in text


# -- systemd ----------------------------------------------------------------------------------------------------------


def unit() -> dict[str, str]:
    lines = (ROOT / "systemd" / "esl-huntgroup.service").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def test_the_unit_gives_the_service_what_its_defaults_need() -> None:
    assert int(unit()["TimeoutStopSec"]) > Settings().drain_timeout_s + FINISH_S + 10
    assert int(unit()["LimitNOFILE"]) >= needed(Settings().max_calls)
    assert (unit()["Type"], unit()["KillMode"]) == ("notify", "mixed")


@pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed (Debian package: systemd)"
)
def test_systemd_accepts_the_units() -> None:
    done = subprocess.run(["systemd-analyze", "verify", *UNITS], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
