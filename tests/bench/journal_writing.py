"""
``python -m tests.bench.journal_writing [--calls 5000] [--against TREE]``: what it costs to store the journal of a call.

Calls of a group of ten members, half of them answered, are stored by the journal's own writer from a spool into SQLite,
as many in one transaction as a busy service brings. With ``--against``, another tree of this program does the same in
turns, and the ratio is that of the times of its processor: the middle of all turns.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from esl_huntgroup.db.engine import open_database
from esl_huntgroup.db.migrate import upgrade
from esl_huntgroup.journal import records, spool
from esl_huntgroup.journal.codec import to_line
from esl_huntgroup.journal.records import CallAnswered, CallEnded, CallOpened, EntryRecord, JournalRecord, LegRecord
from esl_huntgroup.journal.writer import Writer
from esl_huntgroup.model.outcome import EntryKind, Outcome
from tests.database.rows import group, user

MEMBERS = 10
FIRST_MS = 1_764_000_000_000
TURNS = 21
BATCH = 40
"""Calls in one transaction: 100 calls a second bring about 4 records each in 40 ms to each of them."""


def main() -> None:
    """Measure this tree, or compare it with another."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--against", type=Path)
    given = parser.parse_args()
    if given.against is None:
        print(f"{_seconds(given.calls):.3f}")
        return
    here = Path(__file__).parents[2]
    ratios = []
    for turn in range(TURNS):
        order = (here, given.against) if turn % 2 else (given.against, here)
        took = {tree: _in_a_process(tree, given.calls) for tree in order}
        ratios.append(took[here] / took[given.against])
        print(f"here {took[here]:.3f} s, there {took[given.against]:.3f} s, ratio {ratios[-1]:.3f}")
    print(f"ratio {statistics.median(ratios):.3f}, {given.calls} calls")


def _in_a_process(tree: Path, calls: int) -> float:
    command = [sys.executable, __file__, "--calls", str(calls)]
    done = subprocess.run(
        command, cwd=tree, env={**os.environ, "PYTHONPATH": str(tree)}, check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def _seconds(calls: int) -> float:
    """Return the processor's time for storing so many calls."""
    with tempfile.TemporaryDirectory() as folder, closing(open_database(f"sqlite:///{Path(folder) / 'j.db'}")) as db:
        upgrade(db)
        for number in range(1, MEMBERS + 1):
            user(db, number)
        group(db, "700", id=7, name="Vertrieb")
        directory = Path(folder) / "spool"
        spool.prepare(directory)
        spent = 0.0
        for start in range(0, calls, BATCH):
            lines = b"".join(to_line(record) for number in range(start, start + BATCH) for record in _call(number))
            segment = directory / f"{start:019d}-1-000001{spool.SEGMENT}"
            segment.write_bytes(lines)
            writer = Writer(db, directory)
            began = time.process_time()
            while spool.waiting_bytes(directory):
                writer.round()
            spent += time.process_time() - began
            writer.round()
        (stored,) = db.execute_sql("SELECT COUNT(*) FROM journal_entries").fetchone()  # type: ignore[no-untyped-call]
        assert stored >= calls * MEMBERS
        return spent


def _call(number: int) -> Iterator[JournalRecord]:
    at_ms = FIRST_MS + number * 100
    call_id = f"{at_ms:012x}"[:8] + "-" + f"{at_ms:012x}"[8:] + f"-7000-8000-{number:08x}0000"
    yield CallOpened(
        call_id, "fs", f"channel-{number}", 7, "Vertrieb", "700", "example.org", f"+4930{number % 5000:07d}",
        "Karl Kunde", at_ms, "pbx:worker-1:4711",
    )  # fmt: skip
    if rings := getattr(records, "CallRinging", None):
        yield rings(call_id, tuple(range(1, MEMBERS + 1)))
    is_answered = number % 2 == 0
    numbers = range(1, MEMBERS + 1)
    cause = "LOSE_RACE" if is_answered else "ORIGINATOR_CANCEL"
    kind = EntryKind.ANSWERED_ELSEWHERE if is_answered else EntryKind.MISSED
    legs = tuple(
        LegRecord(it, it, f"10{it}@example.org", f"sofia/internal/sip:10{it}@192.0.2.{it}:5060", cause, True)
        for it in numbers
    )
    entries = tuple(EntryRecord(it, it, f"User {it}", kind, True, cause) for it in numbers)
    if is_answered:
        entries = (entries[0]._replace(kind=EntryKind.ANSWERED, cause="NONE"), *entries[1:])
        yield CallAnswered(call_id, at_ms + 4000, 4000, 1, "User 1", legs, entries)
        yield CallEnded(call_id, at_ms + 60_000, 4000, 56_000, Outcome.ANSWERED, "NORMAL_CLEARING", "")
    else:
        yield CallEnded(call_id, at_ms + 30_000, 30_000, 0, Outcome.NO_ANSWER, "", "dialplan", legs, entries)


if __name__ == "__main__":
    main()
