"""PURE: the journal as CSV (RFC 4180), for a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

_FORMULA = re.compile(r"[=@\t\r]|[+-](?![0-9 ]*\Z)")
"""How a cell begins that a spreadsheet would calculate; +49 30 1234 is a number."""


def lines(things: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Give a line with the names of the columns, and one for each thing; a list is told by its number of members."""
    for number, thing in enumerate(things):
        if not number:
            yield _line(list(thing))
        yield _line([_cell(value) for value in thing.values()])


def _cell(value: Any) -> str:
    """Return a value as text that is only text: a caller may call himself ``=HYPERLINK(…)``."""
    if value is None:
        return ""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return str(len(value))
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"'{text}" if _FORMULA.match(text) else text


def _line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()
