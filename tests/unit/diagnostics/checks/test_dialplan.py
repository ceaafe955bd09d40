"""What `check` makes of the dialplan of a switch."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from esl_huntgroup.diagnostics.checks.dialplan import check_dialplan
from esl_huntgroup.settings import Settings

OURS = Path(__file__).parents[4] / "freeswitch" / "dialplan" / "00_huntgroup.xml"


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


def test_what_is_no_xml_is_said() -> None:
    assert lines("-ERR") == ["FIX dialplan: what the switch says is no XML (syntax error: line 1, column 0)"]
