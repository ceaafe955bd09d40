"""The addresses of the event streams: ``/events`` for the page, ``/api/v1/events`` for programs; and ``/metrics``."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from ipaddress import ip_address
from typing import Final

import flask
import peewee
from werkzeug.exceptions import HTTPException, ServiceUnavailable, TooManyRequests

from esl_huntgroup.errors import InputError
from esl_huntgroup.model.limits import DAY_MS
from esl_huntgroup.web import clock
from esl_huntgroup.web.access import Access
from esl_huntgroup.web.around import around
from esl_huntgroup.web.config import WebConfig
from esl_huntgroup.web.identity import Scope, require, somebody
from esl_huntgroup.web.identity.people import Person
from esl_huntgroup.web.identity.validity import still_valid
from esl_huntgroup.web.live.accesses import accesses
from esl_huntgroup.web.live.feed import Feed
from esl_huntgroup.web.live.metrics import shown
from esl_huntgroup.web.live.positions import CHARS_MAX, parse
from esl_huntgroup.web.live.rounds import Write
from esl_huntgroup.web.live.stream import API, PAGE, PER_USER_MAX, TooMany, Viewer
from esl_huntgroup.web.threads import LIVE
from esl_huntgroup.web.words import gettext as _
from esl_huntgroup.web.words import language

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Connection": "close",
    "Content-Type": "text/event-stream; charset=utf-8",
    "X-Accel-Buffering": "no",
}
"""A reverse proxy that gathers an answer before it hands it on would keep events for ever."""
FORWARDED: Final = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")
RETRY_AFTER_S: Final = 30
_KEY: Final = "esl_huntgroup.live"

blueprint = flask.Blueprint("live", __name__)


class Guard:
    """Who may look at open pages, and at what, as ``rounds.Guard``: by sessions, tokens and rights."""

    def __init__(self, session_days: float) -> None:
        """Note for how long a session lasts that is not seen."""
        self._session_ms = round(session_days * DAY_MS)

    def rights(self, db: peewee.Database, user_ids: Collection[int]) -> Mapping[int, Access]:
        """Return what these users may see, without those who do not exist."""
        return accesses(db, user_ids)

    def in_order(self, db: peewee.Database, sessions: Collection[Hashable]) -> Collection[Hashable]:
        """Return which sessions and tokens, each known by the person whose it is, have not ended."""
        people = [it for it in sessions if isinstance(it, Person)]
        now = clock.now_ms()
        return still_valid(db, people, now_ms=now, since_ms=now - self._session_ms)


def install(app: flask.Flask, config: WebConfig, db: peewee.Database, *, page: Write, api: Write) -> None:
    """Give the application what is live; ``page`` and ``api`` say how a call is written for each."""
    app.extensions[_KEY] = Feed(db, Guard(config.session_days), {PAGE: page, API: api})
    app.register_blueprint(blueprint)


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


@blueprint.get("/events")
@require()
def page_events() -> flask.Response:
    """Tell an open page what happens."""
    return _events(PAGE)


@blueprint.get("/api/v1/events")
@require(scope=Scope.EVENTS)
def api_events() -> flask.Response:
    """Tell a program what happens."""
    return _events(API)


@blueprint.get("/metrics")
@require(anybody=True)
def metrics() -> flask.Response:
    """Answer Prometheus on this machine; what comes by a proxy comes from elsewhere."""
    is_forwarded = any(name in flask.request.headers for name in FORWARDED)
    if is_forwarded or not ip_address(flask.request.remote_addr or "::").is_loopback:
        flask.abort(404)
    return flask.Response(shown(_feed(), around().marked), content_type="text/plain; version=0.0.4; charset=utf-8")


def _feed() -> Feed:
    feed: Feed = flask.current_app.extensions[_KEY]
    return feed


def _events(form: str) -> flask.Response:
    person = somebody()
    text = flask.request.headers.get("Last-Event-ID") or flask.request.args.get("after", "")
    after = parse(text) if text else None
    if text and after is None:
        raise InputError(_("“%s” is no position: the id of an event is accepted, or none at all.") % text[:CHARS_MAX])
    if flask.request.method == "HEAD":
        return flask.Response(headers=HEADERS)
    try:
        stream = _feed().open(Viewer(person.user_id, language(), person), form, after)
    except TooMany as error:
        raise _refusal(error) from None
    flask.request.environ[LIVE] = stream
    return flask.Response(headers=HEADERS)


def _refusal(error: TooMany) -> HTTPException:
    if error.is_of_one:
        sentence = _("%s pages are open already. Please close one of them.") % PER_USER_MAX
        return TooManyRequests(sentence, retry_after=RETRY_AFTER_S)
    return ServiceUnavailable(_("Too many pages are open. Please try again later."), retry_after=RETRY_AFTER_S)
