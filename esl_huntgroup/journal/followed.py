"""PURE: what the follower says of itself to the service, about once a second."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Followed:
    """
    How far it is, and what it has done since its start.

    ``behind_s`` is since when it has not read everything, ``failures`` how often the database did not let it go on,
    ``handled`` how many missed calls it has marked as handled, by how (``model.outcome.How``).
    """

    behind_s: float = 0.0
    failures: int = 0
    handled: Counter[str] = field(default_factory=Counter)
