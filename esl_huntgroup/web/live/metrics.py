"""What the web process tells Prometheus of its open pages."""

from __future__ import annotations

from esl_huntgroup.web.live.feed import Feed


def shown(feed: Feed) -> str:
    """Return the counters in the text format of Prometheus."""
    counted = feed.counters
    rows = (
        ("streams", "gauge", "Open pages and programs that are told what happens.", len(feed.streams)),
        ("rounds_total", "counter", "Times that the database was asked for changes.", counted.rounds),
        ("events_total", "counter", "Events that were put into streams.", counted.events),
        ("overruns_total", "counter", "Streams that were ended because their reader was slow.", counted.overruns),
        ("lag_seconds", "gauge", "Age of the oldest change that was told last.", f"{counted.lag_s:.3f}"),
        ("round_seconds", "gauge", "How long the last round took.", f"{counted.round_s:.4f}"),
        ("in_trouble", "gauge", "1 while the database does not answer.", int(feed.is_in_trouble)),
    )
    lines = []
    for name, kind, text, value in rows:
        full = f"esl_huntgroup_web_{name}"
        lines += [f"# HELP {full} {text}", f"# TYPE {full} {kind}", f"{full} {value}"]
    return "\n".join(lines) + "\n"
