"""The note on an outage of the database: read as it was written, and nothing else is taken for one."""

from __future__ import annotations

from pathlib import Path

import pytest

from esl_huntgroup.journal.spool import OUTAGE, Outage, note_outage, outage


@pytest.mark.parametrize("why", ["server closed the connection", "disk „voll“", "/var/lib/\udcfcber/x.db is read-only"])
def test_an_outage_is_read_as_it_was_noted(tmp_path: Path, why: str) -> None:
    note_outage(tmp_path, Outage(1_700_000_000_000, why))
    assert (tmp_path / OUTAGE).read_bytes().isascii()
    assert outage(tmp_path) == Outage(1_700_000_000_000, why)
    note_outage(tmp_path, None)
    assert outage(tmp_path) is None


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"{}", b"[]", b"[1]", b'["x", "y"]', b"[1, 2]", b'[1, "x", 2]', b"null"]
)
def test_what_is_no_note_on_an_outage_is_none(tmp_path: Path, data: bytes) -> None:
    (tmp_path / OUTAGE).write_bytes(data)
    assert outage(tmp_path) is None
