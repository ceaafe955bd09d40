"""How an open page is told of a call: the rows of its reader's own journal and of the group's, as they are now."""

from __future__ import annotations

import json
from collections.abc import Callable

import flask

from esl_huntgroup.model.outcome import EntryKind, Outcome
from esl_huntgroup.web import words
from esl_huntgroup.web.live import audience, routes
from esl_huntgroup.web.pages import rows, times
from esl_huntgroup.web.reading import rows as read


def position() -> str:
    """Return how far the page is that is rendered now; what changes from then on comes as an event."""
    return routes.position()


def writer(app: flask.Flask) -> Callable[[audience.Call, audience.View, str], str]:
    """Return what writes a call for the event stream of a page: the same rows as on the page, in a language."""

    def write(call: audience.Call, view: audience.View, language: str) -> str:
        with words.speaking(language):
            return _json(app, _row(call, view), None)

    return write


def written(row: read.Row, reader_id: int) -> str:
    """Return a call as one reader's page is told of it, in answer to what that page has sent."""
    return _json(flask.current_app, row, reader_id)


def _json(app: flask.Flask, row: read.Row, reader_id: int | None) -> str:
    now_ms = times.now_ms()
    template = app.jinja_env.get_template("_row.html")
    is_mine = row.own is not None or row.call.state(now_ms) is rows.CallState.RINGING
    whole = rows.of_group(row, now_ms, reader_id) if row.entries is not None else None
    mine = rows.own(row, now_ms) if is_mine else None
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


def _row(call: audience.Call, view: audience.View) -> read.Row:
    """Return what the feed has read as the journal reads it."""
    return read.Row(
        read.Call(
            call_id=call.call_id,
            arrived_at_ms=call.arrived_at_ms,
            group_id=call.group_id,
            group_name=call.group_name,
            group_number=call.group_number,
            group_domain=call.group_domain,
            caller_name=call.caller_name,
            caller_number=call.caller_number,
            answered_at_ms=call.answered_at_ms,
            ended_at_ms=call.ended_at_ms,
            wait_ms=call.wait_ms,
            talk_ms=call.talk_ms,
            answered_by_user_id=call.answered_by_user_id,
            answered_by_name=call.answered_by_name,
            outcome=Outcome(call.outcome) if call.outcome else None,
            cause=call.cause,
            overflow=call.overflow,
            ringing=call.ringing,
        ),
        _entry(view.entry) if view.entry else None,
        tuple(map(_entry, call.entries)) if view.whole else None,
    )


def _entry(entry: audience.Entry) -> read.Entry:
    handled = None
    if entry.handled_at_ms is not None:
        handled = read.Handled(entry.handled_at_ms, entry.handled_by_name or "", entry.handled_how or "")
    return read.Entry(entry.user_id, entry.user_name, EntryKind(entry.kind), entry.rang, entry.cause, handled)
