"""A guard that a service has left in the switch when it died is for that call alone."""

from __future__ import annotations

import time

from esl_huntgroup.calls.hunt import GUARD_MARGIN_S

from . import sipp
from .lab import Lab

FIRES_AFTER_S = 5 + GUARD_MARGIN_S
"""The ring time of the group, and the margin."""


def test_caller_who_comes_into_another_group_is_left_to_it(lab: Lab) -> None:
    anna = lab.phone("1001", sipp.answers(after_ms=1000))
    caller = lab.call(talk_ms=(FIRES_AFTER_S + 1) * 1000)
    anna.wait_invited()
    began = time.monotonic()
    lab.service.kill()
    lab.service.start()
    ben = lab.phone("1002", sipp.rings())

    time.sleep(max(began + FIRES_AFTER_S - 2 - time.monotonic(), 0))
    lab.switch.api(f"uuid_transfer {lab.switch.caller_uuid(caller.number)} 704 XML lab")
    ben.wait_invited()
    assert caller.final_status() == 200
    assert not caller.endpoint.received("BYE")
