"""Who may connect."""

from __future__ import annotations

import pytest

from esl_huntgroup.calls.peers import admits, are_loopback, is_everybody, knows_secret
from esl_huntgroup.settings import LOOPBACK


@pytest.mark.parametrize(
    ("networks", "host", "is_admitted"),
    [
        (LOOPBACK, "127.0.0.1", True),
        (LOOPBACK, "127.9.9.9", True),
        (LOOPBACK, "::1", True),
        (LOOPBACK, "::ffff:127.0.0.1", True),
        (LOOPBACK, "10.0.0.1", False),
        (LOOPBACK, "::ffff:10.0.0.1", False),
        (("10.0.0.7/32", "fe80::/10"), "10.0.0.7", True),
        (("10.0.0.7/32", "fe80::/10"), "10.0.0.8", False),
        (("10.0.0.7/32", "fe80::/10"), "fe80::1%eth0", True),
        (("0.0.0.0/0",), "::1", False),
        (("0.0.0.0/0",), "198.51.100.1", True),
        (LOOPBACK, "localhost", False),
        (LOOPBACK, "", False),
    ],
)
def test_a_peer_is_admitted_by_its_network(networks: tuple[str, ...], host: str, is_admitted: bool) -> None:
    assert admits(networks)(host) is is_admitted


@pytest.mark.parametrize(
    ("secret", "told", "is_known"),
    [("", None, True), ("", "x", True), ("s", None, False), ("s", "", False), ("s", "S", False), ("s", "s", True)],
)
def test_a_secret_is_asked_for_only_where_there_is_one(secret: str, told: str | None, is_known: bool) -> None:
    assert knows_secret(secret, told) is is_known


def test_what_networks_are() -> None:
    assert are_loopback(LOOPBACK)
    assert not are_loopback((*LOOPBACK, "10.0.0.1/32"))
    assert is_everybody(("10.0.0.0/8", "::/0"))
    assert not is_everybody(LOOPBACK)
