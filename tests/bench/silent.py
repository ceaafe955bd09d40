"""The service with a journal that forgets everything, against which the bench holds the real one. Never for a call."""

from __future__ import annotations

from esl_huntgroup.cli import main
from esl_huntgroup.journal import Journal
from esl_huntgroup.outcome import JournalRecord


def forget(self: Journal, record: JournalRecord) -> None:
    """Record nothing."""


if __name__ == "__main__":
    Journal.record = forget  # type: ignore[method-assign]
    main()
