"""What the web process tells Prometheus: of its open pages, and of what was dealt with by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from esl_huntgroup.web.live.feed import Feed

PREFIX: Final = "huntgroup_web_"


def shown(feed: Feed, marked: Mapping[str, int]) -> str:
    """Return the counters in the text format of Prometheus; ``marked``: how many were ``handled``, and ``reopened``."""
    return "".join(_lines(feed, marked))


def _lines(feed: Feed, marked: Mapping[str, int]) -> Iterator[str]:
    counted = feed.counters
    yield from _gauge("streams", "Open pages and programs that are told what happens.", len(feed.streams))
    yield from _counter("rounds_total", "Times that the database was asked for changes.", counted.rounds)
    yield from _counter("failures_total", "Times that this could not be answered or told.", counted.failures)
    yield from _counter("events_total", "Events that were put into streams.", counted.events)
    yield from _counter("overruns_total", "Streams that were ended because their reader was slow.", counted.overruns)
    yield from _gauge("lag_seconds", "Age of the oldest change that was told last.", f"{counted.lag_s:.3f}")
    yield from _gauge("round_seconds", "How long the last round took.", f"{counted.round_s:.4f}")
    yield from _gauge("in_trouble", "1 while the database does not answer.", int(feed.is_in_trouble))
    yield from _head("marked_total", "counter", "Missed calls that were marked by hand, and marks taken back.")
    for what, number in marked.items():
        yield f'{PREFIX}marked_total{{what="{what}"}} {number}\n'


def _gauge(name: str, text: str, value: object) -> Iterator[str]:
    yield from _head(name, "gauge", text)
    yield f"{PREFIX}{name} {value}\n"


def _counter(name: str, text: str, value: int) -> Iterator[str]:
    yield from _head(name, "counter", text)
    yield f"{PREFIX}{name} {value}\n"


def _head(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP {PREFIX}{name} {text}\n# TYPE {PREFIX}{name} {kind}\n"
