"""Each fault during each phase of a call, under load: callers served, conversations alive, rows complete and true."""

from __future__ import annotations

import os

import pytest

from tests.e2e import kamailio
from tests.faults import firm, matrix, table
from tests.faults.injections import FAULTS
from tests.faults.installed import template
from tests.faults.matrix import COLUMNS
from tests.kamailio.registrar import missing_packages

PART = (
    "all processes killed, restarted",
    "database locked for 4 s",
    "network stalls for 4 s",
    "web process flooded",
    "registrar lies for 3 s",
)
"""What every run of the tests does: little more than a minute of the six that all take."""
CHOSEN = tuple(FAULTS) if os.environ.get("HUNTGROUP_FAULTS") == "all" else PART


@pytest.fixture(scope="module")
def row(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> matrix.Row:
    """Run one row of the matrix; the cells of it are tests of their own."""
    fault = FAULTS[request.param]
    if fault.with_registrar:
        kamailio.require()
        if missing := missing_packages():
            pytest.skip(f"Kamailio is not installed with all of its modules (Debian packages: {', '.join(missing)})")
    folder = tmp_path_factory.mktemp("fault")
    server = database = None
    if fault.with_server:
        server = request.getfixturevalue("postgresql")
        name = f"fault{len(os.listdir(folder.parent))}"
        server.sql(f"CREATE DATABASE {name}")
        database = server.url(name)
        template(folder, firm.document(), database)
    row = matrix.run(folder, fault, database or request.getfixturevalue("sqlite_template"), server)
    table.note("faults on the simulated switch", fault.name, row)
    return row


@pytest.mark.parametrize("phase", COLUMNS)
@pytest.mark.parametrize("row", CHOSEN, indirect=True)
def test_fault(row: matrix.Row, phase: str) -> None:
    assert row[phase], "no call was in this phase"
    assert [problem for call in row[phase] for problem in call.problems] == []
