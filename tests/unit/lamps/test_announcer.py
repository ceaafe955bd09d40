"""A switch is told each change once, and leases are renewed in time; a lamp that went out meanwhile is lit again."""

from __future__ import annotations

import pytest

from esl_huntgroup.lamps import presence
from esl_huntgroup.lamps.announcer import LAPSES_S, RENEW_S, Announcer
from esl_huntgroup.lamps.lamp import IDLE, Lamp, LampState
from esl_huntgroup.lamps.presence import LEASE_S, Misled

A, B = "700@pbx.example", "701@pbx.example"
RINGS = Lamp(LampState.RINGING, "Anna", "3001")
TALKS = Lamp(LampState.TALKING, "Anna", "3001")


def lit(address: str, lamp: Lamp) -> list[bytes]:
    return [presence.told(address, lamp), *presence.lease(address)]


def dark(address: str) -> list[bytes]:
    return [presence.told(address, IDLE), presence.no_lease(address)]


def test_at_first_everything_is_told_so_that_no_lamp_of_before_burns_on() -> None:
    assert Announcer().news({A: RINGS, B: IDLE}, 0.0) == [lit(A, RINGS), dark(B)]


def test_then_only_what_has_changed() -> None:
    announcer = Announcer()
    announcer.news({A: IDLE, B: IDLE}, 0.0)
    assert announcer.news({A: IDLE, B: IDLE}, 1e6) == []
    assert announcer.news({A: RINGS, B: IDLE}, 1e6) == [lit(A, RINGS)]
    assert announcer.news({A: TALKS, B: IDLE}, 1e6 + 1) == [lit(A, TALKS)]
    assert announcer.news({A: IDLE, B: IDLE}, 1e6 + 2) == [dark(A)]


def test_a_group_that_has_no_lamp_any_more_leaves_none_burning() -> None:
    announcer = Announcer()
    announcer.news({A: TALKS, B: IDLE}, 0.0)
    assert announcer.news({B: IDLE}, 1.0) == [dark(A)]
    assert announcer.news({B: IDLE}, 2.0) == []
    assert announcer.news({A: TALKS, B: IDLE}, 3.0) == [lit(A, TALKS)]


def test_a_lease_is_renewed_long_before_it_ends_without_telling_anybody() -> None:
    announcer = Announcer()
    announcer.news({A: TALKS}, 0.0)
    assert announcer.news({A: TALKS}, RENEW_S - 0.1) == []
    assert announcer.news({A: TALKS}, RENEW_S) == [[*presence.lease(A)]]
    assert announcer.news({A: TALKS}, 2 * RENEW_S - 0.1) == []
    assert 2 * RENEW_S < LAPSES_S < LEASE_S


def test_a_service_that_was_frozen_lights_the_lamp_again() -> None:
    announcer = Announcer()
    announcer.news({A: TALKS, B: IDLE}, 0.0)
    assert announcer.news({A: TALKS, B: IDLE}, LEASE_S) == [lit(A, TALKS)]
    assert announcer.news({A: TALKS, B: IDLE}, LEASE_S + 1.0) == []


@pytest.mark.parametrize(
    ("lamp", "only_idle", "is_told"),
    [(RINGS, True, True), (RINGS, False, True), (IDLE, True, False), (IDLE, False, True), (None, False, False)],
)
def test_phones_are_put_right_where_the_switch_has_not_told_the_truth(
    lamp: Lamp | None, only_idle: bool, is_told: bool
) -> None:
    said = Announcer().correction({} if lamp is None else {A: lamp}, Misled(A, "4f@x", only_idle))
    assert said == (presence.told(A, lamp, "4f@x") if lamp and is_told else None)


@pytest.mark.parametrize("host", ["10.0.0.5", "10.0.0.5:5080", "[fd00::5]", "fd00::5"])
def test_a_phone_that_names_the_switch_by_its_address_means_the_only_group_with_this_number(host: str) -> None:
    misled = Misled(f"700@{host}", "4f@x", only_idle=True)
    assert Announcer().correction({A: RINGS, B: IDLE}, misled) == presence.told(A, RINGS, "4f@x")
    assert Announcer().correction({A: RINGS, "700@other.example": RINGS}, misled) is None


def test_a_phone_of_another_domain_sees_nothing() -> None:
    assert Announcer().correction({A: RINGS}, Misled("700@other.example", "4f@x", only_idle=True)) is None
