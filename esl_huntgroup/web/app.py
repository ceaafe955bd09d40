"""The Flask application: what is answered at which address."""

from __future__ import annotations

from typing import Any

import flask
import peewee

from esl_huntgroup.db.engine import open_database
from esl_huntgroup.web import headers, keeper, pages, refusals, words
from esl_huntgroup.web.api import reader
from esl_huntgroup.web.around import surround
from esl_huntgroup.web.config import WebConfig
from esl_huntgroup.web.identity import guard, require, routes
from esl_huntgroup.web.live import routes as live
from esl_huntgroup.web.live.forms import as_json
from esl_huntgroup.web.pages import live_form
from esl_huntgroup.web.proxies import TrustedProxies


def make_app(config: WebConfig, db: peewee.Database | None = None) -> flask.Flask:
    """
    Return the application. Connects to nothing; each thread that serves a request has a connection of its own.

    ``db`` is for tests; None: the database that the configuration names.
    """
    app = flask.Flask("esl_huntgroup.web", static_url_path="/static")
    database = db or open_database(config.database, plans_anew=True)
    surround(app, config, database)
    _speak(app)
    guard.install(app)
    headers.install(app)
    refusals.install(app)
    app.add_url_rule("/healthz", view_func=_healthz)
    app.register_blueprint(routes.blueprint)
    app.register_blueprint(reader.blueprint)
    pages.install(app)
    live.install(app, config, database, page=live_form.writer(app), api=as_json)
    keeper.install(app, database)
    guard.check_routes(app)
    app.wsgi_app = TrustedProxies(  # type: ignore[method-assign]
        app.wsgi_app, config.trusted_proxies, config.user_header, config.url
    )
    return app


def _speak(app: flask.Flask) -> None:
    """Let templates and views have their words in the language of who asks."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    install: Any = app.jinja_env
    install.install_gettext_callables(words.gettext, words.ngettext, newstyle=True)
    app.jinja_env.globals.update(languages=words.LANGUAGES, language=words.language)


@require(anybody=True)
def _healthz() -> flask.Response:
    return flask.Response("ok\n", content_type="text/plain; charset=utf-8")
