"""Things as a table for people, whatever script their names are in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from esl_huntgroup.model.columns import GAP, Column, rows
from esl_huntgroup.model.text import clean
from esl_huntgroup.provisioning.change import value_words

LEAST_WIDTH = 8
"""A cell that is cut shows as much of a name."""


def table(things: Sequence[Mapping[str, object]], width: int | None = None) -> list[str]:
    """
    Return a heading and a line for each thing, all of which have the keys of the first; without any, ``nothing``.

    Cells are shortened where that makes the table fit into so many columns of the terminal.
    """
    if not things:
        return ["nothing"]
    cells = zip(*([clean(value_words(value)) for value in thing.values()] for thing in things), strict=True)
    columns = [
        Column(key.replace("_", " "), its_cells, least=LEAST_WIDTH)
        for key, its_cells in zip(things[0], cells, strict=True)
    ]
    heading, *shown = rows(columns, width)
    return [click.style(heading, underline=True), *shown]


def sheet(thing: Mapping[str, object]) -> list[str]:
    """Return one thing, a line for each of its keys."""
    width = max(map(len, thing), default=0)
    return [f"{key.replace('_', ' '):{width}}{GAP}{clean(value_words(value))}" for key, value in thing.items()]
