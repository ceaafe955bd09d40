"""What became of each phone of a call of the journal, in words."""

from __future__ import annotations

import dataclasses

import pytest

from esl_huntgroup.diagnostics.explanation import Handled
from esl_huntgroup.diagnostics.past_call import PastCall, PastEntry, PastLeg, explain_past
from esl_huntgroup.model.call_state import CallState
from esl_huntgroup.model.outcome import EntryKind, How
from esl_huntgroup.registrars.registrations import Registration
from tests.unit.examples import ANNA, ANNA_LINE, BERND, CALL_ID, HARDPHONE_ONLY, contact

ANNAS = contact(ANNA_LINE)


def call(cause: str = "NO_ANSWER", where: str = ANNAS, **changes: object) -> PastCall:
    past = PastCall(
        call_id=CALL_ID,
        group_id=7,
        group_name="Vertrieb",
        group_number="700",
        group_domain="example.org",
        caller="Karl \x1b[31mKunde +49301",
        arrived_at="2026-11-22T20:00:00+00:00",
        outcome="no_answer",
        state=CallState.ENDED,
        overflow="respond 486",
        legs=(PastLeg(1, "1001@example.org", where, cause, cause in ("NO_ANSWER", "LOSE_RACE")),),
        entries=(
            PastEntry(1, "Anna Berg", EntryKind.MISSED, True),
            PastEntry(None, "Old \x07Colleague", EntryKind.MISSED, True),
            PastEntry(2, "Bernd Cordes", EntryKind.NOT_SIGNALLED, False),
        ),
    )
    return dataclasses.replace(past, **changes)  # type: ignore[arg-type]  # fields by name


def test_every_member_has_a_line_and_nothing_reaches_the_terminal_raw() -> None:
    known = {ANNAS: Registration(ANNAS, 30, "Phone")}
    assert explain_past(call(), (ANNA, BERND, HARDPHONE_ONLY), known).sentences() == [
        f"call {CALL_ID} of 2026-11-22T20:00:00+00:00 from Karl \N{REPLACEMENT CHARACTER}[31mKunde +49301 to group "
        "Vertrieb (700@example.org): no_answer, the caller went to: respond 486",
        f"rang          1 Anna Berg: 1001@example.org at {ANNAS}: rang (NO_ANSWER); registered still (expires in 30 s)",
        "rang          2 Old \N{REPLACEMENT CHARACTER}Colleague: the user is deleted since, and the phones are not "
        "known any more",
        "did not ring  3 Bernd Cordes: was not registered, or its contact rang for a member before it",
        "did not ring  4 Hugo Hart: no entry: had no softphone line then, was the caller, or was no member yet",
    ]


@pytest.mark.parametrize(
    ("cause", "where", "became"),
    [
        ("NONE", ANNAS, "answered"),
        ("LOSE_RACE", ANNAS, "rang (LOSE_RACE)"),
        ("USER_BUSY", ANNAS, "busy or refused (USER_BUSY)"),
        ("DESTINATION_OUT_OF_ORDER", ANNAS, "could not be reached (DESTINATION_OUT_OF_ORDER)"),
        ("NEVER_CREATED", ANNAS, "the switch made no call of it"),
        ("UNKNOWN", ANNAS, "the switch was lost before it told what became of it"),
        ("LEG_LIMIT", ANNAS, "over the limit of phones in one call"),
        ("CONTACT_REFUSED", "sofia/a/sip:1,2@h", "refused: it contains ',', which begins another leg in a dial string"),
    ],
)
def test_every_cause_has_its_words(cause: str, where: str, became: str) -> None:
    line = explain_past(call(cause, where), (), {}).sentences()[1]
    assert line.endswith(f"1 Anna Berg: 1001@example.org at {where}: {became}")


def test_a_group_that_was_off_and_a_call_that_lasts_are_told_apart() -> None:
    off = call(legs=(), entries=(), outcome="group_disabled", overflow="")
    assert explain_past(off, (ANNA,), {}).sentences()[1].endswith("Anna Berg: the group was switched off")
    lasts = call(legs=(), entries=(), outcome="", state=CallState.RINGING, overflow="", caller="")
    heading, line = explain_past(lasts, (ANNA,), {}).sentences()
    assert " from anonymous to " in heading
    assert heading.endswith(": ringing now")
    assert line.endswith("the journal of this call is not complete: entries come with the answer or the end")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (CallState.RINGING, ": ringing now"),
        (CallState.TALKING, ": talking now"),
        (CallState.END_UNKNOWN, ": end unknown: it has been open for longer than it can last, so whoever carried it"),
    ],
)
def test_a_call_without_an_end_says_where_it_is(state: CallState, words: str) -> None:
    told = explain_past(call(outcome="", overflow="", state=state), (), {})
    assert words in told.sentences()[0]
    assert (told.as_dict()["outcome"], told.as_dict()["state"]) == (None, state.value)
    over = explain_past(call(), (), {}).as_dict()
    assert (over["outcome"], over["state"]) == ("no_answer", "ended")


BY_BERND = Handled("2026-11-22T20:05:00+00:00", "Bernd \x07Cordes", How.CALLED_BACK)


def handled(*marks: Handled | None) -> PastCall:
    entries = [dataclasses.replace(it, handled=mark) for it, mark in zip(call().entries, marks, strict=True)]
    return call(entries=tuple(entries))


def test_who_has_handled_a_missed_call_and_when_is_told_once_where_it_is_for_all() -> None:
    told = explain_past(handled(BY_BERND, BY_BERND, BY_BERND), (), {})
    words = "; called back by Bernd \N{REPLACEMENT CHARACTER}Cordes at 2026-11-22T20:05:00+00:00"
    assert told.sentences()[0].endswith(f"the caller went to: respond 486{words}")
    assert not any("called back" in line for line in told.sentences()[1:])
    assert [member["handled"]["how"] for member in told.as_dict()["members"]] == ["called_back"] * 3


def test_where_each_handles_his_own_it_stands_with_each_member() -> None:
    told = explain_past(handled(BY_BERND, None, dataclasses.replace(BY_BERND, how=How.BY_HAND)), (ANNA,), {})
    heading, anna, old, bernd = told.sentences()
    assert heading.endswith("respond 486")
    assert anna.endswith("; called back by Bernd \N{REPLACEMENT CHARACTER}Cordes at 2026-11-22T20:05:00+00:00")
    assert "Cordes at" not in old
    assert "; handled by Bernd" in bernd
    assert [bool(member["handled"]) for member in told.as_dict()["members"]] == [True, False, True]


def test_for_programs_every_part_keeps_its_reason() -> None:
    told = explain_past(call("USER_BUSY"), (HARDPHONE_ONLY,), {}).as_dict()
    assert [[part["why"] for part in member["parts"]] for member in told["members"]] == [
        ["USER_BUSY"],
        [""],
        ["not_registered"],
        ["no_entry"],
    ]
