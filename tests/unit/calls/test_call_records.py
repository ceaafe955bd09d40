"""A hunt, told to the journal."""

from __future__ import annotations

import pytest

from esl_huntgroup.calls import call_records
from esl_huntgroup.calls.call_records import CallEnd, CallFacts
from esl_huntgroup.calls.ring_plan import RingPlan, make_plan
from esl_huntgroup.journal.records import EntryRecord
from esl_huntgroup.model.group import Member, Taker
from esl_huntgroup.model.outcome import EntryKind, Outcome
from esl_huntgroup.registrars.contacts import Contacts
from tests.unit.examples import (
    ANNA,
    ANNA_LINE,
    BERND,
    BERND_LINE,
    CALL_ID,
    CLARA,
    DOMAIN,
    HARDPHONE_ONLY,
    contact,
    group,
    inbound,
    plan_for,
    registered,
    told,
)

FIRST, SECOND, THIRD = (f"{CALL_ID[:-4]}000{n}" for n in (1, 2, 3))


def entries_of(
    members: tuple[Member, ...], plan: RingPlan, causes: dict[str, str], *, is_answered: bool
) -> tuple[EntryRecord, ...]:
    """Return what the members see of a call; of one that is answered, Anna has it."""
    ends = told(causes).ends(plan, CALL_ID)
    taker = Taker(ANNA.name, ANNA.user_id) if is_answered else None
    return call_records.entry_records(CallFacts(CALL_ID, 0, group(*members), plan), ends, taker)


def kinds(
    members: tuple[Member, ...], causes: dict[str, str], *, is_answered: bool
) -> dict[str, tuple[str, bool, str]]:
    entries = entries_of(members, plan_for(*members), causes, is_answered=is_answered)
    return {entry.user_name: (entry.kind.value, entry.rang, entry.cause) for entry in entries}


def test_one_answered_and_the_others_see_it() -> None:
    assert kinds((ANNA, BERND, CLARA), {FIRST: "NONE", SECOND: "LOSE_RACE", THIRD: "USER_BUSY"}, is_answered=True) == {
        "Anna Berg": ("answered", True, "NONE"),
        "Bernd Cordes": ("answered_elsewhere", True, "LOSE_RACE"),
        "Clara Dietz": ("answered_elsewhere", True, "USER_BUSY"),
    }


def test_a_member_who_is_not_registered_sees_who_answered_too() -> None:
    plan = make_plan(group(ANNA, BERND), registered(ANNA_LINE), "")
    entries = entries_of(
        (
            ANNA,
            BERND,
        ),
        plan,
        {FIRST: "NONE"},
        is_answered=True,
    )
    assert [(entry.kind, entry.rang, entry.cause) for entry in entries] == [
        (EntryKind.ANSWERED, True, "NONE"),
        (EntryKind.ANSWERED_ELSEWHERE, False, "NOT_REGISTERED"),
    ]


@pytest.mark.parametrize(
    ("cause", "is_answered", "entry"),
    [
        ("NONE", True, (EntryKind.ANSWERED_ELSEWHERE, True, "SHARED_CONTACT")),
        ("LOSE_RACE", True, (EntryKind.ANSWERED_ELSEWHERE, True, "LOSE_RACE")),
        ("NO_ANSWER", False, (EntryKind.MISSED, True, "NO_ANSWER")),
    ],
)
def test_a_phone_that_two_members_share_has_rung_for_both(
    cause: str, is_answered: bool, entry: tuple[EntryKind, bool, str]
) -> None:
    one_phone = Contacts((contact(ANNA_LINE),))
    plan = make_plan(group(ANNA, BERND), {ANNA_LINE: one_phone, BERND_LINE: one_phone}, "")
    _, second = entries_of(
        (
            ANNA,
            BERND,
        ),
        plan,
        {FIRST: cause},
        is_answered=is_answered,
    )
    assert (second.user_name, (second.kind, second.rang, second.cause)) == ("Bernd Cordes", entry)


def test_a_shared_phone_over_the_limit_has_rung_for_nobody() -> None:
    one_phone = Contacts((contact(ANNA_LINE),))
    plan = make_plan(group(ANNA, BERND), {ANNA_LINE: one_phone, BERND_LINE: one_phone}, "", leg_limit=0)
    entries = entries_of(
        (
            ANNA,
            BERND,
        ),
        plan,
        {},
        is_answered=False,
    )
    assert [(entry.rang, entry.cause) for entry in entries] == [(False, "LEG_LIMIT")] * 2


def test_nobody_took_it() -> None:
    causes = {FIRST: "NO_ANSWER", SECOND: "CALL_REJECTED", THIRD: "NORMAL_TEMPORARY_FAILURE"}
    assert kinds((ANNA, BERND, CLARA), causes, is_answered=False) == {
        "Anna Berg": ("missed", True, "NO_ANSWER"),
        "Bernd Cordes": ("missed", True, "CALL_REJECTED"),
        "Clara Dietz": ("not_signalled", False, "NORMAL_TEMPORARY_FAILURE"),
    }


def test_a_leg_that_never_became_a_channel_did_not_ring() -> None:
    assert kinds((ANNA,), {}, is_answered=False) == {"Anna Berg": ("not_signalled", False, "NEVER_CREATED")}


def test_the_most_telling_device_speaks_for_a_member() -> None:
    two = {ANNA_LINE: Contacts((contact(ANNA_LINE, 1), contact(ANNA_LINE, 2)))}
    plan = make_plan(group(ANNA), two, "")
    causes = {FIRST: "NORMAL_TEMPORARY_FAILURE", SECOND: "NO_ANSWER"}
    (entry,) = entries_of((ANNA,), plan, causes, is_answered=False)
    assert (entry.kind, entry.cause) == (EntryKind.MISSED, "NO_ANSWER")


def test_members_without_a_softphone_see_nothing() -> None:
    assert list(kinds((ANNA, HARDPHONE_ONLY), {FIRST: "NONE"}, is_answered=True)) == ["Anna Berg"]


def test_the_caller_has_no_entry_for_their_own_call() -> None:
    plan = plan_for(ANNA, BERND, caller_address=f"1001@{DOMAIN}")
    entries = entries_of(
        (
            ANNA,
            BERND,
        ),
        plan,
        {FIRST: "NONE"},
        is_answered=True,
    )
    assert [entry.user_name for entry in entries] == ["Bernd Cordes"]


def test_legs_that_could_not_be_rung_have_rows() -> None:
    contacts = {**registered(ANNA_LINE), BERND_LINE: Contacts((contact(BERND_LINE),), ("sofia/i/sip:a,b@c",))}
    plan = make_plan(group(ANNA, BERND), contacts, "", leg_limit=1)
    legs = call_records.leg_records(plan, told({FIRST: "NO_ANSWER"}).ends(plan, CALL_ID))
    assert [(leg.number, leg.line[:4], leg.cause, leg.rang) for leg in legs] == [
        (1, "1001", "NO_ANSWER", True),
        (2, "1002", "CONTACT_REFUSED", False),
        (3, "1002", "LEG_LIMIT", False),
    ]
    assert call_records.warnings(plan) == [
        "1 contact does not ring, 1 is the most one call can: Bernd Cordes",
        "1 registered contact is not safe to dial and does not ring: 1002@example.org 'sofia/i/sip:a,b@c'",
    ]


def test_a_refused_contact_is_shown_in_the_log_without_harm() -> None:
    hostile = "sofia/i/sip:a\x1b[31m\n" + "x" * 200
    plan = make_plan(group(ANNA), {ANNA_LINE: Contacts((), (hostile,))}, "")
    (warning,) = call_records.warnings(plan)
    assert warning.isprintable()
    assert warning.endswith("sip:a\\x1b[31m\\n" + "x" * (80 - len(hostile) + 200) + "...'")


@pytest.mark.parametrize(
    ("outcome", "entries", "talk_ms"),
    [(Outcome.ANSWERED, 0, 3000), (Outcome.NO_ANSWER, 1, 0), (Outcome.GROUP_DISABLED, 0, 0)],
)
def test_the_end_tells_what_the_answer_has_not(outcome: Outcome, entries: int, talk_ms: int) -> None:
    caller = inbound()
    answered_at = caller.arrived_at_ms + 2000 if outcome is Outcome.ANSWERED else 0
    facts = CallFacts(CALL_ID, caller.arrived_at_ms, group(ANNA), plan_for(ANNA))
    end = CallEnd(outcome, caller.arrived_at_ms + 5000, answered_at, "NORMAL_CLEARING")
    ended = call_records.ended(facts, told({FIRST: "NONE"}), end)
    assert (len(ended.entries), ended.talk_ms) == (entries, talk_ms)
    assert ended.wait_ms == (2000 if outcome is Outcome.ANSWERED else 5000)


def test_the_log_line_is_one_line_whatever_the_names() -> None:
    fields = call_records.log_fields(
        CALL_ID,
        inbound(),
        group=None,
        outcome=Outcome.ANSWERED,
        answered_by='A "B"\nhunt ended call=forged',
        legs=2,
        wait_ms=3200,
        talk_ms=61000,
        overflow="",
    )
    line = call_records.log_line(fields)
    assert "\n" not in line
    assert line.endswith("legs=2 wait_s=3.2 talk_s=61.0")
    assert "by=\"A 'B'?hunt ended call=forged\"" in line
