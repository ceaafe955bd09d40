"""What `check` makes of the SIP profiles of a switch."""

from __future__ import annotations

import pytest

from esl_huntgroup.diagnostics.checks.profiles import (
    check_presence,
    check_profiles,
    check_registrations,
    has_registrations,
)


def profile(name: str, **params: str) -> str:
    shown = "".join(f'<param name="{key.replace("_", "-")}" value="{value}"/>' for key, value in params.items())
    return f'<profile name="{name}"><settings>{shown}</settings></profile>'


def profiles(*texts: str) -> str:
    return f'<configuration name="sofia.conf"><profiles>{"".join(texts)}</profiles></configuration>'


@pytest.mark.parametrize("value", ["contact", "call-id", "true", "YES"])
def test_a_profile_that_keeps_every_device_is_right(value: str) -> None:
    answer = profiles(profile("internal", auth_calls="true", multiple_registrations=value), profile("external"))
    assert str(check_registrations(answer, lambda name: False)) == (
        "ok  switch: every device of a line stays registered (internal)"
    )


@pytest.mark.parametrize("params", [{}, {"multiple_registrations": "false"}, {"multiple_registrations": "phones"}])
def test_a_profile_in_which_the_second_device_replaces_the_first_is_named(params: dict[str, str]) -> None:
    answer = profiles(
        profile("internal", auth_calls="true", **params),
        profile("blind", accept_blind_reg="true", **params),
        profile("used", **params),
        profile("external", **params),
        profile("trunk", auth_calls="true", disable_register="true", **params),
    )
    assert str(check_registrations(answer, lambda name: name == "used")) == (
        "FIX switch: in 3 SIP profiles (internal, blind, used) the second device of a line takes the place of the "
        'first, without a word: add <param name="multiple-registrations" value="contact"/>, then: '
        "sofia profile internal rescan"
    )


@pytest.mark.parametrize(
    ("answer", "why"), [("-ERR <", "cannot be read"), ("can't find anything\n", "tells of no SIP profile")]
)
def test_profiles_that_the_switch_does_not_tell_are_said(answer: str, why: str) -> None:
    found = check_registrations(answer, lambda name: False)
    assert not found.is_ok
    assert why in found.text


@pytest.mark.parametrize(
    ("answer", "somebody"),
    [
        ("<registrations>2</registrations>", True),
        ("<registrations>0</registrations>", False),
        ("Invalid Profile!", False),
    ],
)
def test_whether_anybody_is_registered_at_a_profile(answer: str, somebody: bool) -> None:
    assert has_registrations(answer) is somebody


@pytest.mark.parametrize("value", ["true", "yes", "1"])
def test_a_profile_at_which_phones_can_watch_groups_is_right(value: str) -> None:
    answer = profiles(profile("internal", auth_calls="true", manage_presence=value), profile("external"))
    (found,) = check_presence(answer, lambda name: False)
    assert str(found) == "ok  switch: phones can watch groups at internal"


@pytest.mark.parametrize("params", [{}, {"manage_presence": "false"}, {"manage_presence": "passive"}])
def test_each_profile_with_phones_that_keeps_no_presence_is_named(params: dict[str, str]) -> None:
    answer = profiles(
        profile("internal", auth_calls="true", **params),
        profile("used", **params),
        profile("good", auth_calls="true", manage_presence="true"),
        profile("external", **params),
    )
    assert [str(it) for it in check_presence(answer, lambda name: name == "used")] == [
        f"FIX switch: SIP profile {name} keeps no presence, so that phones there cannot watch a group (405) and see no "
        f'lamp: add <param name="manage-presence" value="true"/>, then: sofia profile {name} restart'
        for name in ("internal", "used")
    ]


@pytest.mark.parametrize("answer", ["-ERR <", "", profiles(profile("external"))])
def test_of_presence_nothing_is_said_where_no_profile_with_phones_is_known(answer: str) -> None:
    assert list(check_presence(answer, lambda name: False)) == []


def sofia_conf(**timers: str) -> str:
    """Return the answer of a switch with these profiles; an empty timer is none."""
    profiles = (
        f'<profile name="{name}"><settings><param name="sip-ip" value="127.0.0.1"></param>'
        + (f'<param name="rtp-timer-name" value="{timer}"></param>' if timer else "")
        + "</settings></profile>"
        for name, timer in timers.items()
    )
    return f'<configuration name="sofia.conf"><profiles>{"".join(profiles)}</profiles></configuration>'


def test_profiles_with_a_timer_are_right() -> None:
    (found,) = check_profiles(sofia_conf(internal="soft", external="soft"))
    assert str(found) == "ok  switch: RTP has a timer in internal, external"


@pytest.mark.parametrize("timer", ["", "none"])
def test_a_profile_without_a_timer_is_named(timer: str) -> None:
    (found,) = check_profiles(sofia_conf(internal="soft", external=timer))
    assert not found.is_ok
    assert found.text.startswith("switch: SIP profile external has no timer for RTP")


def test_a_configuration_that_cannot_be_read_is_no_fault() -> None:
    (found,) = check_profiles("-ERR not found")
    assert found.is_note
    assert found.is_ok
