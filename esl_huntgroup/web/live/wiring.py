"""What is live, put into the application: who asks is a person of ``identity``, whose session has to be in order."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from typing import Final

import flask
import peewee

from esl_huntgroup.web import words
from esl_huntgroup.web.access import Access
from esl_huntgroup.web.around import around
from esl_huntgroup.web.identity import Person, Scope, keys, require, somebody
from esl_huntgroup.web.reading.periods import DAY_MS
from esl_huntgroup.web.identity.validity import still_valid
from esl_huntgroup.web.live import routes
from esl_huntgroup.web.live.feed import Feed
from esl_huntgroup.web.live.forms import as_json
from esl_huntgroup.web.live.guard import accesses
from esl_huntgroup.web.live.stream import Viewer
from esl_huntgroup.web.pages import live_form

_PAGE: Final = "live.page"
_API: Final = "live.api"
_METRICS: Final = "live.metrics"


def install(app: flask.Flask) -> None:
    """Give the application its event streams."""
    with app.app_context():
        db, config = around().db, around().config
    guard = _Guard(round(config.session_days * DAY_MS))
    routes.set_up(app, Feed(db, guard, {routes.PAGE: live_form.writer(app), routes.API: as_json}), _who)
    require()(app.view_functions[_PAGE])
    require(scope=Scope.EVENTS)(app.view_functions[_API])
    require(anybody=True)(app.view_functions[_METRICS])


class _Guard:
    """Rights and sessions from the database."""

    def __init__(self, session_ms: int) -> None:
        self._session_ms = session_ms

    def rights(self, db: peewee.Database, user_ids: Collection[int]) -> Mapping[int, Access]:
        return accesses(db, user_ids)

    def in_order(self, db: peewee.Database, sessions: Collection[Hashable]) -> Collection[Hashable]:
        people = [it for it in sessions if isinstance(it, Person)]
        now_ms = keys.now_ms()
        return still_valid(db, people, now_ms=now_ms, since_ms=now_ms - self._session_ms)


def _who(_form: str) -> Viewer | flask.Response:
    me = somebody()
    return Viewer(me.user_id, words.language(), me)
