"""How an open page is told of a call: the rows of its reader's own journal and of the group's, as they are now."""

from __future__ import annotations

import json
from collections.abc import Callable

import flask

from esl_huntgroup.web import clock
from esl_huntgroup.web.live import audience
from esl_huntgroup.web.pages import rows
from esl_huntgroup.web.reading import rows as read


def writer(app: flask.Flask) -> Callable[[audience.View, int], str]:
    """Return what writes a call for the event stream of a page: the same rows as on the page."""

    def write(view: audience.View, reader_id: int) -> str:
        return _json(app, view.row, reader_id, is_own=view.is_own, is_shared=view.is_shared)

    return write


def written(row: read.Row, reader_id: int, *, is_shared: bool = True) -> str:
    """Return a call as one reader's page is told of it, in answer to what that page has sent."""
    return _json(flask.current_app, row, reader_id, is_own=row.own is not None, is_shared=is_shared)


def _json(app: flask.Flask, row: read.Row, reader_id: int, *, is_own: bool, is_shared: bool) -> str:
    now_ms = clock.now_ms()
    template = app.jinja_env.get_template("_row.html")
    whole = rows.of_group(row, now_ms, reader_id, is_shared=is_shared) if row.entries is not None else None
    mine = rows.own(row, now_ms) if is_own else None
    return json.dumps(
        {
            "call": row.call.call_id,
            "group": row.call.group_id,
            "mine": mine and template.render(row=mine, now_ms=now_ms),
            "whole": whole and template.render(row=whole, now_ms=now_ms),
            "unhandled": row.own and row.own.is_unhandled,
        },
        ensure_ascii=False,
    )
