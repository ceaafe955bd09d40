"""A short cut, in which every packet is lost: no conversation breaks, every caller is served, and no row is lost."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.netcut.__main__ import missing

pytestmark = pytest.mark.e2e
SHORT = ("--cut", "20", "--calls-per-s", "2", "--every", "5", "--sysctl", "net.ipv4.tcp_syn_retries=1")


@pytest.fixture(scope="module", autouse=True)
def needs() -> None:
    """Skip, with a reason, where no network can be made or no switch runs."""
    if why := missing():
        pytest.skip(why)


@pytest.mark.parametrize("variant", [(), ("--fast",)], ids=["async", "fast"])
def test_a_short_cut_without_a_word_costs_new_callers_three_seconds_and_nobody_else_anything(
    variant: tuple[str, ...],
) -> None:
    command = [sys.executable, "-m", "tests.netcut", *SHORT, *variant]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
