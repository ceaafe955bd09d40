"""What `check` makes of the settings."""

from __future__ import annotations

from typing import Any

import pytest

from esl_huntgroup.diagnostics.checks.settings import check_addresses, check_descriptors
from esl_huntgroup.settings import Settings


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_an_address_of_this_machine_is_right(host: str) -> None:
    (found,) = check_addresses(Settings(listen=((host, 8084),)))
    assert str(found) == f"ok  settings: {host} port 8084 is reachable from this machine only"


OPEN = "settings: 10.0.0.1 port 8084 can be reached from elsewhere"


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"allowed_peers": ("10.0.0.7/32",)}, f"ok  {OPEN}, and admits nobody but 10.0.0.7/32"),
        ({"secret": "x" * 16}, f"ok  {OPEN}; a call without the secret is given back"),
        ({"secret": "x" * 16, "allowed_peers": ("0.0.0.0/0",)}, f"ok  {OPEN}; a call without the secret is given back"),
        (
            {},
            f"FIX {OPEN}, but every call from there is refused: name the addresses of the switches in allowed_peers",
        ),
        (
            {"allowed_peers": ("0.0.0.0/0", "::1/128")},
            f"FIX {OPEN}, and whoever reaches it can pose as the switch: name the addresses of the switches in "
            "allowed_peers, which is 0.0.0.0/0, ::1/128, or set a secret",
        ),
    ],
)
def test_an_address_that_others_can_reach_is_right_when_something_protects_it(
    settings: dict[str, Any], line: str
) -> None:
    (found,) = check_addresses(Settings(listen=(("10.0.0.1", 8084),), **settings))
    assert str(found) == line


def test_metrics_that_others_can_read_are_said() -> None:
    _, found = check_addresses(Settings(metrics_listen=("0.0.0.0", 9184)))
    assert str(found).startswith("FIX settings: whoever reaches metrics_listen (0.0.0.0 port 9184) reads")


def test_open_files_that_are_not_enough_are_said() -> None:
    assert str(check_descriptors(1000, 1264)) == "ok  settings: 1264 open files are enough for 1000 calls"
    assert str(check_descriptors(1000, 1263)) == (
        "FIX settings: max_calls is 1000, but 1263 open files are enough for 999 calls only: raise the limit to 1264 "
        "(LimitNOFILE= of the unit, ulimit -Hn in a shell)"
    )
