"""PURE: one line of what ``check`` has looked at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: ``text`` says what is right, or what to do, or (a note) what to know."""

    is_ok: bool
    text: str
    is_note: bool = False

    def __str__(self) -> str:
        """Return the line that the administrator reads."""
        if self.is_note:
            return f"NB  {self.text}"
        return f"{'ok ' if self.is_ok else 'FIX'} {self.text}"


def right(text: str) -> Finding:
    """Return a finding that something is as it should be."""
    return Finding(True, text)


def wrong(text: str) -> Finding:
    """Return a finding that something is to be done."""
    return Finding(False, text)


def note(text: str) -> Finding:
    """Return a finding that is to be known, and that the service can live with."""
    return Finding(True, text, is_note=True)
