"""Hours and weekdays of a time zone, with the changes of summer time, as a database counts them."""

from __future__ import annotations

import datetime
import sqlite3
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esl_huntgroup.model.limits import DAY_MS
from esl_huntgroup.web.reading.periods import HOUR_MS, WEEK_HOURS, local_ms, offsets, weekday_and_hour

YEAR_MS = 365 * DAY_MS
FIRST_MS = 1_764_000_000_000
ZONES = [ZoneInfo(name) for name in ("Europe/Berlin", "Asia/Kathmandu", "America/St_Johns", "UTC", "Africa/Casablanca")]


@pytest.mark.parametrize("zone", ZONES, ids=str)
@given(at_ms=st.integers(FIRST_MS, FIRST_MS + YEAR_MS - 1))
def test_every_moment_has_the_hour_and_weekday_of_its_zone(zone: ZoneInfo, at_ms: int) -> None:
    known = offsets(zone, FIRST_MS, FIRST_MS + YEAR_MS)
    sql = f"SELECT ({local_ms('?1', known)} / {HOUR_MS}) % {WEEK_HOURS}"
    (week_hour,) = sqlite3.connect(":memory:").execute(sql, (at_ms,)).fetchone()
    local = datetime.datetime.fromtimestamp(at_ms / 1000, zone)
    assert weekday_and_hour(week_hour) == (local.weekday(), local.hour)


def test_the_change_of_summer_time_is_found_to_the_second() -> None:
    known = offsets(ZoneInfo("Europe/Berlin"), FIRST_MS, FIRST_MS + YEAR_MS)
    at = [datetime.datetime.fromtimestamp(since / 1000, datetime.UTC).isoformat() for since, _ in known[1:]]
    assert at == ["2026-03-29T01:00:00+00:00", "2026-10-25T01:00:00+00:00"]
    assert [offset // HOUR_MS for _, offset in known] == [1, 2, 1]
