"""Saying that a missed call is dealt with, or that it waits again: one way for the page, its script and programs."""

from __future__ import annotations

from werkzeug.exceptions import Conflict

from esl_huntgroup.journal import handled
from esl_huntgroup.web import clock
from esl_huntgroup.web.around import around
from esl_huntgroup.web.identity.people import Person
from esl_huntgroup.web.reading.rows import Row
from esl_huntgroup.web.words import gettext as _


def mark(row: Row, person: Person, *, is_handled: bool) -> bool:
    """
    Note it, for all or for this person; return whether in this group one does so for all. Twice changes nothing.

    Raises Conflict, with one sentence, where this call is not for this person to deal with.
    """
    call, db = row.call, around().db
    is_shared = handled.shares_missed(db, call.group_id)
    if not row.is_missed:
        raise Conflict(_("This call was not missed, so that there is nothing to deal with."))
    if not row.can_be_handled(is_shared=is_shared):
        raise Conflict(_("In this group everybody deals with the own missed calls, and this is not one of yours."))
    change = handled.handle if is_handled else handled.unhandle
    if change(db, call.call_id, person.user_id, person.display_name, clock.now_ms()):
        around().marked["handled" if is_handled else "reopened"] += 1
    return is_shared
