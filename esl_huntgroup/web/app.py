"""The Flask application: what is answered at which address."""

from __future__ import annotations

import flask
import peewee

from esl_huntgroup.db.engine import open_database
from esl_huntgroup.web.config import WebConfig


def make_app(config: WebConfig, db: peewee.Database | None = None) -> flask.Flask:
    """
    Return the application. Connects to nothing; each thread that serves a request has a connection of its own.

    ``db`` is for tests; None: the database that the configuration names.
    """
    app = flask.Flask("esl_huntgroup.web", static_url_path="/static")
    app.extensions["esl_huntgroup"] = Around(config, db or open_database(config.database))
    app.add_url_rule("/healthz", view_func=_healthz)
    return app


class Around:
    """What every request has around it."""

    def __init__(self, config: WebConfig, db: peewee.Database) -> None:
        """Take the configuration and the database."""
        self.config = config
        self.db = db


def around() -> Around:
    """Return what the request of now has around it."""
    found: Around = flask.current_app.extensions["esl_huntgroup"]
    return found


def _healthz() -> flask.Response:
    return flask.Response("ok\n", content_type="text/plain; charset=utf-8")
