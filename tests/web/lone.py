"""
``python -m tests.web.lone URL PORT``: the streams alone, on a database, until standard input ends.

Who asks says so in a header, and is believed: what is live is tested without the ways to sign in. A session that a
test has ended is a line in the file ENDED.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Collection, Hashable, Mapping
from pathlib import Path

import flask
import gevent
import gevent.os
import peewee

from esl_huntgroup import logs
from esl_huntgroup.db.engine import open_database
from esl_huntgroup.web.access import Access
from esl_huntgroup.web.live import routes
from esl_huntgroup.web.live.feed import Feed
from esl_huntgroup.web.live.forms import as_json
from esl_huntgroup.web.live.guard import accesses
from esl_huntgroup.web.live.stream import Viewer
from esl_huntgroup.web.server import serve_app


class Guard:
    """Rights from the database, sessions from a file."""

    def rights(self, db: peewee.Database, user_ids: Collection[int]) -> Mapping[int, Access]:
        return accesses(db, user_ids)

    def in_order(self, _db: peewee.Database, sessions: Collection[Hashable]) -> Collection[Hashable]:
        file = Path(os.environ.get("ENDED", "/nowhere"))
        ended = file.read_text().split() if file.exists() else []
        return [session for session in sessions if session not in ended]


def who(_form: str) -> Viewer | flask.Response:
    user_id = flask.request.headers.get("X-User", "")
    if not user_id.isdecimal():
        return flask.Response("nobody\n", 401)
    return Viewer(int(user_id), "en", flask.request.headers.get("X-Session", "s"))


def main() -> None:
    url, port = sys.argv[1:]
    logs.set_up("info", "text", "web")
    app = flask.Flask("lone")
    routes.set_up(app, Feed(open_database(url), Guard(), {"page": as_json, "api": as_json}), who)
    app.add_url_rule("/", "start", routes.position)
    logging.getLogger(__name__).info("ready")
    serve_app(app, ("127.0.0.1", int(port)), gevent.spawn(gevent.os.tp_read, sys.stdin.fileno(), 1))


if __name__ == "__main__":
    main()
