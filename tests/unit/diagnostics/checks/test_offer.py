"""What `check` makes of what a switch offers: modules, applications, api commands."""

from __future__ import annotations

import json

import pytest

from esl_huntgroup.diagnostics.checks.offer import MODULES, check_modules, check_offer
from esl_huntgroup.fsxml import interfaces

REFUSED = "-ERR show Command not found!"


def test_modules() -> None:
    assert [str(found) for found in check_modules(lambda name: True)] == [
        f"ok  switch: {', '.join(MODULES)} are loaded"
    ]
    assert [str(found) for found in check_modules(lambda name: name != "mod_sofia")] == [
        "FIX switch: mod_sofia is not loaded; add it to modules.conf.xml, or: load mod_sofia"
    ]


def offer(*names: str) -> tuple[str, str]:
    """Return what a switch answers that offers these applications and api commands."""
    rows: dict[str, list[dict[str, str]]] = {"app": [], "api": []}
    for module, name, kind in (it.split(".") for it in names):
        rows[kind].append({"name": name, "description": "", "syntax": "", "ikey": module})
    return json.dumps({"rows": rows["app"]}), json.dumps({"rows": rows["api"]})


def test_a_switch_that_offers_all_is_right() -> None:
    (found,) = check_offer(*offer("mod_dptools.park.app", *interfaces.needed()))
    assert str(found) == "ok  switch: offers every application and api command that is used"


def test_a_switch_that_refuses_something_is_told_what_to_allow() -> None:
    refused = {"mod_dptools.bridge.app", "mod_commands.sched_del.api"}
    (found,) = check_offer(*offer(*(it for it in interfaces.needed() if it not in refused)))
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
