"""
``python -m tests.fuzz [--minutes 10] [--keep] [TARGET…]``: throw bytes at the readers, guided by what code they reach.

Begins with the seeds and the corpus, gives each target the same share of the time, and stops by itself. An input that
breaks a promise is written to the current folder, shown, and ends the run with status 1. ``--keep`` adds to the corpus
what reaches code that nothing in it has reached, for the normal tests to replay.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz.reach import worth_keeping
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
INPUT_MAX_BYTES = 40_000
KEPT_MAX_BYTES = 3000
"""Larger inputs are the recorded streams with a few bytes changed, which the unit tests do more thoroughly."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("targets", nargs="*", default=[], metavar="TARGET", help=", ".join(TARGETS))
    options = parser.parse_args()
    chosen = options.targets or list(TARGETS)
    failed = [name for name in chosen if not fuzz(name, options.minutes * 60 / len(chosen), keep=options.keep)]
    print(f"broken: {', '.join(failed)}" if failed else "nothing is broken")
    return 1 if failed else 0


def fuzz(target: str, seconds: float, *, keep: bool) -> bool:
    """Search for so long; return whether nothing was found."""
    with tempfile.TemporaryDirectory(prefix="huntgroup-fuzz-") as folder:
        found, begin = Path(folder) / "found", Path(folder) / "begin"
        found.mkdir()
        begin.mkdir()
        for name, data in seeds(target).items():
            (begin / name).write_bytes(data)
        known = CORPUS / target
        known.mkdir(parents=True, exist_ok=True)
        done = _run(
            target, f"-max_total_time={max(int(seconds), 1)}", "-print_final_stats=1", *map(str, (found, begin, known))
        )
        executed = re.search(r"stat::number_of_executed_units: (\d+)", done.stderr)
        print(f"{target}: {executed[1] if executed else '?'} inputs in {seconds:.0f} s", flush=True)
        if done.returncode:
            print(done.stdout[-4000:], done.stderr[-6000:])
        elif keep:
            _keep(target, known, found)
    return done.returncode == 0


def _keep(target: str, known: Path, found: Path) -> None:
    candidates = [path.read_bytes() for path in found.iterdir() if path.stat().st_size <= KEPT_MAX_BYTES]
    reached = [*seeds(target).values(), *(path.read_bytes() for path in known.iterdir())]
    for data in worth_keeping(target, reached, candidates):
        (known / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


def _run(target: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.fuzz.atheris_run", target, f"-max_len={INPUT_MAX_BYTES}", "-timeout=20"]
    return subprocess.run([*command, *options], capture_output=True, text=True, errors="replace", check=False)


if __name__ == "__main__":
    sys.exit(main())
