"""
Rang means that the phone said so: every final answer, after nothing, after 180 and after 183, alone and beside another.

What each answer means is a table in ``tests/unit``; here real phones give it to a real switch.
"""

from __future__ import annotations

import pytest

from .agent import Rings
from .lab import Lab

BUSY_OR_DECLINED = (486, 600, 603)
OTHERS = (404, 408, 410, 420, 480, 488, 500, 503, 606)
PROVISIONALS = {
    "nothing": Rings(0),
    "180": Rings(180),
    "183": Rings(183),
    "183 with media": Rings(183, with_media=True),
}


def outcome_alone(provisional: str, final: int) -> tuple[str, str, int]:
    """Return the outcome, the member's entry and the caller's status of a group with this phone alone."""
    if final in BUSY_OR_DECLINED or (final == 480 and provisional == "nothing"):
        return "all_busy", "missed", 486
    if provisional != "nothing":
        return "no_answer", "missed", 480
    return "nobody_registered", "not_signalled", 480


@pytest.mark.parametrize("final", [*BUSY_OR_DECLINED, *OTHERS])
def test_a_phone_alone_and_its_final_answer(lab: Lab, final: int) -> None:
    phone = lab.agent("1001")
    for name, rings in PROVISIONALS.items():
        phone.rings = Rings(rings.provisional, final, 0.02, 0.1, rings.with_media)
        caller = lab.stranger()
        dialog = caller.call("700").wait_over()
        call = lab.journal(caller)
        outcome, kind, status = outcome_alone(name, final)
        assert (name, call.outcome, call.kinds["Anna Berg"], dialog.statuses[-1]) == (name, outcome, kind, status)
