"""The dialplan that the simulator plays is the one that administrators install."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from esl_huntgroup.model.outcome import Outcome
from esl_huntgroup.simulator import dialplan

FILE = Path(__file__).parents[3] / "freeswitch" / "dialplan" / "00_huntgroup.xml"


def extension(name: str) -> ElementTree.Element:
    found = ElementTree.parse(FILE).getroot().find(f".//extension[@name='{name}']")
    assert found is not None
    return found


def globals_of_the_file() -> dict[str, str]:
    settings = [node.get("data", "") for node in ElementTree.parse(FILE).getroot().iter("X-PRE-PROCESS")]
    return dict(setting.split("=", 1) for setting in settings)


def actions(node: ElementTree.Element, values: dict[str, str]) -> tuple[tuple[str, str], ...]:
    found = [(action.get("application", ""), action.get("data", "")) for action in node.iter("action")]
    return tuple((name, re.sub(r"\$\$\{(\w+)\}", lambda match: values[match[1]], data)) for name, data in found)


def test_the_group_extension_is_played_action_by_action() -> None:
    values = globals_of_the_file() | {"huntgroup_domain": "lab.local", "huntgroup_service": "127.0.0.1:8084"}
    played = dialplan.huntgroup("127.0.0.1:8084", "lab.local", int(values["huntgroup_watchdog_s"]))
    number, again, taken, rest = extension("huntgroup").findall("condition")
    assert (number.get("field"), number.get("break"), actions(number, values)) == ("destination_number", None, ())
    assert played.actions == actions(rest, values)
    assert (again.get("field"), again.get("break")) == ("${huntgroup_arrived}", "never")
    assert actions(again, values) == (("set", "huntgroup_settled=${msleep(60)}"),)
    assert (taken.get("field"), taken.get("break")) == ("${huntgroup_arrived}|${huntgroup_result}", "never")
    assert actions(taken, values) == (("set", "huntgroup_settled=${msleep(600)}"),)


def routed(result: str) -> tuple[tuple[str, str], ...]:
    """Return what mod_dialplan_xml makes of the fallback extension: all that holds, up to break="on-true"."""
    found: tuple[tuple[str, str], ...] = ()
    for condition in extension(dialplan.FALLBACK).findall("condition"):
        field = (condition.get("field") or "").replace("${huntgroup_result}", result).replace("${transfer_to}", "")
        is_asked = "${huntgroup_result}" in (condition.get("field") or "")
        if is_asked and not re.search(condition.get("expression") or "", field):
            continue
        found += actions(condition, {})
        if condition.get("break") == "on-true":
            break
    return found


@pytest.mark.parametrize("result", ["", *(outcome.value for outcome in Outcome)])
def test_the_fallback_extension_answers_as_the_file_says(result: str) -> None:
    assert dialplan.fallback(result).actions == routed(result)
