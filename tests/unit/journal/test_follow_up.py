"""Which missed calls are handled by what happened later."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esl_huntgroup.journal.follow_up import Contact, Mark, MissedCall, UnhandledEntry, marks
from esl_huntgroup.model.outcome import How

ANNA, BERND, CLARA, LEADER, STRANGER = 1, 2, 3, 8, 9
SALES, SUPPORT = 7, 6
ENDED = 1000


def missed(*, shared: bool = True, group_id: int | None = SALES, reopened_at_ms: int = 0) -> MissedCall:
    entries = tuple(UnhandledEntry(number, number, reopened_at_ms) for number in (ANNA, BERND))
    return MissedCall("call", group_id, ENDED, shared, frozenset({ANNA, BERND, LEADER}), entries)


def called_back(user_id: int, at_ms: int = ENDED) -> Contact:
    return Contact(user_id, f"User {user_id}", at_ms)


def called_again(user_id: int, at_ms: int = ENDED, group_id: int = SALES) -> Contact:
    return Contact(user_id, f"User {user_id}", at_ms, group_id)


@pytest.mark.parametrize(
    ("call", "contact", "positions"),
    [
        # A member calls back: for all where missed calls are shared, else for himself.
        (missed(), called_back(ANNA), (1, 2)),
        (missed(shared=False), called_back(ANNA), (1,)),
        (missed(shared=False), called_back(BERND), (2,)),
        # Leader and deputy may, too; they have no entry of their own to handle.
        (missed(), called_back(LEADER), (1, 2)),
        (missed(shared=False), called_back(LEADER), ()),
        # Others do not answer for the group.
        (missed(), called_back(STRANGER), ()),
        (missed(group_id=None), called_back(ANNA), (1, 2)),
        # The caller calls the same group again, and whoever answers deals with it.
        (missed(), called_again(CLARA), (1, 2)),
        (missed(shared=False), called_again(CLARA), ()),
        (missed(shared=False), called_again(ANNA), (1,)),
        (missed(), called_again(ANNA, group_id=SUPPORT), ()),
        (missed(group_id=None), called_again(ANNA), ()),
        # Only what happened afterwards counts.
        (missed(), called_back(ANNA, ENDED - 1), ()),
        (missed(), called_again(ANNA, ENDED - 1), ()),
        (missed(reopened_at_ms=2000), called_back(ANNA, 1999), ()),
        (missed(reopened_at_ms=2000), called_back(ANNA, 2000), (1, 2)),
    ],
)
def test_what_handles_a_missed_call(call: MissedCall, contact: Contact, positions: tuple[int, ...]) -> None:
    assert marks([call], [contact]) == ([Mark("call", positions, contact)] if positions else [])


def test_the_way_is_told() -> None:
    assert called_back(ANNA).how is How.CALLED_BACK
    assert called_again(ANNA).how is How.CALLED_AGAIN


def test_each_entry_is_handled_by_the_first_that_counts() -> None:
    early, late = called_back(STRANGER, 1100), called_back(BERND, 1300)
    first = called_again(CLARA, 1200)
    assert marks([missed()], [late, first, early]) == [Mark("call", (1, 2), first)]
    own = called_back(ANNA, 1250)
    assert marks([missed(shared=False)], [late, own, first]) == [Mark("call", (1,), own), Mark("call", (2,), late)]


CONTACTS = st.lists(
    st.builds(Contact, st.integers(1, 9), st.just("x"), st.integers(0, 3000), st.none() | st.integers(5, 8)), max_size=6
)


@given(CONTACTS, st.booleans())
def test_no_entry_is_handled_twice_and_the_order_in_which_it_is_told_means_nothing(
    contacts: list[Contact], is_shared: bool
) -> None:
    found = marks([missed(shared=is_shared)], contacts)
    positions = [position for mark in found for position in mark.positions]
    assert len(set(positions)) == len(positions)
    assert all(mark.contact.at_ms >= ENDED for mark in found)
    by_time = [(mark.positions, mark.contact.at_ms) for mark in marks([missed(shared=is_shared)], contacts[::-1])]
    assert by_time == [(mark.positions, mark.contact.at_ms) for mark in found]
