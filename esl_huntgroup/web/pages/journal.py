"""The journal in a browser: one's own, that of a group, one call, and what can be done with it."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import flask
from werkzeug.exceptions import BadRequest, NotFound
from werkzeug.wrappers import Response

from esl_huntgroup.errors import InputError
from esl_huntgroup.journal import handled
from esl_huntgroup.web import clock, handling
from esl_huntgroup.web.around import around
from esl_huntgroup.web.identity import require, somebody
from esl_huntgroup.web.identity.origins import own_path
from esl_huntgroup.web.live import routes as live
from esl_huntgroup.web.pages import details, live_form, rows, times
from esl_huntgroup.web.pages.seen import seen
from esl_huntgroup.web.reading import present
from esl_huntgroup.web.reading.details import call_details
from esl_huntgroup.web.reading.filters import Filters, Position, filters, of_group, position
from esl_huntgroup.web.reading.journal import NEWEST, UNHANDLED_MAX, group_page, own_page, unhandled_count
from esl_huntgroup.web.reading.rows import Details, Page
from esl_huntgroup.web.words import gettext as _

blueprint = flask.Blueprint("journal", __name__)

FILTERS: Final = ("period", "from", "until", "group", "kind", "unhandled", "search")
"""What of an address says which calls are wanted."""
PERIODS: Final = ("today", "yesterday", "week", "month")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for, as it stands in the address; ``given`` are the filters that are not empty."""

    given: Mapping[str, str]
    wanted: Filters
    position: Position

    @property
    def is_newest(self) -> bool:
        """Whether calls that come now belong on top of the page."""
        return not self.given and self.position == NEWEST


@blueprint.get("/")
@require()
def mine() -> str:
    """Show one's own journal."""
    here, known, asked, now_ms = live.position(), seen(), _asked(), clock.now_ms()
    page = own_page(
        around().db, known.access, asked.wanted, asked.position, country=around().config.country, now_ms=now_ms
    )
    return _show(
        asked,
        page,
        [rows.own(row, now_ms) for row in page.rows],
        position=here,
        journal="mine",
        here="mine",
        title=_("My journal"),
        groups=known.member_groups,
        now_ms=now_ms,
    )


@blueprint.get("/groups/<int:group_id>")
@require()
def of_one_group(group_id: int) -> str | Response:
    """Show the journal of a group to those who may see it; an administrator who may not gets to the group's page."""
    here, known, now_ms = live.position(), seen(), clock.now_ms()
    group = known.group(group_id)
    if group is None:
        raise NotFound
    if not known.access.sees_journal(group_id):
        return flask.redirect(flask.url_for("group.now", group_id=group_id))
    asked, user_id, db = _asked(group_id), somebody().user_id, around().db
    is_shared = handled.shares_missed(db, group_id)
    page = group_page(db, group_id, asked.wanted, asked.position, country=around().config.country, reader_id=user_id)
    return _show(
        asked,
        page,
        [rows.of_group(row, now_ms, user_id, is_shared=is_shared) for row in page.rows],
        position=here,
        journal="group",
        here=group_id,
        title=group.name,
        group=group,
        is_shared=is_shared,
        now_ms=now_ms,
    )


@blueprint.get("/unhandled")
@require()
def unhandled() -> Response:
    """Say how many calls are to be dealt with; the script asks where it cannot know."""
    return flask.jsonify(unhandled=unhandled_count(around().db, somebody().user_id))


@blueprint.get("/calls/<call_id>")
@require()
def call(call_id: str) -> str:
    """Show one call: every member and every phone; with ``part`` only that, to stand below its row."""
    found, now_ms = _call(call_id), clock.now_ms()
    its_call = found.row.call
    return flask.render_template(
        "_call.html" if "part" in flask.request.args else "call.html",
        row=rows.seen(
            found.row, now_ms, somebody().user_id, is_shared=handled.shares_missed(around().db, its_call.group_id)
        ),
        members=[details.shown(member) for member in found.members],
        went_on=present.went_on(its_call.overflow, _),
        back=flask.url_for("journal.call", call_id=call_id),
        now_ms=now_ms,
    )


@blueprint.post("/calls/<call_id>/handled")
@require()
def handle(call_id: str) -> Response:
    """Note that a missed call is dealt with, or take that back; then go back, or give the row to the script."""
    found, me = _call(call_id), somebody()
    wanted = flask.request.form.get("handled", "")
    if wanted not in ("yes", "no"):
        raise BadRequest
    is_shared = handling.mark(found.row, me, is_handled=wanted == "yes")
    if flask.request.accept_mimetypes.best == "application/json":
        written = live_form.written(_call(call_id).row, me.user_id, is_shared=is_shared)
        return flask.Response(written, content_type="application/json")
    return flask.redirect(own_path(flask.request.form.get("next", "")), 303)


def _call(call_id: str) -> Details:
    """Return a call that whoever asks may see. Raises NotFound."""
    found = call_details(around().db, seen().access, call_id)
    if found is None:
        raise NotFound
    return found


def _asked(group_id: int | None = None) -> Asked:
    """Read the address. Raises InputError with one sentence."""
    args = flask.request.args
    given = {name: args[name].strip() for name in FILTERS if args.get(name, "").strip()}
    if group_id is not None:
        given.pop("group", None)
    elif "group" in given:
        if not (given["group"].isascii() and given["group"].isdecimal() and len(given["group"]) < 10):
            raise InputError(_("There is no such group."))
        group_id = int(given["group"])
    wanted = filters(given | _period(given.get("period", "")))
    return Asked(given, wanted if "group" not in given else of_group(wanted, group_id), position(args))


def _api(path: str) -> str:
    """Return where programs find what people see at this address."""
    return "/api/v1/journal" if path == "/" else f"/api/v1{path}/journal"


def _in_days(given: Mapping[str, str]) -> dict[str, str]:
    """Return the same filters, with the days of the period instead of its name."""
    days = _period(given.get("period", ""))
    return {name: text for name, text in (dict(given) | days).items() if name != "period"}


def _period(period: str) -> dict[str, str]:
    """Return the days of a period that has a name. Raises InputError."""
    if not period:
        return {}
    if period not in PERIODS:
        raise InputError(_("This period is not known: %s are accepted.") % ", ".join(PERIODS))
    today = datetime.date.today()  # noqa: DTZ011  # days are those of this machine, as everywhere on the page
    first, last = {
        "today": (today, today),
        "yesterday": (today - datetime.timedelta(1), today - datetime.timedelta(1)),
        "week": (today - datetime.timedelta(6), today),
        "month": (today - datetime.timedelta(29), today),
    }[period]
    return {"from": first.isoformat(), "until": last.isoformat()}


def _show(asked: Asked, page: Page, shown: list[rows.Row], **more: Any) -> str:
    """Return the page of a journal."""
    ringing = [row for row in shown if row.mark == rows.RINGING]
    rest = [row for row in shown if row.mark != rows.RINGING]
    path, given = flask.request.path, asked.given
    return flask.render_template(
        "journal.html",
        ringing=ringing,
        days=_days(rest),
        asked=asked,
        older=page.older and _address(path, given, before=page.older),
        newer=page.newer and _address(path, given, after=page.newer),
        csv=_address(_api(path), _in_days(given), format="csv"),
        back=flask.request.full_path.rstrip("?"),
        unhandled=unhandled_count(around().db, somebody().user_id),
        unhandled_max=UNHANDLED_MAX,
        periods={
            "today": _("today"),
            "yesterday": _("yesterday"),
            "week": _("the last 7 days"),
            "month": _("the last 30 days"),
        },
        kinds=rows.kinds(),
        **more,
    )


def _days(shown: list[rows.Row]) -> list[tuple[str, list[rows.Row]]]:
    """Return the rows by day."""
    found: dict[str, list[rows.Row]] = {}
    for row in shown:
        found.setdefault(times.day(row.call.arrived_at_ms), []).append(row)
    return list(found.items())


def _address(path: str, given: Mapping[str, str], **more: str) -> str:
    return f"{path}?{urlencode({**given, **more})}" if given or more else path
