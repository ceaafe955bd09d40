"""
PURE: tables for a terminal of any width, whatever script the words are in.

A table that does not fit uses the shorter form of a column where it has one, then leaves out the columns that people
miss least, then cuts names to what is still readable. No line is ever broken.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

GAP: Final = "  "
ELLIPSIS: Final = "…"
BEFORE_NAMES_ARE_CUT: Final = 1
"""A column of a higher rank is left out rather than that a name is cut."""


@dataclass(frozen=True, slots=True)
class Column:
    """
    A heading and a cell for each row.

    ``short`` is the same column in fewer characters, ``least`` to how many columns of the terminal a cell may be cut
    (0: not at all; with ``keeps_number`` the name is cut and not the number behind it), ``rank`` the order in which
    columns are left out, the highest first (0: never).
    """

    heading: str
    cells: tuple[str, ...]
    short: tuple[str, tuple[str, ...]] | None = None
    least: int = 0
    rank: int = 0
    keeps_number: bool = False

    @property
    def width(self) -> int:
        """How many columns of the terminal it takes."""
        return max(map(width, (self.heading, *self.cells)))


def rows(columns: Sequence[Column], most: int | None = None) -> list[str]:
    """Return the heading and the rows, aligned; none takes more than ``most`` columns where that can be had."""
    fitting, widths = _fitting(columns, most)
    cut_columns = [
        [_cut_name(text, most) if column.keeps_number else cut(text, most) for text in (column.heading, *column.cells)]
        for column, most in zip(fitting, widths, strict=True)
    ]
    return [_aligned(row, widths) for row in zip(*cut_columns, strict=True)]


def width(text: str) -> int:
    """Return how many columns of a terminal the text takes: two for a wide character, none for an accent."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def cut(text: str, most: int) -> str:
    """Return the text, with a sign for what is left out if it takes more than so many columns."""
    if width(text) <= most:
        return text
    kept, taken = [], 0
    for char in text:
        taken += _columns(char)
        if taken > most - 1:
            break
        kept.append(char)
    return "".join(kept).rstrip() + ELLIPSIS


def _cut_name(text: str, most: int) -> str:
    """Cut what stands before a number, which is of use only as a whole."""
    name, _, number = text.rpartition(" ")
    room = most - width(number) - 1
    is_number = number.lstrip("+").isdecimal()
    return f"{cut(name, room)} {number}" if name and is_number and room > 1 and width(text) > most else cut(text, most)


def _columns(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _fitting(columns: Sequence[Column], most: int | None) -> tuple[list[Column], list[int]]:
    """Return the columns that are shown, and how wide each is."""
    found = list(columns)
    widths = [column.width for column in found]
    if most is None or _total(widths) <= most:
        return found, widths
    found = [_short(column) for column in found]
    while True:
        widths = [column.width for column in found]
        least = [min(column.least or taken, taken) for column, taken in zip(found, widths, strict=True)]
        dispensable = max(found, key=lambda column: column.rank)
        needed = _total(widths if dispensable.rank > BEFORE_NAMES_ARE_CUT else least)
        if needed <= most or not dispensable.rank:
            return found, _narrowed(widths, least, most)
        found.remove(dispensable)


def _short(column: Column) -> Column:
    if column.short is None:
        return column
    heading, cells = column.short
    return replace(column, heading=heading, cells=cells)


def _narrowed(widths: list[int], least: list[int], most: int) -> list[int]:
    """Take from the widest column that may be cut, again and again, until all fit or none may be."""
    widths = list(widths)
    while _total(widths) > most:
        slack = [taken if taken > its_least else 0 for taken, its_least in zip(widths, least, strict=True)]
        if not any(slack):
            break
        widths[slack.index(max(slack))] -= 1
    return widths


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _aligned(cells: Iterable[str], widths: Iterable[int]) -> str:
    padded = (cell + " " * (most - width(cell)) for cell, most in zip(cells, widths, strict=True))
    return GAP.join(padded).rstrip()
