"""What all tests have in common: a program that is not there is told in one line, with how many tests it leaves out."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Have skipped tests that lack the same program share one line of the summary, which folds what is in one place."""
    report = yield
    if report.skipped and isinstance(report.longrepr, tuple):
        _, _, reason = report.longrepr
        if "not installed" in reason:
            report.longrepr = (str(HERE), None, reason)  # type: ignore[assignment]
    return report
