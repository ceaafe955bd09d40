"""The soak itself, in small: it comes to its end, adds up, and says so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def test_a_short_soak_adds_up() -> None:
    command = [sys.executable, "-m", "tests.soak", "--calls", "200", "--seed", "7"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("200 calls, seed 7, ")
    assert done.stdout.endswith("nothing is wrong\n")
