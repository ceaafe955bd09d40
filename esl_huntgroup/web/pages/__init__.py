"""
The pages that people read.

``journal`` has the addresses of journals and calls, ``group`` those of a group's page; ``rows``, ``details`` and
``plots`` say how it looks, ``live_form`` how an open page is told of it. Begin to read in ``journal``.
"""

from __future__ import annotations

import flask
from markupsafe import Markup, escape

from esl_huntgroup.model.text import clean
from esl_huntgroup.web.pages import group, journal, rows, times
from esl_huntgroup.web.pages.seen import groups_seen, seen


def install(app: flask.Flask) -> None:
    """Give the application its pages, and templates what they call by name."""
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters["clean"] = clean
    app.jinja_env.globals.update(rows=rows, times=times, named=named, groups_seen=groups_seen, seen=seen)
    app.register_blueprint(journal.blueprint)
    app.register_blueprint(group.blueprint)


def named(text: str, name: str) -> Markup:
    """Return a text with a name in its place, kept apart from it in whatever direction the name is written."""
    before, place, after = text.partition("%s")
    if not place:
        return escape(text)
    return Markup("{}<bdi>{}</bdi>{}").format(before, clean(name), after)
