"""Ids that come late are waited for, and each change is read once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from esl_huntgroup.journal.changes import GAPS_MAX, ChangeReader


class Reader(ChangeReader):
    """One that is told which ids it has read."""

    def __init__(self, after: int, now: list[float]) -> None:
        super().__init__(after, clock=lambda: now[0])

    def take(self, *ids: int) -> int:
        self._note(sorted(ids))
        return self.position

    def waits_for(self) -> set[int]:
        return {number for gap in self._gaps for number in range(gap.first, gap.last + 1)}


def test_the_position_is_below_the_first_id_that_is_missing() -> None:
    reader = Reader(10, [0.0])
    assert reader.take(11, 12) == 12
    assert reader.take(15, 18) == 12
    assert reader.waits_for() == {13, 14, 16, 17}
    assert reader.take(14) == 12
    assert reader.take(13, 17) == 15
    assert reader.take(16, 19) == 19


def test_an_id_is_not_waited_for_for_ever() -> None:
    now = [0.0]
    reader = Reader(0, now)
    reader.take(2)
    now[0] = 64.9
    assert reader.take(4) == 0
    now[0] = 65.0
    assert reader.take() == 2


def test_there_is_no_end_of_gaps_to_remember() -> None:
    reader = Reader(0, [0.0])
    for number in range(2, 1000, 2):
        reader.take(number)
    assert len(reader.waits_for()) == GAPS_MAX


@given(st.permutations(range(1, 12)), st.lists(st.integers(1, 4), min_size=12, max_size=12))
def test_in_whatever_order_they_are_committed_each_is_read_once(order: list[int], sizes: list[int]) -> None:
    reader = Reader(0, [0.0])
    left, there = list(order), set()
    for size in sizes:
        seen, left = left[:size], left[size:]
        there |= set(seen)
        assert all(number > reader._highest or number in reader.waits_for() for number in seen)
        reader.take(*seen)
        missing = {number for number in range(1, 12) if number not in there}
        assert reader.position == min([*missing, max([0, *there]) + 1]) - 1
    assert not left
    assert reader.position == 11
