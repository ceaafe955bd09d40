"""In which order `check` looks, and where it ends."""

from __future__ import annotations

from pathlib import Path

from esl_huntgroup.diagnostics.check import findings
from esl_huntgroup.settings import Settings


def test_without_an_event_socket_check_asks_for_it(tmp_path: Path) -> None:
    settings = Settings(database=f"sqlite:///{tmp_path / 'x.db'}", spool=str(tmp_path), listen=(("127.0.0.1", 1),))
    *_, last = findings(settings)
    assert str(last).startswith("FIX settings: esl_address is not set: should a worker die, the journal never hears")
