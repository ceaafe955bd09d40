"""A table fits the terminal: what can be shortened is, the least important goes, and no line is broken."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from esl_huntgroup.model.columns import ELLIPSIS, Column, cut, rows, width

TIME = Column("time", ("2026-11-26 04:39:50",), short=("time", ("11-26 04:39",)))
NAME = Column("name", ("Bernhardine Cordes",), least=8)
WAIT = Column("waiting", ("0:04",), rank=2)
NOTE = Column("note", ("something",), least=4, rank=1)


def row(most: int | None) -> str:
    return rows([TIME, NAME, WAIT, NOTE], most)[1]


def test_a_table_that_fits_is_whole() -> None:
    assert row(None) == row(80) == "2026-11-26 04:39:50  Bernhardine Cordes  0:04     something"


def test_short_forms_come_first_then_columns_then_names() -> None:
    assert row(54) == "11-26 04:39  Bernhardine Cordes  0:04     something"
    assert row(50) == "11-26 04:39  Bernhardine Cordes  something"
    assert row(35) == "11-26 04:39  Bernhardin…  something"
    assert row(28) == "11-26 04:39  Bernhar…  some…"
    assert row(21) == "11-26 04:39  Bernhar…"


def test_a_number_behind_a_name_is_kept_whole() -> None:
    caller = Column("caller", ("Wilhelmine von Bree +49301234", "Ole", "0301234567890"), least=8, keeps_number=True)
    assert rows([caller], 16)[1:] == ["Wilhe… +49301234", "Ole", "0301234567890"]
    assert rows([caller], 9)[1:] == ["Wilhelmi…", "Ole", "03012345…"]


def test_what_cannot_fit_is_shown_as_narrow_as_can_be_read() -> None:
    assert row(3) == "11-26 04:39  Bernhar…"


def test_wide_characters_take_two_columns_and_accents_none() -> None:
    assert width("山田") == 4
    assert width("e\u0301") == 1
    assert width("a\u200db") == 2
    assert cut("山田太郎", 6) == "山田" + ELLIPSIS
    assert cut("Ole", 3) == "Ole"


@given(st.lists(st.text(), min_size=1, max_size=5), st.integers(12, 60))
def test_no_row_is_wider_than_the_terminal_while_there_is_something_to_cut(names: list[str], most: int) -> None:
    column = Column("name", tuple(names), least=2)
    other = Column("x", ("abcdefgh",) * len(names), least=2)
    assert all(width(line) <= most for line in rows([column, other], most))
