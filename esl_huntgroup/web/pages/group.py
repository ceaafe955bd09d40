"""The page of a group, for its leader, deputy and administrators: who would ring now, and what there was."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any, Final

import flask
from babel.dates import get_day_names
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from esl_huntgroup.journal import csv_view
from esl_huntgroup.web import words
from esl_huntgroup.web.access import OwnGroup
from esl_huntgroup.web.around import around
from esl_huntgroup.web.identity import require
from esl_huntgroup.web.pages import plots, rows
from esl_huntgroup.web.pages.members import members_of, of_group
from esl_huntgroup.web.pages.plots import Plot
from esl_huntgroup.web.pages.seen import seen
from esl_huntgroup.web.reading.filters import filters
from esl_huntgroup.web.reading.statistics import Statistics, statistics
from esl_huntgroup.web.words import gettext as _

blueprint = flask.Blueprint("group", __name__)

DAYS_DEFAULT: Final = 30


@blueprint.get("/groups/<int:group_id>/now")
@require()
def now(group_id: int) -> str:
    """Show for each member whether a call would ring there, as far as the database knows, and why not."""
    group = _group(group_id)
    return flask.render_template(
        "group_now.html",
        here=group_id,
        group=group,
        state=of_group(around().db, group_id),
        members=members_of(around().db, group_id),
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
        csv=flask.url_for("group.numbers_csv", group_id=group_id, **{"from": first, "until": last}),
        outcomes=rows.outcomes(),
    )


@blueprint.get("/groups/<int:group_id>/statistics.csv")
@require()
def numbers_csv(group_id: int) -> Response:
    """Give the same as CSV: a line for each count."""
    _group(group_id)
    first, last = _period()
    found = _statistics(group_id, first, last)
    text = "".join(f"{line}\r\n" for line in csv_view.lines(_lines(found)))
    name = f"group-{group_id}-{first}-{last}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return flask.Response(text, content_type="text/csv; charset=utf-8", headers=headers)


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


def _lines(found: Statistics) -> Iterator[dict[str, Any]]:
    """Give a line for each count: which part it belongs to, what is counted, and how many."""
    yield _line("total", "", found.total.calls, found.total.answered, found.total.missed)
    for hour, count in enumerate(found.by_hour):
        yield _line("hour", f"{hour}", count.calls, count.answered, count.missed)
    for weekday, count in enumerate(found.by_weekday, 1):
        yield _line("weekday", f"{weekday}", count.calls, count.answered, count.missed)
    for it in found.waits:
        until = "" if it.until_s is None else f"{it.until_s}"
        yield _line("waited_s", f"{it.from_s}..{until}", it.count.calls, it.count.answered, it.count.missed)
    for member in found.members:
        yield _line("member", member.user_name, member.calls, member.answered, member.missed)


def _line(part: str, name: str, calls: int, answered: int, missed: int) -> dict[str, Any]:
    return {"part": part, "name": name, "calls": calls, "answered": answered, "missed": missed}
