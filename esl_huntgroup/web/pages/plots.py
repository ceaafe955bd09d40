"""
Bars as SVG, which are read without colour.

What was answered is filled, what was missed is striped, each number stands above its bar and in a table beside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from esl_huntgroup.web.reading.figures import Count

WIDTH: Final = 480
HEIGHT: Final = 170
_TOP: Final = 18
_BOTTOM: Final = 24
_GAP: Final = 0.22
LABELS_MAX: Final = 13
"""With more bars only every third has its label, and none its number: the table has them all."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: where its two parts are, and what is written at it; ``label`` and ``value`` are empty for nothing."""

    x: float
    width: float
    answered_y: float
    answered_height: float
    missed_y: float
    missed_height: float
    label: str
    value: str
    title: str

    @property
    def middle(self) -> float:
        """Where its texts are centred."""
        return round(self.x + self.width / 2, 1)


@dataclass(frozen=True, slots=True)
class Plot:
    """Bars beside one another, and the numbers behind them."""

    key: str
    heading: str
    first_column: str
    names: tuple[str, ...]
    counts: tuple[Count, ...]
    bars: tuple[Bar, ...]

    width = WIDTH
    height = HEIGHT
    ground = HEIGHT - _BOTTOM


def plot(key: str, heading: str, first_column: str, names: Sequence[str], counts: Sequence[Count]) -> Plot:
    """Return bars for these counts; the highest fills the height."""
    most = max((count.answered + count.missed for count in counts), default=0) or 1
    step = WIDTH / max(len(counts), 1)
    scale = (HEIGHT - _TOP - _BOTTOM) / most
    is_dense = len(counts) > LABELS_MAX
    bars = []
    for number, (name, count) in enumerate(zip(names, counts, strict=True)):
        answered, missed = round(count.answered * scale, 1), round(count.missed * scale, 1)
        together = count.answered + count.missed
        bars.append(
            Bar(
                x=round(number * step + step * _GAP / 2, 1),
                width=round(step * (1 - _GAP), 1),
                answered_y=round(HEIGHT - _BOTTOM - answered, 1),
                answered_height=answered,
                missed_y=round(HEIGHT - _BOTTOM - answered - missed, 1),
                missed_height=missed,
                label="" if is_dense and number % 3 else name,
                value=str(together) if together and not is_dense else "",
                title=f"{name}: {count.answered} + {count.missed}",
            )
        )
    return Plot(key, heading, first_column, tuple(names), tuple(counts), tuple(bars))
