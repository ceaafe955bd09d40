"""What somebody may ask a journal for, and the sentence for everything else."""

from __future__ import annotations

import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esl_huntgroup.errors import InputError
from esl_huntgroup.model.outcome import EntryKind
from esl_huntgroup.web.reading.filters import LIMIT_MAX, Filters, Position, filters, number_of_rows, position

BERLIN = ZoneInfo("Europe/Berlin")
NAMES = ("from", "until", "kind", "unhandled", "search", "number")
CALL = "0190abcd-0000-7000-8000-000000000000"


def ms(text: str) -> int:
    return round(datetime.datetime.fromisoformat(text).timestamp() * 1000)


def test_nothing_is_everything() -> None:
    assert filters({}) == filters(dict.fromkeys(NAMES, "")) == Filters()
    assert filters({}).is_empty


def test_a_day_lasts_until_its_end_in_the_zone_of_the_reader() -> None:
    found = filters({"from": "2026-03-29", "until": "2026-03-29"}, BERLIN)
    assert found.from_ms == ms("2026-03-29T00:00+01:00")
    assert found.until_ms == ms("2026-03-30T00:00+02:00")


def test_a_time_is_what_it_says() -> None:
    found = filters({"from": "2026-11-22T18:30:00+01:00", "until": "2026-11-22T18:31"}, ZoneInfo("UTC"))
    assert (found.from_ms, found.until_ms) == (ms("2026-11-22T17:30+00:00"), ms("2026-11-22T18:31+00:00"))


def test_kind_and_flag_and_texts() -> None:
    found = filters({"kind": "missed", "unhandled": "1", "search": "  Mu\u0308ller ", "number": "030 12"})
    assert found == Filters(kind=EntryKind.MISSED, unhandled=True, search="M\u00fcller", number="030 12")


@pytest.mark.parametrize(
    ("given_", "sentence"),
    [
        ({"from": "yesterday"}, "'yesterday' is not a time: 2026-11-22, 2026-11-22T18:30 or 2026-11-22T18:30:00+01:00"),
        ({"until": "9999-12-31"}, "is not a time"),
        ({"from": "2026-11-22", "until": "2026-11-21"}, "is no period: a beginning before its end is accepted"),
        ({"kind": "lost"}, "kind 'lost' is refused: answered, answered_elsewhere, missed, not_signalled are accepted"),
        ({"unhandled": "maybe"}, "unhandled 'maybe' is refused: true or false is accepted"),
        ({"search": "a\x00b"}, "search 'a\\x00b' is refused: printable characters are accepted"),
        ({"search": "\u202eabc"}, "search '\\u202eabc' is refused: printable characters are accepted"),
        ({"search": "x" * 500}, "is too long: at most 128 characters are accepted"),
        ({"number": "\ud800"}, "is refused: printable characters are accepted"),
    ],
    ids=str,
)
def test_everything_else_is_refused_in_one_sentence(given_: dict[str, str], sentence: str) -> None:
    with pytest.raises(InputError) as refused:
        filters(given_, BERLIN)
    assert sentence in str(refused.value)
    assert len(str(refused.value)) < 400


@given(st.dictionaries(st.sampled_from(NAMES), st.text()))
def test_whatever_is_asked_it_is_understood_or_refused(given_: dict[str, str]) -> None:
    try:
        found = filters(given_, BERLIN)
    except InputError:
        return
    assert "\x00" not in found.search + found.number
    assert found.from_ms is None or found.until_ms is None or found.from_ms < found.until_ms


def test_a_page_is_behind_one_call_or_before_one() -> None:
    assert position({}) == Position()
    assert position({"before": CALL.upper()}) == Position(older_than=CALL)
    assert position({"after": CALL}) == Position(newer_than=CALL)
    for wrong in ({"before": "x"}, {"after": CALL + "0"}, {"before": CALL, "after": CALL}):
        with pytest.raises(InputError):
            position(wrong)


@pytest.mark.parametrize(("text", "expected"), [("", 50), ("1", 1), (str(LIMIT_MAX), LIMIT_MAX), ("007", 7)])
def test_how_many_rows(text: str, expected: int) -> None:
    assert number_of_rows(text) == expected


@pytest.mark.parametrize("text", ["0", "-1", str(LIMIT_MAX + 1), "1e3", "\u0663", "9" * 400])
def test_how_many_rows_not(text: str) -> None:
    with pytest.raises(InputError):
        number_of_rows(text)
