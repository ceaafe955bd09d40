"""The journal as a person reads it: blue, bold, grey, in two languages, and harmless on every terminal."""

from __future__ import annotations

import dataclasses
import datetime
import json
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esl_huntgroup.journal.view import LANGUAGES, JournalLine, as_dict, duration, seen_as, table
from esl_huntgroup.model.call_state import CallState
from esl_huntgroup.model.outcome import EntryKind, How, Outcome
from esl_huntgroup.model.text import clean

LINE = JournalLine(
    call_id="01900001-0000-7000-8000-000000000000",
    arrived_at_ms=1_700_000_000_000,
    group_name="Vertrieb",
    group_number="700",
    group_domain="example.org",
    caller_name="Kundin Müller",
    caller_number="+49301234",
    user_name="Bernd Czerny",
    kind=EntryKind.ANSWERED_ELSEWHERE,
    rang=True,
    cause="LOSE_RACE",
    answered_by_name="Anna Berg",
    wait_ms=4_200,
    talk_ms=3_661_000,
    outcome=Outcome.ANSWERED,
    state=CallState.ENDED,
)
BLUE, BOLD, DIM, END = "\x1b[34m", "\x1b[1m", "\x1b[2m", "\x1b[0m"


def line(kind: EntryKind | None, **values: Any) -> JournalLine:
    return dataclasses.replace(LINE, kind=kind, **values)


@pytest.mark.parametrize(
    ("kind", "english", "german"),
    [
        (EntryKind.ANSWERED, "answered", "angenommen"),
        (EntryKind.ANSWERED_ELSEWHERE, "spoken with Anna Berg", "gesprochen mit Anna Berg"),
        (EntryKind.MISSED, "missed", "verpasst"),
        (EntryKind.NOT_SIGNALLED, "not signalled", "nicht signalisiert"),
    ],
)
def test_an_entry_says_how_it_was_seen_in_both_languages(kind: EntryKind, english: str, german: str) -> None:
    assert seen_as(line(kind), "en") == english
    assert seen_as(line(kind), "de") == german


@pytest.mark.parametrize(
    ("how", "english", "german"),
    [
        (How.BY_HAND, "missed, handled by Ben Wolf 11-14 22:13", "verpasst, bearbeitet von Ben Wolf 14.11. 22:13"),
        (
            How.CALLED_BACK,
            "missed, called back by Ben Wolf 11-14 22:13",
            "verpasst, zurückgerufen von Ben Wolf 14.11. 22:13",
        ),
        (
            How.CALLED_AGAIN,
            "missed, called again, spoken with Ben Wolf 11-14 22:13",
            "verpasst, rief wieder an, gesprochen mit Ben Wolf 14.11. 22:13",
        ),
    ],
)
def test_a_missed_call_says_how_it_was_handled_and_stands_out_no_more(how: How, english: str, german: str) -> None:
    handled = line(EntryKind.MISSED, handled_at_ms=1_700_000_000_000, handled_by_name="Ben Wolf", handled_how=how)
    for language, words in (("en", english), ("de", german)):
        _heading, row = table([handled], language, with_member=False, zone=datetime.UTC)
        assert words in row
        assert not row.startswith((BOLD, DIM))
    shown = json.loads(json.dumps(as_dict(handled)))
    assert (shown["handled_how"], shown["handled_at_ms"]) == (how.value, 1_700_000_000_000)
    assert as_dict(line(EntryKind.MISSED))["handled_how"] is None


@pytest.mark.parametrize(
    ("kind", "style"),
    [
        (EntryKind.ANSWERED, ""),
        (EntryKind.ANSWERED_ELSEWHERE, BLUE),
        (EntryKind.MISSED, BOLD),
        (EntryKind.NOT_SIGNALLED, DIM),
    ],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_an_entry_has_the_style_of_its_kind(kind: EntryKind, style: str, language: str) -> None:
    _heading, row = table([line(kind)], language, with_member=False)
    assert row.startswith(style)
    assert row.endswith(END)
    assert click.unstyle(row).isprintable()


def test_a_table_has_aligned_columns_in_english() -> None:
    lost = line(EntryKind.MISSED, user_name="Zoë", wait_ms=30_000, talk_ms=0, caller_name="", caller_number="999")
    lines = [dataclasses.replace(LINE, user_name="Bernd", caller_number="030"), lost]
    assert [click.unstyle(row) for row in table(lines, "en", with_member=True, zone=datetime.UTC)] == [
        "time                 member  group         caller             seen as                waiting  talking",
        "2023-11-14 22:13:20  Bernd   Vertrieb 700  Kundin Müller 030  spoken with Anna Berg  0:04     1:01:01",
        "2023-11-14 22:13:20  Zoë     Vertrieb 700  999                missed                 0:30     0:00",
    ]


def test_a_table_has_aligned_columns_in_german() -> None:
    berlin = datetime.timezone(datetime.timedelta(hours=1))
    assert [click.unstyle(row) for row in table([LINE], "de", with_member=False, zone=berlin)] == [
        "Zeit                 Gruppe        Anrufer                  gesehen als               gewartet  gesprochen",
        "14.11.2023 23:13:20  Vertrieb 700  Kundin Müller +49301234  gesprochen mit Anna Berg  0:04      1:01:01",
    ]


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_call_without_entries_says_how_it_ended_in_both_languages(outcome: Outcome) -> None:
    call = line(None, user_name="", outcome=outcome)
    english, german = (table([call], language, with_member=True)[1] for language in ("en", "de"))
    assert english.startswith(DIM)
    assert seen_as(call, "en") in english
    assert seen_as(call, "de") in german
    assert seen_as(call, "en") != seen_as(call, "de")
    assert as_dict(call)["kind"] is None


@pytest.mark.parametrize(
    ("state", "english", "german"),
    [
        (CallState.RINGING, "ringing now", "klingelt jetzt"),
        (CallState.TALKING, "talking now", "im Gespräch"),
        (CallState.END_UNKNOWN, "end unknown", "Ende unbekannt"),
    ],
)
def test_a_call_without_an_end_says_where_it_is_in_both_languages(state: CallState, english: str, german: str) -> None:
    call = line(None, user_name="", outcome=None, state=state, wait_ms=None, talk_ms=None)
    assert seen_as(call, "en") == english
    assert seen_as(call, "de") == german
    shown = json.loads(json.dumps(as_dict(call)))
    assert (shown["kind"], shown["outcome"], shown["state"]) == (None, None, state.value)


@pytest.mark.parametrize(
    ("state", "english", "german"),
    [
        (CallState.TALKING, "talking now", "im Gespräch"),
        (CallState.END_UNKNOWN, "end unknown", "Ende unbekannt"),
    ],
)
def test_an_entry_of_a_call_that_goes_on_says_so_where_the_talk_time_will_be(
    state: CallState, english: str, german: str
) -> None:
    entry = line(EntryKind.ANSWERED_ELSEWHERE, outcome=None, state=state, talk_ms=None)
    for language, words, seen in (("en", english, "spoken with Anna"), ("de", german, "gesprochen mit Anna")):
        (_, row) = map(click.unstyle, table([entry], language, with_member=True))
        assert row.endswith(words)
        assert seen in row


def test_a_call_to_a_group_that_is_off_has_an_empty_member_column() -> None:
    call = line(None, user_name="", caller_name="", caller_number="999", outcome=Outcome.GROUP_DISABLED, talk_ms=0)
    assert click.unstyle(table([call], "en", with_member=True, zone=datetime.UTC)[1]) == (
        "2023-11-14 22:13:20          Vertrieb 700  999     group switched off  0:04     0:00"
    )


def test_an_empty_journal_says_so() -> None:
    assert table([], "en", with_member=True) == ["no journal entries"]
    assert table([], "de", with_member=True) == ["keine Journaleinträge"]


def test_wide_characters_take_two_columns() -> None:
    rows = table(
        [line(EntryKind.MISSED, caller_name="山田"), line(EntryKind.MISSED, caller_name="abcd")],
        "en",
        with_member=False,
    )
    assert len({click.unstyle(row).index("missed") + row.count("山") + row.count("田") for row in rows[1:]}) == 1


def test_a_name_that_is_the_number_is_shown_once() -> None:
    (_, row) = table([line(EntryKind.MISSED, caller_name="101", caller_number="101")], "en", with_member=False)
    assert row.count("101") == 1


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [(None, "-"), (0, "0:00"), (499, "0:00"), (59_600, "1:00"), (61_000, "1:01"), (3_600_000, "1:00:00")],
)
def test_a_duration_is_read_in_minutes_and_seconds(milliseconds: int | None, shown: str) -> None:
    assert duration(milliseconds) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zoë 💡 山田", "Zoë 💡 山田"),
        ("\x1b[31mred", "\ufffd[31mred"),
        ("a\r\nb\tc\0d", "a\ufffd\ufffdb\ufffdc\ufffdd"),
        ("\x9b2J", "\ufffd2J"),
        ("right\u202eleft\u200b", "rightleft"),
        ("no\u00a0break", "no break"),
        ("half \ud800", "half \ufffd"),
    ],
)
def test_nothing_in_a_name_is_obeyed_by_a_terminal(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(st.text(alphabet=st.characters()))
def test_whatever_a_name_holds_a_row_is_one_printable_line(name: str) -> None:
    hostile = line(
        EntryKind.ANSWERED_ELSEWHERE, caller_name=name, group_name=name, user_name=name, answered_by_name=name
    )
    for row in table([hostile], "en", with_member=True):
        assert click.unstyle(row).isprintable()


def test_json_has_every_field_and_the_time_in_iso_8601() -> None:
    shown = json.loads(json.dumps(as_dict(LINE)))
    assert shown["arrived_at"] == "2023-11-14T22:13:20.000+00:00"
    assert shown["kind"] == "answered_elsewhere"
    assert shown["outcome"] == "answered"
    assert set(shown) == {*JournalLine.__slots__, "arrived_at"}
    assert json.dumps(as_dict(line(EntryKind.MISSED, caller_name="\x1b\x9b"))).isprintable()
