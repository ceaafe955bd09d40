"""
The log: lines for people, or JSON for machines. Each names the process that says it: ``main`` or ``worker-1``.

A message may bring ``extra={"fields": …}``: its values by name, which JSON carries as they are.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any, Final

FIELDS: Final = "fields"


def set_up(level: str, form: str, process: str) -> None:
    """Log to standard error from now on, in form ``text`` or ``json``. May be called again, after a reload."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Json(process) if form == "json" else _text(process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # The lines name neither thread nor process nor source line, so nobody needs to find them out for each.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # documented in the logging HOWTO, "Optimization"


def _text(process: str) -> logging.Formatter:
    return logging.Formatter(f"%(asctime)s %(levelname)s {process} %(message)s")


class _Json(logging.Formatter):
    """One JSON object a line, in ASCII, so that nothing in it can break the line or a terminal."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self._process,
            "message": record.getMessage(),
        }
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return json.dumps({**getattr(record, FIELDS, {}), **said})
