"""How many files and sockets this process may have open, and how many calls that is enough for."""

from __future__ import annotations

import resource
from typing import Final

BESIDE_CALLS: Final = 64
"""The database, the spool, the listeners, the log, gevent's own; a worker that does nothing has about twenty."""
REFUSALS: Final = 200
"""Calls that are being given back while all others go on (``esl.server.REFUSALS_MAX``)."""


def hard_limit() -> int:
    """Return how many this process may have open at most."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def raise_limit() -> int:
    """Raise the limit of open files as far as this process may, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def calls_that_fit(descriptors: int) -> int:
    """Return how many calls one process can serve with so many descriptors; at least one."""
    return max(descriptors - BESIDE_CALLS - REFUSALS, 1)


def needed(calls: int) -> int:
    """Return how many descriptors so many calls take."""
    return calls + BESIDE_CALLS + REFUSALS
