"""The addresses of ``/api/v1``."""

from __future__ import annotations

import datetime
import time
import zoneinfo
from collections.abc import Callable, Mapping
from typing import Any, Final

import flask
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from esl_huntgroup.errors import InputError
from esl_huntgroup.model.limits import DAY_MS
from esl_huntgroup.provisioning import audit
from esl_huntgroup.web import clock, handling
from esl_huntgroup.web.access import Access, OwnGroup
from esl_huntgroup.web.api import schemas, shown
from esl_huntgroup.web.api.operations import Operation, body, described, query
from esl_huntgroup.web.api.responses import PORTION, answer, csv, portions, with_pages
from esl_huntgroup.web.around import around
from esl_huntgroup.web.identity import ANY_TOKEN, Scope, administration, require, somebody, tokens
from esl_huntgroup.web.reading.details import call_details
from esl_huntgroup.web.reading.filters import Position, filters, number_of_rows, of_group, position
from esl_huntgroup.web.reading.journal import group_page, own_page, unhandled_count
from esl_huntgroup.web.reading.rights import access_and_groups, access_of, every_group
from esl_huntgroup.web.reading.rows import Details, Page, Row
from esl_huntgroup.web.reading.statistics import statistics as statistics_of
from esl_huntgroup.web.words import gettext as _

blueprint = flask.Blueprint("api", __name__, url_prefix="/api/v1")

OLDEST: Final = Position(newer_than="00000000-0000-0000-0000-000000000000")
PERIOD_DAYS: Final = 30
CALL: Final = {"call_id": "the id of a call"}
GROUP: Final = {"group_id": "the id of a group"}


@blueprint.get("/me")
@require(scope=ANY_TOKEN)
@described(Operation("Who you are, and how many missed calls wait for you.", schemas.MeOut))
def me() -> Response:
    """Say who asks."""
    query(schemas.NoQuery)
    person, db = somebody(), around().db
    access = access_of(db, person.user_id)
    told = {
        "user_id": person.user_id,
        "name": person.name,
        "display_name": person.display_name,
        "is_administrator": access.is_administrator,
        "scopes": None if person.scopes is None else sorted(person.scopes),
        "unhandled": unhandled_count(db, person.user_id),
    }
    return answer(schemas.MeOut, told)


@blueprint.get("/groups")
@require(scope=Scope.JOURNAL)
@described(Operation("The groups in which you are member, leader or deputy.", schemas.GroupsOut))
def groups() -> Response:
    """List groups."""
    query(schemas.NoQuery)
    access, own = _groups()
    return answer(schemas.GroupsOut, {"items": [shown.group(group, access) for group in own]})


@blueprint.get("/journal")
@require(scope=Scope.JOURNAL)
@described(
    Operation("Your own journal.", schemas.JournalOut, query=schemas.OwnJournalQuery, has_csv=True, has_pages=True)
)
def journal() -> Response:
    """Give a page of one's own journal."""
    given = query(schemas.OwnJournalQuery)
    wanted = of_group(filters(given), int(given["group"]) if "group" in given else None)
    person, db, country = somebody(), around().db, around().config.country

    def read(where: Position, limit: int) -> Page:
        return own_page(db, access_of(db, person.user_id), wanted, where, limit, country=country)

    return _journal(given, read, shown.own_line, shown.OWN_COLUMNS, "journal")


@blueprint.get("/groups/<int:group_id>/journal")
@require(scope=Scope.JOURNAL)
@described(
    Operation(
        "The journal of a group, with the entries of all members: for its leader and deputy.",
        schemas.JournalOut,
        query=schemas.JournalQuery,
        has_csv=True,
        has_pages=True,
        refusals=(404,),
        path=GROUP,
    )
)
def journal_of_group(group_id: int) -> Response:
    """Give a page of the journal of a group."""
    given = query(schemas.JournalQuery)
    wanted, user_id, db, country = filters(given), somebody().user_id, around().db, around().config.country
    if not access_of(db, user_id).sees_journal(group_id):
        raise NotFound(_no_group(group_id))

    def read(where: Position, limit: int) -> Page | None:
        if not access_of(db, user_id).sees_journal(group_id):
            return None  # the right was taken away since
        return group_page(db, group_id, wanted, where, limit, country=country, reader_id=user_id)

    return _journal(given, read, shown.group_lines, shown.GROUP_COLUMNS, f"journal-{group_id}")


@blueprint.get("/calls/<call_id>")
@require(scope=Scope.JOURNAL)
@described(Operation("A call, with every member and phone.", schemas.CallDetailsOut, refusals=(404,), path=CALL))
def call(call_id: str) -> Response:
    """Give one call."""
    query(schemas.NoQuery)
    return _call(_details(call_id))


@blueprint.put("/calls/<call_id>/handled")
@require(scope=Scope.HANDLE)
@described(
    Operation(
        "Say that a missed call is dealt with: for all where the group shares its missed calls.",
        schemas.CallDetailsOut,
        refusals=(404, 409),
        path=CALL,
    )
)
def handle(call_id: str) -> Response:
    """Mark a missed call as handled; doing it twice changes nothing."""
    return _mark(call_id, is_handled=True)


@blueprint.delete("/calls/<call_id>/handled")
@require(scope=Scope.HANDLE)
@described(
    Operation(
        "Say that a missed call waits again, however it was dealt with.",
        schemas.CallDetailsOut,
        refusals=(404, 409),
        path=CALL,
    )
)
def unhandle(call_id: str) -> Response:
    """Take the mark of a missed call away; doing it twice changes nothing."""
    return _mark(call_id, is_handled=False)


@blueprint.get("/groups/<int:group_id>/statistics")
@require(scope=Scope.JOURNAL)
@described(
    Operation(
        "The figures of a group in a period: for its leader, deputy, and administrators.",
        schemas.StatisticsOut,
        query=schemas.StatisticsQuery,
        has_csv=True,
        refusals=(404,),
        path=GROUP,
    )
)
def statistics(group_id: int) -> Response:
    """Give the figures of a group."""
    given = query(schemas.StatisticsQuery)
    access, known = _groups()
    if not access.sees_group_page(group_id) or group_id not in {group.id for group in known}:
        raise NotFound(_no_group(group_id))
    name, zone = _zone(given.get("timezone", ""))
    wanted = filters({key: given.get(key, "") for key in ("from", "until")}, zone)
    until_ms = clock.now_ms() if wanted.until_ms is None else wanted.until_ms
    from_ms = until_ms - PERIOD_DAYS * DAY_MS if wanted.from_ms is None else wanted.from_ms
    found = statistics_of(around().db, group_id, from_ms, until_ms, zone)
    if given.get("format") == "csv":
        columns = ("of", "which", "calls", "answered", "missed")
        return csv(f"statistics-{group_id}", columns, [list(shown.figure_lines(found))])
    return answer(schemas.StatisticsOut, shown.figures(found, name))


# -- tokens: a token makes no tokens ----------------------------------------------------------------------------------


@blueprint.get("/tokens")
@require()
@described(Operation("Your tokens, without their secrets.", schemas.TokensOut))
def list_tokens() -> Response:
    """List one's own tokens."""
    query(schemas.NoQuery)
    found = tokens.of_user(around().db, somebody().user_id)
    return answer(schemas.TokensOut, {"items": [_token(token) for token in found]})


@blueprint.post("/tokens")
@require()
@described(Operation("Make a token.", schemas.NewTokenOut, body=schemas.TokenIn, status=201))
def make_token() -> Response:
    """Make a token, and tell its secret this once."""
    query(schemas.NoQuery)
    wanted, person, db = body(schemas.TokenIn), somebody(), around().db
    with db.atomic():
        change, _name, secret = administration.add_token(
            db, person.user_id, person.name, wanted["name"], scopes=wanted["scopes"], days=wanted["days"]
        )
        audit.record(db, person.name, change)
        name = tokens.token_name(wanted["name"])
        made = next(token for token in tokens.of_user(db, person.user_id) if token.name == name)
    return answer(schemas.NewTokenOut, {**_token(made), "token": secret}, 201)


@blueprint.delete("/tokens/<int:token_id>")
@require()
@described(Operation("Remove a token.", status=204, refusals=(404,), path={"token_id": "the id of one of your tokens"}))
def remove_token(token_id: int) -> Response:
    """Remove a token; who has it is refused from now on."""
    query(schemas.NoQuery)
    person, db = somebody(), around().db
    with db.atomic():
        found = next((token for token in tokens.of_user(db, person.user_id) if token.id == token_id), None)
        if found is None:
            raise NotFound(_("This token has been removed already."))
        audit.record(db, person.name, administration.remove_token(db, person.user_id, person.name, found.name))
    return flask.Response(status=204)


# -- what they share --------------------------------------------------------------------------------------------------


def _journal(
    given: Mapping[str, str],
    read: Callable[[Position, int], Page | None],
    to_lines: Callable[[Row], Any],
    columns: tuple[str, ...],
    name: str,
) -> Response:
    where, limit = position(given), number_of_rows(given.get("limit", ""))
    if given.get("format") == "csv":
        return csv(name, columns, portions(lambda at: read(at, PORTION), to_lines, where))
    is_upwards = given.get("direction") == "asc"
    page = read(OLDEST if is_upwards and where == Position() else where, limit) or Page(())
    rows = page.rows[::-1] if is_upwards else page.rows
    now = clock.now_ms()
    response = answer(schemas.JournalOut, {"items": [shown.row(row, now) for row in rows]})
    kept = {key: value for key, value in given.items() if key not in ("before", "after")}
    links = {
        "prev" if is_upwards else "next": None if page.older is None else {"before": page.older},
        "next" if is_upwards else "prev": None if page.newer is None else {"after": page.newer},
    }
    if is_upwards and where == Position():
        links.pop("prev")  # nothing is older than the oldest
    return with_pages(response, {relation: {**kept, **it} for relation, it in links.items() if it is not None})


def _details(call_id: str) -> tuple[Access, Details]:
    db = around().db
    access = access_of(db, somebody().user_id)
    found = call_details(db, access, call_id.lower(), clock.now_ms()) if schemas.is_id(call_id) else None
    if found is None:
        raise NotFound(_("There is no such call, or none that you may see."))
    return access, found


def _call(found: tuple[Access, Details]) -> Response:
    return answer(schemas.CallDetailsOut, shown.details(found[1], clock.now_ms(), _))


def _mark(call_id: str, *, is_handled: bool) -> Response:
    query(schemas.NoQuery)
    handling.mark(_details(call_id)[1].row, somebody(), is_handled=is_handled)
    return _call(_details(call_id))


def _groups() -> tuple[Access, list[OwnGroup]]:
    """Return what somebody may see, and the groups of which that can be asked."""
    db, user_id = around().db, somebody().user_id
    access, own = access_and_groups(db, user_id)
    if not access.is_administrator:
        return access, own
    roles = {group.id: group for group in own}
    return access, [roles.get(group.id, group) for group in every_group(db)]


def _no_group(group_id: int) -> str:
    return _("There is no group %s, or none of which you may see this.") % group_id


def _zone(name: str) -> tuple[str, datetime.tzinfo | None]:
    if not name:
        return time.strftime("%Z"), None
    try:
        return name, zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError(f"{name[:60]!r} is no time zone: one such as Europe/Berlin is accepted") from None


def _token(token: tokens.Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "scopes": list(token.scopes),
        "created_at": token.created_at_ms,
        "expires_at": token.expires_at_ms,
        "used_at": token.used_at_ms,
    }
