"""PURE: who asks, with what that is proved, and what a route demands."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Scope(StrEnum):
    """What a token of the API may be allowed to do, always within what its user may."""

    JOURNAL = "journal"
    """Read: the journal, its calls and groups."""
    HANDLE = "handle"
    """Mark missed calls as handled, and take that back."""
    EVENTS = "events"
    """Hear of changes as they happen."""


class By(StrEnum):
    """With what a request proves who asks."""

    SESSION = "session"
    HEADER = "header"
    TOKEN = "token"  # noqa: S105  # a word, no secret


@dataclass(frozen=True, slots=True)
class Person:
    """
    A user who asks. ``language`` is what this user has chosen, empty for nothing.

    ``scopes`` limits what a token may do; None: everything that the user may. ``by`` and ``key`` are the proof: the id
    of the session or token, 0 for a header.
    """

    user_id: int
    name: str
    display_name: str
    language: str = ""
    scopes: frozenset[str] | None = None
    by: By = By.SESSION
    key: int = 0

    def may(self, scope: str) -> bool:
        """Return whether the proof allows this scope."""
        return self.scopes is None or scope in self.scopes


@dataclass(frozen=True, slots=True)
class Need:
    """
    What a route demands: nobody in particular, or somebody who is signed in.

    ``scope`` is what a token must allow; None: no token is accepted; empty: any token that is valid.
    """

    is_for_anybody: bool = False
    scope: str | None = None


ANY_TOKEN: Final = ""
