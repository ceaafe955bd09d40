"""What `check` makes of the answers of a switch."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from esl_huntgroup.diagnostics.check import (
    MODULES,
    check_addresses,
    check_descriptors,
    check_dialplan,
    check_expansion,
    check_groups,
    check_modules,
    check_rate,
    check_registrations,
    findings,
    has_registrations,
)
from esl_huntgroup.settings import Settings

OURS = Path(__file__).parents[3] / "freeswitch" / "dialplan" / "00_huntgroup.xml"


def shipped(**replaced: str) -> str:
    """Return our dialplan as the switch would say it, with its own variables expanded and some text replaced."""
    text = OURS.read_text()
    values = dict(re.findall(r'cmd="set" data="(\w+)=([^"]*)"', text))
    text = re.sub(r"\$\$\{(\w+)\}", lambda match: values.get(match[1], match[0]), text)
    for old, new in replaced.items():
        assert old in text
        text = text.replace(old, new)
    return f'<section name="dialplan"><context name="default">{text}</context></section>'


def lines(answer: str) -> list[str]:
    return [str(finding) for finding in check_dialplan(answer, Settings().listen)]


def test_the_dialplan_that_we_ship_is_right() -> None:
    assert lines(shipped()) == [
        "ok  dialplan: extension 'huntgroup' in context default is complete and leads to this service"
    ]


def test_the_fast_variant_is_right() -> None:
    (line,) = lines(shipped().replace("async full", "full"))
    assert line.startswith("ok  dialplan: extension 'huntgroup' in context default is complete")


def test_a_secret_that_the_dialplan_does_not_set_is_named() -> None:
    (line,) = map(str, check_dialplan(shipped(), Settings().listen, wants_secret=True))
    where = "FIX dialplan: extension 'huntgroup' in context default"
    assert line == f"{where} does not set huntgroup_secret, without which the service gives every call back"
    commented = re.search(r'<action application="set" data="huntgroup_secret=[^>]*>', OURS.read_text())
    assert commented
    marked = shipped().replace('<action application="socket"', f'{commented[0]}<action application="socket"')
    assert [finding.is_ok for finding in check_dialplan(marked, Settings().listen, wants_secret=True)] == [True]


@pytest.mark.parametrize(
    ("domain", "known", "found"),
    [
        ("127.0.0.1", {"pbx.example.org"}, True),
        ("127.0.0.1", {"pbx.example.org", "127.0.0.1"}, False),
        ("PBX.example.org", {"pbx.example.org"}, False),
        ("${sip_req_host}", {"pbx.example.org"}, False),
        ("", {"pbx.example.org"}, False),
        ("127.0.0.1", set(), False),
    ],
)
def test_groups_of_a_domain_that_the_dialplan_never_asks_for_are_named(
    domain: str, known: set[str], found: bool
) -> None:
    dialplan = shipped().replace("$${domain}", domain)
    complete, *said = map(str, check_dialplan(dialplan, Settings().listen, domains=known))
    assert complete.startswith("ok ")
    sentence = (
        "FIX dialplan: extension 'huntgroup' in context default asks for groups of 127.0.0.1, and all groups are of "
        "pbx.example.org: set huntgroup_domain in it, or the domain of the groups"
    )
    assert said == ([sentence] if found else [])


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('name="huntgroup"', 'name="x"', "FIX dialplan: no extension 'huntgroup'; copy freeswitch/dialplan/"),
        ("continue_on_fail=true", "continue_on_fail=false", "does not set continue_on_fail=true before socket"),
        ("park_timeout=-1", "park_timeout=9", "does not set park_timeout=-1 before socket"),
        ("async full", "async", "runs socket '127.0.0.1:8084 async'; 'async full' is needed, or 'full' for the fast"),
        ("127.0.0.1:8084", "127.0.0.1:9999", "leads to 127.0.0.1:9999, but this service listens on 127.0.0.1:8084"),
        ("huntgroup_watchdog=$", "x=$", "has no watchdog (huntgroup_watchdog, before socket)"),
        (
            " huntgroup-${uuid} uuid_transfer",
            " mine uuid_transfer",
            "has no watchdog (huntgroup_watchdog, before socket)",
        ),
        ('application="transfer"', 'application="x"', "has no transfer after socket"),
        ('application="socket"', 'application="x"', "does not run socket; copy it again"),
        ('name="huntgroup-fallback"', 'name="x"', "no extension 'huntgroup-fallback'"),
    ],
)
def test_what_is_wrong_with_a_dialplan_is_said(old: str, new: str, line: str) -> None:
    assert any(line in found and found.startswith("FIX") for found in lines(shipped(**{old: new})))


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
def test_a_dialplan_leads_to_whoever_listens_on_its_address_by_whatever_name(host: str) -> None:
    (found,) = check_dialplan(shipped(), ((host, 8084),))
    assert found.is_ok
    (found,) = check_dialplan(shipped(), ((host, 8085),))
    assert str(found).endswith(f"leads to 127.0.0.1:8084, but this service listens on {host}:8085")


def test_a_channel_variable_among_the_global_ones_is_found_and_where_it_belongs_is_said() -> None:
    stored = shipped().replace("$${domain}", "%{sip_req_host}")
    complete, line = map(str, check_dialplan(stored, Settings().listen, domains={"pbx.example.org"}))
    assert complete.startswith("ok ")
    assert line.startswith("FIX dialplan: extension 'huntgroup' in context default asks for groups of %{sip_req_host}")
    assert line.endswith(
        "set huntgroup_domain there to one domain, and write ${sip_req_host} in the multiset line instead"
    )


def test_the_variant_for_several_domains_is_right() -> None:
    several = shipped().replace("huntgroup_domain=$${domain};", "huntgroup_domain=${sip_req_host};")
    assert "huntgroup_domain=${sip_req_host};" in several
    assert [found.is_ok for found in check_dialplan(several, Settings().listen, domains={"a.example"})] == [True]


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


def test_without_an_event_socket_check_asks_for_it(tmp_path: Path) -> None:
    settings = Settings(database=f"sqlite:///{tmp_path / 'x.db'}", spool=str(tmp_path), listen=(("127.0.0.1", 1),))
    *_, last = findings(settings)
    assert str(last).startswith("FIX settings: esl_address is not set: should a worker die, the journal never hears")


def test_what_is_no_xml_is_said() -> None:
    assert lines("-ERR") == ["FIX dialplan: what the switch says is no XML (syntax error: line 1, column 0)"]


def test_modules() -> None:
    assert [str(found) for found in check_modules(lambda name: True)] == [
        f"ok  switch: {', '.join(MODULES)} are loaded"
    ]
    assert [str(found) for found in check_modules(lambda name: name != "mod_sofia")] == [
        "FIX switch: mod_sofia is not loaded; add it to modules.conf.xml, or: load mod_sofia"
    ]


@pytest.mark.parametrize(
    ("answer", "is_ok"), [("1795372358", True), ("<API execute Permission Denied>", False), ("", False)]
)
def test_commands_inside_of_braces(answer: str, is_ok: bool) -> None:
    assert check_expansion(answer).is_ok is is_ok


@pytest.mark.parametrize(
    ("answer", "is_ok"),
    [("+OK sessions per second: 30", True), ("+OK sessions per second: 29", False), ("-ERR", False), ("", False)],
)
def test_sessions_per_second(answer: str, is_ok: bool) -> None:
    assert check_rate(answer).is_ok is is_ok


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


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], ["FIX groups: there is no hunt group; load a file, for example db/examples/small-firm.yaml"]),
        ([("A", True, 2), ("B", True, 1)], ["ok  groups: 2 hunt groups, each with softphone lines"]),
        (
            [("A", True, 2), ("B", False, 0)],
            ["ok  groups: 1 hunt group, each with softphone lines; 1 more is switched off"],
        ),
        (
            [("A", True, 0), ("B", False, 1)],
            ["FIX group A: no member has a softphone line, so a call to it rings nobody; add one"],
        ),
        (
            [("A", False, 1)],
            [
                "FIX groups: the only hunt group is switched off, so no call rings; to switch one on: "
                "esl-huntgroup group set NAME --active"
            ],
        ),
    ],
)
def test_a_group_that_is_switched_off_is_no_hunt_group_that_rings(
    rows: list[tuple[str, bool, int]], said: list[str]
) -> None:
    assert [str(finding) for finding in check_groups(rows)] == said
