"""PURE: what ``switch.conf.xml`` decides for group calls: how many calls a second, and commands inside ``${…}``."""

from __future__ import annotations

import re
from typing import Final

from esl_huntgroup.diagnostics.finding import Finding, right, wrong

SESSIONS_PER_SECOND_MIN: Final = 30
"""What FreeSWITCH ships with; a group call creates a channel for its caller and one for each phone."""


def check_rate(answer: str) -> Finding:
    """Judge the answer to ``fsctl sps``."""
    match = re.search(r"sessions per second: (\d+)", answer)
    if not match:
        return wrong(f"switch: its sessions-per-second limit cannot be read ({answer[:60]!r})")
    rate = int(match[1])
    if rate < SESSIONS_PER_SECOND_MIN:
        return wrong(
            f"switch: {rate} sessions per second is low; callers over it are refused before they reach a group. "
            f"Set sessions-per-second in switch.conf.xml to {SESSIONS_PER_SECOND_MIN} or more"
        )
    return right(f"switch: {rate} sessions per second (phones of a group call are not counted)")


def check_expansion(answer: str) -> Finding:
    """Judge the answer to ``expand echo ${strepoch()}``: the extension has commands in ``${…}``."""
    if answer.isdecimal():
        return right("switch: runs commands inside ${…}, as the extension needs")
    return wrong(
        "switch: does not run commands inside ${…}, so the extension sets no watchdog; "
        "remove api-expansion from switch.conf.xml, or set it to true"
    )
