"""What `check` makes of the spool."""

from __future__ import annotations

from pathlib import Path

from esl_huntgroup.diagnostics.checks.journal import check_spool


def test_a_spool_that_is_no_directory_is_told_and_nobody_is_said_to_take_it_over(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.write_text("")
    (found,) = check_spool(spool)
    assert str(found) == f"FIX journal: the spool {spool} cannot be read: Not a directory"
