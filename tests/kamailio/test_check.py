"""What ``check`` finds out about a real Kamailio, and what it says of one that is not set up as it should be."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from esl_huntgroup.diagnostics.checks.kamailio import check_kamailios
from esl_huntgroup.diagnostics.kamailio_devices import registered_numbers
from esl_huntgroup.model.group import Line
from esl_huntgroup.settings import load_settings
from tests.kamailio.site import EDGE, WITHIN_S, Site, Sites, Started, at, rpc


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    """Give what starts a Kamailio with these defines of Debian's file."""
    with closing(Sites(tmp_path)) as sites:
        yield sites.start


@pytest.mark.parametrize("mode", [1, 2, 3])
def test_registrations_in_a_database_outlive_a_restart_and_check_sees_it(started: Started, mode: int) -> None:
    site = started(**persistent(mode))
    site.phone("1001")
    kept = f"ok  {rpc(site)} has its registrations in a database, too: they outlive a restart of it"
    late = f"NB  {rpc(site)} writes registrations to its database once in a while (usrloc db_mode 2): "
    if mode == 2:
        await_said(site, kept, lambda: None)  # the timer writes them
        await_said(site, late, site.everybody[1].register)
        await_said(site, kept, lambda: None)
    else:
        assert site.check()[1] == kept
    site.kamailio.stop()
    site.kamailio.start()
    assert site.check()[0] == f"ok  {rpc(site)} tells who is registered (1 of 2 lines asked for)"
    (leg,) = site.ring("1001")
    leg.wait_status(180, WITHIN_S)


def await_said(site: Site, text: str, before: Callable[[], object]) -> None:
    """Wait until `check` says so; do something before each time that it is asked."""
    deadline = time.monotonic() + WITHIN_S
    while not (before(), site.check()[1].startswith(text))[1]:
        assert time.monotonic() < deadline, site.check()
        time.sleep(0.1)


def persistent(mode: int) -> dict[str, object]:
    """Return what has usrloc keep registrations in a file."""
    domains = 'modparam("usrloc", "use_domain", MULTIDOMAIN)\n'
    kept = f'modparam("usrloc", "db_url", "text://{{tables}}")\nmodparam("usrloc", "db_mode", {mode})\n'
    seldom, often = 'modparam("usrloc", "timer_interval", 60)', 'modparam("usrloc", "timer_interval", 1)'
    return {"edits": {domains: domains + kept, seldom: often}, "local": 'loadmodule "db_text.so"\n'}


@pytest.mark.parametrize("use_domain", [0, 1])
def test_check_sees_whether_domains_are_told_apart(started: Started, use_domain: int) -> None:
    use = 'modparam("usrloc", "use_domain", MULTIDOMAIN)'
    site = started(edits={use: use.replace("MULTIDOMAIN", str(use_domain))})
    other = f"* {site.kamailio.setting.partition(' ')[2]}"
    lines = [Line("1001", EDGE, "1001"), Line("1001", "other.example", "1001")]
    settings = load_settings(None, {}, {"kamailio": other})
    wrong = [it.text for it in check_kamailios(settings, lines) if not it.is_ok]
    assert len(wrong) == 1 - use_domain
    assert all("does not tell domains apart, so one account in two domains is one phone" in text for text in wrong)


def test_the_endpoint_wants_its_secret(started: Started) -> None:
    site = started(local='#!define HUNTGROUP_SECRET "Bearer 0123456789abcdef"\n')
    site.phone("1001")
    (said,) = [line for line in site.check() if "look-ups" not in line]
    refused = "HTTP status 401: the endpoint refuses ul.lookup or this service (address, kamailio_secret)"
    assert said == (
        f"FIX {rpc(site)} does not tell who is registered, so lines ring as a whole: {refused}; see kamailio/README.md"
    )
    site.secret = "0123456789abcdef"
    assert [line[:3] for line in site.check()] == ["ok ", "NB ", "ok "]


def test_the_endpoint_answers_nobody_but_the_service(started: Started) -> None:
    site = started(service="src_ip == 127.0.0.5")
    said = site.check()
    assert "FIX" in said[0]
    assert "HTTP status 403: the endpoint refuses ul.lookup or this service" in said[0]


def test_an_endpoint_that_runs_anything_is_found(started: Started) -> None:
    """With Debian's own WITH_JSONRPC in place of ours."""
    site = started("WITH_JSONRPC", endpoint=False)
    found = f"FIX kamailio: http://127.0.0.1:{site.kamailio.rpc_port}/RPC runs any RPC command, so whoever reaches it "
    assert [line for line in site.check() if line.startswith(found)] != []


def test_with_jsonrpc_of_debian_the_endpoint_is_ours_once_its_own_is_removed(started: Started) -> None:
    own = "event_route[xhttp:request] {\n\tset_reply_close();\n"
    site = started("WITH_JSONRPC", edits={own: own.replace("event_route[xhttp:request]", "route[OWN_RPC]")})
    site.phone("1001")
    assert [line[:3] for line in site.check()] == ["ok ", "NB ", "ok "]


def test_a_phone_that_has_the_number_of_a_group_is_found(started: Started) -> None:
    site = started()
    phone = site.phone("700")
    (said,) = registered_numbers(site.settings, {EDGE: ["700", "701"]})
    assert said.text.startswith(
        f"numbers: 700@{EDGE}, the number of a group, is registered at Kamailio 127.0.0.1:{site.kamailio.port} by "
        f"agent at sip:700@127.0.0.1:{phone.port} (sip:uloc-"
    )
    phone.register(expires_s=0)
    (said,) = registered_numbers(site.settings, {EDGE: ["700", "701"]})
    assert said.is_ok


def test_check_says_that_the_switch_cannot_be_reached(started: Started) -> None:
    site = started()
    site.switch.stop()
    said = site.check("700")
    assert said[-1].startswith(f"FIX {at(site)} ")
    assert "HUNTGROUP_FREESWITCH" in said[-1]
