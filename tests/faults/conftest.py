"""
The fault matrix: all of it by ``tox -e faults`` (HUNTGROUP_FAULTS=all), a part of it in every run of the tests.

At the end it is printed, as ``docs/measurements.md`` shows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.database import servers
from tests.database.servers import Server
from tests.faults import firm, table
from tests.faults.installed import template

TABLES = "fault tables"
shown: list[tuple[str, list[str]]] = []


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Set the firm up once; every row of the matrix has a copy."""
    return template(tmp_path_factory.mktemp("template"), firm.document())


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """Run a PostgreSQL server that tests may stop and start."""
    with servers.own_postgresql() as server:
        yield server


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over the rows that a process of pytest-xdist has examined."""
    shown.extend(getattr(node, "workeroutput", {}).get(TABLES, []))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the rows that were examined here to where they are shown."""
    tables = table.shown()
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[TABLES] = list(tables)
    else:
        shown.extend(tables)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the matrix."""
    for title, lines in shown:
        terminalreporter.section(title)
        for line in lines:
            terminalreporter.line(line)
