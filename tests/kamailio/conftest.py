"""
A real Kamailio with the simulated switch: everything is real up to the dial string, and behind it.

Skipped with one reason where Kamailio is not installed. Those with a real FreeSWITCH are in ``tests/e2e``.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e import kamailio, sip
from tests.kamailio.edge import Trunk
from tests.kamailio.lab import EdgeLab
from tests.kamailio.registrar import Registrar, missing_packages
from tests.unit.examples import DOMAIN


@pytest.fixture(scope="package", autouse=True)
def installed() -> None:
    """Skip the tests of this folder, before anything is started for them, where Kamailio is missing."""
    kamailio.require()
    if missing := missing_packages():
        pytest.skip(f"Kamailio is not installed with all of its modules (Debian packages: {', '.join(missing)})")


@pytest.fixture(scope="package")
def switch_port(installed: None) -> int:
    """Choose the port from which the switch sends: by it Kamailio knows FreeSWITCH."""
    return sip.free_port()


@pytest.fixture(scope="package")
def registrar(tmp_path_factory: pytest.TempPathFactory, switch_port: int) -> Iterator[Registrar]:
    """Start Debian's Kamailio with NAT and WebSocket; it keeps who is registered, and tells who comes."""
    folder = tmp_path_factory.mktemp("kamailio") / "edge"
    registrar = Registrar(folder, DOMAIN, switch_port, "WITH_NAT", websocket=True, notices=True, database="sqlite")
    registrar.start()
    yield registrar
    registrar.stop()


@pytest.fixture(scope="package")
def trunk(switch_port: int) -> Iterator[Trunk]:
    trunk = Trunk(switch_port, DOMAIN)
    yield trunk
    trunk.close()


@pytest.fixture(params=[False, True], ids=["async", "fast"])
def lab(request: pytest.FixtureRequest, registrar: Registrar, trunk: Trunk) -> Iterator[EdgeLab]:
    lab = EdgeLab(registrar, trunk, is_fast=request.param)
    yield lab
    lab.close()
