"""What a row of the journal says, to its reader and in the journal of the group."""

from __future__ import annotations

from dataclasses import replace

import pytest

from esl_huntgroup.model.outcome import EntryKind, Outcome
from esl_huntgroup.web import words
from esl_huntgroup.web.pages import named, plots, rows, times
from esl_huntgroup.web.reading import rows as read
from esl_huntgroup.web.reading.figures import Count

NOW_MS = 1_800_000_000_000
ANNA, BERND, LEA = 1, 2, 3
CALL = read.Call(
    call_id="01a0",
    arrived_at_ms=NOW_MS - 600_000,
    group_id=7,
    group_name="Vertrieb",
    group_number="700",
    group_domain="lab",
    caller_name="Max",
    caller_number="0301",
    answered_at_ms=None,
    ended_at_ms=NOW_MS - 580_000,
    wait_ms=20_000,
    talk_ms=0,
    answered_by_user_id=None,
    answered_by_name="",
    outcome=Outcome.NO_ANSWER,
    cause="",
    overflow="",
)
TAKEN = replace(
    CALL,
    outcome=Outcome.ANSWERED,
    answered_at_ms=NOW_MS - 590_000,
    answered_by_user_id=ANNA,
    answered_by_name="Anna Berg",
)
RINGING = replace(CALL, arrived_at_ms=NOW_MS - 2000, ended_at_ms=None, wait_ms=None, outcome=None, ringing=("Anna",))
HANDLED = read.Handled(NOW_MS - 1000, "Bernd", "by_hand")


def entry(user_id: int, kind: EntryKind, handled: read.Handled | None = None) -> read.Entry:
    return read.Entry(user_id, f"user {user_id}", kind, True, "", handled)


MISSED = entry(ANNA, EntryKind.MISSED)


@pytest.mark.parametrize(
    ("call", "own", "mark", "said", "besides"),
    [
        (RINGING, None, "ringing", "klingelt jetzt", ""),
        (TAKEN, entry(ANNA, EntryKind.ANSWERED), "answered", "angenommen", ""),
        (TAKEN, entry(BERND, EntryKind.ANSWERED_ELSEWHERE), "answered_elsewhere", "gesprochen mit %s", ""),
        (
            replace(TAKEN, outcome=None, ended_at_ms=None),
            entry(BERND, EntryKind.ANSWERED_ELSEWHERE),
            "answered_elsewhere",
            "gesprochen mit %s",
            "noch im Gespräch",
        ),
        (CALL, MISSED, "missed", "verpasst", "niemand hat abgenommen"),
        (CALL, entry(ANNA, EntryKind.NOT_SIGNALLED), "not_signalled", "nicht signalisiert", "niemand hat abgenommen"),
        (replace(CALL, outcome=None, ended_at_ms=None), None, "none", "Ende unbekannt", ""),
    ],
)
def test_a_row_says_what_its_reader_has_seen(
    call: read.Call, own: read.Entry | None, mark: str, said: str, besides: str
) -> None:
    row = rows.own(read.Row(call, own), NOW_MS)
    with words.speaking("de"):
        assert (row.mark, rows.said(row), rows.besides(row)) == (mark, said, besides)
    assert row.spoken_with == ("Anna Berg" if mark == "answered_elsewhere" else "")


def test_in_the_journal_of_the_group_a_call_is_handled_when_every_entry_is() -> None:
    half = read.Row(CALL, None, (MISSED, entry(BERND, EntryKind.NOT_SIGNALLED, HANDLED)))
    assert rows.of_group(half, NOW_MS, LEA).is_unhandled
    later = replace(HANDLED, at_ms=NOW_MS)
    whole = read.Row(CALL, None, (replace(MISSED, handled=later), entry(BERND, EntryKind.NOT_SIGNALLED, HANDLED)))
    row = rows.of_group(whole, NOW_MS, LEA)
    assert (row.kind, row.handled, row.is_unhandled) == (EntryKind.MISSED, later, False)


def test_who_handles_only_own_calls_has_no_button_in_the_journal_of_the_group() -> None:
    row = read.Row(CALL, MISSED, (MISSED,))
    assert rows.of_group(row, NOW_MS, ANNA, is_shared=True).can_handle
    assert not rows.of_group(row, NOW_MS, ANNA, is_shared=False).can_handle
    assert rows.own(row, NOW_MS).can_handle


def test_in_the_journal_of_the_group_only_who_took_a_call_has_answered_it() -> None:
    row = read.Row(TAKEN, None, ())
    assert rows.of_group(row, NOW_MS, ANNA).kind is EntryKind.ANSWERED
    assert rows.of_group(row, NOW_MS, LEA).kind is EntryKind.ANSWERED_ELSEWHERE


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ("by_hand", "bearbeitet von %s"),
        ("called_back", "zurückgerufen von %s"),
        ("called_again", "rief wieder an, gesprochen mit %s"),
    ],
)
def test_how_a_call_was_handled_is_said(how: str, text: str) -> None:
    with words.speaking("de"):
        said, when = rows.handled(replace(HANDLED, how=how), NOW_MS)
    assert (said, when) == (text, times.clock(HANDLED.at_ms))


def test_every_outcome_has_words_in_german() -> None:
    english = rows.outcomes()
    assert set(english) == set(Outcome)
    with words.speaking("de"):
        german = rows.outcomes()
    assert all(german[outcome] != english[outcome] for outcome in Outcome)


@pytest.mark.parametrize(
    ("length_ms", "text"), [(0, "0:00"), (7_400, "0:07"), (750_000, "12:30"), (3_723_000, "1:02:03")]
)
def test_durations_are_short(length_ms: int, text: str) -> None:
    assert times.duration(length_ms) == text


def test_days_have_a_name_near_today() -> None:
    day_ms = 86_400_000
    with words.speaking("de"):
        headings = [times.heading(NOW_MS - ago * day_ms, NOW_MS) for ago in (0, 1, 2)]
    assert headings[0].startswith("Heute, ")
    assert headings[1].startswith("Gestern, ")
    assert "Januar 2027" in headings[2]
    assert not headings[2].startswith(("Heute", "Gestern"))


def test_a_name_in_a_sentence_stays_text_and_keeps_to_itself() -> None:
    said = named("with %s, <b>", "<i>\N{RIGHT-TO-LEFT OVERRIDE}x")
    assert str(said) == "with <bdi>&lt;i&gt;x</bdi>, &lt;b&gt;"


def test_bars_stand_on_one_another_within_the_plot() -> None:
    found = plots.plot("k", "heading", "column", ["a", "b"], [Count(10, 6, 4), Count(1, 0, 0)])
    high, low = found.bars
    assert high.answered_y + high.answered_height == pytest.approx(found.ground)
    assert high.missed_y + high.missed_height == pytest.approx(high.answered_y)
    assert high.missed_y >= 0
    assert (high.value, low.value, low.answered_height, low.missed_height) == ("10", "", 0, 0)
    assert high.x + high.width <= low.x


def test_many_bars_have_fewer_labels() -> None:
    found = plots.plot("k", "heading", "column", [str(hour) for hour in range(24)], [Count(1, 1, 0)] * 24)
    assert [bar.label for bar in found.bars if bar.label] == [str(hour) for hour in range(0, 24, 3)]
