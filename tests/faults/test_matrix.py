"""Each fault during each phase of a call, under load: callers served, conversations alive, rows complete and true."""

from __future__ import annotations

import os

import pytest

from tests.faults import firm, matrix, table
from tests.faults.injections import FAULTS
from tests.faults.installed import template
from tests.faults.matrix import COLUMNS

PART = ("all processes killed, restarted", "database locked for 4 s", "network stalls for 4 s", "web process flooded")
"""What every run of the tests does: less than a minute of the five that all take."""
CHOSEN = tuple(FAULTS) if os.environ.get("HUNTGROUP_FAULTS") == "all" else PART


@pytest.fixture(scope="module")
def row(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> matrix.Row:
    """Run one row of the matrix; the cells of it are tests of their own."""
    fault = FAULTS[request.param]
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
