"""Lists whose order means something lose nobody and have no gap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esl_huntgroup.errors import InputError
from esl_huntgroup.provisioning.order import at, inserted, moved

LISTS = st.lists(st.integers(), unique=True, max_size=8)


@given(LISTS, st.data())
def test_what_is_inserted_stands_where_it_was_asked_for(current: list[int], data: st.DataObject) -> None:
    position = data.draw(st.integers(1, len(current) + 1))
    found = inserted(current, ["new", "newer"], position)
    assert found[position - 1 : position + 1] == ["new", "newer"]
    assert [item for item in found if isinstance(item, int)] == current


@given(LISTS.filter(bool), st.data())
def test_what_is_moved_stands_where_it_was_asked_for_and_the_others_keep_their_order(
    current: list[int], data: st.DataObject
) -> None:
    item, position = data.draw(st.sampled_from(current)), data.draw(st.integers(1, len(current)))
    found = moved(current, item, position)
    assert at(found, position) == item
    assert [other for other in found if other != item] == [other for other in current if other != item]


def test_without_a_position_it_comes_last() -> None:
    assert inserted("ab", "cd", None) == list("abcd")


@pytest.mark.parametrize("position", [0, -1, 4])
def test_a_position_that_would_leave_a_gap_is_refused(position: int) -> None:
    with pytest.raises(InputError) as refused:
        inserted("ab", "c", position)
    assert str(refused.value) == f"there is no position {position}: 1 to 3 is accepted"


@pytest.mark.parametrize(
    ("current", "position", "sentence"),
    [
        ("", 1, "there is no position 1: the list is empty"),
        ("a", 2, "there is no position 2: 1 is accepted"),
        ("ab", 0, "there is no position 0: 1 to 2 is accepted"),
    ],
)
def test_a_place_where_nothing_is_is_refused(current: str, position: int, sentence: str) -> None:
    with pytest.raises(InputError) as refused:
        at(current, position)
    assert str(refused.value) == sentence
