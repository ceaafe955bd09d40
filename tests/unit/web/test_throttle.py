"""How often somebody may try."""

from __future__ import annotations

import pytest

from esl_huntgroup.web.identity.throttle import Throttle, address_key


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_after_so_many_tries_one_has_to_wait_and_is_let_in_again() -> None:
    clock = Clock()
    throttle = Throttle(3, 30, clock)
    for _ in range(3):
        assert throttle.wait_s("anna") == 0
        throttle.count("anna")
    assert throttle.wait_s("anna") == pytest.approx(10)
    assert throttle.wait_s("bernd") == 0
    clock.now += 10.1
    assert throttle.wait_s("anna") == 0
    throttle.count("anna")
    assert throttle.wait_s("anna") > 0
    clock.now += 3600
    for _ in range(3):
        assert throttle.wait_s("anna") == 0
        throttle.count("anna")


def test_a_try_that_was_right_does_not_count() -> None:
    throttle = Throttle(2, 30, Clock())
    for _ in range(10):
        assert throttle.wait_s("anna") == 0
        throttle.count("anna")
        throttle.forgive("anna")
    throttle.forgive("bernd")
    assert len(throttle) == 1


def test_no_more_are_remembered_than_there_is_room_for() -> None:
    throttle = Throttle(2, 30, Clock(), remembered_max=100)
    for number in range(1000):
        throttle.count(f"{number}")
    throttle.count("999")
    assert len(throttle) == 100
    assert throttle.wait_s("999") > 0


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("", ""),
        ("nonsense", "nonsense"),
    ],
)
def test_what_counts_as_one_address(address: str, key: str) -> None:
    assert address_key(address) == key
