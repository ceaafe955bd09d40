"""
PURE: how far somebody has come in the changes of the journal.

Writers take their ids in one order and commit in another, so that a number alone does not say what has been seen: an id
below the highest may still be missing. Such ids are part of the position, so that whoever goes on from there is told
each change once. It is written as ``120`` or, without 100 to 104 and 110, ``120~100-104.110``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

RANGES_MAX: Final = 20
CHARS_MAX: Final = 20 * 41 + 20

_NUMBER: Final = r"\d{1,19}"
_RANGE: Final = rf"{_NUMBER}(?:-{_NUMBER})?"
_WRITTEN: Final = re.compile(rf"({_NUMBER})(?:~({_RANGE}(?:\.{_RANGE})*))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Position:
    """Every change up to ``highest`` has been seen, but for those in ``missing``: ranges in order, ends included."""

    highest: int
    missing: tuple[tuple[int, int], ...] = ()

    def __str__(self) -> str:
        """Write it; where too much is missing, so that some changes will be told twice and none never."""
        if not self.missing:
            return str(self.highest)
        if len(self.missing) > RANGES_MAX:
            return str(self.lowest)
        ranges = (str(first) if first == last else f"{first}-{last}" for first, last in self.missing)
        return f"{self.highest}~{'.'.join(ranges)}"

    @property
    def lowest(self) -> int:
        """The id up to which nothing is missing."""
        return self.missing[0][0] - 1 if self.missing else self.highest

    def has(self, change_id: int) -> bool:
        """Return whether the change has been seen."""
        return change_id <= self.highest and not any(first <= change_id <= last for first, last in self.missing)


def parse(text: str) -> Position | None:
    """Return the position that was written so, None for anything else: it comes from a browser."""
    found = _WRITTEN.fullmatch(text) if len(text) <= CHARS_MAX else None
    if found is None:
        return None
    missing = []
    before = -1
    highest = int(found[1])
    for written in (found[2] or "").split(".") if found[2] else ():
        first, _, last = written.partition("-")
        pair = int(first), int(last or first)
        if not before < pair[0] <= pair[1] < highest:
            return None
        before = pair[1]
        missing.append(pair)
    return Position(highest, tuple(missing))
