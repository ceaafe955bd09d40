"""Things as a table for people, whatever script their names are in."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence

import click

from esl_huntgroup.model.text import clean
from esl_huntgroup.provisioning.change import value_words

_GAP = "  "


def table(things: Sequence[Mapping[str, object]]) -> list[str]:
    """Return a heading and a line for each thing, all of which have the keys of the first; without any, ``nothing``."""
    if not things:
        return ["nothing"]
    headings = [key.replace("_", " ") for key in things[0]]
    cells = [[clean(value_words(value)) for value in thing.values()] for thing in things]
    widths = [max(map(_width, column)) for column in zip(headings, *cells, strict=True)]
    return [click.style(_aligned(headings, widths), underline=True), *(_aligned(row, widths) for row in cells)]


def sheet(thing: Mapping[str, object]) -> list[str]:
    """Return one thing, a line for each of its keys."""
    width = max(map(len, thing), default=0)
    return [f"{key.replace('_', ' '):{width}}{_GAP}{clean(value_words(value))}" for key, value in thing.items()]


def _aligned(cells: Iterable[str], widths: Iterable[int]) -> str:
    padded = (cell + " " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=True))
    return _GAP.join(padded).rstrip()


def _width(text: str) -> int:
    """Return how many columns of a terminal the text takes: two for a wide character, none for an accent."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
