"""
What all tests have in common.

A program that is not there is told in one line, with how many tests it leaves out. One browser serves all tests that
look at the page: Playwright can be started once in a process.
"""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
CHROMIUM = "chromium"
ARGUMENTS = ("--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update")
TIMEOUT_MS = 60_000
"""For what takes a moment where nothing else runs, and much longer beside other work."""


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
