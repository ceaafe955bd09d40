"""The service with a journal that forgets everything, against which the bench holds the real one. Never for a call."""

from __future__ import annotations

import sys

from esl_huntgroup.cli import main
from esl_huntgroup.journal.recorder import Journal
from esl_huntgroup.journal.records import SpoolRecord
from esl_huntgroup.service import process, worker

THIS = "tests.bench.silent"


def forget(self: Journal, record: SpoolRecord) -> None:
    """Record nothing."""


if __name__ == "__main__":
    Journal.record = forget  # type: ignore[method-assign]
    if sys.argv[1] == "serve":
        process.MODULE = THIS  # type: ignore[misc]  # its workers, which are programs of their own, forget as well
        main()
    else:
        worker.main()
