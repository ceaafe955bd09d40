"""PURE: the names on which the dialplan (freeswitch/dialplan/00_huntgroup.xml) and this service have agreed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

OURS: Final = "huntgroup"
"""The extension that hands calls for group numbers to the service."""
FALLBACK: Final = "huntgroup-fallback"
"""The extension for callers whom the service did not serve."""

VARIABLE_LOST: Final = "%{"
"""What FreeSWITCH makes of ``${`` in a global variable (switch_string_var_check): no channel ever expands it."""


def variables_set(actions: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """
    Return name and value of every variable that these actions set; each is the application and its data.

    ``set`` sets one, ``multiset`` several: ``^^;name=value;…``, or with blanks between them.
    """
    texts = []
    for application, data in actions:
        if application == "set":
            texts.append(data)
        elif application == "multiset":
            texts += data[3:].split(data[2:3]) if data.startswith("^^") and len(data) > 3 else data.split(" ")
    return {(name, value) for name, _, value in (text.partition("=") for text in texts)}
