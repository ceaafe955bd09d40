"""What `check` says of a release of FreeSWITCH, of its allowlist and of its SIP profiles."""

from __future__ import annotations

import json

import pytest

from esl_huntgroup.diagnostics.switch_release import check_offer, check_profiles, check_release, read_release
from esl_huntgroup.fsxml import interfaces

REFUSED = "-ERR show Command not found!"


def offer(*names: str) -> tuple[str, str]:
    """Return what a switch answers that offers these applications and api commands."""
    rows: dict[str, list[dict[str, str]]] = {"app": [], "api": []}
    for module, name, kind in (it.split(".") for it in names):
        rows[kind].append({"name": name, "description": "", "syntax": "", "ikey": module})
    return json.dumps({"rows": rows["app"]}), json.dumps({"rows": rows["api"]})


@pytest.mark.parametrize(
    ("answer", "release"),
    [
        ("1.11.2-release", (1, 11, 2)),
        ("1.10.12-release~64bit", (1, 10, 12)),
        ("1.11.3-dev+git~20260821", (1, 11, 3)),
        ("-ERR version Command not found!", ()),
    ],
)
def test_the_release_is_read(answer: str, release: tuple[int, ...]) -> None:
    assert read_release(answer) == release


def test_what_is_unsafe_in_an_old_release_is_named_and_is_nothing_to_fix() -> None:
    found = list(check_release("1.10.12-release"))
    assert all(it.is_ok for it in found)
    said = [str(it) for it in found]
    assert all(line.startswith("NB  switch: unsafe in 1.10.12, mended in 1.11.2: ") for line in said)
    for word in ("REFER", "busy lamp", "Content-Length"):
        assert sum(word in line for line in said) == 1


@pytest.mark.parametrize(("release", "notes"), [("1.11.1-release", 3), ("1.11.2-release", 0), ("1.12.0-release", 0)])
def test_a_release_in_which_all_is_mended_is_right(release: str, notes: int) -> None:
    found = list(check_release(release))
    assert sum(it.is_note for it in found) == notes
    assert notes or [str(it) for it in found] == [f"ok  switch: nothing unsafe is known here of {release[:6]}"]


def test_a_release_that_cannot_be_read_is_said_to_be_unknown() -> None:
    (found,) = check_release("git")
    assert str(found).startswith("NB  switch: which release it is cannot be read ('git')")


def test_a_switch_that_offers_all_is_right() -> None:
    (found,) = check_offer(*offer("mod_dptools.park.app", *interfaces.needed()))
    assert str(found) == "ok  switch: offers every application and api command that is used"


def test_a_switch_that_refuses_something_is_told_what_to_allow() -> None:
    (found,) = check_offer(*offer(*(it for it in interfaces.needed() if "sched_del" not in it and "bridge" not in it)))
    assert str(found) == (
        "FIX switch: does not offer mod_dptools.bridge.app, mod_commands.sched_del.api: load the module, or add it to "
        "<interface-allowlist> in switch.conf.xml, as freeswitch/README.md has it, and restart FreeSWITCH"
    )


def test_a_switch_that_refuses_to_say_is_told_to_allow_that() -> None:
    (found,) = check_offer(REFUSED, REFUSED)
    assert str(found).startswith("FIX switch: does not offer mod_commands.show.api")


@pytest.mark.parametrize("answer", ["-ERR SQL disabled", '{"rows": [{}]}', "[]"])
def test_a_switch_without_a_list_is_no_fault(answer: str) -> None:
    (found,) = check_offer(answer, answer)
    assert found.is_note


def test_a_switch_that_offers_nothing_lacks_everything() -> None:
    (found,) = check_offer('{"row_count": 0}', '{"row_count": 0}')
    assert all(name in found.text for name in interfaces.needed())


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
