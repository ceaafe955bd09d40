"""The same faults, and the same check, where the switch is a FreeSWITCH and phones and callers are SIPp."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.database.servers import free_port
from tests.e2e import freeswitch, sipp
from tests.e2e.conftest import FIRM
from tests.e2e.freeswitch import FreeSwitch
from tests.faults import table
from tests.faults.injections import FAULTS
from tests.faults.installed import template
from tests.faults.real_row import PHASES, RealRow
from tests.faults.truth import Examined

POSSIBLE = tuple(fault.name for fault in FAULTS.values() if not fault.is_beside_the_service)
"""Those that hit the service and its database. What hits the connection needs a switch, or a relay, in our hands."""
PART = ("all processes killed, restarted",)
CHOSEN = POSSIBLE if os.environ.get("HUNTGROUP_FAULTS") == "all" else PART

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    """Skip all of it, before anything is started for it, where a program is missing."""
    freeswitch.require()
    sipp.require()


@pytest.fixture(scope="module")
def service_port() -> int:
    """Give the port at which the dialplan expects the service; one service after the other has it."""
    return free_port()


@pytest.fixture(scope="module")
def real_switch(tmp_path_factory: pytest.TempPathFactory, service_port: int) -> Iterator[FreeSwitch]:
    """Run one switch for all rows."""
    switch = FreeSwitch(tmp_path_factory.mktemp("switch"), service_port)
    switch.start()
    yield switch
    switch.stop()


@pytest.fixture(scope="module")
def lab_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Set up the firm of the end-to-end tests once; every row has a copy."""
    return template(tmp_path_factory.mktemp("template"), FIRM)


@pytest.fixture(scope="module")
def real_row(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    lab_template: Path,
    real_switch: FreeSwitch,
    service_port: int,
) -> dict[str, list[Examined]]:
    """Run one row; the cells of it are tests of their own."""
    folder = tmp_path_factory.mktemp("fault")
    row = RealRow(folder, FAULTS[request.param], lab_template, real_switch, service_port).go()
    table.note("faults on FreeSWITCH", request.param, row)
    return row


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("real_row", CHOSEN, indirect=True)
def test_fault(real_row: dict[str, list[Examined]], phase: str) -> None:
    assert real_row[phase], "no call was in this phase"
    assert [problem for call in real_row[phase] for problem in call.problems] == []
