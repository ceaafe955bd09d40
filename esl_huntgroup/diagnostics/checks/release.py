"""
PURE: what the release of a switch means for a site: what is unsafe in it, and where that is mended.

Every fact is one of FreeSWITCH's own history; the commit stands beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from esl_huntgroup.diagnostics.finding import Finding, note, right

Release = tuple[int, ...]
"""Such as (1, 10, 12)."""

MENDED: Final[tuple[tuple[Release, str], ...]] = (
    # fbac12b451
    ((1, 11, 2), "whoever can transfer a call sets channel variables on the leg that the REFER makes"),
    # 49f39c074a, 21d8a78fbc
    ((1, 11, 2), "a user part or contact name of 512 bytes overflows the stack when a busy lamp asks for the call"),
    # a097e12421
    ((1, 11, 2), "whoever can write to its event socket ends the switch with one large Content-Length"),
)
"""What is unsafe in every release before the one named."""


def read_release(answer: str) -> Release:
    """Return the release in the answer to ``version short``, such as ``1.11.2-release``; empty where it has none."""
    match = re.match(r"(\d+)\.(\d+)\.(\d+)", answer)
    return tuple(int(number) for number in match.groups()) if match else ()


def check_release(answer: str) -> Iterator[Finding]:
    """Say what is known to be unsafe in the release that ``version short`` has told, and where it is mended."""
    release = read_release(answer)
    if not release:
        yield note(f"switch: which release it is cannot be read ({answer[:60]!r}), so nothing is known of its safety")
        return
    unsafe = [(mended, what) for mended, what in MENDED if release < mended]
    for mended, what in unsafe:
        yield note(f"switch: unsafe in {_shown(release)}, mended in {_shown(mended)}: {what}")
    if not unsafe:
        yield right(f"switch: nothing unsafe is known here of {_shown(release)}")


def _shown(release: Release) -> str:
    return ".".join(map(str, release))
