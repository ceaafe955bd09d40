"""A switch that refuses whatever is not in its allowlist (FreeSWITCH from 1.11.2) needs our list, and no more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from esl_huntgroup.diagnostics.checks.release import read_release
from esl_huntgroup.fsxml import interfaces

from . import sipp
from .conftest import FIRM
from .freeswitch import PASSWORD, FreeSwitch, version_of
from .lab import Lab
from .service import Service

HAS_ALLOWLIST = (1, 11, 2)
"""The first release with one."""
Begin = Callable[[str], Lab]


@pytest.fixture(params=["async", "fast"])
def begin(request: pytest.FixtureRequest, tmp_path: Path, binary: str) -> Iterator[Begin]:
    """Start a service, and a switch that has an allowlist; give what makes a lab of a list."""
    if read_release(version_of(binary)) < HAS_ALLOWLIST:
        pytest.skip(f"FreeSWITCH {version_of(binary)} has no allowlist")
    service = Service(tmp_path)
    service.load(FIRM)
    labs: list[Lab] = []

    def begin(allowlist: str) -> Lab:
        is_fast = request.param == "fast"
        switch = FreeSwitch(tmp_path / "switch", service.port, is_fast=is_fast, binary=binary, allowlist=allowlist)
        switch.start()
        labs.append(Lab(switch, service, tmp_path))
        service.witness(switch.esl_port)
        service.start()
        return labs[-1]

    yield begin
    for lab in labs:
        lab.close()
        lab.switch.stop()
    service.stop()


def check(lab: Lab) -> str:
    """Return what the command says. Raises AssertionError with it if there is anything to do."""
    settings = {
        "ESL_HUNTGROUP_ESL_ADDRESS": f"127.0.0.1:{lab.switch.esl_port}",
        "ESL_HUNTGROUP_ESL_PASSWORD": PASSWORD,
    }
    return lab.service.run("check", settings=settings)


def test_with_our_list_alone_a_group_call_works_and_check_is_content(begin: Begin) -> None:
    lab = begin(interfaces.allowlist())
    assert "Command not found" in lab.switch.api("status")

    lab.phone("1001", sipp.answers(after_ms=500, hangs_up_after_ms=500))
    lab.phone("1002", sipp.refuses("486 Busy Here"))
    caller = lab.call(talk_ms=10_000)
    assert caller.final_status() == 200
    call = lab.journal(caller)
    assert (call.outcome, call.answered_by, call.causes["Ben Wolf"]) == ("answered", "Anna Berg", "USER_BUSY")

    assert "offers every application and api command that is used" in check(lab)


def test_check_says_what_the_list_lacks(begin: Begin) -> None:
    lacking = "mod_commands.uuid_ring_ready.api"
    lab = begin(interfaces.allowlist().replace(f'<allow name="{lacking}"/>', ""))
    with pytest.raises(AssertionError, match=f"FIX switch: does not offer {lacking}: load"):
        check(lab)
