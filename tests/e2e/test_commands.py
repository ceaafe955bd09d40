"""What the administrator's commands say of a real switch and of real calls."""

from __future__ import annotations

import json

from . import sipp
from .freeswitch import PASSWORD
from .lab import Lab


def test_journal_command_shows_what_each_member_has(lab: Lab) -> None:
    lab.phone("1001", sipp.answers(after_ms=500))
    lab.phone("1002", sipp.rings())
    caller = lab.call(display="Eve Example", talk_ms=300)
    assert caller.final_status() == 200
    call = lab.journal(caller)

    lines = [json.loads(line) for line in lab.service.run("journal", "--json").splitlines()]
    ours = [line for line in lines if line["caller_number"] == caller.number]

    assert {line["user_name"]: line["kind"] for line in ours} == call.kinds
    assert {line["answered_by_name"] for line in ours} == {"Anna Berg"}
    assert {line["caller_name"] for line in ours} == {"Eve Example"}
    bens = lab.service.run("journal", "--user", "ben").splitlines()
    assert "spoken with Anna Berg" in next(line for line in bens if caller.number in line)


def test_check_finds_nothing_to_do(lab: Lab) -> None:
    found = lab.service.run(
        "check",
        settings={
            "ESL_HUNTGROUP_ESL_ADDRESS": f"127.0.0.1:{lab.switch.esl_port}",
            "ESL_HUNTGROUP_ESL_PASSWORD": PASSWORD,
        },
    )

    assert "extension 'huntgroup' in context lab is complete and leads to this service" in found
    assert "FIX" not in found
