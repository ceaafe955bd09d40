"""
Group calls on a real FreeSWITCH: the dialplan as it is shipped, the service as a process, SIPp as phones and callers.

One switch and one service serve the whole session; every test has phones and callers of its own. Skipped with one
reason for all where FreeSWITCH (PATH, or ``HUNTGROUP_FREESWITCH``) or SIPp is not installed. Of several that
``HUNTGROUP_FREESWITCH`` names, the first is taken; all of them by ``tox -e e2e`` (HUNTGROUP_E2E=all). Where phones are
real ones (Linphone), a test file of their own says so, and skips without them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import freeswitch, sipp
from .freeswitch import FreeSwitch
from .lab import Lab
from .service import Service

HERE = Path(__file__).parent
FIRM = HERE / "firm.yaml"
CHOSEN = freeswitch.BINARIES if os.environ.get("HUNTGROUP_E2E") == "all" else freeswitch.BINARIES[:1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session", autouse=True)
def installed() -> None:
    """Skip the tests of this folder, before anything is started for them, where a program is missing."""
    freeswitch.require()
    sipp.require()


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Load the firm into a service, which starts when the switch is there: it has to know where its witness listens."""
    service = Service(tmp_path_factory.mktemp("service"))
    service.load(FIRM)
    yield service
    service.stop()


@pytest.fixture(scope="session", params=CHOSEN or [""], ids=lambda it: freeswitch.version_of(it) if it else "none")
def binary(request: pytest.FixtureRequest) -> str:
    """Give one FreeSWITCH after the other; its version is in the ids of the tests."""
    chosen: str = request.param
    return chosen


@pytest.fixture(scope="session", params=["async", "fast"])
def switch(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, service: Service, binary: str
) -> Iterator[FreeSwitch]:
    """Start the switch with one variant of the dialplan, which points at the service; tell the service where it is."""
    is_fast = request.param == "fast"
    switch = FreeSwitch(tmp_path_factory.mktemp("switch"), service.port, is_fast=is_fast, binary=binary)
    switch.start()
    service.stop()
    service.witness(switch.esl_port)
    yield switch
    switch.stop()


@pytest.fixture
def lab(switch: FreeSwitch, service: Service, tmp_path: Path) -> Iterator[Lab]:
    """Give a test an empty switch and a running service; afterwards no channel may be left."""
    if not service.is_running:
        service.start()
    lab = Lab(switch, service, tmp_path)
    yield lab
    service.thaw()
    lab.close()
