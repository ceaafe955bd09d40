"""What each process of a service holds: memory and descriptors, as the kernel counts them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from esl_huntgroup.recovery.reconciler import STATEMENTS_MAX

RSS_GROWTH_MAX = 0.10
"""The share by which a process may grow between two quiet moments: the allocator keeps what the busiest one needed."""
REMEMBERED_KB = 1.5
"""The witness remembers each final event for 15 minutes, and STATEMENTS_MAX of them at most."""
DESCRIPTORS_GROWTH_MAX = 2
"""SQLite has a file for its log open while somebody reads."""
NAMES = {
    "esl_huntgroup.service.worker": "worker",
    "esl_huntgroup.journal.writer": "journal writer",
    "esl_huntgroup.journal.follower": "journal follower",
    "esl_huntgroup.recovery.reconciler": "witness",
    "esl_huntgroup.lamps.process": "lamp process",
}
"""What each process runs, and how people call it."""


@dataclass(frozen=True, slots=True)
class Holding:
    """One process at a quiet moment."""

    name: str
    rss_kb: int
    descriptors: int


def look(pids: Sequence[int]) -> dict[int, Holding]:
    """Return what these processes hold now."""
    return {pid: Holding(_name(pid), _rss_kb(pid), len(os.listdir(f"/proc/{pid}/fd"))) for pid in pids}


def growth(before: Mapping[int, Holding], after: Mapping[int, Holding], calls: int) -> list[str]:
    """Return a sentence for each process that has grown in so many calls, or has not lived through them."""
    found = [f"{it.name} (process {pid}) did not live to the end" for pid, it in before.items() if pid not in after]
    for pid, was in before.items():
        now = after.get(pid, was)
        remembered_kb = REMEMBERED_KB * min(calls, STATEMENTS_MAX) if was.name == "witness" else 0.0
        if now.rss_kb > was.rss_kb * (1 + RSS_GROWTH_MAX) + remembered_kb:
            found.append(f"{was.name} has grown from {was.rss_kb} to {now.rss_kb} kB")
        if now.descriptors > was.descriptors + DESCRIPTORS_GROWTH_MAX:
            found.append(f"{was.name} had {was.descriptors} files open, and has {now.descriptors}")
    return found


def _name(pid: int) -> str:
    words = Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")
    module = next((word for word in words if word.startswith("esl_huntgroup")), "")
    name = NAMES.get(module, "supervisor")
    return f"{name} {words[-1]}" if name == "worker" else name


def _rss_kb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0
