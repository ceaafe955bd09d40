"""
What all tests have in common.

Two processes share them (pytest-xdist): each file is one process's, and one process has all that start a FreeSWITCH. A
program that is not there is told in one line, with how many tests it leaves out. One browser serves all tests that
look at the page: Playwright can be started once in a process.
"""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
SWITCH = HERE / "e2e"
SWITCH_TOO = (HERE / "faults" / "test_on_a_real_switch.py",)
CHROMIUM = "chromium"
ARGUMENTS = ("--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update")
TIMEOUT_MS = 60_000
"""For what takes a moment where nothing else runs, and much longer beside other work."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say which tests one process must have: their servers and switches are started once for them."""
    for item in items:
        has_switch = item.path.parent == SWITCH or item.path in SWITCH_TOO
        item.add_marker(pytest.mark.xdist_group("switch" if has_switch else str(item.path.relative_to(HERE))))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Give a Chromium; each test opens contexts of its own in it. Skips where it or Playwright is not installed."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = shutil.which(CHROMIUM)
    if program is None:
        pytest.skip("chromium is not installed")
    sync_api.expect.set_options(timeout=TIMEOUT_MS)
    with sync_api.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Have skipped tests that lack the same program share one line of the summary, which folds what is in one place."""
    report = yield
    if report.skipped and isinstance(report.longrepr, tuple):
        _, _, reason = report.longrepr
        if "not installed" in reason:
            report.longrepr = (str(HERE), None, reason)  # type: ignore[assignment]
    return report
