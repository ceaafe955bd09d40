"""The page of a group, for its leader, deputy and administrators: who would ring now, and what there was."""

from __future__ import annotations

import datetime
from typing import Final
from urllib.parse import urlencode

import flask
from babel.dates import get_day_names
from werkzeug.exceptions import NotFound

from esl_huntgroup.web import words
from esl_huntgroup.web.access import OwnGroup
from esl_huntgroup.web.around import around
from esl_huntgroup.web.identity import require
from esl_huntgroup.web.pages import plots, rows, would_ring
from esl_huntgroup.web.pages.members import members_of, of_group
from esl_huntgroup.web.pages.plots import Plot
from esl_huntgroup.web.pages.seen import seen
from esl_huntgroup.web.reading.figures import Statistics
from esl_huntgroup.web.reading.filters import filters
from esl_huntgroup.web.reading.statistics import statistics
from esl_huntgroup.web.words import gettext as _

blueprint = flask.Blueprint("group", __name__)

DAYS_DEFAULT: Final = 30


@blueprint.get("/groups/<int:group_id>/now")
@require()
def now(group_id: int) -> str:
    """Show for each member whether a call would ring there, and why not: as each switch says, or the database."""
    group, db = _group(group_id), around().db
    state = of_group(db, group_id)
    answers = around().switches.would_ring(db, f"{state.number}@{state.domain}") if state.rings else []
    told = [(it, would_ring.by_switch(it.told)) for it in answers if it.told]
    return flask.render_template(
        "group_now.html",
        here=group_id,
        group=group,
        state=state,
        told=told,
        silent=[it for it in answers if not it.told],
        members=[] if told else would_ring.by_database(members_of(db, group_id), rings=state.rings),
    )


@blueprint.get("/groups/<int:group_id>/statistics")
@require()
def numbers(group_id: int) -> str:
    """Show the calls of a period, counted."""
    group, (first, last) = _group(group_id), _period()
    found = _statistics(group_id, first, last)
    return flask.render_template(
        "group_statistics.html",
        here=group_id,
        group=group,
        first=first,
        last=last,
        found=found,
        plots=_plots(found),
        csv=f"/api/v1/groups/{group_id}/statistics?{urlencode({'from': first, 'until': last, 'format': 'csv'})}",
        outcomes=rows.outcomes(),
    )


def _group(group_id: int) -> OwnGroup:
    known = seen()
    group = known.group(group_id)
    if group is None or not known.access.sees_group_page(group_id):
        raise NotFound
    return group


def _period() -> tuple[str, str]:
    """Return the first and the last day that are asked for; without any, the last thirty."""
    today = datetime.date.today()  # noqa: DTZ011  # days are those of this machine, as everywhere on the page
    last = flask.request.args.get("until", "").strip() or today.isoformat()
    first = flask.request.args.get("from", "").strip()
    return first or (today - datetime.timedelta(DAYS_DEFAULT - 1)).isoformat(), last


def _statistics(group_id: int, first: str, last: str) -> Statistics:
    wanted = filters({"from": first, "until": last})
    assert wanted.from_ms is not None
    assert wanted.until_ms is not None
    return statistics(around().db, group_id, wanted.from_ms, wanted.until_ms)


def _plots(found: Statistics) -> list[Plot]:
    days = get_day_names("abbreviated", locale=words.language())
    hours = [f"{hour}" for hour in range(24)]
    waits = [_wait(it.from_s, it.until_s) for it in found.waits]
    return [
        plots.plot("hours", _("By hour of the day"), _("Hour"), hours, found.by_hour),
        plots.plot("weekdays", _("By weekday"), _("Weekday"), [days[day] for day in range(7)], found.by_weekday),
        plots.plot("waits", _("How long callers waited"), _("Seconds"), waits, [it.count for it in found.waits]),
    ]


def _wait(from_s: int, until_s: int | None) -> str:
    return f"≥ {from_s}" if until_s is None else f"{from_s}–{until_s}"
