"""The calls of a group in a period, counted; days that are over are stored. Raises peewee's exceptions."""

from __future__ import annotations

import datetime

import peewee

from esl_huntgroup.errors import InputError
from esl_huntgroup.model.limits import DAY_MS
from esl_huntgroup.web.reading import counting, days
from esl_huntgroup.web.reading.figures import Statistics
from esl_huntgroup.web.reading.periods import PERIOD_MAX_DAYS, is_quarterly, offsets, spans_beside
from esl_huntgroup.web.reading.sums import Sums


def statistics(
    db: peewee.Database, group_id: int, from_ms: int, until_ms: int, zone: datetime.tzinfo | None = None
) -> Statistics:
    """
    Return what there was in a period, ``until_ms`` excluded; hours and weekdays are those of ``zone``.

    Who may see it is not asked here. Six statements at most. Raises InputError for a period that is none, or too long.
    """
    if not 0 < until_ms - from_ms <= PERIOD_MAX_DAYS * DAY_MS:
        raise InputError(
            f"this is no period: a beginning before its end, and at most {PERIOD_MAX_DAYS} days, are accepted"
        )
    known = offsets(zone, from_ms, until_ms)
    stored = days.stored(db, group_id, from_ms, until_ms) if is_quarterly(known) else {}
    spans = spans_beside(from_ms, until_ms, stored)
    sums = Sums(known)
    sums.add_calls(counting.calls(db, group_id, spans, known))
    sums.add_entries(counting.entries(db, group_id, spans))
    for number, day in stored.items():
        if not any(start <= number * DAY_MS < end for start, end in spans):
            sums.add_day(number, day)
    return sums.statistics(from_ms, until_ms, days.known_users(db, sums.user_ids))
