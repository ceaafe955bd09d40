"""The addresses of the event streams: ``/events`` for the page, ``/api/v1/events`` for programs; and ``/metrics``."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import Final

import flask

from esl_huntgroup.web.live.feed import Feed
from esl_huntgroup.web.live.metrics import shown
from esl_huntgroup.web.live.positions import CHARS_MAX, parse
from esl_huntgroup.web.live.stream import TooMany, Viewer
from esl_huntgroup.web.threads import LIVE

PAGE: Final = "page"
API: Final = "api"
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Connection": "close",
    "Content-Type": "text/event-stream; charset=utf-8",
    "X-Accel-Buffering": "no",
}
"""A reverse proxy that gathers an answer before it hands it on would keep events for ever."""
FORWARDED: Final = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")
_KEY: Final = "esl_huntgroup.live"
RETRY_AFTER_S: Final = 30


Who = Callable[[str], "Viewer | flask.Response"]
"""Says who asks for a stream of this form, or what to answer to somebody who may not."""


def set_up(app: flask.Flask, feed: Feed, who: Who) -> None:
    """Give the application the addresses of what is live."""
    app.extensions[_KEY] = feed

    def page_events() -> flask.Response:
        return _events(feed, who, PAGE)

    def api_events() -> flask.Response:
        return _events(feed, who, API)

    def metrics() -> flask.Response:
        return _metrics(feed)

    app.add_url_rule("/events", "live.page", page_events, methods=["GET"])
    app.add_url_rule("/api/v1/events", "live.api", api_events, methods=["GET"])
    app.add_url_rule("/metrics", "live.metrics", metrics, methods=["GET"])


def feed_of(app: flask.Flask) -> Feed | None:
    """Return what tells the open pages of this application, None where nothing does."""
    feed: Feed | None = app.extensions.get(_KEY)
    return feed


def position() -> str:
    """
    Return what a page states as the position it is rendered at; empty while none is known.

    It is asked for before the page reads anything: what changes from then on comes as an event.
    """
    feed = feed_of(flask.current_app)
    return "" if feed is None or feed.position is None else str(feed.position)


def _events(feed: Feed, who: Who, form: str) -> flask.Response:
    viewer = who(form)
    if isinstance(viewer, flask.Response):
        return viewer
    text = flask.request.headers.get("Last-Event-ID") or flask.request.args.get("after", "")
    after = parse(text) if text else None
    if text and after is None:
        return _refused(400, f"{text[:CHARS_MAX]!r} is no position: the id of an event is accepted, or none at all")
    if flask.request.method == "HEAD":
        return flask.Response(headers=HEADERS)
    try:
        stream = feed.open(viewer, form, after)
    except TooMany as error:
        return _refused(429 if error.is_of_one else 503, str(error))
    flask.request.environ[LIVE] = stream
    return flask.Response(headers=HEADERS)


def _refused(status: int, sentence: str) -> flask.Response:
    response = flask.Response(f"{sentence}\n", status, content_type="text/plain; charset=utf-8")
    if status != 400:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def _metrics(feed: Feed) -> flask.Response:
    """Answer Prometheus on this machine; what comes by a proxy comes from elsewhere."""
    if (
        any(name in flask.request.headers for name in FORWARDED)
        or not ip_address(flask.request.remote_addr or "::").is_loopback
    ):
        flask.abort(404)
    return flask.Response(shown(feed), content_type="text/plain; version=0.0.4; charset=utf-8")
